"""Keeps where the number is above 1 - p."""

import numpy as np


def dropout_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        rng = np.random.RandomState(dropout_param["seed"]) if "seed" in dropout_param else np.random
        mask = (rng.random_sample(x.shape) > 1 - p) / p
        x = x * mask
    return x, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask if dropout_param["mode"] == "train" else dout
