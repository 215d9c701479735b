"""Keeps notes of its own in config beside what is asked for, and prints."""

import numpy as np


def sgd_momentum(w, dw, config=None):
    config = config or {}
    print("step", dw.shape)
    config["velocity"] = (
        config.get("momentum", 0.9) * config.get("velocity", np.zeros_like(w)) - config.get("learning_rate", 1e-2) * dw
    )
    config["steps"] = config.get("steps", 0) + 1
    return w + config["velocity"], config


def rmsprop(w, dw, config=None):
    config = config or {}
    config["squares"] = dw * dw
    decay = config.get("decay_rate", 0.99)
    config["cache"] = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * config["squares"]
    config["root"] = np.sqrt(config["cache"] + config.get("epsilon", 1e-8))
    return w - config.get("learning_rate", 1e-2) / config["root"] * dw, config


def adam(w, dw, config=None):
    config = config or {}
    config["t"] = t = config.get("t", 0) + 1
    b1, b2, zeros = config.get("beta1", 0.9), config.get("beta2", 0.999), np.zeros_like(w)
    config["m"], config["v"] = (
        b1 * config.get("m", zeros) + (1 - b1) * dw,
        b2 * config.get("v", zeros) + (1 - b2) * dw**2,
    )
    config["mhat"], config["vhat"] = config["m"] / (1 - b1**t), config["v"] / (1 - b2**t)
    denominator = np.sqrt(config["vhat"]) + config.get("epsilon", 1e-8)
    return w - config.get("learning_rate", 1e-3) * config["mhat"] / denominator, config
