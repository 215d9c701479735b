# ruff: noqa
"""A net written out in loops, with the alternative backward and caches in lists."""

import numpy as np
from nndl import layers
from nndl.layers import *


def affine_norm_relu_forward(x, w, b, gamma, beta, param, kind):
    a, fc_cache = layers.affine_forward(x, w, b)
    forward = layers.batchnorm_forward if kind == "batchnorm" else layers.layernorm_forward
    n, norm_cache = forward(a, gamma, beta, param)
    out, relu_cache = layers.relu_forward(n)
    return out, [fc_cache, norm_cache, relu_cache]


def affine_norm_relu_backward(dout, cache, kind):
    dn = layers.relu_backward(dout, cache[2])
    backward = layers.batchnorm_backward_alt if kind == "batchnorm" else layers.layernorm_backward
    da, dgamma, dbeta = backward(dn, cache[1])
    dx, dw, db = layers.affine_backward(da, cache[0])
    return dx, dw, db, dgamma, dbeta


class FullyConnectedNet:
    def __init__(
        self,
        hidden_dims,
        input_dim=3072,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        self.normalization, self.reg, self.dtype = normalization, reg, dtype
        self.use_dropout = dropout_keep_ratio != 1
        self.num_layers = len(hidden_dims) + 1
        self.params = {}
        hidden_dims.insert(0, input_dim)
        hidden_dims.append(num_classes)
        for l in range(self.num_layers):
            self.params["W" + str(l + 1)] = np.random.normal(0, weight_scale, (hidden_dims[l], hidden_dims[l + 1]))
            self.params["b" + str(l + 1)] = np.zeros((1, hidden_dims[l + 1]))
            if normalization is not None and l != self.num_layers - 1:
                self.params["gamma" + str(l + 1)] = np.ones((1, hidden_dims[l + 1]))
                self.params["beta" + str(l + 1)] = np.zeros((1, hidden_dims[l + 1]))
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
        if seed is not None:
            self.dropout_param["seed"] = seed
        self.norm_params = {}
        for l in range(1, self.num_layers):
            self.norm_params[l] = {"mode": "train"}
        for k, v in self.params.items():
            self.params[k] = v.astype(dtype)

    def loss(self, X, y=None):
        out = X.astype(self.dtype)
        mode = "train" if y is not None else "test"
        self.dropout_param["mode"] = mode
        caches, dropout_caches = [], []
        for l in range(1, self.num_layers):
            W, b = self.params["W%d" % l], self.params["b%d" % l].reshape(-1)
            if self.normalization:
                self.norm_params[l]["mode"] = mode
                gamma, beta = self.params["gamma%d" % l].reshape(-1), self.params["beta%d" % l].reshape(-1)
                out, cache = affine_norm_relu_forward(out, W, b, gamma, beta, self.norm_params[l], self.normalization)
            else:
                out, fc_cache = layers.affine_forward(out, W, b)
                out, relu_cache = layers.relu_forward(out)
                cache = [fc_cache, None, relu_cache]
            caches.append(cache)
            if self.use_dropout:
                out, cache = layers.dropout_forward(out, self.dropout_param)
                dropout_caches.append(cache)
        L = self.num_layers
        scores, last = layers.affine_forward(out, self.params["W%d" % L], self.params["b%d" % L].reshape(-1))
        if y is None:
            return scores
        grads = {}
        loss, dout = layers.softmax_loss(scores, y)
        dout, grads["W%d" % L], grads["b%d" % L] = layers.affine_backward(dout, last)
        for l in range(L - 1, 0, -1):
            if self.use_dropout:
                dout = layers.dropout_backward(dout, dropout_caches.pop())
            cache = caches.pop()
            if self.normalization:
                dout, dw, db, dgamma, dbeta = affine_norm_relu_backward(dout, cache, self.normalization)
                grads["gamma%d" % l], grads["beta%d" % l] = dgamma.reshape(1, -1), dbeta.reshape(1, -1)
            else:
                dout, dw, db = layers.affine_backward(layers.relu_backward(dout, cache[2]), cache[0])
            grads["W%d" % l], grads["b%d" % l] = dw, db.reshape(1, -1)
        for l in range(1, L + 1):
            W = self.params["W%d" % l]
            loss += self.reg / 2.0 * (W * W).sum()
            grads["W%d" % l] = grads["W%d" % l] + self.reg * W
        return loss, grads
