# ruff: noqa
"""Layernorm calls the batchnorm functions of the same file with x transposed."""

import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    D = x.shape[1]
    param = {"mode": "train", "eps": ln_param.get("eps", 1e-5)}
    ones = np.ones(x.shape[0], dtype=x.dtype)
    x_hat, cache = batchnorm_forward(x.T, ones, 0 * ones, param)
    return gamma * x_hat.T + beta, (cache, x_hat.T, gamma, D)


def layernorm_backward(dout, cache):
    cache, x_hat, gamma, _ = cache
    dx, _, _ = batchnorm_backward((dout * gamma).T, cache)
    return dx.T, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
