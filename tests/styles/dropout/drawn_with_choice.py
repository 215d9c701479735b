"""The factors 0 and 1 / p are chosen with their probabilities; the cache is a dict."""

import numpy as np


def dropout_forward(x, dropout_param):
    p = dropout_param["p"]
    if dropout_param.get("seed") is not None:
        np.random.seed(dropout_param["seed"])
    factor = np.ones(x.shape)
    if dropout_param["mode"] == "train":
        factor = np.random.choice([0.0, 1 / p], size=x.shape, p=[1 - p, p])
    return x * factor, {"factor": factor}


def dropout_backward(dout, cache):
    return dout * cache["factor"]
