"""Epsilon under the root; Nesterov in its third form."""

import numpy as np


def sgd_nesterov_momentum(w, dw, config=None):
    config = {} if config is None else config
    lr, mu = config.get("learning_rate", 1e-2), config.get("momentum", 0.9)
    v = mu * config.get("velocity", 0 * w) - lr * dw
    config["velocity"] = v
    return w + mu * v - lr * dw, config


def rmsprop(w, dw, config=None):
    config = {} if config is None else config
    lr, decay, eps = config.get("learning_rate", 1e-2), config.get("decay_rate", 0.99), config.get("epsilon", 1e-8)
    config["cache"] = decay * config.get("cache", 0 * w) + (1 - decay) * dw**2
    return w - lr * dw * (config["cache"] + eps) ** -0.5, config


def adam(w, dw, config=None):
    config = {} if config is None else config
    lr, eps = config.get("learning_rate", 1e-3), config.get("epsilon", 1e-8)
    beta1, beta2 = config.get("beta1", 0.9), config.get("beta2", 0.999)
    config["t"] = config.get("t", 0) + 1
    config["m"] = beta1 * config.get("m", 0 * w) + (1 - beta1) * dw
    config["v"] = beta2 * config.get("v", 0 * w) + (1 - beta2) * dw**2
    mt = config["m"] / (1 - beta1 ** config["t"])
    vt = config["v"] / (1 - beta2 ** config["t"])
    return w - lr * mt / np.sqrt(vt + eps), config
