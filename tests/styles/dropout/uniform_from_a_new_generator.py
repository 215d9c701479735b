"""NumPy's new generators; without a seed they draw from the operating system. The cache is a list."""

import numpy as np


def dropout_forward(x, dropout_param):
    p = dropout_param["p"]
    if dropout_param["mode"] == "test":
        return x, [None]
    rng = np.random.default_rng(dropout_param.get("seed"))
    keep = rng.uniform(size=x.shape) <= p
    return np.where(keep, x / p, 0), [keep, p]


def dropout_backward(dout, cache):
    if cache[0] is None:
        return dout
    keep, p = cache
    return np.where(keep, dout / p, 0)
