# ruff: noqa
"""Written the long way: one branch for each kind of net, counters and while loops, asserts and prints everywhere."""

import numpy as np
from nndl.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params = {}
        self.reg = reg
        self.D, self.H, self.C = input_dim, hidden_dim, num_classes
        self.params["W1"] = np.random.randn(self.D, self.H) * weight_scale
        self.params["b1"] = np.zeros((self.H,))
        self.params["W2"] = np.random.randn(self.H, self.C) * weight_scale
        self.params["b2"] = np.zeros((self.C,))
        print("weights drawn")

    def loss(self, X, y=None):
        scores = None
        a1, cache_a1 = affine_forward(X, self.params["W1"], self.params["b1"])
        assert a1.shape == (X.shape[0], self.H)
        h1, cache_h1 = relu_forward(a1)
        a2, cache_a2 = affine_forward(h1, self.params["W2"], self.params["b2"])
        scores = a2
        if y is None:
            return scores
        loss, grads = 0, {}
        data_loss, da2 = softmax_loss(scores, y)
        reg_loss = 0.0
        for name in ["W1", "W2"]:
            reg_loss = reg_loss + np.sum(np.multiply(self.params[name], self.params[name]))
        loss = data_loss + 0.5 * self.reg * reg_loss
        dh1, grads["W2"], grads["b2"] = affine_backward(da2, cache_a2)
        da1 = relu_backward(dh1, cache_h1)
        dx, grads["W1"], grads["b1"] = affine_backward(da1, cache_a1)
        grads["W1"] = grads["W1"] + self.reg * self.params["W1"]
        grads["W2"] = grads["W2"] + self.reg * self.params["W2"]
        return loss, grads


class FullyConnectedNet:
    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        assert type(hidden_dims) is list
        self.normalization, self.use_dropout, self.reg = normalization, dropout_keep_ratio != 1, reg
        self.num_layers, self.dtype, self.params = 1 + len(hidden_dims), dtype, {}
        i = 0
        while i < self.num_layers:
            rows = input_dim if i == 0 else hidden_dims[i - 1]
            columns = num_classes if i == self.num_layers - 1 else hidden_dims[i]
            self.params["W%s" % (i + 1)] = np.random.normal(loc=0.0, scale=weight_scale, size=(rows, columns))
            self.params["b%s" % (i + 1)] = np.zeros(columns)
            if i < self.num_layers - 1 and self.normalization in ("batchnorm", "layernorm"):
                self.params["gamma%s" % (i + 1)] = np.ones(columns)
                self.params["beta%s" % (i + 1)] = np.zeros(columns)
            i += 1
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
            if seed is not None:
                self.dropout_param["seed"] = seed
        self.bn_params = []
        if self.normalization == "batchnorm":
            for _ in hidden_dims:
                self.bn_params.append({"mode": "train"})
        if self.normalization == "layernorm":
            for _ in hidden_dims:
                self.bn_params.append({})
        for k in list(self.params):
            self.params[k] = self.params[k].astype(dtype)

    def loss(self, X, y=None):
        X = X.astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.normalization == "batchnorm":
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
        affine_caches, norm_caches, relu_caches, dropout_caches = {}, {}, {}, {}
        h = X
        layer = 1
        while layer < self.num_layers:
            a, affine_caches[layer] = affine_forward(h, self.params["W%s" % layer], self.params["b%s" % layer])
            if self.normalization == "batchnorm":
                gamma, beta = self.params["gamma%s" % layer], self.params["beta%s" % layer]
                a, norm_caches[layer] = batchnorm_forward(a, gamma, beta, self.bn_params[layer - 1])
            if self.normalization == "layernorm":
                gamma, beta = self.params["gamma%s" % layer], self.params["beta%s" % layer]
                a, norm_caches[layer] = layernorm_forward(a, gamma, beta, self.bn_params[layer - 1])
            h, relu_caches[layer] = relu_forward(a)
            if self.use_dropout:
                h, dropout_caches[layer] = dropout_forward(h, self.dropout_param)
            layer += 1
        scores, affine_caches[layer] = affine_forward(h, self.params["W%s" % layer], self.params["b%s" % layer])
        if mode == "test":
            return scores
        loss, grads = 0.0, {}
        loss, dscores = softmax_loss(scores, y)
        dh, dw, db = affine_backward(dscores, affine_caches[layer])
        loss += 0.5 * self.reg * np.sum(self.params["W%s" % layer] ** 2)
        grads["W%s" % layer], grads["b%s" % layer] = dw + self.reg * self.params["W%s" % layer], db
        layer -= 1
        while layer > 0:
            if self.use_dropout:
                dh = dropout_backward(dh, dropout_caches[layer])
            da = relu_backward(dh, relu_caches[layer])
            if self.normalization == "batchnorm":
                da, dgamma, dbeta = batchnorm_backward_alt(da, norm_caches[layer])
                grads["gamma%s" % layer], grads["beta%s" % layer] = dgamma, dbeta
            if self.normalization == "layernorm":
                da, dgamma, dbeta = layernorm_backward(da, norm_caches[layer])
                grads["gamma%s" % layer], grads["beta%s" % layer] = dgamma, dbeta
            dh, dw, db = affine_backward(da, affine_caches[layer])
            loss += 0.5 * self.reg * np.sum(self.params["W%s" % layer] ** 2)
            grads["W%s" % layer], grads["b%s" % layer] = dw + self.reg * self.params["W%s" % layer], db
            assert set(grads) <= set(self.params)
            layer -= 1
        return loss, grads
