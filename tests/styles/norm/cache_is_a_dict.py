"""A dict as cache, that keeps x itself; backward computes the statistics again."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    if mode not in {"train", "test"}:
        raise ValueError(mode)
    bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
    bn_param.setdefault("running_var", np.zeros(x.shape[1]))
    mean, var = bn_param["running_mean"], bn_param["running_var"]
    if mode == "train":
        mean, var = np.average(x, axis=0), np.average((x - np.average(x, axis=0)) ** 2, axis=0)
        for name, value in {"running_mean": mean, "running_var": var}.items():
            bn_param[name] = bn_param[name] * momentum + value * (1 - momentum)
    return (x - mean) * (gamma / np.sqrt(var + eps)) + beta, {"x": x, "gamma": gamma, "eps": eps}


def batchnorm_backward(dout, cache):
    x, gamma, eps = cache["x"], cache["gamma"], cache["eps"]
    N, std = x.shape[0], np.sqrt(np.var(x, axis=0) + eps)
    z = (x - x.mean(0)) / std
    dz = gamma * dout
    dx = (dz - dz.sum(0) / N - z * np.sum(dz * z, 0) / N) / std
    return dx, np.sum(z * dout, 0), np.sum(dout, 0)


def batchnorm_backward_alt(dout, cache):
    return batchnorm_backward(dout, cache)


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mean = np.mean(x, axis=-1)[:, None]
    std = np.sqrt(np.mean((x - mean) ** 2, axis=-1)[:, None] + eps)
    return gamma * (x - mean) / std + beta, {"x": x, "gamma": gamma, "eps": eps}


def layernorm_backward(dout, cache):
    x, gamma, eps = cache["x"], cache["gamma"], cache["eps"]
    D = x.shape[1]
    mean = x.mean(1, keepdims=True)
    std = np.sqrt(x.var(1, keepdims=True) + eps)
    z, dz = (x - mean) / std, dout * gamma
    dx = (D * dz - dz.sum(1, keepdims=True) - z * (dz * z).sum(1, keepdims=True)) / (D * std)
    return dx, (dout * z).sum(0), dout.sum(0)
