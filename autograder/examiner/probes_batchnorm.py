"""How batch and layer normalization behave, alone and in a net, as rows to compare: some of the numbers they answer.

All inputs are fixed: the layers are formulas, and what one input says about them, all do. The batches are small and eps
is large, so that N and N - 1, and eps here and there, differ by more than rounding and less than nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.api import Array, CheckFailed, Student
from autograder.checks.nets import build, set_params
from autograder.examiner.student import StudentError

Fingerprint = dict[str, float | bool | str]
Rows = Callable[[Student, np.random.Generator], Fingerprint]

EPS, MOMENTUM = 0.5, 0.7
_FIXED = np.random.default_rng(20)
BATCHES = [_FIXED.standard_normal((4, 3)) * [0.8, 1.5, 2.2] + [0.7, -1.6, 2.4] for _ in range(3)]
GAMMA, BETA, DOUT = np.array([1.7, -0.6, 0.9]), np.array([0.8, 2.3, -1.4]), _FIXED.standard_normal((4, 3))
MEAN, VAR = np.array([0.4, -1.1, 1.9]), np.array([0.6, 1.9, 3.1])
SEEN = ((0, 0), (1, 2), (3, 1))  # entries that become rows
SIZES = [5, 6, 6, 6, 4]


def _entries(array: Any, name: str, shape: tuple[int, ...] = (4, 3)) -> Fingerprint:
    array = np.asarray(array)
    if array.shape != shape:
        raise CheckFailed("another shape")
    return {f"{name} {at}": float(array[at]) for at in SEEN}


def _vector(value: Any, name: str) -> Fingerprint:
    vector = np.squeeze(np.asarray(value))
    if vector.shape != (3,):
        return {f"{name}": f"shape {vector.shape}"}
    return {f"{name} {i}": float(vector[i]) for i in range(3)}


def _bn_train(student: Student, rng: np.random.Generator) -> Fingerprint:
    """The output of a first step and of one that finds running statistics."""
    rows: Fingerprint = {}
    for name, given in (("first", {}), ("later", {"running_mean": MEAN, "running_var": VAR})):
        param = {"mode": "train", "eps": EPS, "momentum": MOMENTUM, **given}
        rows |= _entries(student.layers.batchnorm_forward(BATCHES[0], GAMMA, BETA, param)[0], name)
    return rows


def _bn_running(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    param = student.dict(mode="train", eps=EPS, momentum=MOMENTUM)
    for step, x in enumerate(BATCHES, 1):
        student.layers.batchnorm_forward(x, GAMMA, BETA, param)
        for name in ("running_mean", "running_var"):
            rows |= _vector(param[name], f"{name} {step}") if name in param else {f"{name} {step}": "missing"}
    return rows


def _bn_test(student: Student, rng: np.random.Generator) -> Fingerprint:
    param = student.dict(mode="test", eps=EPS, momentum=MOMENTUM, running_mean=MEAN, running_var=VAR)
    out, _ = student.layers.batchnorm_forward(BATCHES[0], GAMMA, BETA, param)
    after, _ = student.layers.batchnorm_forward(BATCHES[1], GAMMA, BETA, param)
    kept = bool(np.allclose(np.squeeze(param["running_mean"]), MEAN))
    return _entries(out, "out") | _entries(after, "next") | {"statistics kept": kept}


def _bn_defaults(student: Student, rng: np.random.Generator) -> Fingerprint:
    param = student.dict(mode="train")
    out, _ = student.layers.batchnorm_forward(BATCHES[0] * 3e-3, GAMMA, BETA, param)
    return _entries(out, "out") | _vector(np.asarray(param["running_mean"]) * 1e3, "running_mean")


def _bn_settings_kept(student: Student, rng: np.random.Generator) -> Fingerprint:
    param = student.dict(mode="train", eps=EPS, momentum=MOMENTUM)
    student.layers.batchnorm_forward(BATCHES[0], GAMMA, BETA, param)
    return {f"{name} kept": bool(name in param and param[name] == value) for name, value in (("eps", EPS),)}


def _bn_unknown_mode(student: Student, rng: np.random.Generator) -> Fingerprint:
    try:
        student.layers.batchnorm_forward(BATCHES[0], GAMMA, BETA, {"mode": "other"})
    except StudentError:
        return {"raises": True}
    return {"raises": False}


def _ln_forward(student: Student, rng: np.random.Generator) -> Fingerprint:
    rows: Fingerprint = {}
    for eps in (EPS, 3.0):
        rows |= _entries(student.layers.layernorm_forward(BATCHES[0], GAMMA, BETA, {"eps": eps})[0], f"eps {eps}")
    return rows


def _ln_alone(student: Student, rng: np.random.Generator) -> Fingerprint:
    out, _ = student.layers.layernorm_forward(BATCHES[1][:1], GAMMA, BETA, {"eps": EPS})
    return {f"out {i}": float(out[0, i]) for i in range(3)}


def _ln_defaults(student: Student, rng: np.random.Generator) -> Fingerprint:
    return _entries(student.layers.layernorm_forward(BATCHES[0] * 3e-3, GAMMA, BETA, {})[0], "out")


def _precision_of(layer: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether two numbers that float32 does not tell apart give different outputs."""
        forward = getattr(student.layers, f"{layer}_forward")
        x = BATCHES[0].copy()
        before, _ = forward(x, GAMMA, BETA, {"mode": "train", "eps": EPS})
        x[1, 2] *= 1 + 1e-10
        after, _ = forward(x, GAMMA, BETA, {"mode": "train", "eps": EPS})
        return {"in float64": bool((after != before).any())}

    return rows


def _ln_again(student: Student, rng: np.random.Generator) -> Fingerprint:
    param = student.dict(eps=EPS)
    first, again = (student.layers.layernorm_forward(BATCHES[0], GAMMA, BETA, param)[0] for _ in range(2))
    return {"repeats": bool(np.allclose(first, again))}


def _backward_of(layer: str, backward: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        param = {"mode": "train", "eps": EPS}
        _, cache = getattr(student.layers, f"{layer}_forward")(BATCHES[0], GAMMA, BETA, param)
        dx, dgamma, dbeta = getattr(student.layers, backward)(DOUT, cache)
        return _entries(dx, "dx") | _vector(dgamma, "dgamma") | _vector(dbeta, "dbeta")

    return rows


def _second_call_of(layer: str, backward: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        param = {"mode": "train", "eps": EPS}
        forward = getattr(student.layers, f"{layer}_forward")
        _, cache = forward(BATCHES[0], GAMMA, BETA, param)
        forward(BATCHES[1], GAMMA, BETA, param)
        return _entries(getattr(student.layers, backward)(DOUT, cache)[0], "dx")

    return rows


def _net(student: Student, kind: str, **more: object) -> Any:
    """A net with fixed parameters, positive scores and ReLUs that are open and closed."""
    rng = np.random.default_rng(21)
    net = build(student, SIZES, 1, normalization=kind, **more)
    params: dict[str, Array] = {}
    for i, (fan_in, width) in enumerate(pairwise(SIZES), 1):
        params[f"W{i}"] = rng.standard_normal((fan_in, width)) / np.sqrt(fan_in)
        params[f"b{i}"] = rng.standard_normal(width) + (8 if i == len(SIZES) - 1 else 0)
        if i < len(SIZES) - 1 and f"gamma{i}" in net.params:
            params |= {f"gamma{i}": rng.uniform(0.5, 1.5, width), f"beta{i}": rng.standard_normal(width)}
    set_params(net, params)
    return net


def _data(seed: int = 22) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((5, SIZES[0])) + 0.5, np.array([0, 3, 1, 2, 2])


def _fresh_of(kind: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        params = build(student, SIZES, 1, normalization=kind).params
        keys = sorted(name for name in params if name.startswith(("gamma", "beta")))
        ones = [np.asarray(params[name]) for name in keys]
        kinds = [str(float(a.flat[0])) if np.ptp(a) == 0 else "various" for a in ones]
        return {"keys": " ".join(keys), "values": " ".join(kinds)}

    return rows


def _training_of(kind: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        loss, grads = _net(student, kind).loss(*_data())
        found: Fingerprint = {"loss": loss, "keys": " ".join(sorted(grads))}
        for name in ("W1", "W3", "W4", "gamma1", "beta1", "gamma3", "beta3"):
            if name in grads:
                found[name] = float(np.linalg.norm(np.asarray(grads[name])))
        return found

    return rows


def _test_time_of(kind: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        net, (x, y) = _net(student, kind), _data()
        untrained = net.loss(x)
        for seed in (22, 23):
            net.loss(*_data(seed))
        scores, alone = net.loss(x), net.loss(x[:1])
        again = net.loss(x, y)[0]
        found: Fingerprint = {f"score {i} of a new net": float(untrained[i, i] - 8) for i in range(3)}
        found |= {f"score {i}": float(scores[i, i] - 8) for i in range(3)}
        return found | {"score alone": float(alone[0, 0] - 8), "loss after": again}

    return rows


def _reg_of(kind: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        x, y = _data()
        nets = [_net(student, kind, reg=reg).loss(x, y) for reg in (0.0, 2.0)]
        found: Fingerprint = {"added to the loss": nets[1][0] - nets[0][0]}
        for name in ("gamma1", "beta1", "W1", "W4"):
            if name in nets[0][1] and name in nets[1][1]:
                found[f"added to {name}"] = float(np.linalg.norm(nets[1][1][name] - nets[0][1][name]))
        return found

    return rows


def _again_of(kind: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        """The gradients of a batch after a call with another one."""
        net = _net(student, kind)
        net.loss(*_data(24))
        grads = net.loss(*_data())[1]
        names = [name for name in ("W1", "W4", "gamma1", "beta3") if name in grads]
        return {name: float(np.linalg.norm(np.asarray(grads[name]))) for name in names}

    return rows


def _backward_probe(layer: str, backward: str) -> dict[str, Rows]:
    return {"gradients": _backward_of(layer, backward), "after another call": _second_call_of(layer, backward)}


def _net_probe(kind: str) -> dict[str, Rows]:
    return {
        "new": _fresh_of(kind),
        "training": _training_of(kind),
        "test time": _test_time_of(kind),
        "also reg": _reg_of(kind),
        "also again": _again_of(kind),
    }


PROBES: dict[str, dict[str, Rows]] = {
    "batchnorm_forward": {
        "train": _bn_train,
        "running": _bn_running,
        "test": _bn_test,
        "also defaults": _bn_defaults,
        "also unknown mode": _bn_unknown_mode,
        "also precision": _precision_of("batchnorm"),
        "also settings": _bn_settings_kept,
    },
    "batchnorm_backward": _backward_probe("batchnorm", "batchnorm_backward"),
    "batchnorm_backward_alt": _backward_probe("batchnorm", "batchnorm_backward_alt"),
    "layernorm_forward": {
        "train": _ln_forward,
        "alone": _ln_alone,
        "also defaults": _ln_defaults,
        "also precision": _precision_of("layernorm"),
        "also again": _ln_again,
    },
    "layernorm_backward": _backward_probe("layernorm", "layernorm_backward"),
    "fc_net_batchnorm": _net_probe("batchnorm"),
    "fc_net_layernorm": _net_probe("layernorm"),
}

# What stands on a wrong layer shows that layer's fault, not its own.
_PLAIN = ("affine_forward", "affine_backward", "relu_forward", "relu_backward")
BELOW: dict[str, tuple[str, ...]] = {
    "batchnorm_backward": ("batchnorm_forward",),
    "batchnorm_backward_alt": ("batchnorm_forward",),
    "layernorm_backward": ("layernorm_forward",),
    "fc_net_batchnorm": (*_PLAIN, "batchnorm_forward", "batchnorm_backward"),
    "fc_net_layernorm": (*_PLAIN, "layernorm_forward", "layernorm_backward"),
}
