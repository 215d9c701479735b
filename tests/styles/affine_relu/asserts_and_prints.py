"""Asserts shapes, prints now and then, and counts its calls in a module-level list."""

import numpy as np

_calls = []


def affine_forward(x, w, b):
    _calls.append(x.shape)
    if len(_calls) % 100 == 0:
        print("affine_forward was called", len(_calls), "times")
    flat = np.reshape(x, (x.shape[0], int(np.prod(x.shape[1:]))))
    assert flat.shape[1] == w.shape[0], "x and w do not fit"
    assert w.shape[1] == b.shape[0]
    out = np.add(np.dot(flat, w), b)
    assert out.shape == (x.shape[0], w.shape[1])
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    assert dout.shape == (x.shape[0], w.shape[1])
    flat = np.reshape(x, (x.shape[0], -1))
    dx, dw, db = np.dot(dout, w.T).reshape(x.shape), np.dot(flat.T, dout), np.sum(dout, axis=0)
    assert dx.shape == x.shape
    assert dw.shape == w.shape
    assert db.shape == b.shape
    return dx, dw, db


def relu_forward(x):
    out = np.zeros(x.shape, dtype=x.dtype)
    out[x > 0] = x[x > 0]
    assert (out >= 0).all()
    return out, x


def relu_backward(dout, cache):
    assert dout.shape == cache.shape
    dx = np.zeros(dout.shape, dtype=dout.dtype)
    np.copyto(dx, dout, where=cache > 0)
    return dx
