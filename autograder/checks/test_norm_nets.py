"""Hidden checks of fc_net_batchnorm and fc_net_layernorm: normalization in FullyConnectedNet.

Parameters are set by the checks. Biases are random, no ReLU of the right net is near its kink, and all scores are
positive: a fault of the plain net's output layer or regularization costs its own question, not these.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.api import Array, Student, question, rel_error, require, require_shape
from autograder.checks.nets import (
    EXACT,
    LOSS,
    LOSS_FUNCTION,
    Params,
    build,
    require_answers,
    require_derivatives,
    require_no_memory,
    require_reg_as_in_the_plain_net,
    set_params,
    slow_loss,
    wrong_gradients,
)

MARGIN = 1e-3  # no ReLU's input is nearer to 0
EPS, MOMENTUM = 1e-5, 0.9
PLAIN = ("layers.affine_forward", "layers.affine_backward", "layers.relu_forward", "layers.relu_backward")
BATCH = (
    *PLAIN,
    LOSS_FUNCTION,
    "layers.batchnorm_forward",
    "layers.batchnorm_backward",
    "layers.batchnorm_backward_alt",
)
LAYER = (*BATCH, "layers.layernorm_forward", "layers.layernorm_backward")  # which may call batchnorm

Normalize = Callable[[Array, int], Array]


def batch_normalized(z: Array, layer: int) -> Array:
    """z (N, M) with mean 0 and variance 1 over the batch."""
    normalized: Array = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + EPS)
    return normalized


def layer_normalized(z: Array, layer: int) -> Array:
    """z (N, M) with mean 0 and variance 1 over the features of each example."""
    return batch_normalized(z.T, layer).T


class Running:
    """Running statistics of every hidden layer, kept from the outside."""

    def __init__(self) -> None:
        self.mean: dict[int, Array] = {}
        self.var: dict[int, Array] = {}

    def train(self, z: Array, layer: int) -> Array:
        """Normalize with the batch's statistics and remember them."""
        old_mean, old_var = self.mean.get(layer, np.zeros(z.shape[1])), self.var.get(layer, np.zeros(z.shape[1]))
        self.mean[layer] = MOMENTUM * old_mean + (1 - MOMENTUM) * z.mean(axis=0)
        self.var[layer] = MOMENTUM * old_var + (1 - MOMENTUM) * z.var(axis=0)
        return batch_normalized(z, layer)

    def test(self, z: Array, layer: int) -> Array:
        """Normalize with what was remembered."""
        normalized: Array = (z - self.mean[layer]) / np.sqrt(self.var[layer] + EPS)
        return normalized


def slow_scores(params: Params, x: Array, normalize: Normalize) -> tuple[Array, float]:
    """Scores of the net, and the smallest size of a ReLU's input."""
    last, margin = sum(name.startswith("W") for name in params), np.inf
    for i in range(1, last):
        z = normalize(x @ params[f"W{i}"] + params[f"b{i}"], i) * params[f"gamma{i}"] + params[f"beta{i}"]
        margin = min(margin, float(abs(z).min()))
        x = np.maximum(z, 0)
    scores: Array = x @ params[f"W{last}"] + params[f"b{last}"]
    return scores, margin


def draw(rng: np.random.Generator, sizes: list[int], n: int, normalize: Normalize) -> tuple[Params, Array, Array]:
    """Parameters, X (N, D) and y (N,): drawn again until no ReLU is near its kink and every score is positive."""
    while True:
        params: Params = {}
        for i, (fan_in, width) in enumerate(pairwise(sizes), start=1):
            params[f"W{i}"] = rng.standard_normal((fan_in, width)) / np.sqrt(fan_in)
            params[f"b{i}"] = rng.standard_normal(width)
            if i < len(sizes) - 1:
                params[f"gamma{i}"], params[f"beta{i}"] = rng.uniform(0.5, 1.5, width), rng.standard_normal(width)
        params[f"b{len(sizes) - 1}"] += 8
        x, y = rng.standard_normal((n, sizes[0])) + rng.standard_normal(sizes[0]), rng.integers(sizes[-1], size=n)
        scores, margin = slow_scores(params, x, normalize)
        if margin > MARGIN and scores.min() > 0:
            return params, x, y


def net_with(student: Student, sizes: list[int], params: Params, kind: str, **more: object) -> Any:
    """A net with a normalization and these parameters."""
    net = build(student, sizes, 1, normalization=kind, **more)
    set_params(net, params)
    return net


def _fresh_params(student: Student, kind: str) -> None:
    """What a new net holds."""
    sizes = [6, 7, 5, 4]
    net = build(student, sizes, 1, normalization=kind)
    expected = {f"{name}{i}" for i in (1, 2) for name in ("W", "b", "gamma", "beta")} | {"W3", "b3"}
    require(set(net.params.keys()) >= expected, "params has no gamma and beta for some hidden layer.")
    require(set(net.params.keys()) == expected, "params has more than W and b, and gamma and beta of hidden layers.")
    for i in (1, 2):
        width = np.asarray(net.params[f"W{i}"]).shape[-1]  # a wrong width costs points in fc_net
        gamma, beta = (_vector(net.params[f"{name}{i}"], width, f'params["{name}{i}"]') for name in ("gamma", "beta"))
        require((gamma == 1).all(), "gamma does not start as 1.")
        require((beta == 0).all(), "beta does not start as 0.")


def _vector(value: Any, width: int, name: str) -> Array:
    return require_shape(np.squeeze(value) if isinstance(value, np.ndarray) else value, (width,), name)


def _losses(student: Student, rng: np.random.Generator, kind: str, normalize: Normalize) -> None:
    for sizes in ([8, 9, 5], [8, 12, 9, 5], [8, 6, 10, 7, 5]):
        params, x, y = draw(rng, sizes, 6, normalize)
        expected = slow_loss(slow_scores(params, x, normalize)[0], y)
        loss, _ = net_with(student, sizes, params, kind).loss(x, y)
        require(abs(loss - expected) < LOSS * expected, "The training loss is another one.")


def _gradients(student: Student, rng: np.random.Generator, kind: str, normalize: Normalize) -> None:
    sizes = [15, 12, 10, 6]
    params, x, y = draw(rng, sizes, 5, normalize)
    net = net_with(student, sizes, params, kind)
    loss, grads = net.loss(x, y)
    expected = slow_loss(slow_scores(params, x, normalize)[0], y)
    require(abs(loss - expected) < LOSS * expected, "The loss itself is not right.")
    require(set(grads) == set(params), "grads has not the keys of params.")
    require_derivatives(wrong_gradients(lambda: float(net.loss(x, y)[0]), net, params, grads, rng, turns=2))
    require_no_memory(net, x, y, grads)


def _known_scores(student: Student, rng: np.random.Generator, kind: str, normalize: Normalize) -> None:
    """With last weights of 0 the scores are the last biases, unless something follows the last affine layer."""
    sizes = [8, 9, 7, 5]
    params, x, y = draw(rng, sizes, 6, normalize)
    params["W3"] = np.zeros((7, 5))
    net = net_with(student, sizes, params, kind)
    scores = np.tile(params["b3"], (6, 1))
    expected = slow_loss(scores, y)
    require(abs(net.loss(x, y)[0] - expected) < LOSS * expected, "The loss is not that of the last layer's output.")
    require(rel_error(net.loss(x), scores) < EXACT, "The scores are not the last layer's output.")


def _penalty(student: Student, rng: np.random.Generator, kind: str, normalize: Normalize) -> None:
    """What reg adds must be what it adds in the plain net, whatever gamma and beta are."""
    sizes = [8, 9, 7, 5]
    params, x, y = draw(rng, sizes, 6, normalize)
    require_answers(net_with(student, sizes, params, kind), rng, sizes, params)
    require_reg_as_in_the_plain_net(student, x, y, params, normalization=kind)
    added = []
    for factor in (1.0, 3.0):
        for name in params:
            if name.startswith(("gamma", "beta")):
                params[name] = factor * params[name]
        (plain, grads), (loss, with_reg) = (
            net_with(student, sizes, params, kind, reg=reg).loss(x, y) for reg in (0.0, 0.7)
        )
        added.append(loss - plain)
        for name in ("gamma1", "beta1", "gamma2", "beta2"):
            require(name in grads and name in with_reg, "grads lacks gamma or beta of some hidden layer.")
            require(rel_error(with_reg[name], grads[name]) < EXACT, "reg changes a gradient of gamma or beta.")
    require(abs(added[0] - added[1]) < LOSS, "reg punishes gamma or beta.")


@question("fc_net_batchnorm", hint="gammaI is 1 and betaI is 0 at first, for hidden layers only.", rests_on=BATCH)
def test_batchnorm_net_has_gamma_and_beta_for_hidden_layers(student: Student, rng: np.random.Generator) -> None:
    """params holds gammaI (ones) and betaI (zeros), as wide as the layer, for every hidden layer and for no other; a
    net without normalization has none."""
    _fresh_params(student, "batchnorm")
    plain = build(student, [6, 7, 5, 4], 1)
    require(not any(name.startswith(("gamma", "beta")) for name in plain.params),
            "A net without normalization has gamma or beta.")  # fmt: skip


@question("fc_net_batchnorm", weight=1.5, hint="A hidden layer is affine, batchnorm, ReLU.", rests_on=BATCH)
def test_training_loss_is_that_of_batch_statistics(student: Student, rng: np.random.Generator) -> None:
    """In training every hidden layer is affine, batchnorm with the statistics of the batch and its own gamma and beta,
    ReLU: nets with one, two and three of them have the loss that follows."""
    _losses(student, rng, "batchnorm", batch_normalized)


@question("fc_net_batchnorm", weight=2, hint="Go back through ReLU, batchnorm, affine; keep all grads.", rests_on=BATCH)
def test_batchnorm_net_gradients_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """The notebook's net cell on new numbers: grads has the keys and shapes of params, and every gradient agrees with
    central differences of the training loss."""
    _gradients(student, rng, "batchnorm", batch_normalized)


@question("fc_net_batchnorm", weight=1.5, hint='loss(X) must set bn_param["mode"] to "test".', rests_on=BATCH)
def test_scores_without_labels_use_the_running_statistics(student: Student, rng: np.random.Generator) -> None:
    """Without labels the net runs in test mode: after some training passes the scores are those of the running
    statistics, and an image gets the same scores in every batch."""
    sizes, running = [8, 20, 5], Running()
    params, x, y = draw(rng, sizes, 6, batch_normalized)
    params["b2"] += 20.0  # positive at test time, too
    net = net_with(student, sizes, params, "batchnorm")
    for batch in (x, x[1:] * 1.5, x[:4] - 0.5):
        slow_scores(params, batch, running.train)
        net.loss(batch, y[: len(batch)])
    expected, _ = slow_scores(params, x, running.test)
    require(rel_error(net.loss(x), expected) < EXACT, "The scores are not those of the running statistics.")
    require(rel_error(net.loss(x[2:3]), expected[2:3]) < EXACT, "In another batch an image gets other scores.")


@question("fc_net_batchnorm", weight=1.5, hint="Make a bn_param of its own for every hidden layer.", rests_on=BATCH)
def test_every_hidden_layer_has_its_own_running_statistics(student: Student, rng: np.random.Generator) -> None:
    """Hidden layers of the same width keep running statistics of their own, in the net's bn_params."""
    sizes, running = [8, 10, 10, 10, 5], Running()
    params, x, y = draw(rng, sizes, 6, batch_normalized)
    params["b4"] += 300.0  # positive at test time, too
    net = net_with(student, sizes, params, "batchnorm")
    for _ in range(2):
        slow_scores(params, x, running.train)
        net.loss(x, y)
    expected, _ = slow_scores(params, x, running.test)
    require(rel_error(net.loss(x), expected) < EXACT, "The scores are not those of each layer's own statistics.")


@question("fc_net_batchnorm", hint="The output layer is affine, nothing else.", rests_on=BATCH)
def test_output_layer_is_not_batch_normalized(student: Student, rng: np.random.Generator) -> None:
    """No normalization comes after the last affine layer, in training and at test time."""
    _known_scores(student, rng, "batchnorm", batch_normalized)


@question("fc_net_batchnorm", weight=0.5, hint="Set the mode in every call of loss, for both cases.", rests_on=BATCH)
def test_a_test_time_call_changes_nothing(student: Student, rng: np.random.Generator) -> None:
    """A call without labels changes nothing: the next training pass has the same loss as before, and scores repeat."""
    sizes = [8, 10, 9, 5]
    params, x, y = draw(rng, sizes, 6, batch_normalized)
    require_answers(net_with(student, sizes, params, "batchnorm"), rng, sizes, params)
    net = net_with(student, sizes, params, "batchnorm")
    loss = net.loss(x, y)[0]
    scores = net.loss(x)
    require(rel_error(net.loss(x), scores) < EXACT, "The same image gets other scores in the next call.")
    require(abs(net.loss(x, y)[0] - loss) < EXACT * loss, "After a test-time call the training loss is another one.")


@question("fc_net_batchnorm", weight=0.5, hint="All the W are regularized, and nothing else.", rests_on=BATCH)
def test_reg_leaves_gamma_and_beta_of_batchnorm_alone(student: Student, rng: np.random.Generator) -> None:
    """reg adds to the loss and to the gradient of every W what it adds in the plain net, and nothing for gamma and
    beta, neither to the loss nor to their gradients."""
    _penalty(student, rng, "batchnorm", batch_normalized)


@question("fc_net_layernorm", hint="gammaI and betaI as for batchnorm.", rests_on=LAYER)
def test_layernorm_net_has_gamma_and_beta_for_hidden_layers(student: Student, rng: np.random.Generator) -> None:
    """With layernorm, params holds gammaI (ones) and betaI (zeros) for every hidden layer and for no other."""
    _fresh_params(student, "layernorm")


@question("fc_net_layernorm", weight=2, hint="A hidden layer is affine, layernorm, ReLU.", rests_on=LAYER)
def test_training_loss_is_that_of_layer_normalization(student: Student, rng: np.random.Generator) -> None:
    """In training every hidden layer is affine, layernorm with its own gamma and beta, ReLU: nets with one, two and
    three of them have the loss that follows."""
    _losses(student, rng, "layernorm", layer_normalized)


@question("fc_net_layernorm", weight=2, hint="Go back through ReLU, layernorm, affine; keep all grads.", rests_on=LAYER)
def test_layernorm_net_gradients_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """The notebook's net cell on new numbers: grads has the keys and shapes of params, and every gradient agrees with
    central differences of the training loss."""
    _gradients(student, rng, "layernorm", layer_normalized)


@question("fc_net_layernorm", hint="Layernorm is the same in train and test mode.", rests_on=LAYER)
def test_layernorm_scores_are_the_same_in_every_batch(student: Student, rng: np.random.Generator) -> None:
    """Without labels the scores are those of the same net, before and after training passes, in a batch and alone."""
    sizes = [8, 12, 9, 5]
    params, x, y = draw(rng, sizes, 6, layer_normalized)
    expected, _ = slow_scores(params, x, layer_normalized)
    net = net_with(student, sizes, params, "layernorm")
    for images, scores in ((x, expected), (x[2:3], expected[2:3])):
        require(rel_error(net.loss(images), scores) < EXACT, "The scores are other ones.")
        net.loss(x, y)


@question("fc_net_layernorm", weight=0.5, hint="The output layer is affine, nothing else.", rests_on=LAYER)
def test_output_layer_is_not_layer_normalized(student: Student, rng: np.random.Generator) -> None:
    """No normalization comes after the last affine layer, in training and at test time."""
    _known_scores(student, rng, "layernorm", layer_normalized)


@question("fc_net_layernorm", weight=0.5, hint="All the W are regularized, and nothing else.", rests_on=LAYER)
def test_reg_leaves_gamma_and_beta_of_layernorm_alone(student: Student, rng: np.random.Generator) -> None:
    """reg adds to the loss and to the gradient of every W what it adds in the plain net, and nothing for gamma and
    beta, neither to the loss nor to their gradients."""
    _penalty(student, rng, "layernorm", layer_normalized)
