"""Hidden checks of batchnorm_forward, batchnorm_backward and batchnorm_backward_alt.

How a gradient is judged, and why a wrong forward pass does not cost the backward questions too: see norms.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.api import Array, CallFailed, Student, question, rel_error, require, require_precise
from autograder.checks.norms import (
    BATCH,
    BATCH_ALT,
    EXACT,
    SINGLE,
    Data,
    flat,
    inputs,
    require_gradients,
    require_own_cache,
    single,
)

EPS, MOMENTUM = 0.5, 0.7  # large and unusual, so that forgetting one of them shows

FORWARD = ("layers.batchnorm_forward",)  # its cache may fit


def _statistics(param: Any, d: int) -> tuple[Array, Array]:
    """The running statistics in a dict of the student's process."""
    for name in ("running_mean", "running_var"):
        require(name in param, f'bn_param["{name}"] is missing after a pass in train mode.')
    return flat(param["running_mean"], d, "The running mean"), flat(param["running_var"], d, "The running variance")


def _steps(student: Student, rng: np.random.Generator, steps: int, **param: float) -> None:
    """Train for some steps; the running statistics must be right after every one of them."""
    d, momentum = 5, param.get("momentum", 0.9)
    mean, var = np.zeros(d), np.zeros(d)
    handle = student.dict(mode="train", **param)
    for _ in range(steps):
        x, gamma, beta, _ = inputs(rng, 6, d)
        BATCH.run(student, x, gamma, beta, handle)
        for feature in range(d):
            mean[feature] = momentum * mean[feature] + (1 - momentum) * x[:, feature].mean()
            spread = ((x[:, feature] - x[:, feature].mean()) ** 2).mean()
            var[feature] = momentum * var[feature] + (1 - momentum) * spread
        own_mean, own_var = _statistics(handle, d)
        require(rel_error(own_mean, mean) < EXACT, "The running mean is another one.")
        require(rel_error(own_var, var) < EXACT, "The running variance is another one.")


@question("batchnorm_forward", weight=2, hint="Run the train-time cell: means beta, standard deviations |gamma|.")
def test_train_cell_gives_mean_beta_and_deviation_gamma(student: Student, rng: np.random.Generator) -> None:
    """The notebook's train-time cell on new numbers: every feature of the output has mean beta and standard deviation
    |gamma| over the batch."""
    x = np.maximum(0, rng.standard_normal((200, 50)) @ rng.standard_normal((50, 60))) @ rng.standard_normal((60, 4))
    gamma, beta = rng.uniform(1, 4, 4) * rng.choice([-1.0, 1.0], 4), rng.uniform(-20, 20, 4)
    for scale, shift in ((np.ones(4), np.zeros(4)), (gamma, beta)):
        out, _ = BATCH.run(student, x, scale, shift, {"mode": "train"})
        require(np.all(abs(out.mean(axis=0) - shift) < 1e-4), "The means of the output are not beta.")
        require(np.all(abs(out.std(axis=0) - abs(scale)) < 1e-4), "The standard deviations are not |gamma|.")


@question("batchnorm_forward", weight=2, hint="Divide by sqrt(var + eps); var divides by N, feature by feature.")
def test_train_output_is_the_formula_with_any_eps(student: Student, rng: np.random.Generator) -> None:
    """In train mode the output is gamma (x - mean) / sqrt(var + eps) + beta with the mean and the biased variance of
    this batch, whatever eps is and whatever the running statistics are."""
    for n, d, eps in ((4, 5, EPS), (3, 7, 2.0), (5, 5, 1.0), (20, 2, 1e-3)):
        x, gamma, beta, _ = inputs(rng, n, d)
        param = {"mode": "train", "eps": eps, "running_mean": np.full(d, 4.0), "running_var": np.full(d, 9.0)}
        out, _ = BATCH.run(student, x, gamma, beta, param)
        x_hat, _ = BATCH.normalized(x, eps)
        require(rel_error(out, gamma * x_hat + beta) < EXACT, "The train-time output is not that of the formula.")


@question("batchnorm_forward", weight=1.5, hint="running = momentum * running + (1 - momentum) * value of this batch.")
def test_running_statistics_after_one_step(student: Student, rng: np.random.Generator) -> None:
    """After one step the running statistics, stored in bn_param, are 1 - momentum times the mean and the biased
    variance (without eps) of the batch."""
    _steps(student, rng, 1, eps=EPS, momentum=MOMENTUM)


@question("batchnorm_forward", hint="Start each step from the running statistics that the last one stored in bn_param.")
def test_running_statistics_after_several_steps(student: Student, rng: np.random.Generator) -> None:
    """Every further step moves the running statistics on from where the last one left them."""
    _steps(student, rng, 3, eps=EPS, momentum=MOMENTUM)


@question("batchnorm_forward", weight=0.5, hint="Read eps and momentum with bn_param.get and the defaults.")
def test_eps_and_momentum_have_their_defaults(student: Student, rng: np.random.Generator) -> None:
    """Without them in bn_param, eps is 1e-5 and momentum is 0.9."""
    _steps(student, rng, 2)
    x, gamma, beta, _ = inputs(rng, 8, 4)
    x *= 1e-3  # so small that eps shows
    out, _ = BATCH.run(student, x, gamma, beta, {"mode": "train"})
    expected = gamma * BATCH.normalized(x, 1e-5)[0] + beta
    require(rel_error(out, expected) < EXACT, "Without eps in bn_param it is not 1e-5.")


def _test_param(rng: np.random.Generator, d: int, **more: float) -> dict[str, Any]:
    return {"mode": "test", "running_mean": rng.uniform(-3, 3, d), "running_var": rng.uniform(0.5, 4, d), **more}


@question(
    "batchnorm_forward", weight=2, hint="Test mode: running statistics in place of the batch's; gamma, beta, eps."
)
def test_test_mode_uses_the_running_statistics(student: Student, rng: np.random.Generator) -> None:
    """In test mode the output is gamma (x - running_mean) / sqrt(running_var + eps) + beta."""
    for n, d, eps in ((5, 4, EPS), (1, 6, 1.5), (9, 3, 1e-5)):
        x, gamma, beta, _ = inputs(rng, n, d)
        param = _test_param(rng, d, eps=eps)
        out, _ = BATCH.run(student, x, gamma, beta, param)
        x_hat = (x - param["running_mean"]) / np.sqrt(param["running_var"] + eps)
        require(rel_error(out, gamma * x_hat + beta) < EXACT, "The test-time output is not that of the formula.")


@question("batchnorm_forward", hint="In test mode take no mean and no variance of x.")
def test_test_mode_answers_each_example_on_its_own(student: Student, rng: np.random.Generator) -> None:
    """In test mode the output for an example does not depend on what else is in the batch."""
    x, gamma, beta, _ = inputs(rng, 8, 5)
    param = _test_param(rng, 5)
    out, _ = BATCH.run(student, x, gamma, beta, param)
    require(np.ptp(out, axis=0).any(), "All examples have the same output.")
    some, _ = BATCH.run(student, x[[6, 2, 2]], gamma, beta, param)
    alone, _ = BATCH.run(student, x[3:4], gamma, beta, param)
    sentence = "In another batch the same example gives another output."
    require(rel_error(some, out[[6, 2, 2]]) < EXACT and rel_error(alone, out[3:4]) < EXACT, sentence)


@question("batchnorm_forward", weight=0.5, hint="Write the running statistics only, in train mode only.")
def test_a_pass_leaves_in_bn_param_what_is_not_its_own(student: Student, rng: np.random.Generator) -> None:
    """A pass in test mode changes nothing in bn_param, one in train mode nothing but the running statistics."""
    given = _test_param(rng, 5, eps=EPS, momentum=MOMENTUM)
    x, gamma, beta, _ = inputs(rng, 6, 5)
    param = student.dict(**given)
    out, _ = BATCH.run(student, x, gamma, beta, param)
    require(np.ptp(out, axis=0).any(), "All examples have the same output.")
    mean, var = _statistics(param, 5)
    same = rel_error(mean, given["running_mean"]) < EXACT and rel_error(var, given["running_var"]) < EXACT
    require(same, "A test pass changes the running statistics.")
    trained = student.dict(mode="train", eps=EPS, momentum=MOMENTUM)
    BATCH.run(student, x, gamma, beta, trained)
    for handle, mode in ((param, "test"), (trained, "train")):
        settings: dict[str, Any] = {"mode": mode, "eps": EPS, "momentum": MOMENTUM}
        kept = all(name in handle and np.array_equal(handle[name], value) for name, value in settings.items())
        require(kept, "A pass changes mode, eps or momentum in bn_param.")


@question("batchnorm_forward", weight=0.5, hint="Run the test-time cell: means near 0, standard deviations near 1.")
def test_test_cell_gives_nearly_normalized_features(student: Student, rng: np.random.Generator) -> None:
    """The notebook's test-time cell on new numbers: after many batches in train mode, features of a new batch in test
    mode have a mean near beta and a standard deviation near |gamma|."""
    w1, w2 = rng.standard_normal((50, 60)), rng.standard_normal((60, 3))
    gamma, beta = rng.uniform(1, 2, 3), rng.uniform(5, 10, 3)
    param = student.dict(mode="train")
    for step in range(51):
        x = np.maximum(0, rng.standard_normal((400, 50)) @ w1) @ w2
        param["mode"] = "train" if step < 50 else "test"
        out, _ = BATCH.run(student, x, gamma, beta, param)
    # The mean of 400 numbers has a standard deviation of 0.05, the running mean one of 0.012: 0.52 is ten of them
    # together; the deviation of 400 has one of 0.036, and 0.4 is eleven. Right code fails with less than 1e-20.
    require(np.all(abs(out.mean(axis=0) - beta) < 0.52 * gamma), "The test-time means are not near beta.")
    require(np.all(abs(out.std(axis=0) / gamma - 1) < 0.4), "The test-time deviations are not near |gamma|.")


@question("batchnorm_forward", weight=0.5, hint="Keep the raise ValueError of the file for any other mode.")
def test_an_unknown_mode_raises_value_error(student: Student, rng: np.random.Generator) -> None:
    """A mode that is neither "train" nor "test" raises ValueError."""
    x, gamma, beta, _ = inputs(rng, 4, 3)
    BATCH.run(student, x, gamma, beta, {"mode": "train"})
    try:
        student.layers.batchnorm_forward(x, gamma, beta, {"mode": "validation"})
    except CallFailed as error:
        require("raised ValueError" in str(error), "An unknown mode raises something else than ValueError.")
    else:
        require(False, "An unknown mode is taken without a word.")


@question("batchnorm_forward", weight=0.5, hint="Do not cast: the result has the type that NumPy gives it.")
def test_batchnorm_keeps_the_precision_of_its_inputs(student: Student, rng: np.random.Generator) -> None:
    """float64 inputs are computed in float64, which numeric gradients need; with float32 arrays both modes give the
    same to the precision of float32."""
    data = inputs(rng, 9, 6)
    x, gamma, beta, _ = data
    x_single, gamma_single, beta_single, _ = single(data)
    expected = gamma * BATCH.normalized(x, 1e-5)[0] + beta
    out, _ = BATCH.run(student, x, gamma, beta, {"mode": "train"})
    require_precise(out, expected, EXACT, "The train-time output is another one.")
    out, _ = BATCH.run(student, x_single, gamma_single, beta_single, {"mode": "train"})
    require(rel_error(out, expected) < SINGLE, "The train-time output is another one.")
    param = _test_param(rng, 6)
    x_hat = (x - param["running_mean"]) / np.sqrt(param["running_var"] + 1e-5)
    out, _ = BATCH.run(student, x, gamma, beta, param)
    require_precise(out, gamma * x_hat + beta, EXACT, "The test-time output is another one.")
    param |= {name: param[name].astype(np.float32) for name in ("running_mean", "running_var")}
    out, _ = BATCH.run(student, x_single, gamma_single, beta_single, param)
    require(rel_error(out, gamma * x_hat + beta) < SINGLE, "The test-time output is another one.")


def _cell(rng: np.random.Generator) -> Data:
    """Inputs of the notebook's gradient cell, drawn anew. No feature is nearly constant: there dx could be anything."""
    while True:
        x = 5 * rng.standard_normal((4, 5)) + 12
        if x.std(axis=0).min() > 1:
            return x, rng.standard_normal(5), rng.standard_normal(5), rng.standard_normal((4, 5))


@question(
    "batchnorm_backward",
    weight=2,
    hint="The mean and the variance depend on x too: add up all ways to x.",
    rests_on=FORWARD,
)
def test_backward_cell_dx_agrees_with_a_numeric_gradient(student: Student, rng: np.random.Generator) -> None:
    """The notebook's gradient cell on new numbers: dx agrees with the gradient by central differences."""
    require_gradients(BATCH, student, _cell(rng), names=("dx",), mode="train")


@question(
    "batchnorm_backward", weight=1.5, hint="dgamma sums dout * x_hat over the batch, dbeta sums dout.", rests_on=FORWARD
)
def test_dgamma_and_dbeta_agree_with_numeric_gradients(student: Student, rng: np.random.Generator) -> None:
    """dgamma and dbeta have shape (D,) and agree with the gradients by central differences."""
    for n, d in ((4, 5), (4, 4), (7, 3)):
        require_gradients(BATCH, student, inputs(rng, n, d), names=("dgamma", "dbeta"), mode="train", eps=EPS)


@question(
    "batchnorm_backward",
    hint="The root is that of var + eps, in backward as in forward; means divide by N.",
    rests_on=FORWARD,
)
def test_dx_is_right_for_any_eps_and_shape(student: Student, rng: np.random.Generator) -> None:
    """dx is right for batches of other sizes and for a large eps."""
    for n, d, eps in ((2, 6, EPS), (5, 5, 1.0), (11, 3, 2.0), (30, 4, EPS)):
        require_gradients(BATCH, student, inputs(rng, n, d), names=("dx",), mode="train", eps=eps)


@question(
    "batchnorm_backward", weight=0.5, hint="Keep what backward needs in the cache, nowhere else.", rests_on=FORWARD
)
def test_backward_uses_its_own_cache(student: Student, rng: np.random.Generator) -> None:
    """Backward belongs to the call that made the cache, also when there was another call in between."""
    require_own_cache(BATCH, student, rng)


@question("batchnorm_backward", weight=0.5, hint="Nothing in the layer needs float64.", rests_on=FORWARD)
def test_backward_works_in_float32(student: Student, rng: np.random.Generator) -> None:
    """With float32 arrays the gradients are right to the precision of float32."""
    data = single(inputs(rng, 9, 6))
    require_gradients(BATCH, student, data, tolerance=SINGLE, mode="train", eps=0.1)


@question(
    "batchnorm_backward_alt",
    weight=2,
    hint="Check each line of your derivation with the numeric gradient.",
    rests_on=FORWARD,
)
def test_alternative_dx_agrees_with_a_numeric_gradient(student: Student, rng: np.random.Generator) -> None:
    """The notebook's cell that compares both, on new numbers: dx of the simplified formula agrees with the gradient by
    central differences."""
    require_gradients(BATCH_ALT, student, _cell(rng), names=("dx",), mode="train")


@question("batchnorm_backward_alt", hint="dgamma and dbeta are the same as in batchnorm_backward.", rests_on=FORWARD)
def test_alternative_dgamma_and_dbeta_are_right(student: Student, rng: np.random.Generator) -> None:
    """dgamma and dbeta of the alternative have shape (D,) and agree with the gradients by central differences."""
    for n, d in ((4, 5), (4, 4), (7, 3)):
        require_gradients(BATCH_ALT, student, inputs(rng, n, d), names=("dgamma", "dbeta"), mode="train", eps=EPS)


@question("batchnorm_backward_alt", weight=1.5, hint="The formula must hold for every N and eps.", rests_on=FORWARD)
def test_alternative_is_right_for_any_eps_and_shape(student: Student, rng: np.random.Generator) -> None:
    """dx of the alternative is right for batches of other sizes, for a large eps, and in float32."""
    for n, d, eps in ((2, 6, EPS), (5, 5, 1.0), (11, 3, 2.0), (30, 4, EPS)):
        require_gradients(BATCH_ALT, student, inputs(rng, n, d), names=("dx",), mode="train", eps=eps)
    data = single(inputs(rng, 9, 6))
    require_gradients(
        BATCH_ALT,
        student,
        data,
        names=("dx",),
        tolerance=SINGLE,
        mode="train",
        eps=EPS,
    )


@question(
    "batchnorm_backward_alt", weight=0.5, hint="Keep what backward needs in the cache, nowhere else.", rests_on=FORWARD
)
def test_alternative_uses_its_own_cache(student: Student, rng: np.random.Generator) -> None:
    """The alternative belongs to the call that made the cache, also when there was another call in between."""
    require_own_cache(BATCH_ALT, student, rng)
