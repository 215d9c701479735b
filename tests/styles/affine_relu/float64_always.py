"""Computes in float64 whatever comes in; the bias as a row of the matrix; clip for ReLU."""

import numpy as np


def _with_one(x):
    return np.hstack([np.asarray(x, np.float64).reshape(x.shape[0], -1), np.ones((x.shape[0], 1))])


def affine_forward(x, w, b):
    both = np.vstack([w, b])
    return np.matmul(_with_one(x), both), (x, both)


def affine_backward(dout, cache):
    x, both = cache
    gradient = np.matmul(_with_one(x).T, dout)
    dx = np.matmul(dout, both[:-1].T)
    return np.reshape(dx, np.shape(x)), gradient[:-1], gradient[-1]


def relu_forward(x):
    out = np.clip(x, 0, None)
    return out, out


def relu_backward(dout, cache):
    return np.multiply(dout, np.int64(cache > 0))
