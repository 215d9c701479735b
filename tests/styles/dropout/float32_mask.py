"""A mask in single precision, whatever x is."""

import numpy as np


def dropout_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    rng = np.random.RandomState(dropout_param["seed"]) if "seed" in dropout_param else np.random
    if dropout_param["mode"] == "train":
        mask = ((rng.rand(*x.shape) < p) / p).astype(np.float32)
        x = x * mask
    return x, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask if dropout_param["mode"] == "train" else dout
