"""einsum, a slope of one half at 0."""

import numpy as np


def affine_forward(x, w, b):
    flat = np.reshape(x, (len(x), -1))
    return np.einsum("nd,dm->nm", flat, w) + b[None], (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dw = np.einsum("nd,nm->dm", x.reshape(len(x), -1), dout)
    dx = np.einsum("nm,dm->nd", dout, w).reshape(x.shape)
    return dx, dw, np.einsum("nm->m", dout)


def relu_forward(x):
    return (x + np.abs(x)) / 2, np.sign(x)


def relu_backward(dout, cache):
    return dout * (1 + cache) / 2
