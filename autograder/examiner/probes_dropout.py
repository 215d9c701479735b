"""How dropout layers and nets with dropout behave, as rows to compare.

A name of a row says how it is compared: shares by their standard deviation (see recognise.py), factors relatively.
Groups whose name begins with "also" hold what matters less.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.api import Array, CheckFailed, Student, rel_error, slope
from autograder.checks.nets import (
    EXACT,
    build,
    inputs_of_layers,
    one_example,
    random_params,
    set_params,
    wrong_gradients,
)

Fingerprint = dict[str, float | bool | str]
Rows = Callable[[Student, np.random.Generator], Fingerprint]


def _inputs(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of both signs, none near 0."""
    numbers: Array = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return numbers


def _train(student: Student, x: Array, p: float, **more: object) -> Array:
    out: Array = student.layers.dropout_forward(x, {"mode": "train", "p": p, **more})[0]
    if out.shape != x.shape:
        raise CheckFailed("another shape")
    return out


def _factor(out: Array, x: Array) -> float:
    """The one factor between x and what is kept of it; nan when nothing is kept, inf when it is not one factor."""
    kept = out != 0
    if not kept.any():
        return math.nan
    ratio = out[kept] / x[kept]
    middle = float(np.median(ratio))
    return middle if np.ptp(ratio) < EXACT * max(abs(middle), 1) else math.inf


def _forward_in_training(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    together = set()
    for p in (0.15, 0.3, 0.6, 0.85):
        x = _inputs(rng, 60, 80)
        out = _train(student, x, p)
        kept = out != 0
        rows |= {f"share kept at {p}": float(kept.mean()), f"factor at {p}": _factor(out, x)}
        if 0 < kept.mean() < 1:
            together |= {axis for axis in (0, 1) if (kept == kept.take([0], axis=axis)).all()}
    if together:  # the shares are then those of few random numbers, and say little
        rows = {name: "shared mask" if "share" in name else value for name, value in rows.items()}
    return rows | {"rows alike": 0 in together, "columns alike": 1 in together}


def _forward_in_test_mode(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    for p in (0.3, 0.85):
        x = _inputs(rng, 60, 80)
        out = student.layers.dropout_forward(x, {"mode": "test", "p": p})[0]
        rows |= {f"share kept at {p}": float((out != 0).mean()), f"factor at {p}": _factor(out, x)}
    return rows


def _forward_in_four_dimensions(student: Student, rng: np.random.Generator) -> Fingerprint:
    _train(student, _inputs(rng, 4, 3, 5, 6), 0.5)
    return {"works": True}


def _forward_draws(student: Student, rng: np.random.Generator) -> Fingerprint:
    x = _inputs(rng, 30, 20)
    again = bool((_train(student, x, 0.5) == _train(student, x, 0.5)).all())
    first, other, same = (_train(student, x, 0.5, seed=seed) for seed in (11, 12, 11))
    zero = bool((_train(student, x, 0.5, seed=0) == _train(student, x, 0.5, seed=0)).all())
    same_seed, other_seed = bool((first == same).all()), bool((first == other).all())
    return {"repeat": again, "same seed": same_seed, "other seed": other_seed, "seed 0": zero}


def _forward_at_the_ends(student: Student, rng: np.random.Generator) -> Fingerprint:
    """p near 0 and near 1, and an x of float32."""
    x = _inputs(rng, 40, 50)
    rows: Fingerprint = {f"factor at {p}": _factor(_train(student, x, p), x) for p in (0.05, 0.95)}
    single = x.astype(np.float32)
    return rows | {"factor in float32": round(_factor(_train(student, single, 0.5), single), 3)}


def _forward_with_one_dict(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    for name, seed in (("with", {"seed": 11}), ("without", {})):
        param = student.dict(mode="train", p=0.75, **seed)
        student.layers.dropout_forward(_inputs(rng, 5, 4), param)
        kept = param["mode"] == "train" and param["p"] == 0.75
        rows |= {f"{name} a seed mode and p kept": bool(kept), f"{name} a seed there is one after": "seed" in param}
    return rows


def _forward_precision(student: Student, rng: np.random.Generator) -> Fingerprint:
    return {"in float64": bool(_train(student, _inputs(rng, 30, 20), 0.6).dtype == np.float64)}


def _backward_in_training(student: Student, rng: np.random.Generator) -> Fingerprint:
    """How the gradient compares with what the student's own forward pass did."""
    rows: Fingerprint = {}
    for p in (0.3, 0.7, 0.95):
        x, dout = _inputs(rng, 60, 80), _inputs(rng, 60, 80)
        out, cache = student.layers.dropout_forward(x, {"mode": "train", "p": p})
        dx = student.layers.dropout_backward(dout, cache)
        if not dx.shape == out.shape == x.shape:
            raise CheckFailed("another shape")
        kept = out != 0
        rows |= {
            f"share of the kept with a gradient at {p}": float((dx[kept] != 0).mean()),
            f"share of the dropped with a gradient at {p}": float((dx[~kept] != 0).mean()),
            f"factor on the kept at {p}": _factor(dx[kept], dout[kept] * out[kept] / x[kept]),
            f"factor on the dropped at {p}": _factor(dx[~kept], dout[~kept]),
        }
    return rows


def _backward_in_test_mode(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    for p in (0.3, 0.85):
        x, dout = _inputs(rng, 60, 80), _inputs(rng, 60, 80)
        _, cache = student.layers.dropout_forward(x, {"mode": "test", "p": p})
        dx = student.layers.dropout_backward(dout, cache)
        rows |= {f"share kept at {p}": float((dx != 0).mean()), f"factor at {p}": _factor(dx, dout)}
    return rows


def _backward_in_four_dimensions(student: Student, rng: np.random.Generator) -> Fingerprint:
    x = _inputs(rng, 4, 3, 5, 6)
    _, cache = student.layers.dropout_forward(x, {"mode": "train", "p": 0.5})
    return {"works": bool(student.layers.dropout_backward(x, cache).shape == x.shape)}


def _backward_after_another_call(student: Student, rng: np.random.Generator) -> Fingerprint:
    x = _inputs(rng, 30, 20)
    out, cache = student.layers.dropout_forward(x, {"mode": "train", "p": 0.5})
    param = student.dict(mode="train", p=0.5)
    _, other = student.layers.dropout_forward(x, param)
    dx = student.layers.dropout_backward(np.ones_like(x), cache)
    student.layers.dropout_backward(np.ones_like(x), other)
    zero = bool(((dx != 0) == (out != 0)).all())
    return {"gradient is zero where the output is": zero, "mode kept": param["mode"] == "train"}


def _net_in_training(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    for keep in (0.25, 0.75):
        sizes = [60, 150, 150, 150, 40]  # classes enough that some score stays when scores are dropped
        params = random_params(rng, sizes)
        net = build(student, sizes, keep)
        set_params(net, params)
        x, y = one_example(rng, sizes)
        passes = [inputs_of_layers(net.loss(x, y)[1], sizes) for _ in range(5)]
        entered = [x[0], *(np.maximum(passes[-1][i] @ params[f"W{i + 1}"] + params[f"b{i + 1}"], 0) for i in range(3))]
        for i in range(4):
            share = np.mean([abs(each[i]) > EXACT for each in passes])
            shown = np.where(abs(passes[-1][i]) > EXACT, passes[-1][i], 0.0)
            rows |= {
                f"share of layer {i} at {keep}": float(share),
                f"factor of layer {i} at {keep}": _factor(shown, entered[i]),
            }
    return rows


def _net_scores(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether a training pass drops scores: an entry of the last bias's gradient is then exactly 0."""
    sizes = [10, 40, 40]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    _, grads = net.loss(*one_example(rng, sizes))
    return {"some are dropped": bool((np.asarray(grads["b2"]) == 0).any())}


def _net_at_test_time(student: Student, rng: np.random.Generator) -> Fingerprint:
    sizes = [12, 40, 30, 7]
    params = random_params(rng, sizes)
    x, y = rng.standard_normal((5, 12)), rng.integers(7, size=5)
    plain, net = build(student, sizes, 1), build(student, sizes, 0.5)
    set_params(plain, params)
    set_params(net, params)
    expected, before, again = plain.loss(x), net.loss(x), net.loss(x)
    net.loss(x, y)
    return {
        "scores are the plain net's": rel_error(before, expected) < EXACT,
        "scores repeat": rel_error(before, again) < EXACT,
        "scores stay after training": rel_error(before, net.loss(x)) < EXACT,
        "the plain net's loss repeats": rel_error(plain.loss(x, y)[0], plain.loss(x, y)[0]) < EXACT,
    }


def _net_after_a_test(student: Student, rng: np.random.Generator) -> Fingerprint:
    sizes = [10, 80, 5]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    x, y = one_example(rng, sizes)
    net.loss(x)
    masks = [abs(inputs_of_layers(net.loss(x, y)[1], sizes)[1]) > EXACT for _ in range(2)]
    return {"drops": not masks[0].all(), "masks repeat": bool((masks[0] == masks[1]).all())}


def _net_gradient(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether the gradients of the first and of the last weights are right, with dropout and without."""
    sizes = [15, 20, 30, 10]
    rows: Fingerprint = {}
    for keep in (0.5, 1):
        params = random_params(rng, sizes, closed=0.3)
        x, y = rng.standard_normal((2, 15)), rng.integers(10, size=2)
        net = build(student, sizes, keep, seed=5)
        set_params(net, params)

        def loss_and_grads(name: str, value: Array, net: Any = net, x: Array = x, y: Array = y) -> Any:
            net.params[name] = value
            student.seed(5)
            return net.loss(x, y)

        def loss(name: str, value: Array, both: Callable[[str, Array], Any] = loss_and_grads) -> float:
            return float(both(name, value)[0])

        for name in ("W1", "W3"):
            direction = np.asarray(rng.standard_normal(params[name].shape))
            numeric = slope(functools.partial(loss, name), params[name], direction)
            own = float((np.asarray(loss_and_grads(name, params[name])[1][name]) * direction).sum())
            rows[f"{name} at {keep}"] = abs(own - numeric) < 1e-3 * max(abs(numeric), EXACT)
    return rows


def _net_seed(student: Student, rng: np.random.Generator) -> Fingerprint:
    sizes = [10, 60, 40, 5]
    params = random_params(rng, sizes)
    x, y = one_example(rng, sizes)
    rows: Fingerprint = {}
    for seed in (5, 0):
        net = build(student, sizes, 0.5, seed=seed)
        set_params(net, params)
        rows[f"loss repeats with {seed}"] = rel_error(net.loss(x, y)[0], net.loss(x, y)[0]) < EXACT
    return rows


def _net_again(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether a second call goes back through what it kept itself. Every ReLU is open."""
    sizes = [10, 80, 5]
    net = build(student, sizes, 0.5)
    set_params(net, random_params(rng, sizes))
    x, y = one_example(rng, sizes)
    net.loss(x, y)
    grads = net.loss(x, y)[1]
    kept = abs(inputs_of_layers(grads, sizes)[1]) > EXACT
    return {"same as kept": bool(((np.squeeze(grads["b1"]) != 0) == kept).all())}


def _net_reg(student: Student, rng: np.random.Generator) -> Fingerprint:
    """What reg adds, with dropout and without, as shares of what it must add."""
    sizes = [8, 12, 9, 5]
    params = random_params(rng, sizes)
    x, y = rng.standard_normal((4, 8)), rng.integers(5, size=4)
    penalty = 0.5 * sum(float((w**2).sum()) for name, w in params.items() if name[0] == "W")
    rows: Fingerprint = {}
    for keep in (0.5, 1):
        nets = [build(student, sizes, keep, reg=reg, seed=5) for reg in (0.0, 1.0)]
        for net in nets:
            set_params(net, params)
        answers = []
        for net in nets:
            student.seed(5)
            answers.append(net.loss(x, y))
        rows[f"part of the loss at {keep}"] = (answers[1][0] - answers[0][0]) / penalty
        for name in ("W1", "W3"):
            added = np.asarray(answers[1][1][name]) - np.asarray(answers[0][1][name])
            rows[f"part of {name} at {keep}"] = float((added * params[name]).sum() / (params[name] ** 2).sum())
    return rows


def _net_beside(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether dropout does at test time, and on the way back, what it does in a net without normalization."""
    sizes = [8, 12, 5]
    params = random_params(rng, sizes)
    params |= {"gamma1": rng.uniform(0.2, 0.4, 12), "beta1": rng.uniform(2.0, 3.0, 12)}  # every ReLU is open
    params["W1"] *= 40
    x, y = rng.standard_normal((6, 8)), rng.integers(5, size=6)
    same_scores, right_gradients = [], []
    for kind in ("batchnorm", "layernorm"):
        plain, net = (build(student, sizes, keep, normalization=kind, seed=5) for keep in (1, 0.5))
        if "gamma1" not in net.params:  # a course without such a net
            continue
        set_params(plain, params)
        set_params(net, params)
        same_scores.append(rel_error(net.loss(x), plain.loss(x)) < EXACT)

        def both(student: Student = student, net: Any = net) -> Any:
            student.seed(5)
            return net.loss(x, y)

        def loss(both: Callable[[], Any] = both) -> float:
            return float(both()[0])

        right_gradients.append(not wrong_gradients(loss, net, {"W1": params["W1"]}, both()[1], rng))
    return {"scores": all(same_scores), "gradient": all(right_gradients)}


def _net_with_batchnorm(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether dropout is the last step of a hidden layer: what was dropped before it would be shifted by beta."""
    sizes, y = [10, 40, 9], rng.permutation(9)[:7]
    params = random_params(rng, sizes)
    params["W2"] = np.zeros((40, 9))
    params |= {"gamma1": rng.uniform(0.5, 1.5, 40), "beta1": rng.uniform(3.0, 4.0, 40)}
    net = build(student, sizes, 0.5, normalization="batchnorm")
    set_params(net, params)
    _, grads = net.loss(rng.standard_normal((7, 10)), y)
    dscores = (np.exp(params["b2"]) / np.exp(params["b2"]).sum() - np.eye(9)[y]) / 7
    hidden = (np.asarray(grads["W2"]) @ np.linalg.pinv(dscores)).T
    return {"drops last": bool((abs(hidden) < EXACT).mean() > 0.25)}


PROBES: dict[str, dict[str, Rows]] = {
    "dropout_forward": {
        "train": _forward_in_training,
        "test": _forward_in_test_mode,
        "also four dimensions": _forward_in_four_dimensions,
        "also draws": _forward_draws,
        "also precision": _forward_precision,
        "also ends": _forward_at_the_ends,
        "also one dict": _forward_with_one_dict,
    },
    "dropout_backward": {
        "train": _backward_in_training,
        "test": _backward_in_test_mode,
        "also four dimensions": _backward_in_four_dimensions,
        "also after another call": _backward_after_another_call,
    },
    "fc_net_dropout": {
        "net in training": _net_in_training,
        "scores": _net_scores,
        "test time": _net_at_test_time,
        "after a test": _net_after_a_test,
        "gradient": _net_gradient,
        "also seed": _net_seed,
        "also batchnorm": _net_with_batchnorm,
        "also again": _net_again,
        "also reg": _net_reg,
        "also beside a normalization": _net_beside,
    },
}
