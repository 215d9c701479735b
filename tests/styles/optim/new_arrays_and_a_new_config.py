"""Changes nothing it is given, not even config: returns a new dict."""

import numpy as np


def sgd_momentum(w, dw, config=None):
    config = {"learning_rate": 1e-2, "momentum": 0.9, "velocity": np.zeros(w.shape), **(config or {})}
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + v, {**config, "velocity": v}


def sgd_nesterov_momentum(w, dw, config=None):
    config = {"learning_rate": 1e-2, "momentum": 0.9, "velocity": np.zeros(w.shape), **(config or {})}
    mu, old = config["momentum"], config["velocity"]
    new = mu * old - config["learning_rate"] * dw
    return w - mu * old + (1 + mu) * new, {**config, "velocity": new}


def rmsprop(w, dw, config=None):
    defaults = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, "cache": np.zeros(w.shape)}
    config = {**defaults, **(config or {})}
    decay = config["decay_rate"]
    cache = np.add(decay * config["cache"], (1 - decay) * np.square(dw))
    step = np.divide(dw, np.sqrt(cache) + config["epsilon"])
    return w - config["learning_rate"] * step, {**config, "cache": cache}


def adam(w, dw, config=None):
    defaults = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    memory = {"m": np.zeros(w.shape), "v": np.zeros(w.shape), "t": 0}
    config = {**defaults, **memory, **(config or {})}
    t = config["t"] + 1
    m = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    v = config["beta2"] * config["v"] + (1 - config["beta2"]) * np.square(dw)
    unbiased_m, unbiased_v = m / (1 - np.power(config["beta1"], t)), v / (1 - np.power(config["beta2"], t))
    step = config["learning_rate"] * unbiased_m / (np.sqrt(unbiased_v) + config["epsilon"])
    return w - step, {**config, "m": m, "v": v, "t": t}
