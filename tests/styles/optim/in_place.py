"""Changes the weights and its memory in place, and returns the same arrays."""

import numpy as np


def sgd_momentum(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.setdefault("velocity", np.zeros_like(w))
    v *= config["momentum"]
    v -= config["learning_rate"] * dw
    w += v
    return w, config


def sgd_nesterov_momentum(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.setdefault("velocity", np.zeros_like(w))
    w -= config["momentum"] * v
    v *= config["momentum"]
    v -= config["learning_rate"] * dw
    w += v
    w += config["momentum"] * v
    return w, config


def rmsprop(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("decay_rate", 0.99)
    config.setdefault("epsilon", 1e-8)
    cache = config.setdefault("cache", np.zeros_like(w))
    cache *= config["decay_rate"]
    cache += (1 - config["decay_rate"]) * dw * dw
    dw *= config["learning_rate"]
    dw /= np.sqrt(cache) + config["epsilon"]
    w -= dw
    return w, config


def adam(w, dw, config=None):
    if config is None:
        config = {}
    for name, value in {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}.items():
        config.setdefault(name, value)
    m, v = config.setdefault("m", np.zeros_like(w)), config.setdefault("v", np.zeros_like(w))
    config["t"] += 1
    m += (1 - config["beta1"]) * (dw - m)
    v += (1 - config["beta2"]) * (dw**2 - v)
    mhat, vhat = m / (1 - config["beta1"] ** config["t"]), v / (1 - config["beta2"] ** config["t"])
    w -= config["learning_rate"] * mhat / (np.sqrt(vhat) + config["epsilon"])
    return w, config
