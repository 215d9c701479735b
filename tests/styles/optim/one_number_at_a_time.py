"""Loops over all entries of flat copies."""

import math

import numpy as np


def _flat(config, name, w):
    return np.array(config.get(name, np.zeros(w.shape)), dtype=w.dtype).ravel()


def sgd_momentum(w, dw, config=None):
    config = config if config is not None else {}
    v, out, slope = _flat(config, "velocity", w), w.ravel().copy(), dw.ravel()
    for i in range(out.size):
        v[i] = config.get("momentum", 0.9) * v[i] - config.get("learning_rate", 0.01) * slope[i]
        out[i] += v[i]
    config["velocity"] = v.reshape(w.shape)
    return out.reshape(w.shape), config


def sgd_nesterov_momentum(w, dw, config=None):
    config = config if config is not None else {}
    mu, v, out, slope = config.get("momentum", 0.9), _flat(config, "velocity", w), w.ravel().copy(), dw.ravel()
    for i in range(out.size):
        new = mu * v[i] - config.get("learning_rate", 0.01) * slope[i]
        out[i] += new + mu * (new - v[i])
        v[i] = new
    config["velocity"] = v.reshape(w.shape)
    return out.reshape(w.shape), config


def rmsprop(w, dw, config=None):
    config = config if config is not None else {}
    cache, out, slope, decay = _flat(config, "cache", w), w.ravel().copy(), dw.ravel(), config.get("decay_rate", 0.99)
    for i in range(out.size):
        cache[i] = decay * cache[i] + (1 - decay) * slope[i] ** 2
        out[i] -= config.get("learning_rate", 0.01) * slope[i] / (math.sqrt(cache[i]) + config.get("epsilon", 1e-8))
    config["cache"] = cache.reshape(w.shape)
    return out.reshape(w.shape), config


def adam(w, dw, config=None):
    config = config if config is not None else {}
    m, v, out, slope = _flat(config, "m", w), _flat(config, "v", w), w.ravel().copy(), dw.ravel()
    b1, b2, t = config.get("beta1", 0.9), config.get("beta2", 0.999), config.get("t", 0) + 1
    for i in range(out.size):
        m[i] = b1 * m[i] + (1 - b1) * slope[i]
        v[i] = b2 * v[i] + (1 - b2) * slope[i] ** 2
        root = math.sqrt(v[i] / (1 - b2**t)) + config.get("epsilon", 1e-8)
        out[i] -= config.get("learning_rate", 0.001) * m[i] / (1 - b1**t) / root
    config["m"], config["v"], config["t"] = m.reshape(w.shape), v.reshape(w.shape), t
    return out.reshape(w.shape), config
