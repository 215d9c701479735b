"""Copies before it works, caches in lists, np.maximum.accumulate's little brother np.fmax."""

import numpy as np


def affine_forward(x, w, b):
    x2 = x.copy()
    n = x2.shape[0]
    x2 = x2.reshape(n, x2.size // n)
    out = x2 @ w + np.tile(b, (n, 1))
    return out, [x, w, b, x2]


def affine_backward(dout, cache):
    x, w, _, x2 = cache
    return np.reshape(dout @ w.T, x.shape), (dout.T @ x2).T, dout.sum(0).squeeze()


def relu_forward(x):
    return np.fmax(x, 0.0), [x.copy()]


def relu_backward(dout, cache):
    x = cache[0]
    return dout * np.heaviside(x, 0.5)
