# ruff: noqa
"""The pass through the net is a recursion: a layer runs the rest of the net, then its own backward step."""

import numpy as np
from nndl.layers import *
from nndl.layers import affine_backward, affine_forward, relu_backward, relu_forward, softmax_loss


def _squares(params):
    return sum((w**2).sum() for name, w in params.items() if name.startswith("W"))


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg = reg
        self.params = dict(
            W1=np.random.normal(0.0, weight_scale, size=[input_dim, hidden_dim]),
            W2=np.random.normal(0.0, weight_scale, size=[hidden_dim, num_classes]),
            b1=np.zeros(hidden_dim),
            b2=np.zeros(num_classes),
        )

    def loss(self, X, y=None):
        get = self.params.get
        a, first = affine_forward(X, get("W1"), get("b1"))
        h, middle = relu_forward(a)
        scores, last = affine_forward(h, get("W2"), get("b2"))
        if y is None:
            return scores
        loss, ds = softmax_loss(scores, y)
        dh, dW2, db2 = affine_backward(ds, last)
        _, dW1, db1 = affine_backward(relu_backward(dh, middle), first)
        grads = dict(W1=dW1 + self.reg * get("W1"), b1=db1, W2=dW2 + self.reg * get("W2"), b2=db2)
        return loss + self.reg * _squares(self.params) / 2, grads


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
        self.normalization, self.reg, self.dtype = normalization, reg, dtype
        self.num_layers, self.use_dropout = len(hidden_dims) + 1, dropout_keep_ratio < 1
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
        if seed is not None:
            self.dropout_param["seed"] = seed
        self.bn_params = [{"mode": "train"} for _ in range(len(hidden_dims))]
        self.params = {}
        self._draw([input_dim, *hidden_dims, num_classes], weight_scale, 1)

    def _draw(self, dims, scale, i):
        self.params["W%d" % i] = np.random.normal(0, scale, dims[:2]).astype(self.dtype)
        self.params["b%d" % i] = np.zeros(dims[1], self.dtype)
        if len(dims) > 2:
            if self.normalization:
                self.params["gamma%d" % i] = np.ones(dims[1], self.dtype)
                self.params["beta%d" % i] = np.zeros(dims[1], self.dtype)
            self._draw(dims[1:], scale, i + 1)

    def loss(self, X, y=None):
        self.mode = "test" if y is None else "train"
        self.grads = {}
        result, _ = self._through(X.astype(self.dtype), y, 1)
        if y is None:
            return result
        for name in self.grads:
            if name.startswith("W"):
                self.grads[name] = self.grads[name] + self.reg * self.params[name]
        return result + self.reg * _squares(self.params) / 2, self.grads

    def _through(self, x, y, i):
        W, b = self.params["W%d" % i], self.params["b%d" % i]
        a, cache = affine_forward(x, W, b)
        if i == self.num_layers:
            if y is None:
                return a, None
            result, d = softmax_loss(a, y)
        else:
            result, d = self._hidden(a, y, i)
        if d is None:
            return result, None
        dx, self.grads["W%d" % i], self.grads["b%d" % i] = affine_backward(d, cache)
        return result, dx

    def _hidden(self, a, y, i):
        if self.normalization:
            forward, backward = {
                "batchnorm": (batchnorm_forward, batchnorm_backward),
                "layernorm": (layernorm_forward, layernorm_backward),
            }[self.normalization]
            self.bn_params[i - 1]["mode"] = self.mode
            pair = self.params["gamma%d" % i], self.params["beta%d" % i]
            a, norm_cache = forward(a, *pair, self.bn_params[i - 1])
        h, relu_cache = relu_forward(a)
        if self.use_dropout:
            self.dropout_param["mode"] = self.mode
            h, drop_cache = dropout_forward(h, self.dropout_param)
        result, d = self._through(h, y, i + 1)
        if d is None:
            return result, None
        if self.use_dropout:
            d = dropout_backward(d, drop_cache)
        d = relu_backward(d, relu_cache)
        if self.normalization:
            d, self.grads["gamma%d" % i], self.grads["beta%d" % i] = backward(d, norm_cache)
        return result, d
