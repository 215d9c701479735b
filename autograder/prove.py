"""`autograder prove`: right hand-ins in every style earn everything, every misconception costs its own question only.

The bulk runs in this process (`examined_here`), as the examiner would judge it: own layers first, then the reference's
lent, then faults that were paid for already. A sample of it is examined behind the wall too, and must say the same.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from autograder.checks.api import Check, CheckFailed, check_modules, spec_of
from autograder.course import Course, derived_seed
from autograder.examiner.overlay import only
from autograder.examiner.recognise import recognise
from autograder.examiner.same_fault import LENT, same_fault
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent, reference_texts
from autograder.misconceptions import Misconception, all_misconceptions, by_name
from autograder.styles import REFERENCE, SECOND, Texts, complete_styles

ASSIGNMENT = "deep_nets"
SECRETS = 200
STYLES_A_FAULT = 3

# A wrong layer is planted with the reference's other half: what lies in a cache is each hand-in's own choice.
_FAMILIES = (
    ("affine_forward", "affine_backward"),
    ("relu_forward", "relu_backward"),
    ("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt"),
    ("layernorm_forward", "layernorm_backward"),
    ("dropout_forward", "dropout_backward"),
)


class Row(NamedTuple):
    """What one check says: code "" passed, "stub", "hung", "memory" or "wrong"."""

    question: str
    name: str
    weight: float
    rests_on: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class Outcome:
    """Of one question: the share of its points, and what was recognised in it."""

    share: float
    names: tuple[str, ...] = ()


@functools.cache
def all_checks() -> dict[str, tuple[Check, ...]]:
    """question: its checks, in the order of modules and lines."""
    found: dict[str, list[Check]] = {}
    for module in check_modules():
        for value in vars(module).values():
            if hasattr(value, "question_spec"):
                found.setdefault(spec_of(value).grade_id, []).append(value)
    return {question: tuple(checks) for question, checks in found.items()}


def examined_here(texts: Texts, seed: str, questions: Iterable[str] = ()) -> dict[str, Outcome]:
    """What the examiner says of a hand-in whose files have these texts, found in this process.

    Parameters
    ----------
    texts : mapping of str to str
        Module name and source text.
    seed : str
        The seed of a hand-in (`Course.seed`); those of its checks follow from it.
    questions : iterable of str, optional
        All by default.
    """
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return _Examination(texts, seed).outcomes(tuple(questions) or tuple(all_checks()))


class _Examination:
    def __init__(self, texts: Texts, seed: str) -> None:
        self.texts, self.seed = texts, seed
        self.lent = functools.cache(self._lent)

    def _lent(self, functions: tuple[str, ...]) -> LocalStudent:
        return LocalStudent.of_texts(self.texts, functions)

    def _begin(self, name: str) -> np.random.Generator:
        """Seed the world as the plugin does, and give the generator of a check."""
        world = int(derived_seed(self.seed, f"{name} world")[:8], 16)
        random.seed(world)
        np.random.seed(world)
        return np.random.default_rng(int(derived_seed(self.seed, name)[:8], 16))

    def _row(self, check: Check, *, lent: bool) -> Row:
        spec, code = spec_of(check), ""
        rng = self._begin(check.__name__)
        try:
            check(self.lent(spec.rests_on if lent else ()), rng)
        except CheckFailed:
            code = "wrong"
        except StudentError as error:
            code = error.code
        return Row(spec.grade_id, check.__name__, spec.weight, spec.rests_on, code)

    def outcomes(self, questions: Sequence[str]) -> dict[str, Outcome]:
        """Own layers first; then lent ones; then faults that another question paid for."""
        found = {question: self._judged(question, lent=False) for question in questions}
        again = [q for q, (outcome, rows) in found.items() if outcome.share < 1 and rows[0].rests_on]
        second = {question: self._judged(question, lent=True) for question in again}
        named = [by_name(name) for outcome, _ in second.values() for name in outcome.names]
        result = {question: outcome for question, (outcome, _) in found.items()}
        for question in again:
            if second[question][0].share > result[question].share:
                result[question] = second[question][0]
            if result[question].share < 1 and self._paid(question, named):
                result[question] = Outcome(1.0, result[question].names)
        return result

    def _judged(self, question: str, *, lent: bool) -> tuple[Outcome, list[Row]]:
        rows = [self._row(check, lent=lent) for check in all_checks()[question]]
        share = sum(row.weight for row in rows if not row.code) / sum(row.weight for row in rows)
        names: tuple[str, ...] = ()
        if any(row.code == "wrong" for row in rows):
            student = self.lent(rows[0].rests_on if lent else ())
            names = tuple(wrong.name for wrong in recognise(student, question, self._begin(f"recognise {question}")))
        return Outcome(share, names), rows

    def _paid(self, question: str, named: list[Misconception]) -> bool:
        return any(
            same_fault(self.lent(LENT), question, wrong, self._begin(f"{wrong.name} in {question}"))
            for wrong in named
            if question in wrong.may_cost
        )


def planted(texts: Texts, *faults: Misconception) -> Texts:
    """A right hand-in with misconceptions put at the end of its files."""
    texts = dict(texts)
    for wrong in faults:
        module, _, function = wrong.replaces.partition(".")
        family = next((set(names) - {function} for names in _FAMILIES if function in names), set())
        given = only(reference_texts()[module], family) if family else ""
        texts[module] = "\n\n".join([texts[module], given, wrong.source()])
    return texts


def order(name: str, *more: str) -> str:
    """A fixed order that nobody chose: the hash of names."""
    return hashlib.sha256("\0".join([name, *more]).encode()).hexdigest()


def styles_for(wrong: Misconception, styles: dict[str, Texts], count: int = STYLES_A_FAULT) -> list[str]:
    """Styles to plant a misconception in. One that wraps the hand-in's net needs what the starter's net has."""
    fit = [name for name in styles if name not in (REFERENCE, SECOND) and "self.num_layers" in styles[name]["fc_net"]]
    return sorted(fit, key=lambda style: order(wrong.name, style))[:count]


def held_out(wrong: Misconception) -> bool:
    """Whether this misconception was not looked at while the recogniser was tuned: a third, by hash."""
    return int(order("held out", wrong.name)[:8], 16) % 3 == 0


def partner(wrong: Misconception) -> Misconception:
    """A misconception of another function, to plant together with this one."""
    others = [other for other in all_misconceptions() if other.replaces != wrong.replaces]
    return min(others, key=lambda other: order("pair", wrong.name, other.name))


def secret(number: int) -> str:
    """The seed of a hand-in under the secret of this number."""
    return derived_seed("autograder prove", f"secret {number}")


@functools.cache
def _styles(root: str) -> dict[str, Texts]:
    from pathlib import Path

    return complete_styles(Course.find(Path(root)).assignment(ASSIGNMENT))
