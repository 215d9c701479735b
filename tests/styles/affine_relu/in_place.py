"""Writes into its arguments; the mask is in the cache."""

import numpy as np


def affine_forward(x, w, b):
    cache = (x, w, b)
    out = np.dot(x.reshape(x.shape[0], -1), w)
    out += b
    return out, cache


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = np.dot(dout, np.transpose(w))
    dx.shape = x.shape
    dw = np.dot(x.reshape(x.shape[0], -1).T, dout)
    db = np.ones(dout.shape[0]) @ dout
    return dx, dw, db


def relu_forward(x):
    mask = x > 0
    x[~mask] = 0
    return x, mask


def relu_backward(dout, cache):
    dout[np.logical_not(cache)] = 0
    return dout
