"""The variance as the mean of squares minus the square of the mean."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    if mode == "train":
        mean = x.mean(0)
        var = np.maximum((x * x).mean(0) - mean * mean, 0)
        bn_param["running_mean"] = momentum * bn_param.get("running_mean", 0) + (1 - momentum) * mean
        bn_param["running_var"] = momentum * bn_param.get("running_var", 0) + (1 - momentum) * var
    elif mode == "test":
        mean, var = (
            bn_param.get("running_mean", np.zeros(x.shape[1])),
            bn_param.get("running_var", np.zeros(x.shape[1])),
        )
    else:
        raise ValueError("train or test")
    scale = gamma * (var + eps) ** -0.5
    return x * scale + (beta - mean * scale), (x, mean, var + eps, gamma)


def batchnorm_backward(dout, cache):
    x, mean, v, gamma = cache
    dbeta, sum_dout_x = dout.sum(0), (dout * x).sum(0)
    dgamma = (sum_dout_x - mean * dbeta) * v**-0.5
    dx = gamma * v**-0.5 * (dout - dbeta / len(x) - (x - mean) * v**-0.5 * dgamma / len(x))
    return dx, dgamma, dbeta


batchnorm_backward_alt = batchnorm_backward


def layernorm_forward(x, gamma, beta, ln_param):
    mean = x.mean(1)
    v = (x * x).mean(1) - mean * mean + ln_param.get("eps", 1e-5)
    z = ((x.T - mean) / np.sqrt(v)).T
    return z * gamma + beta, (z, v, gamma)


def layernorm_backward(dout, cache):
    z, v, gamma = cache
    g = dout * gamma
    dx = ((g.T - g.mean(1)) / np.sqrt(v)).T - (z.T * (g * z).mean(1) / np.sqrt(v)).T
    return dx, np.einsum("nd,nd->d", dout, z), np.einsum("nd->d", dout)
