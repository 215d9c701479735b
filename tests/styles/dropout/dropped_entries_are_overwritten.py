"""Copies and overwrites what is dropped."""

import numpy as np


def dropout_forward(x, dropout_param):
    p = dropout_param["p"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    dropped = np.zeros(x.shape, dtype=bool)
    if dropout_param["mode"] == "test":
        return x, (dropout_param, dropped)
    dropped = np.random.random(x.shape) >= p
    out = x / p
    out[dropped] = 0
    return out, (dropout_param, dropped)


def dropout_backward(dout, cache):
    dropout_param, dropped = cache
    if dropout_param["mode"] == "test":
        return dout
    dx = dout / dropout_param["p"]
    dx[dropped] = 0
    return dx
