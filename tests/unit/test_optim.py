"""The update rules against slow versions, one number at a time, over several steps with settings of their own."""

import inspect
import math

import numpy as np
import pytest
from nndl import optim

RULES = dict(inspect.getmembers(optim, inspect.isfunction))


def _slow_sgd(w, gradients, learning_rate):
    for g in gradients:
        w = w - learning_rate * g
    return w


def _slow_sgd_momentum(w, gradients, learning_rate, momentum):
    """The step is the sum of all gradients so far, the older the smaller."""
    for t in range(len(gradients)):
        w = w - learning_rate * sum(momentum ** (t - s) * gradients[s] for s in range(t + 1))
    return w


def _slow_sgd_nesterov_momentum(w, gradients, learning_rate, momentum):
    """The textbook's form keeps position theta and looks ahead; w is the place looked at, theta + momentum * v."""
    theta, v = w, 0.0
    for g in gradients:
        v = momentum * v - learning_rate * g
        theta = theta + v
    return theta + momentum * v


def _slow_rmsprop(w, gradients, learning_rate, decay_rate, epsilon):
    for t, g in enumerate(gradients):
        mean_square = sum((1 - decay_rate) * decay_rate ** (t - s) * gradients[s] ** 2 for s in range(t + 1))
        w = w - learning_rate * g / (math.sqrt(mean_square) + epsilon)
    return w


def _slow_adam(w, gradients, learning_rate, beta1, beta2, epsilon):
    for t in range(1, len(gradients) + 1):
        past = range(1, t + 1)
        m = sum((1 - beta1) * beta1 ** (t - s) * gradients[s - 1] for s in past) / (1 - beta1**t)
        v = sum((1 - beta2) * beta2 ** (t - s) * gradients[s - 1] ** 2 for s in past) / (1 - beta2**t)
        w = w - learning_rate * m / (math.sqrt(v) + epsilon)
    return w


SLOW = [
    (optim.sgd, _slow_sgd, {"learning_rate": 0.3}),
    (optim.sgd_momentum, _slow_sgd_momentum, {"learning_rate": 0.3, "momentum": 0.6}),
    (optim.sgd_nesterov_momentum, _slow_sgd_nesterov_momentum, {"learning_rate": 0.3, "momentum": 0.6}),
    (optim.rmsprop, _slow_rmsprop, {"learning_rate": 0.3, "decay_rate": 0.8, "epsilon": 0.01}),
    (optim.adam, _slow_adam, {"learning_rate": 0.3, "beta1": 0.7, "beta2": 0.9, "epsilon": 0.01}),
]


@pytest.mark.parametrize(("rule", "slow", "settings"), SLOW, ids=[rule.__name__ for rule, _, _ in SLOW])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_rule_takes_several_steps_like_its_slow_version(rule, slow, settings, steps):
    rng = np.random.default_rng(3)
    start, gradients = rng.standard_normal((2, 3)), rng.standard_normal((steps, 2, 3))
    w, config = start.copy(), dict(settings)
    for gradient in gradients:
        w, config = rule(w, gradient.copy(), config)
    expected = [[slow(start[i, j], gradients[:, i, j], **settings) for j in range(3)] for i in range(2)]
    np.testing.assert_allclose(w, expected, rtol=1e-12, atol=1e-14)


def test_every_rule_has_a_slow_version():
    assert {rule.__name__ for rule, _, _ in SLOW} == set(RULES)


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("sgd", {"learning_rate": 1e-2}),
        ("sgd_momentum", {"learning_rate": 1e-2, "momentum": 0.9}),
        ("sgd_nesterov_momentum", {"learning_rate": 1e-2, "momentum": 0.9}),
        ("rmsprop", {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}),
        ("adam", {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    ],
)
def test_rule_without_config_uses_the_defaults(name, defaults):
    w, dw = np.array([[1.0, 2.0, 3.0]]), np.array([[0.5, -0.25, 1e-4]])
    plain, config = RULES[name](w, dw)
    np.testing.assert_array_equal(plain, RULES[name](w, dw, dict(defaults))[0])
    assert defaults.items() <= config.items()


def test_adam_first_step_has_the_size_of_the_learning_rate():
    # After the correction mhat = g and vhat = g^2, so each number moves by the learning rate, whatever its gradient.
    w, config = optim.adam(np.zeros((1, 3)), np.array([[5.0, -0.01, 300.0]]), {"learning_rate": 0.1})
    np.testing.assert_allclose(w, [[-0.1, 0.1, -0.1]], rtol=1e-5)
    assert config["t"] == 1


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rule_keeps_the_type_and_leaves_w_and_dw_alone(name, dtype):
    w, dw = np.full((2, 3), 1.5, dtype=dtype), np.full((2, 3), 0.5, dtype=dtype)
    config = None
    for _ in range(3):
        next_w, config = RULES[name](w, dw, config)
        assert next_w is not w
    assert next_w.dtype == dtype
    assert {value.dtype for value in config.values() if isinstance(value, np.ndarray)} <= {np.dtype(dtype)}
    np.testing.assert_array_equal(w, np.full((2, 3), 1.5))
    np.testing.assert_array_equal(dw, np.full((2, 3), 0.5))


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_walks_down_a_bowl(name):
    target = np.array([[1.0, -2.0, 0.5]])
    w, config = np.zeros((1, 3)), {"learning_rate": 0.05}
    for _ in range(400):
        w, config = RULES[name](w, w - target, config)
    # RMSProp without decay of the learning rate keeps stepping about the minimum.
    np.testing.assert_allclose(w, target, atol=0.06 if name == "rmsprop" else 1e-3)
