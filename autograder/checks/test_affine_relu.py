"""Hidden checks of affine_forward, affine_backward, relu_forward and relu_backward.

A backward pass is judged by what the student's own forward pass does, so a wrong forward pass costs points once. Where
the two do not fit together, the question is examined again with the reference's forward pass.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograder.checks.api import (
    Array,
    Student,
    measured,
    question,
    rel_error,
    require,
    require_precise,
    require_shape,
    slope,
)

EXACT = 1e-6  # norm-relative; float32 code passes
AFFINE = ("layers.affine_forward",)
RELU = ("layers.relu_forward",)
OUT = "The output of affine_forward"
NAMES = ("dx", "dw", "db")


def _draw(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> tuple[Array, Array, Array]:
    """x of this shape, w and b that fit."""
    return rng.standard_normal(shape), rng.standard_normal((math.prod(shape[1:]), width)), rng.standard_normal(width)


def _slow_affine(x: Array, w: Array, b: Array) -> Array:
    """The affine layer, one number at a time."""
    out = np.zeros((len(x), len(b)))
    for n, example in enumerate(x):
        flat = example.ravel()
        for m in range(len(b)):
            out[n, m] = sum(flat[d] * w[d, m] for d in range(len(flat))) + b[m]
    return out


def _forward_agrees(student: Student, rng: np.random.Generator, shape: tuple[int, ...], width: int) -> None:
    x, w, b = _draw(rng, shape, width)
    out = require_shape(student.layers.affine_forward(x, w, b)[0], (len(x), width), OUT)
    require(rel_error(out, _slow_affine(x, w, b)) < EXACT, "The output is not x w + b.")


@question("affine_forward", weight=3, hint="Flatten every example to a row: x.reshape(N, -1) @ w + b.")
def test_output_is_x_times_w_plus_b(student: Student, rng: np.random.Generator) -> None:
    """For x of shape (N, D) the output is x w + b, of shape (N, M), for every N, D and M."""
    for n, d, m in ((5, 7, 3), (3, 4, 6), (4, 4, 4), (1, 6, 2), (6, 1, 1)):
        _forward_agrees(student, rng, (n, d), m)


@question("affine_forward", weight=2, hint="x.reshape(N, -1) flattens every example, whatever its shape.")
def test_examples_may_have_any_shape(student: Student, rng: np.random.Generator) -> None:
    """x may have three or four dimensions, such as images: every example is flattened to a row first, and examples are
    not mixed."""
    for shape in ((4, 2, 3), (2, 3, 4, 5), (3, 2, 2, 2), (1, 3, 2, 2)):
        _forward_agrees(student, rng, shape, 4)


@question("affine_forward", hint="Run the affine cell of the notebook.")
def test_affine_cell_gives_the_product_on_new_numbers(student: Student, rng: np.random.Generator) -> None:
    """The notebook's affine cell on new numbers: two images of shape (4, 5, 6) and three outputs."""
    low, high = np.sort(rng.uniform(-0.5, 0.5, 2))
    x = np.linspace(low, high, 240).reshape(2, 4, 5, 6)
    w, b = np.linspace(-high, 0.4, 360).reshape(120, 3), np.linspace(low, 0.3, 3)
    out = require_shape(student.layers.affine_forward(x, w, b)[0], (2, 3), OUT)
    require(rel_error(out, _slow_affine(x, w, b)) < EXACT, "The output is not x w + b.")


@question("affine_forward", weight=0.5, hint="Do not cast: the result has the type that NumPy gives it.")
def test_affine_keeps_the_precision_of_its_inputs(student: Student, rng: np.random.Generator) -> None:
    """float64 inputs are computed in float64, which numeric gradients need; float32 inputs work, too."""
    x, w, b = _draw(rng, (4, 6), 5)
    out = require_shape(student.layers.affine_forward(x, w, b)[0], (4, 5), OUT)
    expected = _slow_affine(x, w, b)
    require_precise(out, expected, EXACT, "The output is not x w + b.")
    x, w, b = (array.astype(np.float32) for array in (x, w, b))
    out = require_shape(student.layers.affine_forward(x, w, b)[0], (4, 5), OUT)
    require(rel_error(out, expected) < 1e-4, "The output for float32 inputs is not x w + b.")


def _affine_gradients(
    student: Student, rng: np.random.Generator, shape: tuple[int, ...], width: int
) -> tuple[list[Array], Array, tuple[Array, ...]]:
    """The inputs, dout, and the student's dx, dw, db; every one of the shape it must have."""
    inputs, dout = list(_draw(rng, shape, width)), rng.standard_normal((shape[0], width))
    _, cache = student.layers.affine_forward(*inputs)
    dx, dw, db = student.layers.affine_backward(dout, cache)
    got = (require_shape(dx, shape, "dx"), require_shape(dw, inputs[1].shape, "dw"))
    require(isinstance(db, np.ndarray), "db is not an array.")
    return inputs, dout, (*got, require_shape(np.asarray(db).reshape(-1), (width,), "db"))


def _slow_gradients(inputs: list[Array], dout: Array) -> tuple[Array, Array, Array]:
    """dx, dw and db of x w + b, example by example."""
    x, w, _ = inputs
    dx = np.array([w @ row for row in dout]).reshape(x.shape)
    dw = sum((np.outer(example.ravel(), row) for example, row in zip(x, dout, strict=True)), np.zeros(w.shape))
    return dx, dw, dout.sum(axis=0)


def _require_slope(
    student: Student, rng: np.random.Generator, inputs: list[Array], dout: Array, i: int, gradient: Array
) -> None:
    """The gradient is that of x w + b, or agrees with the student's own forward pass along two random directions.

    So a wrong forward pass costs points once, also where its cache is of the student's own form.
    """
    if rel_error(gradient, _slow_gradients(inputs, dout)[i]) < EXACT:
        return

    def value(array: Array) -> float:
        given = [array if j == i else other for j, other in enumerate(inputs)]
        out = require_shape(student.layers.affine_forward(*given)[0], dout.shape, OUT)
        return float((out * dout).sum())

    given = [2 * array + 1 if j == i else array for j, array in enumerate(inputs)]
    outs = [require_shape(student.layers.affine_forward(*values)[0], dout.shape, OUT) for values in (inputs, given)]
    require((outs[0] != outs[1]).any(), f"The forward pass does not depend on {NAMES[i][1:]}.")
    for _ in range(2):
        direction = np.asarray(rng.standard_normal(inputs[i].shape))
        numeric = slope(value, inputs[i], direction, step=0.1)
        own = float((gradient * direction).sum())
        size = float(np.linalg.norm(gradient)) + abs(numeric) + 1e-3
        require(abs(own - numeric) < EXACT * size, f"{NAMES[i]} is not the gradient of your forward pass.")


def _gradient_agrees(student: Student, rng: np.random.Generator, i: int, shapes: Any) -> None:
    for shape, width in shapes:
        inputs, dout, got = _affine_gradients(student, rng, shape, width)
        _require_slope(student, rng, inputs, dout, i, got[i])


PLAIN = (((5, 7), 3), ((4, 4), 4), ((3, 4), 6), ((1, 5), 2))
SOLID = (((4, 2, 3), 5), ((2, 3, 2, 2), 4), ((1, 2, 2, 3), 3))


@question("affine_backward", weight=2, hint="Every input goes to every output: dx = dout w^T, then x's shape.",
          rests_on=AFFINE)  # fmt: skip
def test_dx_is_the_gradient_of_x(student: Student, rng: np.random.Generator) -> None:
    """dx has the shape of x and is the gradient of sum(out * dout) with respect to x."""
    _gradient_agrees(student, rng, 0, PLAIN)


@question("affine_backward", weight=2, hint="dw has the shape of w: sum over the examples.", rests_on=AFFINE)
def test_dw_is_the_gradient_of_w(student: Student, rng: np.random.Generator) -> None:
    """dw has the shape of w and is the gradient of sum(out * dout) with respect to w."""
    _gradient_agrees(student, rng, 1, PLAIN)


@question("affine_backward", weight=1.5, hint="b is added to every example, so db sums over them.", rests_on=AFFINE)
def test_db_is_the_gradient_of_b(student: Student, rng: np.random.Generator) -> None:
    """db has M elements and is the gradient of sum(out * dout) with respect to b."""
    _gradient_agrees(student, rng, 2, PLAIN)


@question("affine_backward", hint="Flatten x for dw, and give dx the shape of x.", rests_on=AFFINE)
def test_gradients_of_examples_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """With x of three or four dimensions dx has the shape of x, and all three gradients are right."""
    for i in range(3):
        _gradient_agrees(student, rng, i, SOLID)


@question("affine_backward", hint="Run the gradient cell of the notebook.", rests_on=AFFINE)
def test_affine_gradient_cell_on_new_numbers(student: Student, rng: np.random.Generator) -> None:
    """The notebook's gradient cell on new numbers: ten examples of shape (2, 3) and five outputs."""
    inputs, dout, got = _affine_gradients(student, rng, (10, 2, 3), 5)
    for i, gradient in enumerate(got):
        _require_slope(student, rng, inputs, dout, i, gradient)


@question("affine_backward", weight=0.5, hint="Keep x and w in the cache, nowhere else.", rests_on=AFFINE)
def test_every_affine_cache_keeps_its_own_inputs(student: Student, rng: np.random.Generator) -> None:
    """Backward uses the inputs of the call that made the cache, also when there was another call in between."""
    inputs, dout = list(_draw(rng, (4, 6), 3)), rng.standard_normal((4, 3))
    _, cache = student.layers.affine_forward(*inputs)
    student.layers.affine_forward(*_draw(rng, (4, 6), 3))
    dx, dw, _ = student.layers.affine_backward(dout, cache)
    for i, (gradient, name) in enumerate(((dx, "dx"), (dw, "dw"))):
        _require_slope(student, rng, inputs, dout, i, require_shape(gradient, inputs[i].shape, name))


def _away_from_zero(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of both signs, none near ReLU's kink, where right code may answer in two ways."""
    numbers: Array = rng.uniform(0.3, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return numbers


def _relu(student: Student, x: Array) -> Array:
    return require_shape(student.layers.relu_forward(x)[0], x.shape, "The output of relu_forward")


@question("relu_forward", weight=3, hint="max(0, x), value by value.")
def test_negative_values_become_zero_and_others_pass(student: Student, rng: np.random.Generator) -> None:
    """Negative values become 0, all others pass unchanged, small and large ones alike."""
    for size in (1e-3, 1.0, 1e3):
        x = size * _away_from_zero(rng, 12, 9)
        require(rel_error(_relu(student, x), np.where(x > 0, x, 0.0)) < EXACT, "The output is not max(0, x).")


@question("relu_forward", hint="Work on the whole array at once, whatever its shape.")
def test_relu_works_on_any_shape(student: Student, rng: np.random.Generator) -> None:
    """ReLU works on arrays of one, three and four dimensions as on (N, D)."""
    for shape in ((7,), (2, 3, 4), (2, 3, 4, 5)):
        x = _away_from_zero(rng, *shape)
        require(rel_error(_relu(student, x), np.where(x > 0, x, 0.0)) < EXACT, "The output is not max(0, x).")


@question("relu_forward", hint="Run the ReLU cell of the notebook.")
def test_relu_cell_on_new_numbers(student: Student, rng: np.random.Generator) -> None:
    """The notebook's ReLU cell on new numbers: an even row of values on both sides of 0, and 0 itself."""
    high = float(rng.uniform(0.3, 0.7))
    x = np.append(np.linspace(-high, high + 0.1, 14), 0.0).reshape(3, 5)
    require(rel_error(_relu(student, x), np.where(x > 0, x, 0.0)) < EXACT, "The output is not max(0, x).")


@question("relu_forward", weight=0.5, hint="Do not cast: the result has the type that NumPy gives it.")
def test_relu_keeps_the_precision_of_its_inputs(student: Student, rng: np.random.Generator) -> None:
    """float64 inputs are computed in float64, which numeric gradients need; float32 inputs work, too."""
    x = _away_from_zero(rng, 8, 7)
    require_precise(_relu(student, x), np.where(x > 0, x, 0.0), EXACT, "The output is not max(0, x).")
    single = x.astype(np.float32)
    out = _relu(student, single)
    require(rel_error(out, np.where(single > 0, single, 0)) < EXACT, "The output is not max(0, x).")


def _relu_gradient(student: Student, x: Array, dout: Array, size: float = 1.0) -> tuple[Array, Array]:
    """The student's dx, and what it must be: the gradient of ReLU, or that of the student's own forward pass.

    The second counts if the forward pass is no straight line. So a wrong one costs points once. `size` is about that
    of x: the step to both sides is far smaller.
    """
    _, cache = student.layers.relu_forward(x)
    dx = require_shape(student.layers.relu_backward(dout, cache), x.shape, "The output of relu_backward")
    if rel_error(dx, dout * (x > 0)) < EXACT:
        return dx, dout * (x > 0)
    line = np.linspace(-1.5, 1.5, 16).reshape(4, 4)
    rise = _relu(student, line + 0.05) - _relu(student, line - 0.05)
    require(np.ptp(rise) > 1e-3, "The forward pass does the same to all values.")
    step = 1e-3 * min(size, 1.0)
    with measured():
        return dx, dout * (_relu(student, x + step) - _relu(student, x - step)) / (2 * step)


@question("relu_backward", weight=3, hint="x decides where dout passes; dout itself does not.", rests_on=RELU)
def test_gradient_passes_where_x_was_positive(student: Student, rng: np.random.Generator) -> None:
    """dx is dout times the slope of the forward pass: dout where x is positive, 0 where it is negative."""
    for size in (0.01, 1.0, 30.0):
        x, dout = size * _away_from_zero(rng, 10, 8), rng.standard_normal((10, 8))
        dx, expected = _relu_gradient(student, x, dout, size)
        require(rel_error(dx, expected) < EXACT, "dx is not the gradient.")


@question("relu_backward", hint="Nothing in backward needs the number of dimensions.", rests_on=RELU)
def test_relu_gradients_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Backward works on arrays of one, three and four dimensions as on (N, D)."""
    for shape in ((7,), (2, 3, 4), (2, 3, 4, 5)):
        x, dout = _away_from_zero(rng, *shape), _away_from_zero(rng, *shape)
        dx, expected = _relu_gradient(student, x, dout)
        require(rel_error(dx, expected) < EXACT, "dx is not the gradient.")


@question("relu_backward", hint="Run the second ReLU cell of the notebook.", rests_on=RELU)
def test_relu_gradient_cell_on_new_numbers(student: Student, rng: np.random.Generator) -> None:
    """The notebook's second ReLU cell on new numbers: dx agrees with central differences for a (10, 10) input."""
    x, dout = _away_from_zero(rng, 10, 10), rng.standard_normal((10, 10))
    dx, expected = _relu_gradient(student, x, dout)
    if rel_error(dx, expected) < EXACT:  # then a forward pass that is wrong has paid for that
        return
    value = functools.partial(_weighted_relu, student, dout)
    for _ in range(3):
        direction = np.asarray(rng.standard_normal(x.shape))
        numeric = slope(value, x, direction)
        require(
            abs(float((dx * direction).sum()) - numeric) < EXACT * float(np.linalg.norm(dout)) * 10,
            "dx is not the gradient.",
        )


def _weighted_relu(student: Student, dout: Array, x: Array) -> float:
    return float((_relu(student, x) * dout).sum())


@question("relu_backward", weight=0.5, hint="Compare x with 0; do not divide by x.", rests_on=RELU)
def test_gradient_at_zero_lies_between_both_slopes(student: Student, rng: np.random.Generator) -> None:
    """Where x is exactly 0 any slope from 0 to 1 is accepted, but it must be a number."""
    x, dout = _away_from_zero(rng, 6, 5), _away_from_zero(rng, 6, 5)
    x[rng.random(x.shape) < 0.3] = 0.0
    x[0, :2] = 0.0
    dx, expected = _relu_gradient(student, x, dout)
    require(rel_error(dx[x != 0], expected[x != 0]) < EXACT, "Where x is not 0, dx is not the gradient.")
    share = (dx / dout)[x == 0]
    require(((share >= -EXACT) & (share <= 1 + EXACT)).all(), "Where x is 0, dx does not lie between 0 and dout.")


@question("relu_backward", weight=0.5, hint="Keep what backward needs in the cache, nowhere else.", rests_on=RELU)
def test_every_relu_cache_keeps_its_own_input(student: Student, rng: np.random.Generator) -> None:
    """Backward uses the input of the call that made the cache, also when there was another call in between."""
    x, dout = _away_from_zero(rng, 10, 8), _away_from_zero(rng, 10, 8)

    def gradient(*calls: Array) -> Array:
        """dx of the first of these calls, after all of them."""
        cache, *_ = [student.layers.relu_forward(each)[1] for each in calls]
        return require_shape(student.layers.relu_backward(dout, cache), x.shape, "The output of relu_backward")

    _, expected = _relu_gradient(student, x, dout)
    if rel_error(gradient(x, -x), expected) > EXACT:
        alone = rel_error(gradient(x), expected) < EXACT
        require(alone, "The gradient is not right without another call in between either.")
        require(False, "The gradient does not belong to its own forward pass.")
