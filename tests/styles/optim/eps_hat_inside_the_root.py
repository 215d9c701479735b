"""Both corrections in the learning rate, and epsilon under the uncorrected root."""

import numpy as np


def adam(w, dw, config=None):
    config = dict(config or {})
    b1, b2 = config.setdefault("beta1", 0.9), config.setdefault("beta2", 0.999)
    t = config["t"] = config.get("t", 0) + 1
    m = config["m"] = b1 * config.get("m", np.zeros_like(w)) + (1 - b1) * dw
    v = config["v"] = b2 * config.get("v", np.zeros_like(w)) + (1 - b2) * dw * dw
    rate = config.setdefault("learning_rate", 1e-3) * (1 - b2**t) ** 0.5 / (1 - b1**t)
    return w - rate * m / np.sqrt(v + config.setdefault("epsilon", 1e-8)), config
