"""What checks of batch and layer normalization share: the formulas written out, and how a gradient is judged.

A backward pass is judged by the student's own forward pass, because its cache is the student's choice and cannot be
made by the reference. So that a wrong forward pass costs points once, three answers count as right:

- the derivative of the student's own forward pass, by central differences;
- the formula of the paper for what the student's forward pass made of x;
- the formula of the paper for what it should have made of x.

The first two count only for a forward pass that normalizes in some way: one whose output is constant, or x itself, or
any function of each number alone, agrees with gradients that say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.api import Array, Student, numeric_gradient, rel_error, require, require_shape

EXACT = 1e-6  # norm-relative
NUMERIC = 1e-5  # of a gradient by central differences
SINGLE = 2e-3  # of a computation in float32, also by one-pass formulas that cancel
NAMES = ("dx", "dgamma", "dbeta")

Data = tuple[Array, Array, Array, Array]  # x, gamma, beta, dout


@dataclass(frozen=True)
class Layer:
    """A normalization layer of the course: the names of its functions and the axis its statistics are taken over."""

    forward: str
    backward: str
    axis: int

    def run(self, student: Student, x: Array, gamma: Array, beta: Array, param: Any) -> tuple[Array, Any]:
        """Output (checked to be an array of x's shape) and cache of the student's forward pass."""
        out, cache = getattr(student.layers, self.forward)(x, gamma, beta, param)
        return require_shape(out, x.shape, f"The output of {self.forward}"), cache

    def normalized(self, x: Array, eps: float) -> tuple[Array, Array]:
        """x_hat, and 1 / sqrt(var + eps), element by element where x is."""
        spread = [[np.sqrt(float(((row - row.mean()) ** 2).mean()) + eps)] * row.size for row in self._lines(x)]
        centred = [row - row.mean() for row in self._lines(x)]
        inv_std = 1 / np.array(spread)
        x_hat = np.array(centred) * inv_std
        return (x_hat, inv_std) if self.axis == 1 else (x_hat.T, inv_std.T)

    def _lines(self, x: Array) -> Array:
        return np.asarray(x if self.axis == 1 else x.T, dtype=np.float64)

    def gradients(self, dout: Array, gamma: Array, x_hat: Array, inv_std: Array) -> tuple[Array, ...]:
        """dx, dgamma and dbeta from the formula of the paper, simplified."""
        dx_hat = dout * gamma
        along_ones = dx_hat.mean(axis=self.axis, keepdims=True)
        along_x_hat = (dx_hat * x_hat).mean(axis=self.axis, keepdims=True)
        dx = inv_std * (dx_hat - along_ones - x_hat * along_x_hat)
        return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


BATCH = Layer("batchnorm_forward", "batchnorm_backward", axis=0)
BATCH_ALT = Layer("batchnorm_forward", "batchnorm_backward_alt", axis=0)
LAYER = Layer("layernorm_forward", "layernorm_backward", axis=1)


def inputs(rng: np.random.Generator, n: int, d: int) -> Data:
    """x (N, D), whose features and examples differ in mean and spread; gamma and beta (D,) far from 1 and 0; dout."""
    x = rng.standard_normal((n, d)) * rng.uniform(0.7, 2.0, d) * rng.uniform(0.7, 1.5, (n, 1)) + rng.uniform(-3, 3, d)
    gamma = rng.uniform(0.5, 2.0, d) * rng.choice([-1.0, 1.0], d)
    return x, gamma, rng.uniform(1.0, 3.0, d) * rng.choice([-1.0, 1.0], d), rng.standard_normal((n, d))


def flat(value: Any, d: int, name: str) -> Array:
    """A vector of D numbers; one of shape (1, D) counts as well."""
    squeezed = np.squeeze(value) if isinstance(value, np.ndarray) and d > 1 else value
    return require_shape(squeezed, (d,), name)


def require_gradients(
    layer: Layer,
    student: Student,
    data: Data,
    *,
    names: tuple[str, ...] = NAMES,
    tolerance: float = NUMERIC,
    **param: object,
) -> None:
    """The student's gradients must be right, each by one of the three measures named above.

    Parameters
    ----------
    layer : Layer
        The layer.
    data : x, gamma, beta, dout
        As from `inputs`.
    names : tuple of str
        Which gradients to judge.
    tolerance : float
        Norm-relative.
    **param
        What the dict handed to the forward pass holds.
    """
    x, gamma, beta, dout = data
    out, cache = layer.run(student, x, gamma, beta, dict(param))
    got = dict(zip(NAMES, getattr(student.layers, layer.backward)(dout, cache), strict=True))
    got = {"dx": require_shape(got["dx"], x.shape, "dx")} | {
        name: flat(got[name], x.shape[1], name) for name in NAMES[1:]
    }
    out = np.asarray(out, dtype=np.float64)
    idle = _is_idle(layer, x, out) or _is_apart(layer, student, data, out, param)
    right = _right_answers(layer, data, out, float(str(param.get("eps", 1e-5))))[: 1 if idle else 2]
    for name in names:
        answers = [answer[NAMES.index(name)] for answer in right]
        good = any(rel_error(got[name], answer) < tolerance for answer in answers)
        if not good and not idle:
            numeric = _numeric(layer, student, data, name, param)
            good = bool(abs(numeric).max() > 1e-8) and rel_error(got[name], numeric) < tolerance
        require(good, f"{name} is not the gradient.")


def _is_idle(layer: Layer, x: Array, out: Array) -> bool:
    """Whether a forward pass made nothing of x: a constant, or x again."""
    constant = np.ptp(out, axis=layer.axis).max() < 1e-6
    return bool(constant or rel_error(out, np.asarray(x, dtype=np.float64)) < EXACT)


def _is_apart(layer: Layer, student: Student, data: Data, out: Array, param: dict[str, object]) -> bool:
    """Whether a forward pass works on each number alone: all others change, and it gives the same for the first.

    They go to the other side of the first and twice as far, so whatever normalizes gives it the opposite sign. One
    example or one feature cannot tell.
    """
    x, gamma, beta, _ = data
    if 1 in x.shape:
        return False
    others = (x[0, 0] - 2 * (x - x[0, 0])).astype(x.dtype)
    again, _ = layer.run(student, others, gamma, beta, dict(param))
    return rel_error(np.asarray(again, dtype=np.float64)[0, 0], out[0, 0]) < EXACT


def _right_answers(layer: Layer, data: Data, out: Array, eps: float) -> list[tuple[Array, ...]]:
    """The formula for what the forward pass should have made of x, and for what it made of it."""
    x, gamma, beta, dout = (np.asarray(array, dtype=np.float64) for array in data)
    x_hat = (out - beta) / gamma
    inv_std = np.sqrt(x_hat.var(axis=layer.axis, keepdims=True) / x.var(axis=layer.axis, keepdims=True))
    return [
        layer.gradients(dout, gamma, *layer.normalized(x, eps)),
        layer.gradients(dout, gamma, x_hat, inv_std),
    ]


def _numeric(layer: Layer, student: Student, data: Data, name: str, param: dict[str, object]) -> Array:
    """The gradient of sum(out * dout) by central differences of the student's forward pass."""
    *arguments, dout = (np.asarray(array, dtype=np.float64) for array in data)
    place = NAMES.index(name)

    def value(array: Array) -> float:
        changed = [array if i == place else other for i, other in enumerate(arguments)]
        out, _ = layer.run(student, changed[0], changed[1], changed[2], dict(param))
        return float((out * dout).sum())

    return numeric_gradient(value, arguments[place])


def single(data: Data) -> Data:
    """The same in float32."""
    x, gamma, beta, dout = (array.astype(np.float32) for array in data)
    return x, gamma, beta, dout


def require_own_cache(layer: Layer, student: Student, rng: np.random.Generator) -> None:
    """Backward must belong to the call that made the cache. Its own gradients are compared, right or wrong."""
    first, second = inputs(rng, 5, 4), inputs(rng, 5, 4)
    x, gamma, beta, dout = first
    backward = getattr(student.layers, layer.backward)
    _, cache = layer.run(student, x, gamma, beta, {"mode": "train"})
    want = backward(dout, cache)
    _, cache = layer.run(student, *second[:3], {"mode": "train"})
    other = backward(dout, cache)
    require(rel_error(want[0], other[0]) > EXACT, "dx is the same whatever the forward pass was given.")
    _, cache = layer.run(student, x, gamma, beta, {"mode": "train"})
    layer.run(student, *second[:3], {"mode": "train"})
    got = backward(dout, cache)
    same = all(rel_error(a, b) < EXACT for a, b in zip(got, want, strict=True))
    require(same, "The gradients change when there is another forward pass in between.")
