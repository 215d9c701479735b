"""tensordot over all axes of an example; the cache is a dict; ReLU by a stack of zeros."""

import numpy as np


def affine_forward(x, w, b):
    axes = list(range(1, x.ndim))
    kernel = w.reshape(*x.shape[1:], -1)
    return np.tensordot(x, kernel, axes=(axes, range(len(axes)))) + b, {"x": x, "kernel": kernel, "w_shape": w.shape}


def affine_backward(dout, cache):
    x, kernel = cache["x"], cache["kernel"]
    dx = np.tensordot(dout, kernel, axes=(1, kernel.ndim - 1))
    dw = np.tensordot(x, dout, axes=(0, 0)).reshape(cache["w_shape"])
    return dx, dw, np.add.reduce(dout)


def relu_forward(x):
    stacked = np.stack([x, np.zeros_like(x)])
    return stacked.max(axis=0), stacked.argmax(axis=0)


def relu_backward(dout, cache):
    return np.choose(cache, [dout, np.zeros_like(dout)])
