"""One class does the work of all rules."""

import numpy as np


class _Rule:
    def __init__(self, config, w, defaults, memory):
        self.config = {} if config is None else config
        for name in defaults:
            self.config.setdefault(name, defaults[name])
        for name in memory:
            self.config.setdefault(name, np.zeros_like(w))
        self.rate = self.config["learning_rate"]

    def __getitem__(self, name):
        return self.config[name]

    def blend(self, name, share, new):
        self.config[name] = share * self.config[name] + (1 - share) * new
        return self.config[name]


def sgd_momentum(w, dw, config=None):
    rule = _Rule(config, w, {"learning_rate": 1e-2, "momentum": 0.9}, ["velocity"])
    rule.config["velocity"] = -(rule.rate * dw - rule["momentum"] * rule["velocity"])
    return rule["velocity"] + w, rule.config


def sgd_nesterov_momentum(w, dw, config=None):
    rule = _Rule(config, w, {"learning_rate": 1e-2, "momentum": 0.9}, ["velocity"])
    old = rule["velocity"]
    rule.config["velocity"] = rule["momentum"] * old - rule.rate * dw
    return w + rule["velocity"] - rule["momentum"] * (old - rule["velocity"]), rule.config


def rmsprop(w, dw, config=None):
    rule = _Rule(config, w, {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}, ["cache"])
    divisor = np.sqrt(rule.blend("cache", rule["decay_rate"], dw**2)) + rule["epsilon"]
    return w - (rule.rate / divisor) * dw, rule.config


def adam(w, dw, config=None):
    defaults = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    rule = _Rule(config, w, defaults, ["m", "v"])
    rule.config["t"] += 1
    m = rule.blend("m", rule["beta1"], dw) / (1 - rule["beta1"] ** rule["t"])
    v = rule.blend("v", rule["beta2"], dw**2) / (1 - rule["beta2"] ** rule["t"])
    return w - rule.rate * m / (np.sqrt(v) + rule["epsilon"]), rule.config
