"""The decoder of what a worker sends: one kind of error, no memory beyond the cap, no late answer."""

import json
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder.worker import wire

CAP = 1 << 16
_LENGTHS = struct.Struct("<IQ")

numbers = st.one_of(st.integers(-3, 9), st.integers(), st.sampled_from([2**31, 2**40, 2**63, 2**64, 10**30]))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.floats(), st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("aftlhdnx"), inner, max_size=2)
    ),
    max_leaves=12,
)
described = st.lists(
    st.one_of(
        trees,
        st.tuples(st.sampled_from([*wire.DTYPES, "|O", "<c8", ">f8", 5]), st.lists(numbers, max_size=10)).map(list),
    ),
    max_size=5,
)
headers = st.one_of(
    st.dictionaries(st.sampled_from(["id", "value", "fault", "ready"]), trees, max_size=3).flatmap(
        lambda header: st.one_of(described, trees).map(lambda arrays: {**header, "arrays": arrays})
    ),
    trees,
)


@st.composite
def frames(draw):
    """Bytes of a frame: nearly right, or wrong in its lengths, its header, its payload."""
    text = draw(st.one_of(headers.map(lambda header: json.dumps(header).encode()), st.binary(max_size=60)))
    payload = draw(st.binary(max_size=80))
    declared = draw(st.sampled_from([len(text)] * 6 + [0, 1, 2**16 + 1, 2**32 - 1]))
    size = draw(st.sampled_from([len(payload)] * 6 + [0, CAP, CAP + 1, 2**63, 2**64 - 1]))
    return _LENGTHS.pack(declared, size) + text + payload


def received(data, seconds=5.0):
    """What the decoder makes of `data`, after which the channel closes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        return wire.receive(ours, cap=CAP, deadline=time.monotonic() + seconds)


def decode(data):
    """A frame and its value, or None where the decoder says why not."""
    try:
        header, arrays = received(data)
        value = wire.unpack(header.get("value"), arrays, lambda number: number)
    except wire.WireError:
        return None
    return header, arrays, value


def check(data):
    found = decode(data)
    if found is not None:
        header, arrays, _ = found
        assert isinstance(header, dict)
        assert all(type(array) is np.ndarray and array.dtype.str in wire.DTYPES for array in arrays)
        assert sum(array.nbytes for array in arrays) <= len(data)


HUGE_BESIDE_NONE = b'{"arrays": [["<f4", [0, 1518432475, 2142240768]]]}'


@example(_LENGTHS.pack(len(HUGE_BESIDE_NONE), 0) + HUGE_BESIDE_NONE)
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames())
def test_decoder_returns_a_frame_or_says_why_not(data):
    check(data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames())
def test_decoder_returns_a_frame_or_says_why_not_100_000_times(data):
    check(data)


@given(st.lists(st.tuples(st.sampled_from(wire.DTYPES), st.lists(st.integers(0, 3), max_size=4)), max_size=4))
@settings(deadline=None)
def test_frames_that_are_right_come_back_as_they_were(shapes):
    arrays = [np.ones(shape, dtype) for dtype, shape in shapes]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(theirs, {"id": 7}, arrays)
        header, back = wire.receive(ours, cap=CAP, deadline=time.monotonic() + 5)
    assert header["id"] == 7
    assert [(a.dtype.str, a.shape) for a in back] == [(a.dtype.str, a.shape) for a in arrays]
    assert all((a == b).all() for a, b in zip(arrays, back, strict=True))


@pytest.mark.parametrize("size", [CAP + 1, 10 << 30, 2**64 - 1])
def test_forged_length_costs_no_memory(size):
    tracemalloc.start()
    with pytest.raises(wire.WireError):
        received(_LENGTHS.pack(2, size) + b"{}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_length_within_the_cap_costs_what_has_come_and_no_more():
    tracemalloc.start()
    with pytest.raises(wire.WireError):
        received(_LENGTHS.pack(13, CAP) + b'{"arrays":[]}' + bytes(100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.parametrize("head", [b"", _LENGTHS.pack(60_000, 0), _LENGTHS.pack(13, 50_000) + b'{"arrays":[]}'])
def test_dripping_sender_is_cut_off_at_the_deadline(head):
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip():
        theirs.sendall(head)
        while not stop.wait(0.02):
            theirs.send(b"\1")

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(wire.WireError):
            wire.receive(ours, cap=CAP, deadline=began + 0.3)
        assert time.monotonic() - began < 1
    finally:
        stop.set()
        thread.join()
        ours.close()
        theirs.close()
