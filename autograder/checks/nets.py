"""What checks of nets share: building a net with known parameters, a slow plain net, and reading a net from outside.

What enters a layer inside a net can be read from its gradients. For one example and no regularization,

    dW = outer(input of the layer, db),   so   input of the layer = dW @ db / (db . db)

and the input of layer l + 1 is the output of hidden layer l after dropout. No mask has to be foreseen, and a check does
not mind how a net draws it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.api import Array, Student, require, require_shape

LOSS_FUNCTION = "layers.softmax_loss"  # has no question of its own: a wrong one costs points in fc_net only
Params = dict[str, Array]


def build(student: Student, sizes: list[int], keep: float, **more: object) -> Any:
    """A net of these sizes, input and classes included, in float64."""
    return student.fc_net.FullyConnectedNet(
        list(sizes[1:-1]),
        input_dim=sizes[0],
        num_classes=sizes[-1],
        dropout_keep_ratio=keep,
        dtype=np.float64,
        **more,
    )


def random_params(rng: np.random.Generator, sizes: list[int], closed: float = 0.0) -> Params:
    """Parameters for which a share `closed` of the hidden ReLUs is closed and the others are open, by a margin.

    Close to a ReLU's kink a numeric gradient is off for right code too. The scores come out positive, so that a ReLU on
    them, which costs points in fc_net, costs none elsewhere.
    """
    params: Params = {}
    for i, (fan_in, width) in enumerate(pairwise(sizes), start=1):
        params[f"W{i}"] = 0.2 / fan_in * rng.standard_normal((fan_in, width))
        sign = np.where(rng.random(width) < closed, -1.0, 1.0)
        params[f"b{i}"] = rng.uniform(2.0, 3.0, width) * sign
    params[f"b{len(sizes) - 1}"] = rng.uniform(1.0, 4.0, sizes[-1])
    return params


def set_params(net: Any, params: Params) -> None:
    """Give the net these parameters."""
    net.params.update(params)


def slow_scores(params: Params, x: Array) -> Array:
    """Scores of the plain net."""
    last = len(params) // 2
    for i in range(1, last):
        x = np.maximum(x @ params[f"W{i}"] + params[f"b{i}"], 0)
    scores: Array = x @ params[f"W{last}"] + params[f"b{last}"]
    return scores


def slow_loss(scores: Array, y: Array) -> float:
    """Mean softmax loss in nats."""
    return float(np.mean([np.log(np.exp(row).sum()) - row[right] for row, right in zip(scores, y, strict=True)]))


def require_answers(net: Any, rng: np.random.Generator, sizes: list[int], params: Params | None = None) -> None:
    """The net must compute something: other images, other scores and another loss.

    A net that answers alike to everything agrees with itself in every comparison. All hidden ReLUs are open, so the
    right net answers alike to none of four batches.

    Parameters
    ----------
    net : net
        A plain net of these sizes; it gets new parameters. With `params`, a net of any kind that has them: then only
        its losses are looked at.
    """
    if params is None:
        set_params(net, random_params(rng, sizes))
        scores = require_shape(net.loss(rng.standard_normal((4, sizes[0]))), (4, sizes[-1]), "The scores")
        require((scores != scores[0]).any(), "All images get the same scores.")
    y = rng.integers(sizes[-1], size=4)
    losses = {float(net.loss(rng.standard_normal((4, sizes[0])), y)[0]) for _ in range(4)}
    require(len(losses) > 1, "The loss is the same whatever the images are.")


def inputs_of_layers(student_grads: dict[str, Any], sizes: list[int]) -> list[Array]:
    """What entered each affine layer in a training pass over one example, read from the gradients."""
    entered = []
    for i, (fan_in, width) in enumerate(pairwise(sizes), start=1):
        dw = require_shape(student_grads.get(f"W{i}"), (fan_in, width), f'grads["W{i}"]')
        db = require_shape(np.squeeze(student_grads.get(f"b{i}", 0.0)), (width,), f'grads["b{i}"]')
        norm = float(db @ db)
        entered.append(dw @ db / norm if norm else np.zeros(fan_in))
    return entered


def one_example(rng: np.random.Generator, sizes: list[int]) -> tuple[Array, Array]:
    """X (1, D) and y (1,)."""
    return rng.standard_normal((1, sizes[0])), rng.integers(sizes[-1], size=1)
