"""A mask by ceil: 1 where the number is below p; the forward pass computes in the order mask, x, p."""

import numpy as np


def dropout_forward(x, dropout_param):
    p, mode, mask = dropout_param["p"], dropout_param["mode"], None
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    if mode == "train":
        mask = np.ceil(p - np.random.rand(*x.shape))
        return mask * x / p, (dropout_param, mask)
    return 1.0 * x, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return {"train": lambda: mask * dout / dropout_param["p"], "test": lambda: dout}[dropout_param["mode"]]()
