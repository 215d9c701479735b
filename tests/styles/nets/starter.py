"""Close to the course's starter: string names, explicit two-layer pass, loops over layers with a dict of caches."""

import numpy as np
from nndl.layer_utils import affine_relu_backward, affine_relu_forward
from nndl.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
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
        self.params["W1"] = np.random.normal(0, weight_scale, (input_dim, hidden_dim))
        self.params["b1"] = np.zeros((hidden_dim,))
        self.params["W2"] = np.random.normal(0, weight_scale, (hidden_dim, num_classes))
        self.params["b2"] = np.zeros((num_classes,))

    def loss(self, X, y=None):
        W1, b1, W2, b2 = self.params["W1"], self.params["b1"], self.params["W2"], self.params["b2"]
        out1, cache1 = affine_relu_forward(X, W1, b1)
        scores, cache2 = affine_forward(out1, W2, b2)
        if y is None:
            return scores
        loss, grads = 0, {}
        data_loss, dscores = softmax_loss(scores, y)
        reg_loss = 0.5 * self.reg * np.sum(W1 * W1) + 0.5 * self.reg * np.sum(W2 * W2)
        loss = data_loss + reg_loss
        dx1, dW2, db2 = affine_backward(dscores, cache2)
        dW2 += self.reg * W2
        _, dW1, db1 = affine_relu_backward(dx1, cache1)
        dW1 += self.reg * W1
        grads.update({"W1": dW1, "b1": db1, "W2": dW2, "b2": db2})
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
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        self.params = {}
        hidden_dims.insert(0, input_dim)
        hidden_dims.append(num_classes)
        for i in range(self.num_layers):
            self.params["W" + str(i + 1)] = np.random.randn(hidden_dims[i], hidden_dims[i + 1]) * weight_scale
            self.params["b" + str(i + 1)] = np.zeros((1, hidden_dims[i + 1]))[0]
            if self.normalization and i != self.num_layers - 1:
                self.params["gamma" + str(i + 1)] = np.ones(hidden_dims[i + 1])
                self.params["beta" + str(i + 1)] = np.zeros(hidden_dims[i + 1])
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
            if seed is not None:
                self.dropout_param["seed"] = seed
        self.bn_params = []
        if self.normalization == "batchnorm":
            self.bn_params = [{"mode": "train"} for i in range(self.num_layers - 1)]
        if self.normalization == "layernorm":
            self.bn_params = [{} for i in range(self.num_layers - 1)]
        for k, v in self.params.items():
            self.params[k] = v.astype(dtype)
        print("a net of", self.num_layers, "layers")

    def loss(self, X, y=None):
        X = X.astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.normalization == "batchnorm":
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
        caches, out = {}, X
        for i in range(1, self.num_layers):
            k = str(i)
            out, caches["fc" + k] = affine_forward(out, self.params["W" + k], self.params["b" + k])
            if self.normalization == "batchnorm":
                out, caches["n" + k] = batchnorm_forward(
                    out, self.params["gamma" + k], self.params["beta" + k], self.bn_params[i - 1]
                )
            elif self.normalization == "layernorm":
                out, caches["n" + k] = layernorm_forward(
                    out, self.params["gamma" + k], self.params["beta" + k], self.bn_params[i - 1]
                )
            out, caches["r" + k] = relu_forward(out)
            if self.use_dropout:
                out, caches["d" + k] = dropout_forward(out, self.dropout_param)
        k = str(self.num_layers)
        scores, caches["fc" + k] = affine_forward(out, self.params["W" + k], self.params["b" + k])
        if mode == "test":
            return scores
        loss, grads = 0.0, {}
        loss, d = softmax_loss(scores, y)
        for i in range(self.num_layers, 0, -1):
            k = str(i)
            if i < self.num_layers:
                if self.use_dropout:
                    d = dropout_backward(d, caches["d" + k])
                d = relu_backward(d, caches["r" + k])
                if self.normalization == "batchnorm":
                    d, grads["gamma" + k], grads["beta" + k] = batchnorm_backward(d, caches["n" + k])
                elif self.normalization == "layernorm":
                    d, grads["gamma" + k], grads["beta" + k] = layernorm_backward(d, caches["n" + k])
            d, grads["W" + k], grads["b" + k] = affine_backward(d, caches["fc" + k])
            loss += 0.5 * self.reg * np.sum(self.params["W" + k] ** 2)
            grads["W" + k] += self.reg * self.params["W" + k]
        return loss, grads
