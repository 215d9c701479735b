# ruff: noqa
"""A net that records closures on the way forward and calls them on the way back; float64 parameters."""

import numpy as np
from nndl import layers
from nndl.layers import *


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
        self.keep, self.kind, self.reg, self.seed, self.dtype = dropout_keep_ratio, normalization, reg, seed, dtype
        dims = [input_dim] + list(hidden_dims) + [num_classes]
        self.L = self.num_layers = len(dims) - 1
        self.params, self.bn_params = {}, []
        for i, (fan_in, fan_out) in enumerate(zip(dims, dims[1:]), 1):
            self.params[f"W{i}"] = np.random.randn(fan_in, fan_out) * weight_scale
            self.params[f"b{i}"] = np.zeros(fan_out)
            if normalization and i < self.L:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(fan_out), np.zeros(fan_out)
            self.bn_params.append({"mode": "train"})

    def loss(self, X, y=None):
        mode, undo, grads, P = ("test" if y is None else "train"), [], {}, self.params

        def step(forward, backward, names, x, *rest):
            out, cache = forward(x, *[P[name] for name in names], *rest)

            def back(dout):
                result = backward(dout, cache)
                if not names:
                    return result
                grads.update(zip(names, result[1:]))
                return result[0]

            undo.append(back)
            return out

        out = X
        for i in range(1, self.L + 1):
            out = step(layers.affine_forward, layers.affine_backward, [f"W{i}", f"b{i}"], out)
            if i == self.L:
                break
            if self.kind:
                self.bn_params[i - 1]["mode"] = mode
                pair = (layers.batchnorm_forward, layers.batchnorm_backward)
                if self.kind == "layernorm":
                    pair = (layers.layernorm_forward, layers.layernorm_backward)
                out = step(*pair, [f"gamma{i}", f"beta{i}"], out, self.bn_params[i - 1])
            out = step(layers.relu_forward, layers.relu_backward, [], out)
            if self.keep < 1:
                param = {"mode": mode, "p": self.keep}
                if self.seed is not None:
                    param["seed"] = self.seed
                out = step(layers.dropout_forward, layers.dropout_backward, [], out, param)
        if mode == "test":
            return out
        loss, dout = layers.softmax_loss(out, y)
        for back in reversed(undo):
            dout = back(dout)
        for i in range(1, self.L + 1):
            loss = loss + 0.5 * self.reg * np.linalg.norm(P[f"W{i}"]) ** 2
            grads[f"W{i}"] = grads[f"W{i}"] + self.reg * P[f"W{i}"]
        return loss, grads
