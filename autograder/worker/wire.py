"""Frames between examiner and worker: a JSON header and raw array bytes. No pickle crosses, ever.

    frame  = header length (4 bytes), payload length (8 bytes), header (JSON), payload (array bytes, one after another)
    header = {"arrays": [[dtype, shape], ...], ...}

A value (argument or result) is a tree of JSON in which arrays and floats stand as indexes into the frame's arrays:

    {"a": i} array i    {"f": i} a float, array i of no axes    {"h": n} handle n: an object that stays in the worker
    {"t": [...]} tuple  {"l": [...]} list    {"d": [[key, value], ...]} dict    {"n": name} the type float32 or float64
    None, bool, int and str as in JSON

Whatever the other side sends, `receive` either returns a well-formed frame or raises WireError: sizes are checked
before anything is allocated, and one deadline holds for the whole frame.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Arrays = list["np.ndarray[Any, Any]"]

DTYPES = ("<f4", "<f8", "<i4", "<i8", "|b1")
MAX_HEADER = 1 << 16
MAX_AXES = 8
MAX_ARRAYS = 256
MAX_DEPTH = 8
_TYPES = {"float32": np.float32, "float64": np.float64}
_LENGTHS = struct.Struct("<IQ")


class WireError(Exception):
    """A frame that breaks the rules above, a closed channel, or a deadline that passed."""


class WireTimeout(WireError):
    """The deadline passed before the frame was complete."""


def send(channel: socket.socket, header: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]] = ()) -> None:
    """Write one frame. `arrays` must be of DTYPES (see `plain`)."""
    rows = [np.ascontiguousarray(array).reshape(array.shape) for array in arrays]
    described = {**header, "arrays": [[row.dtype.str, list(row.shape)] for row in rows]}
    text = json.dumps(described, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 8) * 8)  # arrays then lie where processors like them
    if len(text) > MAX_HEADER:
        raise WireError(f"header of {len(text)} bytes, at most {MAX_HEADER}")
    try:
        payload = [row.tobytes() for row in rows]
        channel.sendall(b"".join([_LENGTHS.pack(len(text), sum(map(len, payload))), text, *payload]))
    except TimeoutError:
        raise WireTimeout("the other side did not read in time") from None
    except OSError:
        raise WireError("the channel is closed") from None


def receive(
    channel: socket.socket, *, cap: int = 1 << 28, deadline: float | None = None
) -> tuple[dict[str, Any], Arrays]:
    """Read one frame of at most `cap` payload bytes, complete before `deadline` (time.monotonic seconds)."""
    header_size, size = _LENGTHS.unpack(_read(channel, _LENGTHS.size, deadline).tobytes())
    if header_size > MAX_HEADER or size > cap:
        raise WireError(f"frame too large: header {header_size} bytes, payload {size} bytes")
    body = _read(channel, header_size + size, deadline)
    header = _header(body[:header_size].tobytes())
    return header, _split(body[header_size:], _shapes(header.get("arrays"), size))


def _read(channel: socket.socket, size: int, deadline: float | None) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Exactly `size` bytes. The buffer grows with what has come, so a forged length costs no memory."""
    buffer = bytearray()
    while len(buffer) < size:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise WireTimeout("no complete answer in time")
        try:
            channel.settimeout(left)
            piece = channel.recv(min(size - len(buffer), 1 << 20))
        except TimeoutError:
            raise WireTimeout("no complete answer in time") from None
        except OSError:
            raise WireError("the channel is closed") from None
        if not piece:
            raise WireError("the channel is closed")
        buffer += piece
    return np.frombuffer(buffer, np.uint8)


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError("the header is not JSON") from None
    if not isinstance(header, dict):
        raise WireError("the header is not an object")
    return header


def _shapes(described: object, size: int) -> list[tuple[str, tuple[int, ...]]]:
    """The declared dtypes and shapes, checked against the payload's size before any array is made."""
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise WireError("the header names no arrays, or too many")
    shapes: list[tuple[str, tuple[int, ...]]] = []
    total = 0
    for entry in described:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list)):
            raise WireError("an array is not described by dtype and shape")
        dtype, shape = entry
        if dtype not in DTYPES or len(shape) > MAX_AXES:
            raise WireError("an array of a dtype or with axes that are not allowed")
        if not all(type(n) is int and 0 <= n <= 1 << 40 for n in shape):
            raise WireError("an array with an impossible shape")
        if math.prod(n for n in shape if n) > 1 << 40:  # beside an axis of 0, too: NumPy refuses such arrays
            raise WireError("an array with an impossible shape")
        total += math.prod(shape) * np.dtype(dtype).itemsize
        shapes.append((dtype, tuple(shape)))
    if total != size:
        raise WireError(f"payload of {size} bytes, but the shapes need {total}")
    return shapes


def _split(payload: np.ndarray[Any, np.dtype[np.uint8]], shapes: list[tuple[str, tuple[int, ...]]]) -> Arrays:
    arrays: Arrays = []
    start = 0
    for dtype, shape in shapes:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        arrays.append(payload[start : start + size].view(dtype).reshape(shape))
        start += size
    return arrays


def plain(value: object) -> np.ndarray[Any, Any]:
    """`value` as a base-class array of DTYPES: lists, small ints, strides and byte orders are converted.

    Raises TypeError for what has no such form (objects, complex numbers, text, ragged lists).
    """
    try:
        array = np.array(value, copy=True, subok=False)
    except ValueError:
        raise TypeError("not a rectangular array of numbers") from None
    if array.dtype.kind == "b":
        target = "|b1"
    elif array.dtype.kind in "iu":
        target = "<i4" if array.dtype.str == "<i4" else "<i8"
    elif array.dtype.kind == "f":
        target = "<f8" if array.dtype.itemsize >= 8 else "<f4"
    else:
        raise TypeError(f"an array of dtype {array.dtype}")
    if array.ndim > MAX_AXES:
        raise TypeError(f"an array of {array.ndim} axes")
    return array.astype(target, copy=False)


def pack(value: object, arrays: Arrays, handle: Callable[[object], int | None] | None = None) -> Any:
    """`value` as a tree for the header; its arrays are appended to `arrays`. TypeError for what cannot travel."""
    if handle is not None and (number := handle(value)) is not None:
        return {"h": number}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, np.floating)):
        arrays.append(np.array(value, "<f8"))
        return {"f": len(arrays) - 1}
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(plain(value))
        return {"a": len(arrays) - 1}
    if isinstance(value, (tuple, list)):
        return {"t" if isinstance(value, tuple) else "l": [pack(item, arrays, handle) for item in value]}
    if isinstance(value, dict):
        return {"d": [[str(key), pack(item, arrays, handle)] for key, item in value.items()]}
    if value is np.float32 or value is np.float64:
        return {"n": value.__name__}
    raise TypeError(f"a value of type {type(value).__name__}")


def unpack(tree: object, arrays: Arrays, handle: Callable[[int], object] | None = None, depth: int = 0) -> Any:
    """The value of a tree. Raises WireError for a tree that breaks the rules."""
    if tree is None or isinstance(tree, (bool, str, int)):
        return tree
    if depth > MAX_DEPTH or not isinstance(tree, dict) or len(tree) != 1:
        raise WireError("a value that is no tree")
    [(kind, body)] = tree.items()
    if kind in ("a", "f", "h"):
        if type(body) is not int or body < 0:
            raise WireError("an index that is no index")
        if kind == "h":
            if handle is None:
                raise WireError("a handle where none may stand")
            return handle(body)
        if body >= len(arrays):
            raise WireError("an index past the arrays")
        if kind == "a":
            return arrays[body]
        if arrays[body].shape != ():
            raise WireError("a float with axes")
        return float(arrays[body])
    if kind == "n" and isinstance(body, str) and body in _TYPES:
        return _TYPES[body]
    if not isinstance(body, list):
        raise WireError("a value that is no tree")
    if kind in ("t", "l"):
        items = [unpack(item, arrays, handle, depth + 1) for item in body]
        return tuple(items) if kind == "t" else items
    if kind == "d" and all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in body):
        return {pair[0]: unpack(pair[1], arrays, handle, depth + 1) for pair in body}
    raise WireError("a value that is no tree")
