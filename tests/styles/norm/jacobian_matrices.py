"""The Jacobian of every feature written out as an N by N matrix."""

import numpy as np


def batchnorm_backward(dout, cache):
    x_hat, gamma, inv_std = cache
    N, D = dout.shape
    dx = np.empty_like(dout)
    for d in range(D):
        column = x_hat[:, [d]]
        jacobian = gamma[d] * inv_std[d] * (np.eye(N) - np.ones((N, N)) / N - column @ column.T / N)
        dx[:, d] = jacobian @ dout[:, d]
    return dx, np.diag(dout.T @ x_hat).copy(), np.ones(N) @ dout


def batchnorm_backward_alt(dout, cache):
    x_hat, gamma, inv_std = cache
    centred = dout - dout.mean(axis=0)
    dgamma = np.einsum("nd,nd->d", dout, x_hat)
    return gamma * inv_std * (centred - x_hat * dgamma / len(dout)), dgamma, dout.sum(0)


def layernorm_backward(dout, cache):
    x_hat, gamma, inv_std = cache
    N, D = dout.shape
    rows = []
    for n in range(N):
        row = x_hat[n][:, None]
        rows.append(inv_std[n] * ((np.eye(D) - 1 / D - row @ row.T / D) @ (dout[n] * gamma)))
    return np.array(rows), (dout * x_hat).sum(0), dout.sum(0)
