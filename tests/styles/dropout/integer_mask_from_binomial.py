"""Integers drawn from the binomial distribution, scaled in both passes."""

import numpy as np


def dropout_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    if dropout_param["mode"] == "train":
        mask = np.random.binomial(1, p, size=x.shape)
        out = mask * (x / p)
    else:
        out = x
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    dx = dout
    if dropout_param["mode"] == "train":
        dx = mask * (dout / dropout_param["p"])
    return dx
