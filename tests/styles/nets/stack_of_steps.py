"""A list of (forward, backward) steps; gradients gathered by name; weights by random_sample and Box and Muller."""

import numpy as np
from nndl import layers


def _normal(scale, shape):
    u, v = 1 - np.random.random_sample(shape), np.random.random_sample(shape)
    return scale * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def _back(net, steps, d):
    """Gradients of all parameters that the steps name, and of the loss by the weights."""
    grads = {}
    while steps:
        names, backward, cache = steps.pop()
        d = backward(d, cache)
        if names:
            d, *rest = d
            grads.update(zip(names, rest, strict=True))
    for name in [name for name in grads if name[0] == "W"]:
        grads[name] = grads[name] + net.reg * net.params[name]
    return grads, net.reg * 0.5 * sum(np.linalg.norm(w) ** 2 for name, w in net.params.items() if name[0] == "W")


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params, self.reg = {}, reg
        for i, (a, b) in enumerate([(input_dim, hidden_dim), (hidden_dim, num_classes)], 1):
            self.params[f"W{i}"] = _normal(weight_scale, (a, b))
            self.params[f"b{i}"] = np.zeros(b)

    def loss(self, X, y=None):
        out, steps = X, []
        for i in (1, 2):
            out, cache = layers.affine_forward(out, self.params[f"W{i}"], self.params[f"b{i}"])
            steps.append(([f"W{i}", f"b{i}"], layers.affine_backward, cache))
            if i == 1:
                out, cache = layers.relu_forward(out)
                steps.append(([], layers.relu_backward, cache))
        if y is None:
            return out
        loss, d = layers.softmax_loss(out, y)
        grads, penalty = _back(self, steps, d)
        return loss + penalty, grads


class FullyConnectedNet:
    def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, dropout_keep_ratio=1, normalization=None,
                 reg=0.0, weight_scale=1e-2, dtype=np.float32, seed=None):  # fmt: skip
        self.keep, self.normalization, self.reg, self.dtype = dropout_keep_ratio, normalization, reg, dtype
        self.seed = {} if seed is None else {"seed": seed}
        dims = [input_dim, *hidden_dims, num_classes]
        self.num_layers = len(dims) - 1
        self.bn_params = [{"momentum": 0.9, "eps": 1e-5} for _ in hidden_dims]
        self.params = {}
        for i in range(1, len(dims)):
            self.params[f"W{i}"] = _normal(weight_scale, (dims[i - 1], dims[i])).astype(dtype)
            self.params[f"b{i}"] = np.zeros(dims[i], dtype)
            if normalization and i < self.num_layers:
                self.params[f"gamma{i}"] = np.full(dims[i], 1, dtype)
                self.params[f"beta{i}"] = np.full(dims[i], 0, dtype)

    def loss(self, X, y=None):
        out, steps, mode = X.astype(self.dtype), [], {"mode": "test" if y is None else "train"}
        for i in range(1, self.num_layers + 1):
            out, cache = layers.affine_forward(out, self.params[f"W{i}"], self.params[f"b{i}"])
            steps.append(([f"W{i}", f"b{i}"], layers.affine_backward, cache))
            if i == self.num_layers:
                break
            if self.normalization:
                names = [f"gamma{i}", f"beta{i}"]
                forward = getattr(layers, f"{self.normalization}_forward")
                self.bn_params[i - 1].update(mode)
                out, cache = forward(out, *[self.params[name] for name in names], self.bn_params[i - 1])
                steps.append((names, getattr(layers, f"{self.normalization}_backward"), cache))
            out, cache = layers.relu_forward(out)
            steps.append(([], layers.relu_backward, cache))
            if self.keep != 1:
                out, cache = layers.dropout_forward(out, {"p": self.keep, **mode, **self.seed})
                steps.append(([], layers.dropout_backward, cache))
        if y is None:
            return out
        loss, d = layers.softmax_loss(out, y)
        grads, penalty = _back(self, steps, d)
        return loss + penalty, grads
