"""Loops over examples; lists that become arrays."""

import numpy as np


def affine_forward(x, w, b):
    rows = [example.ravel() for example in x]
    out = np.array([row @ w + b for row in rows])
    return out, (x, w, b, rows)


def affine_backward(dout, cache):
    x, w, b, rows = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for n, row in enumerate(rows):
        dx[n] = (w @ dout[n]).reshape(x[n].shape)
        dw += np.outer(row, dout[n])
        db += dout[n]
    return dx, dw, db


def relu_forward(x):
    return np.where(x < 0, 0, x), (x,)


def relu_backward(dout, cache):
    (x,) = cache
    return np.where(x >= 0, dout, np.zeros_like(dout))
