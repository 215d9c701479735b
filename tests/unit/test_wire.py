"""The frames between examiner and worker: what is sent comes back, what breaks the rules is refused."""

import json
import math
import socket
import struct
import threading
import time

import numpy as np
import pytest

from autograder.worker import wire


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def raw_frame(header: object, payload: bytes = b"", *, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<IQ", len(text), len(payload) if size is None else size) + text + payload


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3)[:, ::2],
        np.float32(1.5) * np.ones((2, 1, 3), np.float32),
        np.array(7, dtype=np.int64),
        np.zeros((0, 4)),
        np.array([True, False]),
        np.array([math.nan, math.inf, -0.0]),
    ],
    ids=["matrix", "strided", "float32", "no axes", "empty", "bool", "nan"],
)
def test_frame_brings_arrays_back_unchanged(ends, array):
    wire.send(ends[0], {"id": 1}, [array])
    header, [received] = wire.receive(ends[1], deadline=time.monotonic() + 5)
    assert header["id"] == 1
    assert received.dtype == array.dtype
    np.testing.assert_array_equal(received, array)


def test_value_survives_pack_and_unpack():
    value = {"p": 0.25, "mode": "train", "ids": [1, None, True], "pair": (np.arange(3.0), 2), "dtype": np.float32}
    arrays: wire.Arrays = []
    back = wire.unpack(json.loads(json.dumps(wire.pack(value, arrays))), arrays)
    np.testing.assert_array_equal(back.pop("pair")[0], np.arange(3.0))
    del value["pair"]
    assert back == value


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([[1, 2], [3, 4]], "<i8"),
        (np.arange(3, dtype=">f8"), "<f8"),
        (np.arange(3, dtype=np.uint8), "<i8"),
        (np.arange(3, dtype=np.float16), "<f4"),
        (np.ma.masked_array([[1.0]], mask=[[True]]), "<f8"),
    ],
)
def test_plain_converts_what_is_a_number_array_in_another_form(value, dtype):
    array = wire.plain(value)
    assert array.dtype.str == dtype
    assert type(array) is np.ndarray


@pytest.mark.parametrize("value", [object(), 1j, "text", [[1, 2], [3]], np.array([None])])
def test_plain_refuses_what_is_no_array_of_real_numbers(value):
    with pytest.raises(TypeError):
        wire.plain(value)


GOOD = {"arrays": [["<f8", [2]]]}
BROKEN = {
    "not json": raw_frame(b"{"),
    "deeply nested": raw_frame(b"[" * 60_000),
    "not an object": raw_frame([1]),
    "no arrays": raw_frame({"id": 1}),
    "object dtype": raw_frame({"arrays": [["|O", [1]]]}, b"x" * 8),
    "dtype not text": raw_frame({"arrays": [[["<f8"], [1]]]}, b"x" * 8),
    "negative shape": raw_frame({"arrays": [["<f8", [-1, -1]]]}, b"x" * 8),
    "boolean shape": raw_frame({"arrays": [["<f8", [True]]]}, b"x" * 8),
    "huge shape": raw_frame({"arrays": [["<f8", [1 << 62, 1 << 62]]]}, b"x" * 8),
    "too many axes": raw_frame({"arrays": [["<f8", [1] * 9]]}, b"x" * 8),
    "payload too short for its shape": raw_frame(GOOD, b"x" * 8),
    "header too long": struct.pack("<IQ", 1 << 20, 0),
    "payload over the cap": raw_frame({"arrays": [["<f8", [1 << 40]]]}, size=8 << 40),
}


@pytest.mark.parametrize("frame", BROKEN.values(), ids=BROKEN.keys())
def test_receive_refuses_a_broken_frame(ends, frame):
    sender = threading.Thread(target=ends[0].sendall, args=(frame,), daemon=True)
    sender.start()
    with pytest.raises(wire.WireError):
        wire.receive(ends[1], cap=1 << 20, deadline=time.monotonic() + 5)


@pytest.mark.parametrize(
    "tree",
    [
        {"a": 0},
        {"a": -1},
        {"a": True},
        {"f": 1},
        {"x": 1},
        {"a": 0, "l": []},
        {"d": [["k"]]},
        {"d": [[1, 2]]},
        1.5,
        [1],
    ],
)
def test_unpack_refuses_a_broken_tree(tree):
    with pytest.raises(wire.WireError):
        wire.unpack(tree, [])


def test_unpack_refuses_a_tree_without_end():
    tree: object = None
    for _ in range(wire.MAX_DEPTH + 2):
        tree = {"l": [tree]}
    with pytest.raises(wire.WireError):
        wire.unpack(tree, [])


def test_receive_keeps_its_deadline_against_a_dripping_sender(ends):
    stop = threading.Event()

    def drip() -> None:
        ends[0].sendall(struct.pack("<IQ", 1000, 0))
        while not stop.wait(0.02):
            ends[0].sendall(b" ")

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(wire.WireTimeout):
        wire.receive(ends[1], deadline=began + 0.3)
    stop.set()
    assert time.monotonic() - began < 3


def test_receive_allocates_nothing_for_bytes_that_do_not_come(ends):
    import tracemalloc

    ends[0].sendall(raw_frame({"arrays": [["<f8", [1 << 24]]]}, size=8 << 24))
    tracemalloc.start()
    with pytest.raises(wire.WireTimeout):
        wire.receive(ends[1], cap=1 << 28, deadline=time.monotonic() + 0.2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
