# ruff: noqa
"""Loops over features and examples; no broadcasting at all."""

import numpy as np


def _line_forward(values, eps):
    mean = sum(values) / len(values)
    var = sum((value - mean) ** 2 for value in values) / len(values)
    return mean, var, np.array([(value - mean) / (var + eps) ** 0.5 for value in values])


def _line_backward(dz, z, var, eps):
    n = len(z)
    return np.array([(dz[k] - sum(dz) / n - z[k] * sum(dz * z) / n) / (var + eps) ** 0.5 for k in range(n)])


def batchnorm_forward(x, gamma, beta, bn_param):
    if bn_param["mode"] not in ("train", "test"):
        raise ValueError("unknown mode")
    N, D = x.shape
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean, var = bn_param.get("running_mean", [0.0] * D), bn_param.get("running_var", [0.0] * D)
    out, z, variances = np.zeros((N, D)), np.zeros((N, D)), []
    for d in range(D):
        if bn_param["mode"] == "train":
            m, v, z[:, d] = _line_forward(x[:, d], eps)
            variances.append(v)
        else:
            z[:, d] = (x[:, d] - mean[d]) / (var[d] + eps) ** 0.5
        out[:, d] = gamma[d] * z[:, d] + beta[d]
    if bn_param["mode"] == "train":
        bn_param["running_mean"] = np.array([momentum * mean[d] + (1 - momentum) * np.mean(x[:, d]) for d in range(D)])
        bn_param["running_var"] = np.array([momentum * var[d] + (1 - momentum) * variances[d] for d in range(D)])
    return out, (z, variances, gamma, eps)


def batchnorm_backward(dout, cache):
    z, variances, gamma, eps = cache
    columns = [_line_backward(dout[:, d] * gamma[d], z[:, d], variances[d], eps) for d in range(z.shape[1])]
    return np.stack(columns, axis=1), np.array([sum(c) for c in (dout * z).T]), np.array([sum(c) for c in dout.T])


def batchnorm_backward_alt(dout, cache):
    return batchnorm_backward(dout, cache)


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    lines = [_line_forward(row, eps) for row in x]
    z = np.array([line[2] for line in lines])
    return gamma * z + beta, (z, [line[1] for line in lines], gamma, eps)


def layernorm_backward(dout, cache):
    z, variances, gamma, eps = cache
    rows = [_line_backward(dout[n] * gamma, z[n], variances[n], eps) for n in range(len(z))]
    return np.array(rows), sum(dout * z), sum(dout)
