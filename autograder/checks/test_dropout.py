"""Hidden checks of dropout_forward and dropout_backward.

dropout_backward is judged by what the student's own forward pass did: where that multiplied x by a factor, backward
must multiply dout by the same factor. So a wrong mask costs points once. Where it does, the question is examined again
with the reference's forward pass. So it is where forward drops nothing, or everything, in train mode: a layer that does
nothing agrees with itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checks.api import (
    ALARM,
    PRECISE,
    Array,
    Student,
    binomial_tolerance,
    mean_tolerance,
    numeric_gradient,
    question,
    rel_error,
    require,
    require_shape,
)

EXACT = 1e-6  # norm-relative; float32 code passes
FORWARD = ("layers.dropout_forward",)


def _inputs(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of both signs, none near 0: an entry of the output is 0 only where it was dropped."""
    numbers: Array = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return numbers


def _train(student: Student, x: Array, p: float) -> Array:
    out, _ = student.layers.dropout_forward(x, {"mode": "train", "p": p})
    return require_shape(out, x.shape, "The output of dropout_forward")


@question("dropout_forward", weight=3, hint="rand(...) < p is true with probability p; rand(...) > p is not.")
def test_train_mode_keeps_elements_with_probability_p(student: Student, rng: np.random.Generator) -> None:
    """In train mode each element is kept with probability p, whatever its value, and set to 0 otherwise."""
    x = _inputs(rng, 200, 150)
    for p in np.array([0.2, 0.35, 0.65, 0.9]) + rng.uniform(-0.04, 0.04, 4):
        kept = _train(student, x, float(p)) != 0
        for part in (x > 0, x < 0, abs(x) > 1, abs(x) < 1):
            share = kept[part].mean()
            require(
                abs(share - p) < binomial_tolerance(int(part.sum()), p),
                "The share of elements that are kept is not p for every p and every kind of input.",
            )


@question("dropout_forward", weight=3, hint="Divide by p at train time: the mean of the output is then that of x.")
def test_train_mode_divides_kept_elements_by_p(student: Student, rng: np.random.Generator) -> None:
    """In train mode every element that is kept leaves the layer as x / p."""
    x = _inputs(rng, 40, 30)
    for p in np.array([0.3, 0.5, 0.8]) + rng.uniform(-0.04, 0.04, 3):
        out = _train(student, x, float(p))
        kept = out != 0
        require(kept.any(), "No element was kept.")
        require(rel_error(out[kept], x[kept] / p) < EXACT, "Elements that are kept are not x / p.")


@question("dropout_forward", hint="Run the forward cell of the notebook and compare the means it prints.")
def test_forward_cell_gives_right_means_and_zero_fractions(student: Student, rng: np.random.Generator) -> None:
    """The notebook's forward cell on new numbers: both modes keep the mean of x, train mode zeroes a share 1 - p,
    test mode zeroes nothing."""
    x = rng.standard_normal((500, 500)) + 10
    for p in (0.25, 0.4, 0.7):
        out = _train(student, x, p)
        out_test, _ = student.layers.dropout_forward(x, {"mode": "test", "p": p})
        # Each term is x[i] (keep[i] / p - 1): expectation 0, variance x[i]^2 (1 - p) / p, never above |x[i]| / p.
        tolerance = mean_tolerance(x.size, float((x**2).mean()) * (1 - p) / p, float(abs(x).max()) / p)
        require(abs(out.mean() - x.mean()) < tolerance, "The mean of the train-time output is not that of x.")
        zeros = (out == 0).mean()
        require(abs(zeros - (1 - p)) < binomial_tolerance(x.size, p), "The share of zeros is not 1 - p.")
        require(abs(out_test.mean() - x.mean()) < 1e-4, "The mean of the test-time output is not that of x.")
        require(not (out_test == 0).any(), "The test-time output holds zeros.")


@question("dropout_forward", weight=1.5, hint="The mask needs the whole shape of x, one random number per element.")
def test_elements_are_dropped_independently(student: Student, rng: np.random.Generator) -> None:
    """Each element is kept or dropped on its own: no mask is shared by the rows or by the columns."""
    p = float(rng.uniform(0.45, 0.55))
    kept = _train(student, _inputs(rng, 200, 240), p) != 0
    sentence = "Some elements are always dropped together."
    for axis in (0, 1):
        shares = kept.mean(axis=axis)
        tolerance = binomial_tolerance(kept.shape[axis], p, ALARM / shares.size)
        require((abs(shares - p) < tolerance).all(), sentence)
        lines = np.moveaxis(kept, axis, 0)
        half = len(lines) // 2
        for first, second in ((lines[::2], lines[1::2]), (lines[:half], lines[half:])):
            same = (first == second).mean()
            require(abs(same - (p**2 + (1 - p) ** 2)) < binomial_tolerance(first.size, p**2 + (1 - p) ** 2), sentence)


@question("dropout_forward", hint="Give the mask x's own shape, however many dimensions x has.")
def test_inputs_may_have_four_dimensions(student: Student, rng: np.random.Generator) -> None:
    """Dropout works on x of shape (N, C, H, W) as on (N, D), in both modes, and drops element by element."""
    x = _inputs(rng, 10, 4, 9, 7)
    kept = _train(student, x, 0.5) != 0
    for axis in range(x.ndim):
        require((kept != kept.take([0], axis=axis)).any(), "Some elements are always dropped together.")
    out_test, _ = student.layers.dropout_forward(x, {"mode": "test", "p": 0.5})
    require_shape(out_test, x.shape, "The test-time output of dropout_forward")


@question("dropout_forward", weight=3, hint="In test mode the output is x itself: train mode has scaled already.")
def test_test_mode_returns_its_input_unchanged(student: Student, rng: np.random.Generator) -> None:
    """In test mode nothing is dropped and nothing is scaled, whatever p is."""
    x = _inputs(rng, 30, 20)
    for p in rng.uniform([0.03, 0.1, 0.92], [0.07, 0.9, 0.98]):
        out, _ = student.layers.dropout_forward(x, {"mode": "test", "p": float(p)})
        out = require_shape(out, x.shape, "The output of dropout_forward")
        require(not (out == 0).any(), "Elements are dropped in test mode.")
        require(rel_error(out, x) < EXACT, "The output is not x.")


@question("dropout_forward", hint="p = 1 keeps everything and changes nothing; other p need no case of their own.")
def test_extreme_probabilities_work(student: Student, rng: np.random.Generator) -> None:
    """Train mode with p = 1 returns x; with p near 0 and near 1 each element is still kept with probability p, and
    divided by p as with any other p."""
    x = _inputs(rng, 200, 100)
    require(rel_error(_train(student, x, 1.0), x) < EXACT, "With p = 1 the train-time output is not x.")
    usual = float(rng.uniform(0.4, 0.6))
    divides = _divides(_train(student, x[:20], usual), x[:20], usual)  # where it never does, that has been paid for
    for p in map(float, rng.uniform([0.04, 0.91, 0.95, 0.99], [0.06, 0.94, 0.97, 0.993])):
        out = _train(student, x, p)
        share = (out != 0).mean()
        require(abs(share - p) < binomial_tolerance(x.size, p), "The share of elements that are kept is not p.")
        sentence = "With p near 0 or near 1 elements that are kept are not x / p, as they are with other p."
        require(not divides or _divides(out, x, p), sentence)


def _divides(out: Array, x: Array, p: float) -> bool:
    kept = out != 0
    return rel_error(out[kept], x[kept] / p) < EXACT


@question("dropout_forward", weight=0.5, hint="Nothing in the layer needs to know the type of x.")
def test_float32_is_dropped_and_scaled_too(student: Student, rng: np.random.Generator) -> None:
    """An x of float32 is treated like one of float64, in train mode and in test mode."""
    x, p = _inputs(rng, 80, 60), float(rng.uniform(0.4, 0.6))
    single = x.astype(np.float32)
    out, expected = _train(student, single, p), _train(student, x, p)
    require((expected == 0).any() and (expected != 0).any(), "In train mode nothing is dropped, or everything.")
    same = binomial_tolerance(x.size, p)  # both are kept with probability p, or both are wrong
    require(abs((out != 0).mean() - (expected != 0).mean()) < 2 * same, "Another share of float32 elements is kept.")
    factors = [_divides(out, single, p), _divides(expected, x, p)]
    require(factors[0] or not factors[1], "Elements of float32 that are kept are not x / p, as those of float64 are.")
    out_test, _ = student.layers.dropout_forward(single, {"mode": "test", "p": p})
    require(not factors[1] or rel_error(out_test, single) < EXACT, "In test mode the output for float32 is not x.")


@question("dropout_forward", hint="Draw a new mask in every call, and fix no seed in your code.")
def test_every_call_draws_a_new_mask(student: Student, rng: np.random.Generator) -> None:
    """Without a seed, two calls drop different elements."""
    x = _inputs(rng, 30, 20)
    first, second = _train(student, x, 0.5) != 0, _train(student, x, 0.5) != 0
    require((first != second).any(), "Two calls dropped the same elements.")


@question("dropout_forward", weight=0.5, hint='Draw from a generator seeded with dropout_param["seed"] if it is there.')
def test_a_seed_fixes_the_mask(student: Student, rng: np.random.Generator) -> None:
    """With a seed in dropout_param, 0 included, the same seed gives the same mask and another seed another mask."""
    x = _inputs(rng, 30, 20)
    masks = []
    for seed in (own := int(rng.integers(1, 2**16)), 0, own, 0):
        out, _ = student.layers.dropout_forward(x, {"mode": "train", "p": 0.5, "seed": seed})
        masks.append(out != 0)
    require((masks[0] == masks[2]).all(), "The same seed gave two different masks.")
    require((masks[1] == masks[3]).all(), "The seed 0 gave two different masks.")
    require((masks[0] != masks[1]).any(), "Two different seeds gave the same mask.")


@question("dropout_forward", weight=0.5, hint="Do not cast: the result has the type that NumPy gives it.")
def test_dropout_keeps_the_precision_of_its_input(student: Student, rng: np.random.Generator) -> None:
    """float64 inputs are computed in float64, which numeric gradients need."""
    x = _inputs(rng, 10, 8)
    out = _train(student, x, 0.6)
    require((out == 0).any() and (out != 0).any(), "In train mode nothing is dropped, or everything.")
    factors = (out / x)[out != 0]  # all the same, to the precision of the output
    fits = rel_error(factors, np.full(factors.shape, factors[:1].sum())) < PRECISE
    require(fits, "The output for float64 inputs is not as precise as they are.")


@question(
    "dropout_forward",
    weight=0.5,
    hint="Read dropout_param, and change nothing that is in it: a net has one dict for all its layers.",
)
def test_dropout_param_may_be_used_again(student: Student, rng: np.random.Generator) -> None:
    """mode, p and seed in dropout_param stay as they are, and no seed is added: a net hands the same dict to every
    layer."""
    x = _inputs(rng, 12, 10)
    out = _train(student, x, 0.5)
    require((out == 0).any() and (out != 0).any(), "In train mode nothing is dropped, or everything.")
    for mode in ("train", "test"):
        given = {"mode": mode, "p": 0.75, "seed": int(rng.integers(1, 2**16))}
        param = student.dict(**given)
        student.layers.dropout_forward(x, param)
        kept = all(name in param and np.array_equal(param[name], value) for name, value in given.items())
        require(kept, "A call changes mode, p or seed in dropout_param.")
    param = student.dict(mode="train", p=0.75)
    student.layers.dropout_forward(x, param)
    require("seed" not in param or param["seed"] is None, "A call puts a seed into dropout_param.")


@question("dropout_backward", weight=1.5, hint="Use the mask in the cache.", rests_on=FORWARD)
def test_dropped_elements_get_no_gradient(student: Student, rng: np.random.Generator) -> None:
    """In train mode the gradient is 0 where the forward pass set the output to 0, and not 0 elsewhere."""
    for p in np.array([0.3, 0.6]) + rng.uniform(-0.05, 0.05, 2):
        factor, dout, dx = _backward(student, rng, (40, 30), float(p))
        require(((dx != 0) == (factor * dout != 0)).all(), "The gradient is 0 in other places than the output.")


@question("dropout_backward", weight=1.5, hint="If forward multiplied by mask / p, so must backward.", rests_on=FORWARD)
def test_kept_elements_get_the_gradient_times_the_forward_factor(student: Student, rng: np.random.Generator) -> None:
    """In train mode, where the forward pass multiplied x by a factor, backward multiplies dout by the same factor."""
    for p in (0.05, 0.95, *(np.array([0.25, 0.5, 0.75]) + rng.uniform(-0.05, 0.05, 3))):
        factor, dout, dx = _backward(student, rng, (40, 30), float(p))
        kept = factor != 0
        require(rel_error(dx[kept], dout[kept] * factor[kept]) < EXACT, "The factor of the gradient is another one.")


def _require_drops(out: Array) -> None:
    """Right code fails with probability 1e-26 or less: there are 360 elements or more with 0.2 < p < 0.8, or 1,200."""
    require(out.any(), "The forward pass kept no element.")
    require(not out.all(), "The forward pass dropped no element.")


def _backward(
    student: Student, rng: np.random.Generator, shape: tuple[int, ...], p: float, mode: str = "train"
) -> tuple[Array, Array, Array]:
    """What the forward pass multiplied by, dout, and dx."""
    x, dout = _inputs(rng, *shape), _inputs(rng, *shape)
    out, cache = student.layers.dropout_forward(x, {"mode": mode, "p": p})
    out = require_shape(out, shape, "The output of dropout_forward")
    if mode == "train":
        _require_drops(out)
    dx = student.layers.dropout_backward(dout, cache)
    return out / x, dout, require_shape(dx, shape, "The output of dropout_backward")


@question("dropout_backward", hint="Return dout from the test branch; do not forget the return.", rests_on=FORWARD)
def test_test_mode_passes_the_gradient_through(student: Student, rng: np.random.Generator) -> None:
    """In test mode the layer changes nothing, so backward returns dout unchanged."""
    _, dout, dx = _backward(student, rng, (30, 20), 0.5)
    require(rel_error(dx, dout) > EXACT, "In train mode the gradient is dout, too.")
    factor, dout, dx = _backward(student, rng, (30, 20), float(rng.uniform(0.2, 0.8)), mode="test")
    # A forward pass that scales or drops in test mode has paid for that; backward may agree with it.
    require(min(rel_error(dx, dout), rel_error(dx, dout * factor)) < EXACT, "The gradient is not dout.")


@question("dropout_backward", hint="Run the backward cell of the notebook.", rests_on=FORWARD)
def test_backward_cell_agrees_with_a_numeric_gradient(student: Student, rng: np.random.Generator) -> None:
    """The notebook's backward cell on new numbers: dx agrees with the gradient by central differences."""
    x, dout = rng.standard_normal((10, 10)) + 10, rng.standard_normal((10, 10))
    seed = int(rng.integers(2**16))
    param = {"mode": "train", "p": 0.2, "seed": seed}

    def forward(x: Array) -> tuple[Array, object]:
        student.seed(seed)  # for code that draws from the global generator all the same
        out, cache = student.layers.dropout_forward(x, param)
        return require_shape(out, x.shape, "The output of dropout_forward"), cache

    _require_drops(_train(student, _inputs(rng, 40, 30), 0.5))
    _, cache = forward(x)
    student.seed(seed + 1)  # so that a mask drawn again is another one
    dx = student.layers.dropout_backward(dout, cache)
    dx = require_shape(dx, x.shape, "The output of dropout_backward")
    numeric = numeric_gradient(lambda x: float((forward(x)[0] * dout).sum()), x)
    require(rel_error(dx, numeric) < EXACT, "dx is not the gradient.")


@question(
    "dropout_backward", weight=0.5, hint="Nothing in backward needs to know the number of dimensions.", rests_on=FORWARD
)
def test_gradients_may_have_four_dimensions(student: Student, rng: np.random.Generator) -> None:
    """Backward works on dout of shape (N, C, H, W) as on (N, D), in both modes."""
    for mode in ("train", "test"):
        factor, dout, dx = _backward(student, rng, (6, 3, 5, 4), 0.5, mode)
        own, through = rel_error(dx, dout * factor), rel_error(dx, dout)
        require((own if mode == "train" else min(own, through)) < EXACT, "dx is not the gradient.")


@question("dropout_backward", hint="Keep the mask in the cache, nowhere else.", rests_on=FORWARD)
def test_every_cache_keeps_its_own_mask(student: Student, rng: np.random.Generator) -> None:
    """Backward uses the mask of the call that made the cache, also when there was another call in between."""
    x, dout = _inputs(rng, 30, 20), _inputs(rng, 30, 20)
    param = student.dict(mode="train", p=0.5)  # one dict for all layers, as in a net

    def right(between: Callable[[], object]) -> bool:
        out, cache = student.layers.dropout_forward(x, param)
        out = require_shape(out, x.shape, "The output of dropout_forward")
        _require_drops(out)
        between()
        dx = require_shape(student.layers.dropout_backward(dout, cache), x.shape, "The output of dropout_backward")
        return rel_error(dx, dout * out / x) < EXACT

    def another_layer() -> None:
        _, cache = student.layers.dropout_forward(x, param)
        student.layers.dropout_backward(dout, cache)

    def test_pass() -> None:
        student.layers.dropout_forward(x, {"mode": "test", "p": 0.5})

    if not (right(another_layer) and right(test_pass)):
        param = student.dict(mode="train", p=0.5)
        require(right(lambda: None), "The gradient is not right without another call in between either.")
        require(False, "The gradient does not belong to its own forward pass.")
