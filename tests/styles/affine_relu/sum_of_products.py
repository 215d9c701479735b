"""Products and sums by broadcasting, no matrix product anywhere."""

import numpy as np


def affine_forward(x, w, b):
    flat = x.reshape(x.shape[0], w.shape[0], 1)
    return (flat * w[None, :, :]).sum(axis=1) + b, (flat, x.shape, w)


def affine_backward(dout, cache):
    flat, shape, w = cache
    upstream = dout[:, None, :]
    return (upstream * w).sum(axis=2).reshape(shape), (flat * upstream).sum(axis=0), upstream.sum(axis=(0, 1))


def relu_forward(x):
    out = x - np.minimum(x, 0)
    return out, [out]


def relu_backward(dout, cache):
    (out,) = cache
    return np.where(np.isclose(out, 0, atol=0), 0, 1) * dout
