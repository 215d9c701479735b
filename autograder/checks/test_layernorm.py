"""Hidden checks of layernorm_forward and layernorm_backward; see norms.py for how a gradient is judged."""

from __future__ import annotations

import numpy as np

from autograder.checks.api import Student, question, rel_error, require, require_precise
from autograder.checks.norms import EXACT, LAYER, SINGLE, inputs, require_gradients, require_own_cache, single

# Layernorm may be batchnorm of x transposed.
TRANSPOSED = ("layers.batchnorm_forward", "layers.batchnorm_backward", "layers.batchnorm_backward_alt")
BACKWARD = ("layers.layernorm_forward", *TRANSPOSED)


@question(
    "layernorm_forward", weight=2, hint="Take the mean and the variance over axis 1, the features.", rests_on=TRANSPOSED
)
def test_each_example_gets_mean_zero_and_variance_one(student: Student, rng: np.random.Generator) -> None:
    """The notebook's forward cell on new numbers: with gamma 1 and beta 0 every example (row) of the output has mean 0
    and standard deviation 1 over its features, for batches of any size, one included."""
    for n, d in ((4, 30), (50, 7), (1, 12)):
        x = inputs(rng, n, d)[0] * 20
        out, _ = LAYER.run(student, x, np.ones(d), np.zeros(d), {})
        require(np.all(abs(out.mean(axis=1)) < 1e-4), "The mean of an example is not 0.")
        require(np.all(abs(out.std(axis=1) - 1) < 1e-4), "The standard deviation of an example is not 1.")


@question(
    "layernorm_forward",
    weight=2,
    hint="Divide by sqrt(var + eps), then gamma and beta, one for every feature.",
    rests_on=TRANSPOSED,
)
def test_output_is_the_formula_with_any_eps(student: Student, rng: np.random.Generator) -> None:
    """The output is gamma (x - mean) / sqrt(var + eps) + beta, with the mean and the biased variance of each example
    and one gamma and beta for each feature, whatever eps is. Without it eps is 1e-5."""
    for n, d, eps in ((4, 5, 0.5), (6, 6, 2.0), (3, 8, 1e-3)):
        x, gamma, beta, _ = inputs(rng, n, d)
        expected = gamma * LAYER.normalized(x, eps)[0] + beta
        param = student.dict(eps=eps)
        out, _ = LAYER.run(student, x, gamma, beta, param)
        require(rel_error(out, expected) < EXACT, "The output is another one.")
        out, _ = LAYER.run(student, x, gamma, beta, param)
        require(rel_error(out, expected) < EXACT, "A second call with the same ln_param gives another output.")
    x = inputs(rng, 5, 4)[0] * 1e-3
    out, _ = LAYER.run(student, x, np.ones(4), np.zeros(4), {})
    require(rel_error(out, LAYER.normalized(x, 1e-5)[0]) < EXACT, "Without eps in ln_param it is not 1e-5.")


@question(
    "layernorm_forward", hint="Nothing may be averaged over the batch, and no mode is needed.", rests_on=TRANSPOSED
)
def test_examples_do_not_touch_each_other(student: Student, rng: np.random.Generator) -> None:
    """The output for an example is the same alone and in any batch, with a mode in ln_param and without."""
    x, gamma, beta, _ = inputs(rng, 8, 5)
    out, _ = LAYER.run(student, x, gamma, beta, {})
    require(np.ptp(out, axis=0).any(), "All examples have the same output.")
    for mode in ("train", "test"):
        alone, _ = LAYER.run(student, x[2:3], gamma, beta, {"mode": mode})
        require(rel_error(alone, out[2:3]) < EXACT, "In another batch the same example gives another output.")


@question(
    "layernorm_forward",
    weight=0.5,
    hint="Do not cast: the result has the type that NumPy gives it.",
    rests_on=TRANSPOSED,
)
def test_layernorm_keeps_the_precision_of_its_inputs(student: Student, rng: np.random.Generator) -> None:
    """float64 inputs are computed in float64, which numeric gradients need; with float32 arrays the output is the same
    to the precision of float32."""
    data = inputs(rng, 9, 12)
    x, gamma, beta, _ = data
    x_single, gamma_single, beta_single, _ = single(data)
    expected = gamma * LAYER.normalized(x, 0.1)[0] + beta
    out, _ = LAYER.run(student, x, gamma, beta, {"eps": 0.1})
    require_precise(out, expected, EXACT, "The output is another one.")
    out, _ = LAYER.run(student, x_single, gamma_single, beta_single, {"eps": 0.1})
    require(rel_error(out, expected) < SINGLE, "The output is another one.")


@question(
    "layernorm_backward",
    weight=2,
    hint="gamma differs along the axis you average over: multiply by it first.",
    rests_on=BACKWARD,
)
def test_layernorm_cell_dx_agrees_with_a_numeric_gradient(student: Student, rng: np.random.Generator) -> None:
    """The notebook's gradient cell on new numbers: dx agrees with the gradient by central differences."""
    require_gradients(LAYER, student, inputs(rng, 4, 5), names=("dx",))


@question(
    "layernorm_backward",
    weight=1.5,
    hint="dgamma and dbeta sum over the batch: every example uses the same ones.",
    rests_on=BACKWARD,
)
def test_layernorm_dgamma_and_dbeta_agree_with_numeric_gradients(student: Student, rng: np.random.Generator) -> None:
    """dgamma and dbeta have shape (D,) and agree with the gradients by central differences."""
    for n, d in ((4, 5), (4, 4), (7, 3)):
        require_gradients(LAYER, student, inputs(rng, n, d), names=("dgamma", "dbeta"), eps=0.5)


@question(
    "layernorm_backward",
    hint="Means divide by D, the number of features; the root is that of var + eps.",
    rests_on=BACKWARD,
)
def test_layernorm_dx_is_right_for_any_eps_and_shape(student: Student, rng: np.random.Generator) -> None:
    """dx is right for other shapes, one example included, for a large eps, and in float32."""
    for n, d, eps in ((1, 6, 0.5), (5, 5, 1.0), (11, 3, 2.0), (4, 15, 0.5)):
        require_gradients(LAYER, student, inputs(rng, n, d), names=("dx",), eps=eps)
    data = single(inputs(rng, 5, 9))
    require_gradients(LAYER, student, data, names=("dx",), tolerance=SINGLE, eps=0.5)


@question(
    "layernorm_backward", weight=0.5, hint="Keep what backward needs in the cache, nowhere else.", rests_on=BACKWARD
)
def test_layernorm_backward_uses_its_own_cache(student: Student, rng: np.random.Generator) -> None:
    """Backward belongs to the call that made the cache, also when there was another call in between."""
    require_own_cache(LAYER, student, rng)
