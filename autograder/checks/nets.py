"""What checks of nets share: building a net with known parameters, a slow plain net, and reading a net from outside.

What enters a layer inside a net can be read from its gradients. For one example and no regularization,

    dW = outer(input of the layer, db),   so   input of the layer = dW @ db / (db . db)

and the input of layer l + 1 is the output of hidden layer l after dropout. No mask has to be foreseen, and a check does
not mind how a net draws it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.api import Array, CallFailed, Student, rel_error, require, require_shape, slope

EXACT = 1e-6  # norm-relative
LOSS = 1e-4  # of a loss and its slopes: -log(prob + 1e-7) is off by more than EXACT, and right
REG = 0.7
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


def open_params(rng: np.random.Generator, sizes: list[int]) -> Params:
    """Parameters above 0: for x above 0 every ReLU is open, and no layer of a deep net shrinks what it passes on."""
    params: Params = {}
    for i, (fan_in, width) in enumerate(pairwise(sizes), start=1):
        params |= {f"W{i}": rng.uniform(0.2, 1.8, (fan_in, width)) / fan_in, f"b{i}": rng.uniform(0.0, 1.0, width)}
    return params


def open_gradients(params: Params, x: Array, y: Array) -> Params:
    """Gradients of the mean softmax loss of a net whose ReLUs are all open."""
    last, entered = len(params) // 2, [x]
    for i in range(1, last + 1):
        entered.append(entered[-1] @ params[f"W{i}"] + params[f"b{i}"])
    e = np.exp(entered[-1] - entered[-1].max(axis=1, keepdims=True))
    d = (e / e.sum(axis=1, keepdims=True) - np.eye(e.shape[1])[y]) / len(x)
    grads: Params = {}
    for i in range(last, 0, -1):
        grads |= {f"W{i}": entered[i - 1].T @ d, f"b{i}": d.sum(axis=0)}
        d = d @ params[f"W{i}"].T
    return grads


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


def wrong_gradients(
    loss: Callable[[], float],
    net: Any,
    params: Params,
    grads: dict[str, Any],
    rng: np.random.Generator,
    turns: int = 1,
    tolerance: float = LOSS,
) -> list[str]:
    """Names of parameters whose gradient is not the derivative of the net's loss along `turns` random directions.

    Parameters
    ----------
    loss : function
        The training loss of the net as it is.
    params : dict of arrays
        What the net holds, and holds again afterwards: those that are looked at.
    """

    def loss_at(name: str, value: Array) -> float:
        net.params[name] = value
        return loss()

    wrong = []
    for name, value in params.items():
        grad = np.asarray(grads.get(name, 0.0))
        grad = require_shape(grad.reshape(-1) if value.ndim == 1 else grad, value.shape, f'grads["{name}"]')
        for _ in range(turns):
            direction = np.asarray(rng.standard_normal(value.shape))
            numeric = slope(functools.partial(loss_at, name), value, direction)
            size = max(abs(numeric), float(np.linalg.norm(grad)))
            if not abs(float((grad * direction).sum()) - numeric) < tolerance * size + 1e-8:
                wrong.append(name)
        net.params[name] = value.copy()
    return list(dict.fromkeys(wrong))


def require_derivatives(wrong: Iterable[str]) -> None:
    """No gradient may be wrong; else the student is told of which parameters."""
    names = ", ".join(wrong)
    require(not names, f"These gradients are not the derivatives of your loss: {names}.")


def require_no_memory(net: Any, x: Array, y: Array, grads: dict[str, Any]) -> None:
    """The same batch in reverse order must have the gradients that the batch had in a call before.

    So it is without dropout, unless a call adds to the gradients of the one before, or goes back through its caches.
    """
    again = net.loss(x[::-1], y[::-1])[1]
    same = all(name in again and rel_error(again[name], grad) < LOSS for name, grad in grads.items())
    require(same, "A second call of loss, with the same images in another order, gives other gradients.")


def _added_by_reg(student: Student, batch: tuple[Array, Array], params: Params, **kind: Any) -> tuple[float, Params]:
    """What reg adds to the loss, and to the gradient of each W."""
    sizes, answers = [len(params["W1"]), *(w.shape[1] for name, w in params.items() if name[0] == "W")], []
    for reg in (0.0, REG):
        net = build(student, sizes, reg=reg, seed=11, **kind)
        set_params(net, params)
        student.seed(11)  # for nets that draw from the global generator all the same
        answers.append(net.loss(*batch))
    (plain, grads), (loss, with_reg) = answers
    fit = [n for n in grads if n[0] == "W" and n in with_reg and grads[n].shape == with_reg[n].shape]
    return loss - plain, {name: with_reg[name] - grads[name] for name in fit}


def require_reg_as_in_the_plain_net(
    student: Student, x: Array, y: Array, params: Params, keep: float = 1, **kind: object
) -> None:
    """What reg adds must be right, or as wrong as in the net without dropout and normalization.

    A fault of every net costs points in fc_net, and so does a plain net that fails.
    """
    weights = {name: value for name, value in params.items() if name[0] == "W"}
    loss, grads = _added_by_reg(student, (x, y), params, keep=keep, **kind)
    right = 0.5 * REG * sum(float((w**2).sum()) for w in weights.values())
    grads_right = {name: REG * w for name, w in weights.items()}
    try:
        bare = {name: value for name, value in params.items() if not name.startswith(("gamma", "beta"))}
        plain, grads_plain = _added_by_reg(student, (x, y), bare, keep=1)
    except CallFailed:
        plain, grads_plain = loss, grads
    fits = min(abs(loss - right), abs(loss - plain)) < LOSS * right
    require(fits, "What reg adds to the loss is not what it adds in the plain net.")
    for name, added in grads.items():
        fits = min(rel_error(added, known[name]) for known in (grads_right, grads_plain) if name in known) < EXACT
        require(fits, f"What reg adds to the gradient of {name} is not what it adds in the plain net.")
