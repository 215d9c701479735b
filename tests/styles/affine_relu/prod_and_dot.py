"""np.prod for the width, dot, gradients in one line each; db of shape (1, M)."""

import numpy as np


def affine_forward(x, w, b):
    dim = np.prod(x.shape[1:])
    out = x.reshape(x.shape[0], dim).dot(w) + b.reshape(1, -1)
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    db = np.sum(dout, axis=0, keepdims=True)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    dx = dout.dot(w.T).reshape(*x.shape)
    return dx, dw, db


def relu_forward(x):
    out = x * (x >= 0)
    return out, x


def relu_backward(dout, cache):
    dx, x = None, cache
    dx = np.array(dout, copy=True)
    dx[x < 0] = 0
    return dx
