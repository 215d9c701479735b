"""Answers that try to break, hold up or deceive the examiner. A hand-in's module: never imported by the tests.

Each function returns its lie as a value, or takes the channel and writes what it likes.
"""

import builtins
import json
import os
import pickle
import signal
import struct
import sys
import time

import numpy as np


def _channel():
    """The socket to the examiner, found in the frames above."""
    frame = sys._getframe()
    while frame := frame.f_back:
        if "hand_in" in frame.f_locals:
            return frame.f_locals["hand_in"].channel
    raise LookupError


def _frame(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    _channel().sendall(struct.pack("<IQ", len(text), len(payload)) + text + payload)
    time.sleep(0.2)
    os._exit(0)


def garbage(x):
    """Bytes that are no frame."""
    _channel().sendall(os.urandom(1 << 16))
    os._exit(0)


def a_header_of_four_gigabytes(x):
    """The examiner makes room for it."""
    _channel().sendall(struct.pack("<IQ", 0xFFFFFFFF, 0))
    time.sleep(60)


def a_payload_of_ten_gigabytes(x):
    """The examiner makes room for it."""
    _channel().sendall(struct.pack("<IQ", 2, 10 << 30) + b"{}")
    time.sleep(60)


def a_payload_as_large_as_one_likes(x):
    """The examiner reads until its memory is full."""
    piece = bytes(1 << 20)
    _channel().sendall(struct.pack("<IQ", 2, 1 << 28) + b"{}")
    while True:
        _channel().sendall(piece)


def a_negative_shape(x):
    """-1 elements fit everywhere."""
    _frame({"id": 1, "value": {"a": 0}, "arrays": [["<f8", [-1, -8]]]}, bytes(64))


def a_shape_past_all_numbers(x):
    """The product overflows to the payload's size."""
    _frame({"id": 1, "value": {"a": 0}, "arrays": [["<f8", [1 << 32, 1 << 32]]]})


def a_shape_of_a_thousand_digits(x):
    """JSON has no largest number."""
    _frame(b'{"id": 1, "value": {"a": 0}, "arrays": [["<f8", [' + b"9" * 5000 + b"]]]}")


def an_array_of_objects(x):
    """dtype O makes the examiner follow pointers."""
    _frame({"id": 1, "value": {"a": 0}, "arrays": [["|O", [1]]]}, bytes(8))


def more_bytes_than_the_shapes(x):
    """What is left over is read as the next answer."""
    _frame({"id": 1, "value": {"a": 0}, "arrays": [["<f8", [1]]]}, bytes(64))


def a_header_that_is_nested_too_deep(x):
    """The JSON parser's stack overflows."""
    _frame(b"[" * 60_000)


def a_value_that_is_nested_too_deep(x):
    """The decoder's stack overflows."""
    value = {"a": 0}
    for _ in range(400):
        value = {"l": [value]}
    _frame({"id": 1, "value": value, "arrays": [["<f8", [1]]]}, bytes(8))


def a_pickle(x):
    """Somebody will load it."""
    _frame(pickle.dumps(print))


def an_answer_to_another_question(x):
    """The answer to the next request, in advance."""
    _frame({"id": 2, "value": {"a": 0}, "arrays": [["<f8", [1]]]}, bytes(8))


def a_handle_of_nothing(x):
    """A handle where an array was asked for."""
    _frame({"id": 1, "value": {"h": 0}, "arrays": []})


def a_fault_with_markup(x):
    """The page shows what I write."""
    _frame({"id": 1, "fault": "raised", "type": "<script>alert(1)</script>", "file": "<b>", "line": 1, "arrays": []})


def a_fault_of_another_kind(x):
    """Positions past the end, types that are none."""
    _frame({"id": 1, "fault": "kind", "position": 10**30, "got": ["x"], "arrays": []})


def not_a_number_in_the_header(x):
    """NaN is no JSON, but Python reads it."""
    _frame(b'{"id": NaN, "value": {"a": 0}, "arrays": []}')


def two_headers_in_one(x):
    """The first key counts for one reader, the last for another."""
    _frame(b'{"id": 1, "id": 2, "value": null, "arrays": [], "arrays": 7}')


def one_byte_at_a_time(x):
    """Every byte begins a new time limit."""
    _channel().sendall(struct.pack("<IQ", 60_000, 0))
    while True:
        _channel().sendall(b" ")
        time.sleep(0.1)


def nothing_at_all(x):
    """The examiner waits for ever."""
    _channel().close()
    os.closerange(0, 64)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
    while True:
        time.sleep(1)


def a_loop_that_ignores_signals(x):
    """No signal ends me."""
    for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGVTALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def a_flood_of_words(x):
    """Output fills the examiner's memory or disk."""
    for _ in range(200):
        print("x" * (1 << 20), flush=True)
        os.write(2, bytes(1 << 16))


def an_exit(x):
    """A success status is a pass."""
    os._exit(0)


def a_system_exit(x):
    """SystemExit ends the examiner too."""
    raise SystemExit(0)


def an_interrupt(x):
    """KeyboardInterrupt ends the examiner too."""
    raise KeyboardInterrupt


def an_exception_that_cannot_be_shown(x):
    """Its text raises again, and its class lies."""

    class Evil(Exception):
        def __str__(self):
            raise self

        __repr__ = __str__

    raise Evil


def an_exception_with_a_long_name(x):
    """The name of its class is shown to the grader."""
    raise type("<script>" * 1000, (Exception,), {})


def a_deep_recursion(x):
    """The interpreter's stack overflows."""
    return a_deep_recursion(x)


def a_crash(x):
    """The process dies from a bad pointer."""
    import ctypes

    ctypes.string_at(0)


def a_lying_subclass(x):
    """An array that equals everything and answers every function with True."""

    class Liar(np.ndarray):
        def __array_function__(self, *a, **k):
            return True

        def __array_ufunc__(self, *a, **k):
            return True

        __eq__ = __ne__ = __lt__ = __gt__ = lambda self, other: True

    builtins.all = builtins.any = lambda _: True
    np.allclose = np.array_equal = np.testing.assert_allclose = lambda *a, **k: True
    return np.zeros(3).view(Liar)


def an_object_that_equals_everything(x):
    """Compared with anything it is equal."""
    return type(
        "Equal", (), {"__eq__": lambda *_: True, "__array__": lambda *_, **__: (_ for _ in ()).throw(ValueError)}
    )()


def an_object_with_a_reduce(x):
    """It runs when it is unpickled."""
    return type("Bomb", (), {"__reduce__": lambda self: (os._exit, (0,))})()


def an_array_of_complex_numbers(x):
    """The imaginary part holds what I like."""
    return np.zeros(3, complex)


def an_array_of_words(x):
    """Not numbers."""
    return np.array(["a", "b"])


def an_array_of_a_gigabyte(x):
    """The examiner's memory is full."""
    return np.zeros(1 << 27)


def an_array_that_is_larger_than_it_is(x):
    """Strides of zero: eight bytes that look like 8 TB."""
    return np.broadcast_to(np.zeros(1), (1 << 20, 1 << 20))


def an_array_with_64_axes(x):
    """More axes than the examiner's NumPy knows."""
    return np.zeros((1,) * 40)


def a_generator(x):
    """It never ends."""
    return iter(int, 1)


def a_list_in_itself(x):
    """It never ends."""
    ring = []
    ring.append(ring)
    return ring


def a_patched_worker(x):
    """The worker says what I tell it to say."""
    serve = sys.modules["worker.serve"]
    serve._results = lambda *a, **k: ({"value": {"t": [{"h": 0}] * 99}}, [])
    sys.modules["worker.wire"].plain = lambda value: np.zeros(3)
    return x


def a_dict_with_a_million_entries(x):
    """The examiner keeps them all."""
    return {str(number): x for number in range(1_000_000)}


def a_dict_whose_items_never_end(x):
    """The worker or the examiner collects them for ever."""

    class Endless(dict):
        def items(self):
            while True:
                yield "w", x

    return Endless()


def a_dict_with_a_long_key(x):
    """Keys are shown to somebody."""
    return {"<script>" * 100_000: x}


def a_dict_with_keys_that_lie(x):
    """A key that is another one each time it is looked at."""

    class Key(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

        def __str__(self):
            raise SystemExit

    return {Key("W1"): x}


def a_dict_that_holds_itself(x):
    """The decoder goes round and round."""
    ring = {}
    ring["ring"] = ring
    return ring


def a_number_that_is_too_large(x):
    """An integer of a million digits."""
    return [10**1_000_000]


def a_shape_that_lies(x):
    """The array says it has another shape than it has."""

    class Liar(np.ndarray):
        shape = property(lambda self: (1 << 60,))
        nbytes = property(lambda self: -1)
        dtype = property(lambda self: np.dtype("O"))

    return np.zeros(3).view(Liar)


def another_language(x):
    """Decimal commas and letters of another encoding confuse the examiner."""
    import locale
    import os

    os.environ["LC_ALL"] = os.environ["LANG"] = "tr_TR.ISO-8859-9"
    locale.setlocale(locale.LC_ALL, "C")
    raise ValueError("\udcff\x1b[31m<b>")


def a_worker_that_is_replaced(x):
    """The loop that serves the examiner is mine from now on."""
    serve = sys.modules["worker.serve"]
    serve.HandIn.reply = lambda self, header, arrays=(): sys.modules["worker.wire"].send(
        self.channel, {**header, "value": True, "passed": True, "id": header.get("id", 0)}, arrays
    )
    return x


def a_fault_whose_words_are_lists(x):
    """What is looked up in a set must be hashable."""
    _frame({"arrays": [], "id": 1, "fault": "raised", "type": ["<b>"], "file": ["layers.py"], "line": [1]})


def a_fault_in_a_list_of_its_own(x):
    """What names the fault is no name."""
    _frame({"arrays": [], "id": 1, "fault": [{"fault": "stub"}], "got": {"<b>": 1}, "position": [0]})


def a_fault_with_a_number_of_four_thousand_digits(x):
    """The place is a line that no text can tell."""
    _frame(b'{"arrays":[],"id":1,"fault":"raised","type":"KeyError","file":"replies.py","line":' + b"9" * 4000 + b"}")


def an_answer_that_says_yes_to_everything(x):
    """True is a number, an index and an id."""
    _frame({"arrays": [["<f8", [True]]], "id": True, "value": {"a": True}, "ready": True}, bytes(8))


def a_value_with_halves_of_letters(x):
    """Half a letter cannot be written to any file."""
    _frame(b'{"arrays":[],"id":1,"value":"\\ud800","fault":"kind","position":0,"got":"\\udfff"}')


def an_array_without_numbers_of_a_large_shape(x):
    """No bytes, and a shape of which the examiner makes an array."""
    return np.zeros((0, 1 << 40))


def a_second_answer_that_waits(x):
    """The next question is answered before it is asked."""
    text = json.dumps({"arrays": [["<f8", [3]]], "id": 2, "value": {"a": 0}}).encode()
    _channel().sendall(struct.pack("<IQ", len(text), 24) + text + bytes(24))
    return x


def an_array_that_changes_while_it_is_sent(x):
    """Its type is another one each time it is asked."""

    class Moving(np.ndarray):
        def astype(self, *given, **named):
            return np.array([object()])

        def __array__(self, *given, **named):
            return np.array([object()])

        def __array_finalize__(self, other):
            raise SystemExit

    return np.zeros(3).view(Moving)


def numbers_patched_in_place(x):
    """NumPy's own functions answer for me from now on."""
    np.array = np.asarray = np.ascontiguousarray = lambda *given, **named: np.ones(3)
    np.ndarray = list
    return [1.0, 2.0]
