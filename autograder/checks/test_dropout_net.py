"""Hidden checks of fc_net_dropout: dropout in FullyConnectedNet.

What a net drops inside is read from its gradients (see nets.py). All parameters are set by the checks, with
biases that keep every ReLU away from its kink, where a numeric gradient is off for right code too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.api import (
    Array,
    CallFailed,
    CheckFailed,
    Student,
    binomial_tolerance,
    question,
    rel_error,
    require,
    require_shape,
)
from autograder.checks.nets import (
    EXACT,
    LOSS,
    LOSS_FUNCTION,
    build,
    inputs_of_layers,
    one_example,
    random_params,
    require_answers,
    require_derivatives,
    require_no_memory,
    require_reg_as_in_the_plain_net,
    set_params,
    slow_loss,
    slow_scores,
    wrong_gradients,
)

LAYERS = (
    "layers.affine_forward",
    "layers.affine_backward",
    "layers.relu_forward",
    "layers.relu_backward",
    "layers.dropout_forward",
    "layers.dropout_backward",
    LOSS_FUNCTION,
)
NORMS = ("layers.batchnorm_forward", "layers.batchnorm_backward", "layers.batchnorm_backward_alt")
BOTH_NORMS = (*NORMS, "layers.layernorm_forward", "layers.layernorm_backward")


def _require_drops(student: Student, rng: np.random.Generator) -> None:
    """Without a seed four training losses are not all the same: right code fails with probability 1e-30 or less."""
    sizes = [10, 40, 30, 5]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    x, y = rng.standard_normal((4, 10)), rng.integers(5, size=4)
    losses = {float(net.loss(x, y)[0]) for _ in range(4)}
    require(len(losses) > 1, "With dropout all training losses of one batch are the same.")


@question("fc_net_dropout", hint="Build a dropout layer only when dropout_keep_ratio is not 1.", rests_on=LAYERS)
def test_keep_ratio_one_is_the_plain_net(student: Student, rng: np.random.Generator) -> None:
    """With dropout_keep_ratio = 1 the net has no dropout: scores and loss are those of the plain net, and every call
    gives the same."""
    sizes = [15, 20, 30, 10]
    params = random_params(rng, sizes, closed=0.4)
    x, y = rng.standard_normal((6, 15)), rng.integers(10, size=6)
    net = build(student, sizes, 1)
    set_params(net, params)
    scores = slow_scores(params, x)
    loss = slow_loss(scores, y)
    require(rel_error(net.loss(x), scores) < EXACT, "The test-time scores are not those of the plain net.")
    for _ in range(2):
        require(abs(net.loss(x, y)[0] - loss) < LOSS * loss, "The training loss is not that of the plain net.")


@question("fc_net_dropout", weight=2.5, hint='loss(X) without y must run with mode "test".', rests_on=LAYERS)
def test_test_time_scores_are_those_of_the_plain_net(student: Student, rng: np.random.Generator) -> None:
    """Without labels the net runs in test mode: dropout does nothing, so the scores are those of the same net without
    dropout, whatever the keep ratio, before and after a training pass."""
    for keep, sizes in ((0.3, [12, 25, 7]), (0.8, [12, 20, 15, 7])):
        require_answers(build(student, sizes, 1), rng, sizes)
        params = random_params(rng, sizes, closed=0.4)
        x, y = rng.standard_normal((5, 12)), rng.integers(7, size=5)
        plain, net = build(student, sizes, 1), build(student, sizes, keep)
        set_params(plain, params)
        set_params(net, params)
        expected = plain.loss(x)
        require(rel_error(net.loss(x), expected) < EXACT, "The scores are not those of the net without dropout.")
        net.loss(x, y)
        require(rel_error(net.loss(x), expected) < EXACT, "After a training pass the scores are other ones.")


@question("fc_net_dropout", weight=2, hint="Every hidden layer ends with dropout, the last one too.", rests_on=LAYERS)
def test_every_hidden_layer_keeps_its_outputs_with_the_keep_ratio(student: Student, rng: np.random.Generator) -> None:
    """In training every hidden layer of nets with one, two and three of them keeps each of its outputs with
    probability dropout_keep_ratio."""
    _require_drops(student, rng)
    calls, width = 6, 150
    for hidden, keep in ((1, 0.25), (2, 0.75), (3, 0.5)):
        sizes = [10, *[width] * hidden, 5]
        net = build(student, sizes, keep)
        set_params(net, random_params(rng, sizes))
        x, y = one_example(rng, sizes)
        passes = [inputs_of_layers(net.loss(x, y)[1], sizes)[1:] for _ in range(calls)]
        tolerance = binomial_tolerance(calls * width, keep)
        for layer in range(hidden):
            share = np.mean([abs(entered[layer]) > EXACT for entered in passes])
            require(
                abs(share - keep) < tolerance, "In some hidden layer the share of outputs kept is not the keep ratio."
            )


@question("fc_net_dropout", hint="The order is affine, (normalization,) ReLU, dropout.", rests_on=LAYERS)
def test_kept_outputs_are_relu_outputs_divided_by_the_keep_ratio(student: Student, rng: np.random.Generator) -> None:
    """In training every hidden layer passes relu(x W + b) / dropout_keep_ratio on where an output is kept, and 0 where
    it is dropped."""
    _require_drops(student, rng)
    for keep in (0.4, 0.7):
        sizes = [10, 60, 50, 40, 5]
        params = random_params(rng, sizes, closed=0.3)
        net = build(student, sizes, keep)
        set_params(net, params)
        x, y = one_example(rng, sizes)
        entered = inputs_of_layers(net.loss(x, y)[1], sizes)
        for i in range(1, len(sizes) - 1):
            outputs = np.maximum(entered[i - 1] @ params[f"W{i}"] + params[f"b{i}"], 0) / keep
            kept = abs(entered[i]) > EXACT
            require(kept.any(), "A hidden layer passes nothing on.")
            require(rel_error(entered[i], outputs * kept) < EXACT, "What a hidden layer passes on is something else.")
            require(not kept[outputs > EXACT].all(), "A hidden layer drops nothing.")


@question("fc_net_dropout", weight=1.5, hint="No dropout follows the last affine layer.", rests_on=LAYERS)
def test_the_scores_are_not_dropped(student: Student, rng: np.random.Generator) -> None:
    """There is no dropout on the class scores: in training too, the loss and the last bias's gradient are those
    of the undropped scores."""
    _require_drops(student, rng)
    sizes = [10, 30, 8]
    params = random_params(rng, sizes)
    params["W2"] = np.zeros((30, 8))  # the scores are b2, whatever the hidden layer drops
    x, y = rng.standard_normal((4, 10)), rng.integers(8, size=4)
    net = build(student, sizes, 0.5)
    set_params(net, params)
    scores = np.tile(params["b2"], (4, 1))
    db = np.exp(params["b2"]) / np.exp(params["b2"]).sum() - np.bincount(y, minlength=8) / 4
    for _ in range(3):
        loss, grads = net.loss(x, y)
        require(abs(loss - slow_loss(scores, y)) < LOSS, "The training loss is not that of the undropped scores.")
        require(
            rel_error(np.squeeze(grads.get("b2", 0.0)), db) < EXACT, "The gradient of the last bias is another one."
        )


@question("fc_net_dropout", weight=0.5, hint="Dropout follows a ReLU; the images are not dropped.", rests_on=LAYERS)
def test_the_input_is_not_dropped(student: Student, rng: np.random.Generator) -> None:
    """There is no dropout on the net's input: the first affine layer sees X as it is."""
    _require_drops(student, rng)
    sizes = [40, 30, 20, 8]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    x, y = one_example(rng, sizes)
    for _ in range(2):
        entered = inputs_of_layers(net.loss(x, y)[1], sizes)
        require(rel_error(entered[0], x[0]) < EXACT, "The first layer sees something else.")


@question("fc_net_dropout", weight=2.5, hint="Pass the gradient through dropout_backward, then relu.", rests_on=LAYERS)
def test_gradients_agree_with_numeric_ones(student: Student, rng: np.random.Generator) -> None:
    """The notebook's net cell on new numbers: for keep ratios 1, 0.75 and 0.5 the gradient of every parameter agrees
    with central differences of the training loss."""
    for keep in (1, 0.75, 0.5):
        _gradients_agree(student, rng, keep)


def _gradients_agree(student: Student, rng: np.random.Generator, keep: float) -> None:
    sizes, seed = [15, 20, 30, 10], int(rng.integers(2**16))
    params = random_params(rng, sizes, closed=0.3)
    x, y = rng.standard_normal((2, 15)), rng.integers(10, size=2)
    net = build(student, sizes, keep, seed=seed)
    set_params(net, params)

    def both(x: Array, y: Array) -> Any:
        student.seed(seed)  # for nets that draw from the global generator all the same
        return net.loss(x, y)

    loss, grads = both(x, y)
    expected = slow_loss(slow_scores(params, x), y)
    require(keep != 1 or abs(loss - expected) < LOSS * expected, "The loss of the plain net is not right.")
    require(set(grads) == set(params), "grads has not the keys of params.")
    require(any(np.any(grad) for grad in grads.values()), "All gradients are 0.")
    require_derivatives(wrong_gradients(lambda: float(both(x, y)[0]), net, params, grads, rng, turns=2))
    if keep == 1:
        require_no_memory(net, x, y, grads)


@question("fc_net_dropout", weight=0.5, hint="Add reg in every net, once, whatever its layers.", rests_on=LAYERS)
def test_reg_adds_with_dropout_what_it_adds_without(student: Student, rng: np.random.Generator) -> None:
    """In a net with dropout reg adds to the loss and to the gradient of every W what it adds in the plain net."""
    sizes = [8, 12, 9, 5]
    params = random_params(rng, sizes)
    require_reg_as_in_the_plain_net(
        student, rng.standard_normal((4, 8)), rng.integers(5, size=4), params, keep=float(rng.uniform(0.4, 0.8))
    )


@question("fc_net_dropout", weight=1.5, hint="Set the mode in every call of loss, for both cases.", rests_on=LAYERS)
def test_training_drops_again_after_a_test_time_call(student: Student, rng: np.random.Generator) -> None:
    """A test-time call changes nothing for training: the next call with labels drops again, and drops others. The
    gradient passes what that call kept."""
    _require_drops(student, rng)
    sizes = [10, 80, 5]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    x, y = one_example(rng, sizes)
    kept = []
    for _ in range(2):
        net.loss(x)
        grads = net.loss(x, y)[1]
        kept.append(abs(inputs_of_layers(grads, sizes)[1]) > EXACT)
        require(not kept[-1].all(), "After a test-time call the net no longer drops in training.")
        passed = np.squeeze(grads["b1"]) != 0  # every ReLU is open
        require((passed == kept[-1]).all(), "The gradient passes other outputs than those that this call kept.")
    require((kept[0] != kept[1]).any(), "Two training passes drop the same outputs.")


@question("fc_net_dropout", weight=0.5, hint='Hand seed on as dropout_param["seed"], 0 too.', rests_on=LAYERS)
def test_a_seed_makes_training_passes_repeat(student: Student, rng: np.random.Generator) -> None:
    """A net built with a seed, 0 included, drops the same outputs in every training pass, as a gradient check needs it;
    nets with different seeds drop different ones."""
    _require_drops(student, rng)
    sizes = [10, 60, 40, 5]
    params = random_params(rng, sizes)
    x, y = rng.standard_normal((3, 10)), rng.integers(5, size=3)
    losses = []
    for seed in (0, int(rng.integers(1, 2**16))):
        net = build(student, sizes, 0.5, seed=seed)
        set_params(net, params)
        first, second = net.loss(x, y)[0], net.loss(x, y)[0]
        require(abs(first - second) < EXACT * abs(first), "Two passes with the same seed give different losses.")
        losses.append(first)
    require(losses[0] != losses[1], "Two different seeds give the same loss.")


@question("fc_net_dropout", hint="The order is affine, batchnorm, ReLU, dropout.", rests_on=LAYERS + NORMS)
def test_dropout_follows_batchnorm_and_relu(student: Student, rng: np.random.Generator) -> None:
    """With batchnorm a hidden layer is affine, batchnorm, ReLU, dropout, in this order."""
    sizes, keep, y = [10, 40, 9], 0.5, rng.permutation(9)[:7]
    params = random_params(rng, sizes)
    params["W2"] = np.zeros((40, 9))  # then the gradient of the scores is known, and the hidden layer can be read
    params |= {"gamma1": rng.uniform(0.5, 1.5, 40), "beta1": rng.standard_normal(40)}
    x = rng.standard_normal((7, 10))
    dscores = (np.exp(params["b2"]) / np.exp(params["b2"]).sum() - np.eye(9)[y]) / 7

    def hidden_with(keep: float) -> Array:
        net = build(student, sizes, keep, normalization="batchnorm")
        set_params(net, params)
        dw = require_shape(net.loss(x, y)[1].get("W2"), (40, 9), 'grads["W2"]')
        outputs: Array = (dw @ np.linalg.pinv(dscores)).T
        return outputs

    z = x @ params["W1"] + params["b1"]
    z = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5) * params["gamma1"] + params["beta1"]
    expected = np.maximum(z, 0)
    plain = hidden_with(1)
    require(np.ptp(plain, axis=0).max() > EXACT, "The hidden layer gives the same for all images.")
    hidden = hidden_with(keep)
    if not rel_error(plain, expected) < EXACT:  # batchnorm itself is at fault, and pays for that in its own question
        require(rel_error(hidden, plain) > EXACT, "Dropout changes nothing in a net with batchnorm.")
        return
    expected /= keep
    kept = abs(hidden) > EXACT
    require(rel_error(hidden, expected * kept) < EXACT, "What the hidden layer passes on is something else.")
    open_relu = expected > 2 * EXACT
    require(kept.any() and not kept[open_relu].all(), "The hidden layer drops nothing, or everything.")


@question("fc_net_dropout", hint="Ask for dropout apart from the normalization.", rests_on=LAYERS + BOTH_NORMS)
def test_dropout_works_beside_either_normalization(student: Student, rng: np.random.Generator) -> None:
    """With batchnorm or layernorm, too, nothing is dropped at test time, and on the way back the gradient passes
    dropout."""
    _require_drops(student, rng)
    for kind in ("batchnorm", "layernorm"):
        _beside(student, rng, kind)


def _beside(student: Student, rng: np.random.Generator, kind: str) -> None:
    """Held against the same net without dropout: where that one is wrong, normalization is, and pays for itself.

    |beta| is above all that gamma times a normalized number can be, so no ReLU is near its kink.
    """
    sizes, seed = [8, 12, 5], int(rng.integers(2**16))
    params = random_params(rng, sizes)
    signs = rng.choice([-1.0, 1.0], 12)
    params |= {"gamma1": rng.uniform(0.2, 0.4, 12), "beta1": signs * rng.uniform(2.0, 3.0, 12)}
    params["W1"] *= 40  # then a step of a numeric gradient is small in what is normalized
    x, y = rng.standard_normal((6, 8)), rng.integers(5, size=6)

    def answers(keep: float, tolerance: float) -> tuple[Array, list[str]]:
        net = build(student, sizes, keep, normalization=kind, seed=seed)
        set_params(net, params)
        scores = net.loss(x)

        def both() -> Any:
            student.seed(seed)  # for nets that draw from the global generator all the same
            return net.loss(x, y)

        first = {"W1": params["W1"]}
        return scores, wrong_gradients(lambda: float(both()[0]), net, first, both()[1], rng, 2, tolerance)

    try:
        expected, wrong = answers(1, LOSS)
    except (CallFailed, CheckFailed):
        return
    scores, more = answers(0.6, 100 * LOSS)  # what is nearly right without dropout is not its fault
    same = rel_error(scores, expected) < EXACT or not np.isfinite(expected).all()
    require(same, "The scores are not those of the net without dropout.")
    require_derivatives(name for name in more if name not in wrong)
