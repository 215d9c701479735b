"""The update rules written out once more, and what every hidden check of a rule asks.

Settings are drawn anew for every hand-in. Where epsilon stands (inside or outside the root, before or after the bias
correction) differs from book to book: every one of these places is right, but it must be the same place in all steps.
Weights are compared by how far they moved, so that a small step counts as much as a large one.

Some checks ask for a property: defaults, any shape, arrays kept apart. A rule that follows the formula has it. One that
does not is compared with what it does itself, so that its fault is not told, and paid for, once more as another one.
For that it must be a rule of this kind at all: see `_own_way`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checks.api import Array, Student, rel_error, require, require_shape

EXACT = {np.float64: 1e-6, np.float32: 1e-4}  # norm-relative, of the way the weights went
PLACES = 3  # where epsilon may stand beside a root
SHAPES = ((7,), (4, 5), (3, 2, 4, 2))

State = dict[str, Any]
Step = Callable[[Array, State, int], Array]  # gradient, state (brought up to date), place of epsilon -> change of w


def _momentum(g: Array, s: State, place: int) -> Array:
    s["velocity"] = s["momentum"] * s["velocity"] - s["learning_rate"] * g
    step: Array = s["velocity"]
    return step


def _nesterov(g: Array, s: State, place: int) -> Array:
    old = s["velocity"]
    step: Array = _momentum(g, s, place) + s["momentum"] * (s["velocity"] - old)
    return step


def _rmsprop(g: Array, s: State, place: int) -> Array:
    s["cache"] = s["decay_rate"] * s["cache"] + (1 - s["decay_rate"]) * g**2
    step: Array = -s["learning_rate"] * g / _root(s["cache"], s["epsilon"], place)
    return step


def _adam(g: Array, s: State, place: int) -> Array:
    s["t"] += 1
    s["m"] = s["beta1"] * s["m"] + (1 - s["beta1"]) * g
    s["v"] = s["beta2"] * s["v"] + (1 - s["beta2"]) * g**2
    first, second = 1 - s["beta1"] ** s["t"], 1 - s["beta2"] ** s["t"]
    if place < PLACES:
        root = _root(s["v"] / second, s["epsilon"], place)
    else:  # the paper's section 2: the corrections are drawn into the learning rate
        root = _root(s["v"], s["epsilon"], place - PLACES) / np.sqrt(second)
    step: Array = -s["learning_rate"] * (s["m"] / first) / root
    return step


def _root(square: Array, epsilon: float, place: int) -> Array:
    """Outside the root, inside it, inside it and squared (so that it has the unit of a gradient)."""
    return (np.sqrt(square) + epsilon, np.sqrt(square + epsilon), np.sqrt(square + epsilon**2))[place]


STEPS: dict[str, tuple[Step, tuple[str, ...], int]] = {  # the rule, its arrays, how many places epsilon may have
    "sgd_momentum": (_momentum, ("velocity",), 1),
    "sgd_nesterov_momentum": (_nesterov, ("velocity",), 1),
    "rmsprop": (_rmsprop, ("cache",), PLACES),
    "adam": (_adam, ("m", "v"), 2 * PLACES),
}
DEFAULTS: dict[str, dict[str, float]] = {
    "sgd_momentum": {"learning_rate": 1e-2, "momentum": 0.9},
    "sgd_nesterov_momentum": {"learning_rate": 1e-2, "momentum": 0.9},
    "rmsprop": {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8},
    "adam": {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
}


def draw_settings(rule: str, rng: np.random.Generator) -> dict[str, float]:
    """Settings far from the defaults, without epsilon."""
    ranges = {"learning_rate": (0.2, 0.6), "momentum": (0.4, 0.75), "decay_rate": (0.5, 0.9)}
    ranges |= {"beta1": (0.3, 0.5), "beta2": (0.6, 0.8)}  # apart, so that the two cannot be taken for one another
    return {name: float(rng.uniform(*ranges[name])) for name in DEFAULTS[rule] if name in ranges}


def draw_gradients(rng: np.random.Generator, shape: tuple[int, ...], count: int = 4) -> list[Array]:
    """Numbers of both signs, none near 0, so that no place of the default epsilon can be seen."""
    return [rng.uniform(0.5, 2.0, shape) * rng.choice([-1.0, 1.0], shape) for _ in range(count)]


def draw_memory(rule: str, rng: np.random.Generator, shape: tuple[int, ...], counted: bool = True) -> State:
    """What the rule may have remembered from earlier steps, and their number where the rule counts them."""
    arrays: State = {name: rng.uniform(0.5, 1.5, shape) for name in STEPS[rule][1]}
    return arrays | ({"t": int(rng.integers(2, 6))} if rule == "adam" and counted else {})


def _expected(
    rule: str, w: Array, gradients: Sequence[Array], config: Mapping[str, Any], place: int = 0
) -> tuple[list[Array], list[State]]:
    """The weights and the state after every step."""
    step, arrays, _ = STEPS[rule]
    state: State = {**DEFAULTS[rule], **{name: np.zeros(w.shape) for name in arrays}, "t": 0, **config}
    weights, states = [], []
    for g in gradients:
        w = w + step(g, state, place)
        weights.append(w)
        states.append(dict(state))
    return weights, states


def _run(
    student: Student, rule: str, w: Array, gradients: Sequence[Array], config: Mapping[str, Any] | None
) -> tuple[list[Array], list[Any]]:
    """The weights the student's rule gives after every step, and the last config as a list of one handle."""
    weights: list[Array] = []
    handle: Any = None if config is None else dict(config)
    call = getattr(student.optim, rule)
    for g in gradients:
        following, handle = call(w, g) if handle is None else call(w, g, handle)
        w = require_shape(following, w.shape, f"The weights that {rule} returns")
        weights.append(w)
    return weights, [handle]


def _same_way(start: Array, got: Sequence[Array], expected: Sequence[Array], tolerance: float) -> bool:
    return all(rel_error(a - start, b - start) < tolerance for a, b in zip(got, expected, strict=True))


def _judged(
    student: Student, rule: str, start: Array, gradients: Sequence[Array], config: Mapping[str, Any] | None
) -> tuple[bool, list[Array], Any, State]:
    """Whether the student's weights go the right way; these weights, the last config, and what it must hold."""
    got, (handle,) = _run(student, rule, start, gradients, config)
    tolerance = EXACT[start.dtype.type]
    exact = [start.astype(np.float64), *(g.astype(np.float64) for g in gradients)]
    ways = [_expected(rule, exact[0], exact[1:], config or {}, place) for place in range(STEPS[rule][2])]
    return any(_same_way(exact[0], got, weights, tolerance) for weights, _ in ways), got, handle, ways[0][1][-1]


def _require_steps(
    student: Student,
    rule: str,
    start: Array,
    gradients: Sequence[Array],
    config: Mapping[str, Any] | None,
    sentence: str,
) -> tuple[Any, State]:
    """Fail with the sentence unless the student's weights go the right way; the last config, and what it must hold."""
    right, _, handle, state = _judged(student, rule, start, gradients, config)
    require(right, sentence)
    return handle, state


def _own_way(
    student: Student, rule: str, start: Array, gradients: Sequence[Array], config: Mapping[str, Any]
) -> list[Array]:
    """The weights that the student's rule gives, right or wrong.

    It must be a rule of this kind: one that repeats itself, begins against the gradient and builds on earlier steps.
    Otherwise a rule that does nothing would earn points by doing so in every case alike.
    """
    way, _ = _run(student, rule, start, gradients, config)
    _require_repeats(student, rule, start, gradients, config, way)
    require(np.all((way[0] - start) * gradients[0] < 0), "The first step does not go against the gradient.")
    anew, _ = _run(student, rule, way[-2], gradients[-1:], config)
    sentence = "A later step is what it would be without the steps before it."
    require(not _same_way(way[-2], way[-1:], anew, EXACT[np.float64]), sentence)
    return way


def _require_repeats(
    student: Student,
    rule: str,
    start: Array,
    gradients: Sequence[Array],
    config: Mapping[str, Any],
    way: Sequence[Array],
) -> None:
    again, _ = _run(student, rule, start, gradients, config)
    sentence = "The same steps done twice give different weights: something is kept outside config."
    require(_same_way(start, again, way, EXACT[start.dtype.type]), sentence)


def _require_stored(handle: Any, name: str, expected: Array, sentence: str) -> None:
    require(name in handle, f'The config that comes back has no "{name}".')
    stored = require_shape(handle[name], expected.shape, f'config["{name}"]')
    require(rel_error(stored, expected) < EXACT[np.float64], sentence)


def cell(student: Student, rng: np.random.Generator, rule: str) -> None:
    """One step from a given memory: weights and memory."""
    w, config = rng.uniform(-1, 1, (4, 5)), draw_settings(rule, rng) | draw_memory(rule, rng, (4, 5))
    gradients = draw_gradients(rng, (4, 5), 1)
    handle, state = _require_steps(student, rule, w, gradients, config, "The weights after one step are not right.")
    for name in STEPS[rule][1]:
        _require_stored(handle, name, state[name], f'config["{name}"] after one step is not right.')


def steps(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Four steps without memory, twice."""
    for _ in range(2):
        w = rng.uniform(-1, 1, (6, 3))
        sentence = "The weights after several steps are not right, starting without memory."
        _require_steps(student, rule, w, draw_gradients(rng, w.shape), draw_settings(rule, rng), sentence)


def stored(student: Student, rng: np.random.Generator, rule: str, count: int) -> None:
    """What config holds after so many steps."""
    w, gradients, config = rng.uniform(-1, 1, (3, 5)), draw_gradients(rng, (3, 5), count), draw_settings(rule, rng)
    _, (handle,) = _run(student, rule, w, gradients, config)
    _, states = _expected(rule, w, gradients, config)
    for name in STEPS[rule][1]:
        _require_stored(handle, name, states[-1][name], f'config["{name}"] does not hold what the formula says.')


def defaults(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Without a config, for two arrays, and with each setting left out in turn."""
    w, gradients = rng.uniform(-1, 1, (5, 4)), draw_gradients(rng, (5, 4), 3)
    sentence = "Without a config the steps are not those of the defaults."
    _require_default_steps(student, rule, w, gradients, None, sentence)
    # A default dict in the head of the function (config={}) is one dict for all calls.
    sentence = "An array that begins without a config goes on with what another one left behind: make a new dict."
    _require_default_steps(student, rule, -w, gradients[::-1], None, sentence)
    own = draw_settings(rule, rng)
    for left_out in own:
        config = {name: value for name, value in own.items() if name != left_out}
        sentence = f"When {left_out} is left out of config, its default is not used."
        _require_default_steps(student, rule, w, gradients, config, sentence)


def _require_default_steps(
    student: Student,
    rule: str,
    w: Array,
    gradients: Sequence[Array],
    config: Mapping[str, Any] | None,
    sentence: str,
) -> None:
    """Fail with the sentence unless what is left out of config is as if its default had been given."""
    right, got, _, _ = _judged(student, rule, w, gradients, config)
    if not right:
        told = _own_way(student, rule, w, gradients, DEFAULTS[rule] | dict(config or {}))
        require(_same_way(w, got, told, EXACT[np.float64]), sentence)


def shapes(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Arrays of 1, 2 and 4 dimensions, in both types."""
    for shape in SHAPES:
        for dtype in (np.float64, np.float32):
            w = rng.uniform(-1, 1, shape).astype(dtype)
            gradients = [g.astype(dtype) for g in draw_gradients(rng, shape, 3)]
            config = draw_settings(rule, rng)
            right, got, _, _ = _judged(student, rule, w, gradients, config)
            if not right:
                _require_repeats(student, rule, w, gradients, config, got)
                start, *flat = (array.astype(np.float64).reshape(-1) for array in (w, *gradients))
                own = [each.reshape(shape) for each in _own_way(student, rule, start, flat, config)]
                sentence = "The steps depend on the shape or the type of the array."
                require(_same_way(start.reshape(shape), got, own, EXACT[dtype]), sentence)


def apart(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Three arrays trained in turns."""
    shapes = ((4, 3), (4, 3), (3, 2))
    starts = [rng.uniform(-1, 1, shape) for shape in shapes]
    gradients = [draw_gradients(rng, shape, 3) for shape in shapes]
    settings = [draw_settings(rule, rng) for _ in shapes]
    ways: list[list[Array]] = [[] for _ in shapes]
    now, handles = list(starts), [dict(each) for each in settings]
    for t in range(3):  # in turns, as in training
        for i in range(len(shapes)):
            following, handles[i] = getattr(student.optim, rule)(now[i], gradients[i][t], handles[i])
            now[i] = require_shape(following, shapes[i], f"The weights that {rule} returns")
            ways[i].append(now[i])
    for start, way, g, config in zip(starts, ways, gradients, settings, strict=True):
        expected = [_expected(rule, start, g, config, place)[0] for place in range(STEPS[rule][2])]
        if not any(_same_way(start, way, weights, EXACT[np.float64]) for weights in expected):
            alone = _own_way(student, rule, start, g, config)
            sentence = "The steps of one array change when another array is trained as well."
            require(_same_way(start, way, alone, EXACT[np.float64]), sentence)


def epsilon(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Two values of epsilon that change the steps much and little."""
    for low, high in ((0.3, 0.6), (0.02, 0.05)):
        config = draw_settings(rule, rng)
        value = float(rng.uniform(low, high))
        w = rng.uniform(-1, 1, (4, 5))
        gradients = draw_gradients(rng, w.shape, 3)
        if not _judged(student, rule, w, gradients, config | {"epsilon": value})[0]:
            sentence = "The steps are not right with the default epsilon either, so the large one cannot be judged."
            _require_steps(student, rule, w, gradients, config, sentence)
            require(False, "With a large epsilon the steps are not those of any usual place of epsilon.")


def zero_gradient(student: Student, rng: np.random.Generator, rule: str) -> None:
    """Weights whose gradient is 0 in every step."""
    w, gradients = rng.uniform(-1, 1, (5, 4)), draw_gradients(rng, (5, 4), 3)
    dead = rng.permutation(20).reshape(5, 4) < 8  # weights that never get a gradient
    for g in gradients:
        g[dead] = 0
    ways, _ = _run(student, rule, w, gradients, draw_settings(rule, rng))
    require(rel_error(ways[-1][dead], w[dead]) < 1e-7, "Weights whose gradient is always 0 have moved.")
