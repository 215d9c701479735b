"""Short lambdas, np.power, and t kept as a NumPy integer."""

import numpy as np


def _put(config, **more):
    return config.update(more) or config


def _of(config, **defaults):
    return dict(defaults, **({} if config is None else config))


def sgd_momentum(w, dw, config=None):
    c = _of(config, learning_rate=0.01, momentum=0.9, velocity=np.zeros_like(w))
    _put(c, velocity=np.subtract(np.multiply(c["momentum"], c["velocity"]), np.multiply(c["learning_rate"], dw)))
    return np.add(w, c["velocity"]), c


def sgd_nesterov_momentum(w, dw, config=None):
    c = _of(config, learning_rate=0.01, momentum=0.9, velocity=np.zeros_like(w))
    # written out in the old velocity: mu^2 v - (1 + mu) lr g
    step = c["momentum"] ** 2 * c["velocity"] - (1 + c["momentum"]) * c["learning_rate"] * dw
    _put(c, velocity=c["momentum"] * c["velocity"] - c["learning_rate"] * dw)
    return w + step, c


def rmsprop(w, dw, config=None):
    c = _of(config, learning_rate=0.01, decay_rate=0.99, epsilon=1e-8, cache=np.zeros_like(w))
    _put(c, cache=c["cache"] + (1 - c["decay_rate"]) * (np.power(dw, 2) - c["cache"]))
    return w - c["learning_rate"] * np.true_divide(dw, np.power(c["cache"], 0.5) + c["epsilon"]), c


def adam(w, dw, config=None):
    c = _of(config, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, m=0.0 * w, v=0.0 * w, t=np.int64(0))
    _put(c, t=np.int64(c["t"] + 1), m=c["m"] * c["beta1"] + dw * (1 - c["beta1"]))
    _put(c, v=c["v"] * c["beta2"] + np.power(dw, 2) * (1 - c["beta2"]))
    first, second = 1 - np.power(c["beta1"], c["t"]), 1 - np.power(c["beta2"], c["t"])
    return w - c["learning_rate"] * c["m"] / first / (np.sqrt(c["v"] / second) + c["epsilon"]), c
