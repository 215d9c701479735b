"""Which misconception explains what a hand-in answers.

A fingerprint is a table of what code does on fresh inputs: how much it keeps, by what it divides, what it does in test
mode, what it raises. Every misconception's fingerprint is taken the same way, in this process. A hand-in that behaves
like one of them in every row is explained by it; so is one that does so in the rows that matter most, when it differs
from the reference there. Code that behaves like the reference is explained by nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks.api import Array, CheckFailed, Student, rel_error, slope
from autograder.checks.nets import build, inputs_of_layers, one_example, random_params, set_params
from autograder.examiner import probes_batchnorm, probes_fc_net, probes_optim
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import Misconception, misconceptions_of

Value = float | bool | str
Fingerprint = dict[str, Value]

EXACT = 1e-6
SHARE = 0.05  # two shares of some thousand elements differ by less: more than four standard deviations
NET_SHARE = 0.11  # the same for the 750 outputs that are looked at in a net's layer
RATIO = 0.02  # relative


def recognise(
    student: Student, question: str, rng: np.random.Generator, without: Sequence[Misconception] = ()
) -> tuple[Misconception, ...]:
    """The misconception that behaves as the student's code does.

    Parameters
    ----------
    student : Student
        The hand-in. Its functions are called; what they raise is part of how they behave.
    question : str
        The question that failed.
    rng : numpy.random.Generator
        Draws the inputs.
    without : sequence of Misconception, optional
        Misconceptions that are not known, to measure what is said of unknown ones.

    Returns
    -------
    tuple of Misconception
        One; several when they behave alike; none when nothing explains the behaviour.
    """
    if question not in _PROBES or not all(_is_right(student, below, rng) for below in _BELOW.get(question, ())):
        return ()
    seen, right = _taken(_PROBES[question], student, rng), _of_reference(question)
    if _alike(seen, right):
        return ()
    known = [(wrong, _of_misconception(wrong)) for wrong in misconceptions_of(question) if wrong not in without]
    whole = tuple(wrong for wrong, print_ in known if _alike(seen, print_))
    core, right = _core(seen), _core(right)
    if whole or _alike(core, right):
        return whole
    return tuple(wrong for wrong, print_ in known if not _alike(_core(print_), right) and _alike(core, _core(print_)))


def _is_right(student: Student, question: str, rng: np.random.Generator) -> bool:
    return _alike(_taken(_PROBES[question], student, rng), _of_reference(question))


def _core(fingerprint: Fingerprint) -> Fingerprint:
    """The rows that matter most. The names of the others begin with "also"."""
    return {name: value for name, value in fingerprint.items() if not name.startswith("also")}


def _alike(first: Fingerprint, second: Fingerprint) -> bool:
    return first.keys() == second.keys() and all(_agree(name, first[name], second[name]) for name in first)


def _agree(name: str, a: Value, b: Value) -> bool:
    if isinstance(a, (str, bool)) or isinstance(b, (str, bool)):
        return type(a) is type(b) and a == b
    if not (math.isfinite(a) and math.isfinite(b)):
        return str(a) == str(b)
    if "share" in name:
        return abs(a - b) < (NET_SHARE if "net" in name else SHARE)
    return abs(a - b) <= RATIO * max(abs(a), abs(b), 0.01)


@functools.cache
def _of_reference(question: str) -> Fingerprint:
    return _taken(_PROBES[question], LocalStudent.of_reference(), np.random.default_rng(0))


@functools.cache
def _of_misconception(wrong: Misconception) -> Fingerprint:
    student = LocalStudent.of_reference(appended={wrong.module: wrong.source()})
    return _taken(_PROBES[wrong.question], student, np.random.default_rng(0))


Rows = Callable[[Student, np.random.Generator], Fingerprint]


def _taken(probe: dict[str, Rows], student: Student, rng: np.random.Generator) -> Fingerprint:
    """All rows of a fingerprint. Where a call fails, the group has one row that says so."""
    fingerprint: Fingerprint = {}
    with np.errstate(all="ignore"):
        for group, rows in probe.items():
            try:
                found = rows(student, rng)
            except StudentError as error:
                found = {"works": f"{error.function} fails"}
            except (CheckFailed, LookupError, TypeError, ValueError):
                found = {"works": "another shape"}
            fingerprint |= {f"{group}: {name}": value for name, value in found.items()}
    return fingerprint


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
    first, other, same, zero, zero_again = (_train(student, x, 0.5, seed=seed) for seed in (11, 12, 11, 0, 0))
    return {
        "repeat": again,
        "same seed": bool((first == same).all()),
        "other seed": bool((first == other).all()),
        "seed 0": bool((zero == zero_again).all()),
    }


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
    net = build(student, sizes, 0.5, seed=5)
    set_params(net, params)
    return {"loss repeats": rel_error(net.loss(x, y)[0], net.loss(x, y)[0]) < EXACT}


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


_PROBES: dict[str, dict[str, Rows]] = {
    "dropout_forward": {
        "train": _forward_in_training,
        "test": _forward_in_test_mode,
        "also four dimensions": _forward_in_four_dimensions,
        "also draws": _forward_draws,
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
    },
    **probes_fc_net.PROBES,
    **probes_optim.PROBES,
    **probes_batchnorm.PROBES,
}

# A net on wrong layers shows their faults, not its own.
_BELOW = {
    **probes_fc_net.BELOW,
    **probes_batchnorm.BELOW,
    "fc_net_dropout": (*probes_fc_net.LAYERS, "dropout_forward", "dropout_backward"),
}
