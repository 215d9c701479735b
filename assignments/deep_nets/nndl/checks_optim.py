"""Visible checks of the update rules. Run them with nndl.layer_tests.check.

Three steps with settings far from the defaults, against the formulas written out with plain numbers.
"""

import math

import numpy as np

from nndl import optim
from nndl.layer_tests import close, holds

_STEPS = 3
# Room for every accepted place of epsilon (inside or outside the root, before or after the bias correction).
_TOLERANCE = 1e-6


def _steps(rule, config):
    """Parameters after each step, and the configuration at the end; the gradients are those of `_gradient`."""
    w, seen = _start(), []
    for t in range(_STEPS):
        w, config = rule(w.copy(), _gradient(t), config)
        w = np.array(w)
        seen.append(w)
    return seen, config


def _start():
    return np.linspace(-0.4, 0.6, 12).reshape(3, 4)


def _gradient(t):
    return np.random.RandomState(50 + t).uniform(0.5, 1.5, (3, 4)) * np.where(np.arange(12).reshape(3, 4) % 3, 1, -1)


def _by_hand(step, state):
    """Run a rule for one number at a time: step(w, g, state of that number, t) -> w."""
    w = _start()
    states = {index: dict(state) for index in np.ndindex(w.shape)}
    seen = []
    for t in range(_STEPS):
        g = _gradient(t)
        for index in np.ndindex(w.shape):
            w[index] = step(w[index], g[index], states[index], t + 1)
        seen.append(w.copy())
    return seen, {key: np.array([states[i][key] for i in np.ndindex(w.shape)]).reshape(w.shape) for key in state}


def _compare(rule, config, step, state, hint):
    got, config = _steps(rule, config)
    want, states = _by_hand(step, state)
    for t in range(_STEPS):
        yield close(f"w after step {t + 1}", got[t], want[t], _TOLERANCE, hint)
    for key, values in states.items():
        stored = config.get(key) if isinstance(config, dict) else None
        yield close(f'config["{key}"] at the end', stored, values, _TOLERANCE, "store it back and return config")


def sgd():
    """Rows for optim.sgd."""
    yield from _compare(optim.sgd, {"learning_rate": 0.3}, lambda w, g, s, t: w - 0.3 * g, {}, "w - learning_rate * dw")


def sgd_momentum():
    """Rows for optim.sgd_momentum."""

    def step(w, g, s, t):
        s["velocity"] = 0.7 * s["velocity"] - 0.3 * g
        return w + s["velocity"]

    hint = "v = momentum * v - learning_rate * dw, then w + v"
    yield from _compare(optim.sgd_momentum, {"learning_rate": 0.3, "momentum": 0.7}, step, {"velocity": 0.0}, hint)


def sgd_nesterov_momentum():
    """Rows for optim.sgd_nesterov_momentum."""

    def step(w, g, s, t):
        old = s["velocity"]
        s["velocity"] = 0.7 * old - 0.3 * g
        return w + s["velocity"] + 0.7 * (s["velocity"] - old)

    hint = "v_new = momentum * v - learning_rate * dw, then w + v_new + momentum * (v_new - v)"
    config = {"learning_rate": 0.3, "momentum": 0.7}
    yield from _compare(optim.sgd_nesterov_momentum, config, step, {"velocity": 0.0}, hint)


def rmsprop():
    """Rows for optim.rmsprop."""

    def step(w, g, s, t):
        s["cache"] = 0.6 * s["cache"] + 0.4 * g * g
        return w - 0.3 * g / (math.sqrt(s["cache"]) + 1e-8)

    hint = 'config["cache"] is the moving average of dw^2; divide by its square root, after it was brought up to date'
    yield from _compare(optim.rmsprop, {"learning_rate": 0.3, "decay_rate": 0.6}, step, {"cache": 0.0}, hint)


def adam():
    """Rows for optim.adam."""

    def step(w, g, s, t):
        s["m"] = 0.6 * s["m"] + 0.4 * g
        s["v"] = 0.8 * s["v"] + 0.2 * g * g
        return w - 0.3 * (s["m"] / (1 - 0.6**t)) / (math.sqrt(s["v"] / (1 - 0.8**t)) + 1e-8)

    hint = "t grows before it is used; both moments are divided by their bias correction, 1 - beta^t"
    config = {"learning_rate": 0.3, "beta1": 0.6, "beta2": 0.8}
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # the rows say it better than NumPy's warnings
            rows = list(_compare(optim.adam, config, step, {"m": 0.0, "v": 0.0}, hint))
    except ZeroDivisionError:
        rows = [holds("nothing is divided by 0", False, f"1 - beta^t is 0 for t = 0: {hint}")]
    yield from rows


CHECKS = {check.__name__: check for check in (sgd, sgd_momentum, sgd_nesterov_momentum, rmsprop, adam)}
