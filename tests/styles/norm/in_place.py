"""Writes into x, dout and the running statistics; the cache holds copies."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    if mode not in ("train", "test"):
        raise ValueError("mode")
    running_mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1], dtype=x.dtype))
    running_var = bn_param.setdefault("running_var", np.zeros(x.shape[1], dtype=x.dtype))
    if mode == "test":
        x -= running_mean
        x /= np.sqrt(running_var + eps)
        x *= gamma
        x += beta
        return x, None
    mean, var = x.mean(axis=0), x.var(axis=0)
    running_mean *= momentum
    running_mean += (1 - momentum) * mean
    running_var *= momentum
    running_var += (1 - momentum) * var
    x -= mean
    std = np.sqrt(var + eps)
    x /= std
    return x * gamma + beta, (x.copy(), gamma.copy(), std)


def batchnorm_backward(dout, cache):
    x_hat, gamma, std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    dout -= dbeta / len(dout)
    dout -= x_hat * dgamma / len(dout)
    dout *= gamma / std
    return dout, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    return batchnorm_backward(dout, cache)


def layernorm_forward(x, gamma, beta, ln_param):
    x -= x.mean(axis=1, keepdims=True)
    std = np.sqrt((x**2).mean(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x /= std
    return x * gamma + beta, (x.copy(), gamma.copy(), std)


def layernorm_backward(dout, cache):
    x_hat, gamma, std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    dout *= gamma
    along = (dout * x_hat).mean(axis=1, keepdims=True)
    dout -= dout.mean(axis=1, keepdims=True)
    dout -= x_hat * along
    dout /= std
    return dout, dgamma, dbeta
