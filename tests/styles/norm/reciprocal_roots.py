"""Forward passes whose cache holds (x_hat, gamma, 1 / root); statistics by np.average; one function for both axes."""

import numpy as np


def _normalized(x, axis, eps):
    mean = np.average(x, axis=axis, keepdims=True)
    variance = np.average(np.square(x - mean), axis=axis, keepdims=True)
    inv_root = np.reciprocal(np.sqrt(variance + eps))
    return (x - mean) * inv_root, inv_root, mean, variance


def batchnorm_forward(x, gamma, beta, bn_param):
    modes, eps = ["train", "test"], bn_param.get("eps", 1e-5)
    where = modes.index(bn_param["mode"])
    old_mean, old_var = (bn_param.get(key, np.zeros(x.shape[1], x.dtype)) for key in ("running_mean", "running_var"))
    if where == 1:
        return (x - old_mean) / np.sqrt(old_var + eps) * gamma + beta, None
    x_hat, inv_root, mean, variance = _normalized(x, 0, eps)
    rate = 1 - bn_param.get("momentum", 0.9)
    bn_param.update(
        running_mean=old_mean * (1 - rate) + rate * mean[0], running_var=old_var * (1 - rate) + rate * variance[0]
    )
    return x_hat * gamma + beta, (x_hat, gamma, inv_root[0])


def layernorm_forward(x, gamma, beta, ln_param):
    x_hat, inv_root, _, _ = _normalized(x, 1, ln_param.get("eps", 1e-5))
    return x_hat * gamma + beta, (x_hat, gamma, inv_root)
