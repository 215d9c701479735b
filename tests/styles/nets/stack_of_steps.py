"""A list of (forward, backward) steps; gradients gathered by name; weights by random_sample and Box and Muller."""

import numpy as np
from nndl import layers
from nndl.fc_net import FullyConnectedNet as _Given


def _normal(scale, shape):
    u, v = 1 - np.random.random_sample(shape), np.random.random_sample(shape)
    return scale * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


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
            steps.append((i, layers.affine_backward, cache))
            if i == 1:
                out, cache = layers.relu_forward(out)
                steps.append((0, layers.relu_backward, cache))
        if y is None:
            return out
        loss, d = layers.softmax_loss(out, y)
        grads = {}
        while steps:
            i, backward, cache = steps.pop()
            d = backward(d, cache)
            if i:
                d, dw, grads[f"b{i}"] = d
                grads[f"W{i}"] = dw + self.reg * self.params[f"W{i}"]
        loss += self.reg * 0.5 * sum(np.linalg.norm(self.params[w]) ** 2 for w in ("W1", "W2"))
        return loss, grads


class FullyConnectedNet(_Given):
    def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, weight_scale=1e-2, dtype=np.float32, **more):
        super().__init__(hidden_dims, input_dim, num_classes, weight_scale=weight_scale, dtype=dtype, **more)
        dims = [input_dim, *hidden_dims, num_classes]
        for i in range(1, len(dims)):
            self.params[f"W{i}"] = _normal(weight_scale, (dims[i - 1], dims[i])).astype(dtype)

    def loss(self, X, y=None):
        if self.normalization or self.use_dropout:
            return super().loss(X, y)
        out, steps, last = X.astype(self.dtype), [], self.num_layers
        for i in range(1, last + 1):
            out, cache = layers.affine_forward(out, self.params[f"W{i}"], self.params[f"b{i}"])
            steps.append((i, layers.affine_backward, cache))
            if i != last:
                out, cache = layers.relu_forward(out)
                steps.append((0, layers.relu_backward, cache))
        if y is None:
            return out
        loss, d = layers.softmax_loss(out, y)
        grads = {}
        for i, backward, cache in steps[::-1]:
            if not i:
                d = backward(d, cache)
                continue
            d, dw, db = backward(d, cache)
            w = self.params[f"W{i}"]
            grads[f"W{i}"], grads[f"b{i}"] = dw + self.reg * w, db
            loss = loss + self.reg * (w * w).sum() / 2
        return loss, grads
