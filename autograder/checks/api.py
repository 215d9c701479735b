"""What a hidden check is written with: the `question` decorator, `require`, and a little numerical help.

A check is a pytest function that takes the fixtures `student` and `rng`:

    @question("dropout_forward", weight=2, hint="Look at the line that draws the mask.")
    def test_train_mode_keeps_elements_with_probability_p(student, rng):
        '''In train mode each element is kept with probability p.'''
        ...
        require(abs(kept - p) < tolerance, "The share of kept elements is not p.")

Its docstring says what must hold. A student whose code fails it reads the docstring, the sentence of the `require` that
failed, and the hint; never inputs or expected values. A check raises nothing but `CheckFailed`.

A check must never fail right code. Where it looks at random numbers, it compares means with `binomial_tolerance` or
`mean_tolerance`; they are exact bounds, so one comparison fails right code with probability `ALARM` or less, and a
check of up to a hundred comparisons with 1e-9 or less.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest

from autograder.errors import CourseError

Array = np.ndarray[Any, Any]

PRECISE = 1e-10  # norm-relative: what float64 code reaches, and float32 code does not
LARGEST = 1e100  # numbers above it make norms overflow, and compared with inf every error is small
ALARM = 1e-11  # probability that one comparison fails right code


class CheckFailed(AssertionError):
    """The code does not do what the check asks for. The text may be shown to the student."""


class CallFailed(Exception):
    """A call of the student's code gave no usable answer. Checks let it pass, unless an error is what must happen."""


class Student(Protocol):
    """The hand-in, as a check sees it: its modules, such as `student.layers`, and its global generators."""

    def __getattr__(self, module: str) -> Any: ...

    def seed(self, seed: int) -> None:
        """Seed `random` and `np.random` where the student's code runs."""
        ...

    def dict(self, **items: object) -> Any:
        """A dict that lives with the student's code, for arguments that are written into."""
        ...


@dataclass(frozen=True)
class Spec:
    """What `question` says about a check."""

    grade_id: str
    weight: float
    hint: str
    rests_on: tuple[str, ...]
    must_hold: str


CheckFunction = TypeVar("CheckFunction", bound=Callable[..., None])
Check = Callable[[Student, np.random.Generator], None]


def question(
    grade_id: str, *, weight: float = 1.0, hint: str = "", rests_on: Iterable[str] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Make a function a hidden check of one question.

    Parameters
    ----------
    grade_id : str
        The nbgrader grade_id of the question's cell.
    weight : float
        Its share in the question, compared with the other checks of that question.
    hint : str
        One sentence: where to look when it fails.
    rests_on : iterable of str
        Functions of other questions, such as "layers.dropout_forward". When the question fails with the student's own,
        it is examined again with these replaced by the reference's, and the better score counts.

    Raises
    ------
    CourseError
        If the check has no docstring or its weight is not above 0.
    """

    def decorate(function: CheckFunction) -> CheckFunction:
        where = f"{function.__module__}.{function.__name__}"
        must_hold = " ".join((function.__doc__ or "").split())
        if not must_hold:
            raise CourseError("a check has no docstring", where=where, fix="say in it what must hold")
        if not weight > 0:
            raise CourseError(f"the weight {weight} is not above 0", where=where, fix="give a positive weight")
        spec = Spec(grade_id, float(weight), hint, tuple(rests_on), must_hold)
        function.question_spec = spec  # type: ignore[attr-defined]  # a function takes attributes
        marked: CheckFunction = pytest.mark.question(spec)(function)
        return marked

    return decorate


def spec_of(check: Callable[..., None]) -> Spec:
    """What `question` said about a check."""
    spec: Spec = check.question_spec  # type: ignore[attr-defined]  # set by `question`
    return spec


def check_modules() -> tuple[ModuleType, ...]:
    """All modules of checks, sorted by name."""
    package = importlib.import_module("autograder.checks")
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if found.name.startswith("test_"))
    return tuple(importlib.import_module(f"autograder.checks.{name}") for name in names)


def checks_of(grade_id: str) -> tuple[Check, ...]:
    """The checks of one question, in the order they are written; () where it has none.

    Examples
    --------
    >>> [spec_of(check).grade_id for check in checks_of("dropout_forward")][:2]
    ['dropout_forward', 'dropout_forward']
    """
    found = [value for module in check_modules() for value in vars(module).values() if hasattr(value, "question_spec")]
    return tuple(check for check in found if spec_of(check).grade_id == grade_id)


def require(condition: object, sentence: str) -> None:
    """Fail the check with a sentence that the student may read, unless `condition` is true.

    Raises
    ------
    CheckFailed
        If the condition is not true.
    """
    if not condition:
        raise CheckFailed(sentence)


def require_shape(value: object, shape: tuple[int, ...], name: str) -> Array:
    """`value` as an array, if it is one of the given shape with finite numbers.

    Raises
    ------
    CheckFailed
        If it is not.
    """
    require(isinstance(value, np.ndarray), f"{name} is not an array.")
    array = np.asarray(value)
    require(array.shape == shape, f"{name} has not the shape it must have.")
    require(np.all(np.isfinite(array)), f"{name} holds nan or inf.")
    with np.errstate(over="ignore"):  # for float32 the bound becomes inf
        require(np.all(np.abs(array) < LARGEST), f"{name} holds numbers that are far too large.")
    return array


def rel_error(a: Array | float, b: Array | float, floor: float = 1e-8) -> float:
    """Norm-relative error ||a - b|| / max(||a||, ||b||, floor); inf where shapes differ or a norm overflows.

    `floor` keeps the rounding of a numeric gradient that should be 0 from counting as an error.

    Examples
    --------
    >>> rel_error(np.array([[3.0, 0.0, 4.0]]), np.array([[3.0, 0.0, 0.0]]))
    0.8
    >>> rel_error(np.zeros((2, 3)), np.zeros(3))
    inf
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        return float("inf")
    scale = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)), floor)
    return float(np.linalg.norm(a - b)) / scale if np.isfinite(scale) else float("inf")


def require_precise(value: Array, expected: Array, tolerance: float, sentence: str) -> None:
    """The answer to float64 inputs must be right, or the sentence is said, and then right to the precision of float64.

    Numeric gradients need that precision: a net's are all noise where one of its layers computes in float32.

    Raises
    ------
    CheckFailed
        If it is not.
    """
    error = rel_error(value, expected)
    require(error < tolerance, sentence)
    require(error < PRECISE, "The output for float64 inputs is not as precise as they are.")


def numeric_gradient(f: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Gradient of f at x by central differences, (f(x + step e_i) - f(x - step e_i)) / (2 step), in float64.

    Calls f twice for every element of x, each time with an array of its own.

    Examples
    --------
    >>> numeric_gradient(lambda x: float((x**2).sum()), np.array([[1.0, 2.0, 3.0]])).round(6)
    array([[2., 4., 6.]])
    """
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        direction = np.zeros(x.shape)
        direction[index] = 1.0
        gradient[index] = slope(f, x, direction, step)
    return gradient


def slope(f: Callable[[Array], float], x: Array, direction: Array, step: float = 1e-5) -> float:
    """Derivative of f at x along `direction` by a central difference in float64; two calls of f.

    It equals sum(gradient * direction). A gradient that is wrong anywhere gives another number in a random direction.

    Examples
    --------
    >>> round(slope(lambda x: float((x**2).sum()), np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 0.0]])), 6)
    4.0
    """
    x = np.asarray(x, dtype=np.float64)
    with measured():
        return (float(f(x + step * direction)) - float(f(x - step * direction))) / (2 * step)


@dataclass
class _Measuring:
    on: bool = False


MEASURING = _Measuring()


@contextlib.contextmanager
def measured() -> Iterator[None]:
    """In this block a slope is measured: the student's calls are made once more later, elsewhere, and must repeat."""
    before, MEASURING.on = MEASURING.on, True
    try:
        yield
    finally:
        MEASURING.on = before


def mean_tolerance(n: int, variance: float, bound: float, alarm: float = ALARM) -> float:
    """How far the mean of n independent terms may lie from its expectation.

    Bernstein's inequality, which holds exactly for every n: for terms with the mean variance `variance`, none further
    than `bound` from its expectation,

        P(|mean - expected| >= t) <= 2 exp(-n t^2 / (2 variance + 2 bound t / 3))

    and t below makes the right side `alarm`:

        t = (bound L / 3 + sqrt((bound L / 3)^2 + 2 n variance L)) / n,   L = log(2 / alarm)

    Source: Boucheron, Lugosi, Massart, "Concentration Inequalities" (2013), section 2.8.

    Examples
    --------
    >>> round(mean_tolerance(250_000, variance=0.25, bound=0.5), 4)
    0.0072
    """
    level = np.log(2 / alarm)
    linear = bound * level / 3
    return float((linear + np.sqrt(linear**2 + 2 * n * variance * level)) / n)


def binomial_tolerance(n: int, p: float, alarm: float = ALARM) -> float:
    """How far the share of successes in n independent tries of probability p may lie from p (Bernstein's inequality).

    Examples
    --------
    >>> round(binomial_tolerance(30_000, 0.5), 3)
    0.021
    """
    return mean_tolerance(n, p * (1 - p), max(p, 1 - p), alarm)
