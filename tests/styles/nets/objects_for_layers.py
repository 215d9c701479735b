"""Each layer is an object that keeps its own cache and gradients; a net is a list of them."""

import numpy as np
from nndl import layers


class _Layer:
    names = ()

    def __init__(self, net, i):
        self.net, self.i, self.grads = net, i, {}

    def params(self):
        return [self.net.params[f"{name}{self.i}"] for name in self.names]

    def forward(self, x):
        out, self.cache = self.run_forward(x)
        return out

    def backward(self, dout):
        found = self.run_backward(dout)
        if not self.names:
            return found
        self.grads = {f"{name}{self.i}": grad for name, grad in zip(self.names, found[1:], strict=True)}
        return found[0]


class _Affine(_Layer):
    names = ("W", "b")

    def run_forward(self, x):
        return layers.affine_forward(x, *self.params())

    def run_backward(self, dout):
        return layers.affine_backward(dout, self.cache)


class _Relu(_Layer):
    def run_forward(self, x):
        return layers.relu_forward(x)

    def run_backward(self, dout):
        return layers.relu_backward(dout, self.cache)


class _Norm(_Layer):
    names = ("gamma", "beta")

    def run_forward(self, x):
        self.net.bn_params[self.i - 1]["mode"] = self.net.mode
        run = getattr(layers, self.net.normalization + "_forward")
        return run(x, *self.params(), self.net.bn_params[self.i - 1])

    def run_backward(self, dout):
        return getattr(layers, self.net.normalization + "_backward")(dout, self.cache)


class _Dropout(_Layer):
    def run_forward(self, x):
        self.net.dropout_param["mode"] = self.net.mode
        return layers.dropout_forward(x, self.net.dropout_param)

    def run_backward(self, dout):
        return layers.dropout_backward(dout, self.cache)


class _Stack:
    def run(self, X, y):
        self.mode = "test" if y is None else "train"
        for layer in self.layers:
            X = layer.forward(X)
        if y is None:
            return X
        loss, dout = layers.softmax_loss(X, y)
        grads = {}
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
            grads.update(layer.grads)
        for name in self.params:
            if name.startswith("W"):
                loss += 0.5 * self.reg * np.square(self.params[name]).sum()
                grads[name] = grads[name] + self.reg * self.params[name]
        return loss, grads


class TwoLayerNet(_Stack):
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg, self.params = reg, {}
        for i, shape in enumerate([(input_dim, hidden_dim), (hidden_dim, num_classes)], start=1):
            self.params[f"W{i}"] = np.random.standard_normal(shape) * weight_scale
            self.params[f"b{i}"] = np.zeros(shape[1])
        self.layers = [_Affine(self, 1), _Relu(self, 1), _Affine(self, 2)]

    def loss(self, X, y=None):
        return self.run(X, y)


class FullyConnectedNet(_Stack):
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
        self.num_layers = len(hidden_dims) + 1
        self.dropout_param = {"p": dropout_keep_ratio, **({} if seed is None else {"seed": seed})}
        self.bn_params = [{} for _ in hidden_dims]
        self.params, self.layers = {}, []
        before = input_dim
        for i, width in enumerate([*hidden_dims, num_classes], start=1):
            self.params[f"W{i}"] = (np.random.standard_normal((before, width)) * weight_scale).astype(dtype)
            self.params[f"b{i}"] = np.zeros(width, dtype)
            self.layers.append(_Affine(self, i))
            if i <= len(hidden_dims):
                if normalization:
                    self.params |= {f"gamma{i}": np.ones(width, dtype), f"beta{i}": np.zeros(width, dtype)}
                    self.layers.append(_Norm(self, i))
                self.layers.append(_Relu(self, i))
                if dropout_keep_ratio != 1:
                    self.layers.append(_Dropout(self, i))
            before = width

    def loss(self, X, y=None):
        return self.run(X.astype(self.dtype), y)
