"""How update rules behave, as rows to compare: how far they step, and what they store.

All inputs are fixed: a rule is a formula, and what one input says about it, all do. The settings lie far from the
defaults and from one another, so that two faults hardly ever agree in every row. Epsilon has one row that does not
depend on where it stands, since every usual place is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checks.api import Array, CheckFailed, Student

Fingerprint = dict[str, float | bool | str]
Rows = Callable[[Student, np.random.Generator], Fingerprint]

W = np.array([[0.4, -0.7, 0.2], [-0.3, 0.9, 0.6]])
GRADIENTS = (
    np.array([[1.3, -0.8, 0.6], [-1.7, 0.9, 1.1]]),
    np.array([[0.7, 1.4, -1.2], [-0.6, 1.8, 0.5]]),
    np.array([[-0.9, 0.8, -1.5], [1.2, 0.7, 1.6]]),
    np.array([[1.1, -0.6, -0.7], [0.8, -1.3, 1.9]]),
)
MEMORY = np.array([[0.9, 0.6, 1.2], [0.8, 1.4, 0.7]])
SEEN = ((0, 0), (0, 2), (1, 1))  # entries that become rows
SETTINGS: dict[str, dict[str, float]] = {
    "sgd_momentum": {"learning_rate": 0.6, "momentum": 0.4},
    "sgd_nesterov_momentum": {"learning_rate": 0.6, "momentum": 0.4},
    "rmsprop": {"learning_rate": 0.6, "decay_rate": 0.7},
    "adam": {"learning_rate": 0.6, "beta1": 0.45, "beta2": 0.75},
}
ARRAYS = {"sgd_momentum": ("velocity",), "sgd_nesterov_momentum": ("velocity",), "rmsprop": ("cache",)}


def _arrays(rule: str) -> tuple[str, ...]:
    return ARRAYS.get(rule, ("m", "v"))


def _walk(student: Student, rule: str, config: Mapping[str, Any], steps: int) -> tuple[list[Array], Any]:
    """The changes of the weights, step by step, and the last config."""
    w, handle, changes = W, dict(config), []
    for g in GRADIENTS[:steps]:
        following, handle = getattr(student.optim, rule)(w, g, handle)
        if following.shape != W.shape:
            raise CheckFailed("another shape")
        changes.append(following - w)
        w = following
    return changes, handle


def _stored(handle: Any, rule: str) -> Fingerprint:
    """What is in config under the names that were agreed on."""
    rows: Fingerprint = {}
    for name in _arrays(rule):
        found = np.asarray(handle[name]) if name in handle else np.zeros(0)
        right = found.shape == W.shape and found.dtype.kind == "f"
        rows |= {f"{name} {at}": float(found[at]) if right else "missing" for at in SEEN}
    if rule == "adam":
        t = np.asarray(handle["t"]) if "t" in handle else np.zeros(0)
        rows["t"] = float(t.item()) if t.size == 1 and t.dtype.kind in "iuf" else "missing"
    return rows


def _steps_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        changes, handle = _walk(student, rule, SETTINGS[rule], 4)
        steps = {f"step {t} {at}": float(change[at]) for t, change in enumerate(changes, 1) for at in SEEN}
        return steps | _stored(handle, rule)

    return rows


def _given_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        given = {name: MEMORY if i == 0 else MEMORY[::-1] for i, name in enumerate(_arrays(rule))}
        changes, handle = _walk(student, rule, {**SETTINGS[rule], **given, "t": 3}, 1)
        return {f"step {at}": float(changes[0][at]) for at in SEEN} | _stored(handle, rule)

    return rows


def _default_steps_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        changes, _ = _walk(student, rule, {}, 3)
        rate = 1e-3 if rule == "adam" else 1e-2
        return {f"step {t} {at}": float(change[at]) / rate for t, change in enumerate(changes, 1) for at in SEEN}

    return rows


def _epsilon_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        small, large = (_walk(student, rule, SETTINGS[rule] | {"epsilon": e}, 1)[0][0] for e in (1e-8, 0.8))
        rows: Fingerprint = {"a large one makes small steps": bool((abs(large) < 0.95 * abs(small)).all())}
        for name, more in (("0.8", {"epsilon": 0.8}), ("the default", {})):
            moved = getattr(student.optim, rule)(W, np.full(W.shape, 1e-12), SETTINGS[rule] | more)[0] - W
            rows[f"step with hardly a gradient, {name}"] = float(np.median(moved))
        return rows

    return rows


def _any_shape_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        shapes = ((4,), (2, 3, 2))
        done = [getattr(student.optim, rule)(np.ones(shape), np.ones(shape), {})[0].shape for shape in shapes]
        return {"kept": tuple(done) == shapes}

    return rows


def _apart_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether a step of one array changes the next step of another: five arrays have been trained before."""
        ones, g, call = np.ones((5, 1)), np.full((5, 1), 1.5), getattr(student.optim, rule)
        first, _ = call(ones, g, SETTINGS[rule])
        call(ones, -2 * g, SETTINGS[rule])
        again, _ = call(ones, g, SETTINGS[rule])
        return {"repeats": bool(np.allclose(first, again))}

    return rows


def _without_config_of(rule: str) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether an array that begins without a config begins anew, whatever was trained before."""
        one, g, call = np.ones((1, 1)), np.full((1, 1), 1.5), getattr(student.optim, rule)
        first, _ = call(one, g)
        call(one, -2 * g)
        again, _ = call(one, g)
        return {"repeats": bool(np.allclose(first, again, rtol=0, atol=1e-9))}

    return rows


def _probe(rule: str) -> dict[str, Rows]:
    probe = {"steps": _steps_of(rule), "given": _given_of(rule), "defaults": _default_steps_of(rule)}
    if rule in ("rmsprop", "adam"):
        probe["epsilon"] = _epsilon_of(rule)
    return probe | {
        "also any shape": _any_shape_of(rule),
        "apart": _apart_of(rule),
        "also without a config": _without_config_of(rule),
    }


PROBES: dict[str, dict[str, Rows]] = {rule: _probe(rule) for rule in SETTINGS}
