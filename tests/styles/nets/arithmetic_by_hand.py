"""A net that calls no layer function: every step is written out in NumPy, with the gradients beside it."""

import numpy as np


def _cross_entropy(scores, y):
    shifted = scores - scores.max(axis=1)[:, np.newaxis]
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1))[:, np.newaxis]
    d = np.exp(log_p)
    d[np.arange(len(y)), y] -= 1
    return -log_p[np.arange(len(y)), y].sum() / len(y), d / len(y)


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params = {"b1": np.zeros(hidden_dim), "b2": np.zeros(num_classes)}
        self.params["W1"] = np.random.randn(input_dim, hidden_dim)
        self.params["W2"] = np.random.randn(hidden_dim, num_classes)
        self.params["W1"] *= weight_scale
        self.params["W2"] *= weight_scale
        self.reg = reg

    def loss(self, X, y=None):
        p, N = self.params, X.shape[0]
        x = X.reshape(N, -1)
        h = x @ p["W1"] + p["b1"]
        h = h * (h > 0)
        scores = h @ p["W2"] + p["b2"]
        if y is None:
            return scores
        loss, d = _cross_entropy(scores, y)
        loss += self.reg * 0.5 * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())
        dh = (d @ p["W2"].T) * (h > 0)
        return loss, {
            "W1": x.T @ dh + self.reg * p["W1"],
            "b1": dh.sum(0),
            "W2": h.T @ d + self.reg * p["W2"],
            "b2": d.sum(0),
        }


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
        self.keep, self.normalization, self.reg, self.seed = dropout_keep_ratio, normalization, reg, seed
        self.dtype, self.num_layers = dtype, len(hidden_dims) + 1
        sizes = np.array([input_dim, *hidden_dims, num_classes])
        self.params, self.running = {}, {}
        for i in range(1, self.num_layers + 1):
            drawn = np.random.randn(sizes[i - 1], sizes[i]) * weight_scale
            self.params["W" + str(i)], self.params["b" + str(i)] = drawn.astype(dtype), np.zeros(sizes[i], dtype)
            if normalization and i < self.num_layers:
                self.params["gamma" + str(i)] = np.ones(sizes[i], dtype)
                self.params["beta" + str(i)] = np.zeros(sizes[i], dtype)
                self.running[i] = np.zeros(sizes[i]), np.zeros(sizes[i])
        self.bn_params = [{} for _ in self.running]

    def _statistics(self, a, i, training):
        if self.normalization == "layernorm":
            return a.mean(axis=1, keepdims=True), a.var(axis=1, keepdims=True)
        if not training:
            return self.running[i]
        mean, var = a.mean(axis=0), a.var(axis=0)
        old_mean, old_var = self.running[i]
        self.running[i] = 0.9 * old_mean + 0.1 * mean, 0.9 * old_var + 0.1 * var
        return mean, var

    def loss(self, X, y=None):
        p, training = self.params, y is not None
        x = X.reshape(len(X), -1).astype(self.dtype)
        tape = []
        for i in range(1, self.num_layers):
            a = x @ p[f"W{i}"] + p[f"b{i}"]
            x_hat = root = None
            if self.normalization:
                mean, var = self._statistics(a, i, training)
                root = np.sqrt(var + 1e-5)
                x_hat = (a - mean) / root
                a = p[f"gamma{i}"] * x_hat + p[f"beta{i}"]
            slope = (a > 0).astype(self.dtype)
            if self.keep < 1 and training:
                rng = np.random if self.seed is None else np.random.RandomState(self.seed)
                slope *= (rng.random_sample(a.shape) < self.keep) / self.keep
            tape.append((x, x_hat, root, slope))
            x = a * slope
        last = self.num_layers
        scores = x @ p[f"W{last}"] + p[f"b{last}"]
        if not training:
            return scores
        loss, d = _cross_entropy(scores, y)
        grads = {f"W{last}": x.T @ d, f"b{last}": d.sum(0)}
        d = d @ p[f"W{last}"].T
        axis = 1 if self.normalization == "layernorm" else 0
        while tape:
            i = len(tape)
            x, x_hat, root, slope = tape.pop()
            d = d * slope
            if x_hat is not None:
                grads[f"gamma{i}"], grads[f"beta{i}"] = (d * x_hat).sum(0), d.sum(0)
                g = d * p[f"gamma{i}"]
                about = g.mean(axis=axis, keepdims=True) + x_hat * (g * x_hat).mean(axis=axis, keepdims=True)
                d = (g - about) / root
            grads[f"W{i}"], grads[f"b{i}"] = x.T @ d, d.sum(0)
            d = d @ p[f"W{i}"].T
        for i in range(1, last + 1):
            loss += 0.5 * self.reg * (p[f"W{i}"] * p[f"W{i}"]).sum()
            grads[f"W{i}"] += self.reg * p[f"W{i}"]
        return loss, grads
