# ruff: noqa
"""keepdims everywhere: running statistics, dgamma and dbeta of shape (1, D)."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros((1, D)))
    running_var = bn_param.get("running_var", np.zeros((1, D)))
    if mode == "train":
        mean = np.mean(x, axis=0, keepdims=True)
        var = np.var(x, axis=0, keepdims=True)
        x_norm = (x - mean) / np.sqrt(var + eps)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
        return gamma * x_norm + beta, [x, mean, var, x_norm, gamma, eps]
    if mode == "test":
        return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, []
    raise ValueError(f"mode {mode}")


def batchnorm_backward(dout, cache):
    x, mean, var, x_norm, gamma, eps = cache
    N = x.shape[0]
    dbeta = np.sum(dout, axis=0, keepdims=True)
    dgamma = np.sum(dout * x_norm, axis=0, keepdims=True)
    dx_norm = dout * gamma
    dvar = np.sum(dx_norm * (x - mean) * -0.5 * (var + eps) ** -1.5, axis=0, keepdims=True)
    dmean = np.sum(-dx_norm / np.sqrt(var + eps), axis=0, keepdims=True) + dvar * np.mean(
        -2 * (x - mean), axis=0, keepdims=True
    )
    dx = dx_norm / np.sqrt(var + eps) + dvar * 2 * (x - mean) / N + dmean / N
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    x, mean, var, x_norm, gamma, eps = cache
    dbeta = np.sum(dout, axis=0, keepdims=True)
    dgamma = np.sum(dout * x_norm, axis=0, keepdims=True)
    dx = gamma / np.sqrt(var + eps) * (dout - dbeta / x.shape[0] - x_norm * dgamma / x.shape[0])
    return dx, dgamma, dbeta
