# ruff: noqa
"""Everything in float64 whatever comes in; statistics are kept as lists of two."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    x, gamma, beta = np.float64(x), np.float64(gamma), np.float64(beta)
    momentum = bn_param.get("momentum", 0.9)
    if bn_param["mode"] == "train":
        statistics = [np.mean(x, axis=0), np.square(x - np.mean(x, axis=0)).mean(axis=0)]
        for name, new in zip(["running_mean", "running_var"], statistics):
            old = bn_param.get(name, np.zeros_like(new))
            bn_param[name] = old + (1 - momentum) * (new - old)
    elif bn_param["mode"] == "test":
        statistics = [bn_param.get(name, np.zeros(x.shape[1])) for name in ["running_mean", "running_var"]]
    else:
        raise ValueError("unknown mode " + str(bn_param["mode"]))
    root = np.power(statistics[1] + bn_param.get("eps", 1e-5), 0.5)
    z = np.divide(np.subtract(x, statistics[0]), root)
    return np.add(np.multiply(gamma, z), beta), [z, gamma, root, "batchnorm"]


def batchnorm_backward(dout, cache):
    z, gamma, root, kind = cache
    axis = 0 if kind == "batchnorm" else 1
    g = np.float64(dout) * gamma
    mean = lambda a: np.mean(a, axis=axis, keepdims=True)
    return (g - mean(g) - z * mean(g * z)) / root, np.sum(dout * z, axis=0), np.sum(dout, axis=0)


batchnorm_backward_alt = batchnorm_backward
layernorm_backward = batchnorm_backward


def layernorm_forward(x, gamma, beta, ln_param):
    x = np.float64(x)
    root = np.sqrt(np.var(x, axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    z = (x - np.mean(x, axis=1, keepdims=True)) / root
    return gamma * z + beta, [z, gamma, root, "layernorm"]
