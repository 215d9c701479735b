# ruff: noqa
"""The net is made of blocks that live in layer_utils.py, under names of their own; parameters are named by zip."""

import numpy as np
from nndl import layer_utils
from nndl.layer_utils import block_backward, block_forward


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        normal = np.random.RandomState(np.random.randint(2**31)).normal
        shapes = {"W1": (input_dim, hidden_dim), "W2": (hidden_dim, num_classes)}
        self.params = {name: normal(scale=weight_scale, size=shape) for name, shape in shapes.items()}
        self.params.update({f"b{name[1]}": np.zeros(shape[1:]) for name, shape in shapes.items()})
        self.reg = reg

    def loss(self, X, y=None):
        W1, W2 = self.params["W1"], self.params["W2"]
        h, kept = block_forward(X, {"W": W1, "b": self.params["b1"], "norm": None, "drop": None})
        found = layer_utils.head(h, W2, self.params["b2"], y)
        if y is None:
            return found
        loss, (d, dW2, db2) = found
        _, dW1, db1 = block_backward(d, kept)
        for w, dw in ((W1, dW1), (W2, dW2)):
            loss += self.reg * np.vdot(w, w) / 2
            dw += self.reg * w
        return loss, {"W1": dW1, "W2": dW2, "b1": db1, "b2": db2}


class FullyConnectedNet:
    def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, dropout_keep_ratio=1, normalization=None,
                 reg=0.0, weight_scale=1e-2, dtype=np.float32, seed=None):  # fmt: skip
        self.num_layers, self.reg, self.dtype, self.normalization = 1 + len(hidden_dims), reg, dtype, normalization
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio} if dropout_keep_ratio != 1 else {}
        if self.dropout_param and seed is not None:
            self.dropout_param["seed"] = seed
        self.bn_params = [{"mode": "train"} for _ in hidden_dims]
        widths = [*hidden_dims, num_classes]
        values = {}
        for i, (rows, columns) in enumerate(zip([input_dim, *hidden_dims], widths, strict=True), 1):
            values["W%i" % i] = np.random.normal(0, weight_scale, (rows, columns))
            values["b%i" % i] = np.zeros(columns)
            if normalization and i < self.num_layers:
                values["gamma%i" % i], values["beta%i" % i] = np.ones(columns), np.zeros(columns)
        self.params = {name: np.array(value, dtype=dtype) for name, value in values.items()}

    def _block(self, i):
        norm = None
        if self.normalization:
            norm = self.normalization, self.params["gamma%i" % i], self.params["beta%i" % i], self.bn_params[i - 1]
        return {"W": self.params["W%i" % i], "b": self.params["b%i" % i], "norm": norm, "drop": self.dropout_param}

    def loss(self, X, y=None):
        for param in [*self.bn_params, self.dropout_param]:
            if param:
                param["mode"] = "train" if y is not None else "test"
        x, kept = np.array(X, dtype=self.dtype), []
        for i in range(1, self.num_layers):
            x, block = block_forward(x, self._block(i))
            kept.append(block)
        L = self.num_layers
        found = layer_utils.head(x, self.params["W%i" % L], self.params["b%i" % L], y)
        if y is None:
            return found
        loss, (d, dW, db) = found
        grads = {"W%i" % L: dW, "b%i" % L: db}
        names = ("W", "b", "gamma", "beta")
        for i in range(L - 1, 0, -1):
            d, *rest = block_backward(d, kept.pop())
            grads.update(("%s%i" % (name, i), grad) for name, grad in zip(names, rest, strict=False))
        for name in [name for name in grads if "W" in name]:
            loss = loss + 0.5 * self.reg * np.sum(np.power(self.params[name], 2))
            grads[name] = grads[name] + self.reg * self.params[name]
        return loss, grads
