"""Everything in float64, whatever comes in; t as a float; the velocity named otherwise inside."""

import numpy as np


def _double(config, **defaults):
    config = {} if config is None else config
    for name, value in defaults.items():
        if name not in config:
            config[name] = value
    return config


def sgd_momentum(w, dw, config=None):
    config = _double(config, learning_rate=1e-2, momentum=0.9, velocity=np.zeros(w.shape))
    speed = np.float64(config["momentum"]) * np.asarray(config["velocity"], dtype=np.float64)
    speed = speed - np.float64(config["learning_rate"]) * dw.astype(np.float64)
    config["velocity"] = speed.copy()
    return w.astype(np.float64) + speed, config


def sgd_nesterov_momentum(w, dw, config=None):
    config = _double(config, learning_rate=1e-2, momentum=0.9, velocity=np.zeros(w.shape))
    mu, before = config["momentum"], config["velocity"].astype(np.float64)
    config["velocity"] = mu * before - config["learning_rate"] * dw
    ahead = (w - mu * before) + config["velocity"]
    return ahead + mu * config["velocity"], config


def rmsprop(w, dw, config=None):
    config = _double(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=np.zeros(w.shape))
    config["cache"] = np.average(
        [config["cache"], dw.astype(np.float64) ** 2], axis=0, weights=[config["decay_rate"], 1 - config["decay_rate"]]
    )
    return w + -config["learning_rate"] * dw / (config["epsilon"] + config["cache"] ** 0.5), config


def adam(w, dw, config=None):
    config = _double(config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0.0)
    config = _double(config, m=np.zeros(w.shape), v=np.zeros(w.shape))
    config["t"] = config["t"] + 1.0
    for name, beta, new in (("m", "beta1", dw), ("v", "beta2", dw**2)):
        config[name] = config[beta] * config[name] + (1.0 - config[beta]) * new
    corrected = {n: config[n] / (1.0 - config[b] ** config["t"]) for n, b in (("m", "beta1"), ("v", "beta2"))}
    return w - config["learning_rate"] * corrected["m"] / (corrected["v"] ** 0.5 + config["epsilon"]), config
