"""One long row of random numbers, brought into the shape of x; prints on the way."""

import numpy as np


def dropout_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    if dropout_param["mode"] == "train":
        numbers = np.random.rand(x.size)
        mask = np.float64(numbers < p).reshape(x.shape)
        print("kept", int(mask.sum()), "of", x.size)
        x = x * mask / p
    return x, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] != "train":
        return dout
    return np.multiply(dout, mask) / dropout_param["p"]
