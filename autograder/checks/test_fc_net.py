"""Hidden checks of two_layer_net and fc_net: the plain nets, without normalization and without dropout.

Both nets are checked alike. `Kind` says how one is built. Checks set all parameters themselves, with biases that keep
every ReLU away from its kink, where a numeric gradient is off for right code too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.api import Array, Student, binomial_tolerance, question, rel_error, require, require_shape
from autograder.checks.nets import (
    EXACT,
    LOSS,
    LOSS_FUNCTION,
    open_gradients,
    open_params,
    random_params,
    require_answers,
    require_derivatives,
    require_no_memory,
    set_params,
    slow_loss,
    slow_scores,
    wrong_gradients,
)

LAYERS = ("layers.affine_forward", "layers.affine_backward", "layers.relu_forward", "layers.relu_backward")
WITH_LOSS = (*LAYERS, LOSS_FUNCTION)

Build = Callable[..., Any]


def two_layer(student: Student, sizes: list[int], **settings: object) -> Any:
    """A TwoLayerNet of these three sizes."""
    inputs, hidden, classes = sizes
    return student.fc_net.TwoLayerNet(input_dim=inputs, hidden_dim=hidden, num_classes=classes, **settings)


def deep(student: Student, sizes: list[int], **settings: object) -> Any:
    """A plain FullyConnectedNet of these sizes, in float64."""
    settings = {"dtype": np.float64} | settings
    return student.fc_net.FullyConnectedNet(list(sizes[1:-1]), input_dim=sizes[0], num_classes=sizes[-1], **settings)


TWO_LAYER_SIZES = ([7, 12, 4], [9, 5, 6])
DEEP_SIZES = ([7, 12, 4], [6, 9, 7, 5], [8, 6, 9, 7, 4])


def _batch(rng: np.random.Generator, sizes: list[int], n: int = 5) -> tuple[Array, Array]:
    return rng.standard_normal((n, sizes[0])), rng.integers(sizes[-1], size=n)


def _filled(student: Student, rng: np.random.Generator, build: Build, sizes: list[int], **more: object) -> Any:
    """A net with random parameters, and these."""
    net, params = build(student, sizes, **more), random_params(rng, sizes, closed=0.4)
    set_params(net, params)
    return net, params


def _require_shapes(student: Student, build: Build, all_sizes: Any) -> None:
    for sizes in all_sizes:
        params = build(student, sizes).params
        expected: dict[str, tuple[int, ...]] = {}
        for i, (fan_in, width) in enumerate(itertools.pairwise(sizes), start=1):
            expected |= {f"W{i}": (fan_in, width), f"b{i}": (width,)}
        require(set(params.keys()) == set(expected), "params has not one W and one b for every layer.")
        for name, shape in expected.items():
            value = np.asarray(params[name])
            fits = value.shape == shape or (name[0] == "b" and value.shape == (1, *shape))
            require(fits, f"{name} has not the shape it must have.")


def _require_normal_weights(student: Student, build: Build, sizes: list[int], name_of_weights: tuple[str, ...]) -> None:
    """Each comparison is by a bound that is exact for every n: right code fails with probability 1e-9 or less."""
    for scale in (0.02, 0.5):
        params = build(student, sizes, weight_scale=scale).params
        for name in name_of_weights:
            z = np.asarray(params[name], dtype=np.float64).ravel() / scale
            for bound in (0.4, 1.0, 2.0, 3.0):
                inside = math.erf(bound / math.sqrt(2))
                fits = abs((abs(z) < bound).mean() - inside) < binomial_tolerance(z.size, inside)
                require(fits, "Some weights are not drawn from a normal distribution with std weight_scale.")
            positive = abs((z > 0).mean() - 0.5) < binomial_tolerance(z.size, 0.5)
            require(positive, "The mean of some weights is not 0.")
        for i in range(1, len(sizes)):
            require(not np.asarray(params[f"b{i}"]).any(), "Some biases are not 0 at first.")


def _require_scores(student: Student, rng: np.random.Generator, build: Build, all_sizes: Any) -> None:
    for sizes in all_sizes:
        net, params = _filled(student, rng, build, sizes)
        x, _ = _batch(rng, sizes)
        scores = require_shape(net.loss(x), (len(x), sizes[-1]), "The scores")
        require(rel_error(scores, slow_scores(params, x)) < EXACT, "The scores are not those of this net.")


def _require_raw_scores(student: Student, rng: np.random.Generator, build: Build, sizes: list[int]) -> None:
    """The last weights are 0, so the scores are the last biases, of both signs and far apart."""
    net, params = _filled(student, rng, build, sizes)
    last, classes = len(sizes) - 1, sizes[-1]
    params[f"W{last}"] = np.zeros_like(params[f"W{last}"])
    params[f"b{last}"] = rng.permutation(np.linspace(-2.0, 1.5, classes))
    set_params(net, params)
    x, y = _batch(rng, sizes)
    expected = np.tile(params[f"b{last}"], (len(x), 1))
    scores = require_shape(net.loss(x), expected.shape, "The scores")
    require(rel_error(scores, expected) < EXACT, "The scores are not the output of the last affine layer.")
    loss = net.loss(x, y)[0]
    require(abs(loss - slow_loss(expected, y)) < LOSS, "The loss is not the mean softmax loss of the scores.")


def _require_regularization(student: Student, rng: np.random.Generator, build: Build, all_sizes: Any) -> None:
    """Compared with the net's own loss without regularization, which must depend on the images."""
    for sizes in all_sizes:
        require_answers(build(student, sizes), rng, sizes)
        reg = float(rng.uniform(0.5, 3.0))
        params = {name: 3 * value for name, value in random_params(rng, sizes).items()}
        params |= {name: value + rng.standard_normal(value.shape) for name, value in params.items()}
        x, y = _batch(rng, sizes)
        nets = [build(student, sizes, reg=strength) for strength in (0.0, reg)]
        for net in nets:
            set_params(net, params)
        (plain, _), (loss, _) = (net.loss(x, y) for net in nets)
        weights = [value for name, value in params.items() if name[0] == "W"]
        penalty = 0.5 * reg * sum(float((w**2).sum()) for w in weights)
        require(
            abs(loss - plain - penalty) < LOSS * penalty,
            "What reg adds to the loss is not 0.5 * reg * (sum of the squares of all weights).",
        )


def _require_gradients(student: Student, rng: np.random.Generator, build: Build, all_sizes: Any, reg: float) -> None:
    """Of the net's own loss, which must be right without regularization; in a second call, too."""
    for sizes in all_sizes:
        net, params = _filled(student, rng, build, sizes, reg=reg)
        x, y = _batch(rng, sizes, n=3)
        plain = build(student, sizes)
        set_params(plain, params)
        expected = slow_loss(slow_scores(params, x), y)
        require(abs(plain.loss(x, y)[0] - expected) < LOSS * expected, "The loss itself is not right.")
        grads = net.loss(x, y)[1]
        require(set(grads) == set(params), "grads has not the keys of params.")
        require(any(np.any(grad) for grad in grads.values()), "All gradients are 0.")

        def loss(net: Any = net, x: Array = x, y: Array = y) -> float:
            return float(net.loss(x, y)[0])

        require_derivatives(wrong_gradients(loss, net, params, grads, rng))
        require_no_memory(net, x, y, grads)


def _require_own_answers(student: Student, rng: np.random.Generator, build: Build, sizes: list[int]) -> None:
    """The scores of one image alone, of a batch, and of a batch in another order."""
    require_answers(build(student, sizes), rng, sizes)
    net, _ = _filled(student, rng, build, sizes)
    x, _ = _batch(rng, sizes, n=6)
    scores = require_shape(net.loss(x), (6, sizes[-1]), "The scores")
    order = rng.permutation(6)[:4]
    again = require_shape(net.loss(x[order]), (4, sizes[-1]), "The scores")
    require(rel_error(again, scores[order]) < EXACT, "The scores of an image depend on the others in the batch.")
    alone = require_shape(net.loss(x[:1]), (1, sizes[-1]), "The scores")
    require(rel_error(alone, scores[:1]) < EXACT, "The scores of an image depend on the others in the batch.")


def _require_images(student: Student, rng: np.random.Generator, build: Build, hidden: list[int]) -> None:
    sizes = [3 * 4 * 2, *hidden, 5]
    net, params = _filled(student, rng, build, sizes)
    x, y = rng.standard_normal((4, 3, 4, 2)), rng.integers(5, size=4)
    scores = require_shape(net.loss(x), (4, 5), "The scores")
    require(rel_error(scores, slow_scores(params, x.reshape(4, -1))) < EXACT, "The scores are not those of this net.")
    require(set(net.loss(x, y)[1]) == set(params), "grads has not the keys of params.")


def _require_calls_that_change_nothing(
    student: Student, rng: np.random.Generator, build: Build, sizes: list[int]
) -> None:
    net, params = _filled(student, rng, build, sizes, reg=0.3)
    other, _ = _filled(student, rng, build, sizes, reg=0.3)
    require_answers(build(student, sizes), rng, sizes)
    x, y = _batch(rng, sizes)
    first = net.loss(x, y)[0]
    other.loss(x, y)
    net.loss(x)
    for name, value in params.items():
        require(rel_error(np.asarray(net.params[name]), value) < EXACT, "A call of loss changes the parameters.")
    require(abs(net.loss(x, y)[0] - first) < EXACT * abs(first), "The same call twice gives two different losses.")


def _require_new_weights(student: Student, rng: np.random.Generator, build: Build, sizes: list[int]) -> None:
    drawn = []
    for seed in rng.choice(2**16, 2, replace=False):
        student.seed(int(seed))
        drawn += [np.asarray(build(student, sizes).params["W1"]) for _ in range(2)]
    different = all(rel_error(a, b) > EXACT for a, b in itertools.combinations(drawn, 2))
    require(different, "Two nets begin with the same weights.")


def _require_first_loss(student: Student, rng: np.random.Generator, build: Build, all_sizes: Any) -> None:
    """With weights of 1e-3 the scores are near 0, and every class gets nearly the same probability.

    A score has a standard deviation of 2e-5 or less, so right code fails with far less than 1e-9.
    """
    for sizes in all_sizes:
        require_answers(build(student, sizes), rng, sizes)
        x, y = _batch(rng, sizes, n=8)
        loss = build(student, sizes, weight_scale=1e-3, reg=0.0).loss(x, y)[0]
        require(abs(loss - math.log(sizes[-1])) < 0.01, "The first loss is not near log(number of classes).")


@question("two_layer_net", weight=1.5, hint="W1 is (inputs, hidden), W2 (hidden, classes).", rests_on=WITH_LOSS)
def test_two_layer_params_have_their_names_and_shapes(student: Student, rng: np.random.Generator) -> None:
    """params holds W1 (D, H), b1 (H,), W2 (H, C) and b2 (C,), and nothing else."""
    _require_shapes(student, two_layer, TWO_LAYER_SIZES)


@question("two_layer_net", hint="weight_scale * np.random.randn(...), and zeros for the biases.", rests_on=WITH_LOSS)
def test_two_layer_weights_are_normal_and_biases_zero(student: Student, rng: np.random.Generator) -> None:
    """At first the weights are drawn from a normal distribution with mean 0 and standard deviation weight_scale, and
    the biases are 0."""
    _require_normal_weights(student, two_layer, [40, 60, 45], ("W1", "W2"))


@question("two_layer_net", weight=1.5, hint="affine, ReLU, affine; without y return the scores.", rests_on=WITH_LOSS)
def test_two_layer_scores_are_affine_relu_affine(student: Student, rng: np.random.Generator) -> None:
    """Without labels loss returns the scores: affine, ReLU, affine."""
    _require_scores(student, rng, two_layer, TWO_LAYER_SIZES)


@question("two_layer_net", hint="No ReLU follows the last affine layer.", rests_on=WITH_LOSS)
def test_two_layer_scores_are_not_changed_after_the_last_layer(student: Student, rng: np.random.Generator) -> None:
    """The scores may be negative: nothing follows the last affine layer, and the loss is their mean softmax loss."""
    _require_raw_scores(student, rng, two_layer, [7, 10, 6])


@question("two_layer_net", weight=1.5, hint="0.5 * reg * (sum(W1^2) + sum(W2^2)).", rests_on=WITH_LOSS)
def test_two_layer_loss_adds_half_reg_times_squared_weights(student: Student, rng: np.random.Generator) -> None:
    """With reg the loss grows by 0.5 * reg * (sum of the squares of W1 and of W2), and by nothing else."""
    _require_regularization(student, rng, two_layer, TWO_LAYER_SIZES)


@question("two_layer_net", weight=2, hint="Go back through the layers in the opposite order.", rests_on=WITH_LOSS)
def test_two_layer_gradients_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """Without regularization the gradient of every parameter agrees with central differences of the loss; grads has
    the keys and shapes of params."""
    _require_gradients(student, rng, two_layer, TWO_LAYER_SIZES, reg=0.0)


@question("two_layer_net", hint="The loss has 0.5 * reg * W^2, so dW has reg * W.", rests_on=WITH_LOSS)
def test_two_layer_gradients_with_regularization_agree_with_numeric_ones(
    student: Student, rng: np.random.Generator
) -> None:
    """The notebook's gradient cell on new numbers: with regularization, too, the gradients agree with central
    differences of the loss."""
    _require_gradients(student, rng, two_layer, TWO_LAYER_SIZES, reg=0.7)


@question("two_layer_net", weight=0.5, hint="Do not compute anything over the batch in forward.", rests_on=WITH_LOSS)
def test_two_layer_scores_do_not_depend_on_the_batch(student: Student, rng: np.random.Generator) -> None:
    """An image gets the same scores alone, in a batch, and in a batch in another order."""
    _require_own_answers(student, rng, two_layer, [7, 10, 6])


@question("two_layer_net", weight=0.5, hint="affine_forward flattens every example.", rests_on=WITH_LOSS)
def test_two_layer_net_takes_images(student: Student, rng: np.random.Generator) -> None:
    """X may hold images, an array of four dimensions."""
    _require_images(student, rng, two_layer, [9])


@question("two_layer_net", weight=0.5, hint="`w *= reg` changes w itself; `reg * w` does not.", rests_on=WITH_LOSS)
def test_two_layer_loss_changes_no_parameter(student: Student, rng: np.random.Generator) -> None:
    """loss changes no parameter, of this net or of another one: only the update rule does."""
    _require_calls_that_change_nothing(student, rng, two_layer, [7, 10, 6])


@question("two_layer_net", weight=0.5, hint="Fix no seed in your code.", rests_on=WITH_LOSS)
def test_two_layer_nets_begin_with_different_weights(student: Student, rng: np.random.Generator) -> None:
    """Every new net draws new weights: the constructor fixes no seed."""
    _require_new_weights(student, rng, two_layer, [7, 10, 6])


@question("two_layer_net", weight=0.5, hint="All weights are multiplied by weight_scale.", rests_on=WITH_LOSS)
def test_two_layer_first_loss_is_near_log_of_the_number_of_classes(student: Student, rng: np.random.Generator) -> None:
    """The notebook's loss cell on new numbers: with small weights the first loss is near log(number of classes)."""
    _require_first_loss(student, rng, two_layer, TWO_LAYER_SIZES)


@question("fc_net", weight=2, hint="One W and one b for every affine layer, the last one too.", rests_on=LAYERS)
def test_net_has_the_layers_and_widths_that_were_asked_for(student: Student, rng: np.random.Generator) -> None:
    """With L - 1 hidden layers params holds W1, b1, ..., WL, bL: W is (inputs, outputs) and b (outputs,) of its layer,
    for one, two and three hidden layers of different widths."""
    _require_shapes(student, deep, DEEP_SIZES)


@question("fc_net", hint="weight_scale * np.random.randn(...), and zeros for the biases.", rests_on=LAYERS)
def test_net_weights_are_normal_and_biases_zero(student: Student, rng: np.random.Generator) -> None:
    """At first the weights of every layer, the last one too, are drawn from a normal distribution with mean 0 and
    standard deviation weight_scale, and the biases are 0."""
    _require_normal_weights(student, deep, [40, 60, 50, 45], ("W1", "W2", "W3"))


@question("fc_net", weight=1.5, hint="(affine, ReLU) for every hidden layer, then affine.", rests_on=LAYERS)
def test_net_scores_are_those_of_its_layers(student: Student, rng: np.random.Generator) -> None:
    """Without labels loss returns the scores: affine and ReLU in every hidden layer, then one more affine layer."""
    _require_scores(student, rng, deep, DEEP_SIZES)


@question("fc_net", hint="Count the layers; take no number from the letters of a name: W10 is not W1.", rests_on=LAYERS)
def test_net_of_eleven_layers_is_like_any_other(student: Student, rng: np.random.Generator) -> None:
    """A net of eleven layers works like one of three, from its scores to the gradients with regularization: every layer
    has the parameters of its own number, W10 too."""
    sizes, reg = [5] * 12, 0.3  # of one width, so that layers in another order fit, and answer otherwise
    params = open_params(rng, sizes)
    x, y = rng.uniform(0.5, 1.5, (4, 5)), rng.integers(5, size=4)
    net = deep(student, sizes, reg=reg)
    require(set(net.params.keys()) == set(params), "params has not one W and one b for every layer.")
    set_params(net, params)
    scores = slow_scores(params, x)
    require(rel_error(net.loss(x), scores) < EXACT, "The scores are not those of this net.")
    loss, grads = net.loss(x, y)
    expected = slow_loss(scores, y) + 0.5 * reg * sum(float((w**2).sum()) for n, w in params.items() if n[0] == "W")
    require(abs(loss - expected) < LOSS * expected, "The loss itself is not right.")
    require(set(grads) == set(params), "grads has not the keys of params.")
    right = {n: g + reg * params[n] * (n[0] == "W") for n, g in open_gradients(params, x, y).items()}
    require_derivatives(name for name, grad in right.items() if not rel_error(np.squeeze(grads[name]), grad) < EXACT)


@question("fc_net", weight=0.5, hint="Cast params to dtype, and to nothing else.", rests_on=LAYERS)
def test_net_holds_its_parameters_in_the_dtype_that_was_asked_for(student: Student, rng: np.random.Generator) -> None:
    """A net that was asked for float64 holds its parameters in float64: rounded to float32, a gradient check of it
    fails."""
    params = deep(student, [6, 5, 4]).params
    for name in params:
        require(np.asarray(params[name]).dtype != np.float32, f"{name} is float32 in a net with dtype=np.float64.")


@question("fc_net", weight=1.5, hint="No ReLU follows the last affine layer.", rests_on=LAYERS)
def test_net_scores_are_not_changed_after_the_last_layer(student: Student, rng: np.random.Generator) -> None:
    """The scores may be negative: nothing follows the last affine layer, and the loss is their mean softmax loss."""
    _require_raw_scores(student, rng, deep, [7, 10, 9, 6])


@question("fc_net", weight=2, hint="0.5 * reg * sum(W^2) over W1 to WL, the last one too.", rests_on=LAYERS)
def test_net_loss_adds_half_reg_times_squared_weights(student: Student, rng: np.random.Generator) -> None:
    """With reg the loss grows by 0.5 * reg * (sum of the squares of every W, the last one too), and by nothing else."""
    _require_regularization(student, rng, deep, DEEP_SIZES)


@question("fc_net", weight=2, hint="Go back through the layers in the opposite order.", rests_on=LAYERS)
def test_net_gradients_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """Without regularization the gradient of every parameter agrees with central differences of the loss; grads has
    the keys and shapes of params."""
    _require_gradients(student, rng, deep, DEEP_SIZES, reg=0.0)


@question("fc_net", weight=1.5, hint="The loss has 0.5 * reg * W^2, so dW has reg * W.", rests_on=LAYERS)
def test_net_gradients_with_regularization_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """The notebook's gradient cell on new numbers: with regularization, too, the gradients agree with central
    differences of the loss."""
    _require_gradients(student, rng, deep, DEEP_SIZES[1:], reg=3.14)


@question("fc_net", weight=0.5, hint="Do not compute anything over the batch in forward.", rests_on=LAYERS)
def test_net_scores_do_not_depend_on_the_batch(student: Student, rng: np.random.Generator) -> None:
    """An image gets the same scores alone, in a batch, and in a batch in another order."""
    _require_own_answers(student, rng, deep, [7, 10, 9, 6])


@question("fc_net", weight=0.5, hint="affine_forward flattens every example.", rests_on=LAYERS)
def test_net_takes_images(student: Student, rng: np.random.Generator) -> None:
    """X may hold images, an array of four dimensions."""
    _require_images(student, rng, deep, [9, 8])


@question("fc_net", weight=0.5, hint="params belongs to one net: make it in the constructor.", rests_on=LAYERS)
def test_net_loss_changes_no_parameter(student: Student, rng: np.random.Generator) -> None:
    """loss changes no parameter, of this net or of another one: only the update rule does."""
    _require_calls_that_change_nothing(student, rng, deep, [7, 10, 9, 6])


@question("fc_net", weight=0.5, hint="Fix no seed in your code.", rests_on=LAYERS)
def test_nets_begin_with_different_weights(student: Student, rng: np.random.Generator) -> None:
    """Every new net draws new weights: the constructor fixes no seed."""
    _require_new_weights(student, rng, deep, [7, 10, 9, 6])


@question("fc_net", weight=0.5, hint="All weights are multiplied by weight_scale.", rests_on=LAYERS)
def test_net_first_loss_is_near_log_of_the_number_of_classes(student: Student, rng: np.random.Generator) -> None:
    """The notebook's loss cell on new numbers: with small weights the first loss is near log(number of classes)."""
    _require_first_loss(student, rng, deep, DEEP_SIZES)
