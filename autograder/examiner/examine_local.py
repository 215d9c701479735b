"""The examiner's judgement in this process, for code of ours: thousands of right hand-ins and planted faults.

Checks get the seeds that the plugin gives them, and the same steps follow: own layers first, then the reference's lent,
then faults that another question has paid for. `autograder prove` holds a sample of it against the walled examiner.
"""

from __future__ import annotations

import contextlib
import functools
import io
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from autograder.checks.api import Check, CheckFailed, check_modules, spec_of
from autograder.course import derived_seed
from autograder.examiner.dialect import PLAIN, Dialect
from autograder.examiner.lending import Rests, lent, once_more, rests_of, suspects
from autograder.examiner.recognise import recognise
from autograder.examiner.same_fault import LENT, excused, price, same_fault
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import Misconception, by_name

Texts = Mapping[str, str]  # module ("layers"): source text


class Row(NamedTuple):
    """What one check says: code "" passed, "stub", "hung", "memory" or "wrong"."""

    question: str
    name: str
    weight: float
    rests_on: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class Outcome:
    """Of one question: the share of its points, what was recognised in it, and which checks it lost."""

    share: float
    names: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@functools.cache
def all_checks() -> dict[str, tuple[Check, ...]]:
    """question: its checks, in the order of modules and lines; of `deep_nets`, whose styles and faults are known.

    A module with checks of another assignment names it: `ASSIGNMENT = "activations"`.
    """
    found: dict[str, list[Check]] = {}
    for module in [each for each in check_modules() if not hasattr(each, "ASSIGNMENT")]:
        for value in vars(module).values():
            if hasattr(value, "question_spec"):
                found.setdefault(spec_of(value).grade_id, []).append(value)
    return {question: tuple(checks) for question, checks in found.items()}


def examined_here(
    texts: Texts, seed: str, questions: Iterable[str] = (), dialect: Dialect = PLAIN
) -> dict[str, Outcome]:
    """What the examiner says of a hand-in whose files have these texts, found in this process.

    Parameters
    ----------
    texts : mapping of str to str
        Module name and source text.
    seed : str
        The seed of a hand-in (`Course.seed`); those of its checks follow from it.
    questions : iterable of str, optional
        All by default.
    dialect : Dialect, optional
        The dress in which it is handed in.
    """
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return LocalExamination(texts, seed, dialect).outcomes(tuple(questions) or tuple(all_checks()))


class LocalExamination:
    """One hand-in under one seed; `outcomes` goes the steps of the examiner."""

    def __init__(self, texts: Texts, seed: str, dialect: Dialect = PLAIN) -> None:
        self.texts, self.seed, self.dialect = texts, seed, dialect
        self.lent = functools.cache(self._lent)

    def _lent(self, functions: tuple[str, ...]) -> LocalStudent:
        return LocalStudent.of_texts(self.texts, functions, self.dialect)

    def _seed(self, name: str) -> int:
        return int(derived_seed(self.seed, name)[:8], 16)

    def _begin(self, name: str) -> np.random.Generator:
        """Seed the world as the plugin does, and give the generator of a check."""
        world = self._seed(f"{name} world")
        random.seed(world)
        np.random.seed(world)
        return np.random.default_rng(self._seed(name))

    def _row(self, check: Check, suspected: Sequence[str]) -> Row:
        spec, code = spec_of(check), ""
        rng = self._begin(check.__name__)
        try:
            check(self.lent(lent(spec.grade_id, spec.rests_on, suspected)), rng)
        except CheckFailed:
            code = "wrong"
        except StudentError as error:
            code = error.code
        return Row(spec.grade_id, check.__name__, spec.weight, spec.rests_on, code)

    def outcomes(self, questions: Sequence[str]) -> dict[str, Outcome]:
        """Own layers first; then lent ones; then faults that another question paid for."""
        result: dict[str, Outcome] = {}
        checks: list[tuple[str, Sequence[str]]] = []
        candidates: dict[str, list[str]] = {}
        for question in questions:
            result[question], rows = self._judged(question)
            checks += [(row.question, row.rests_on) for row in rows]
        failed = {question for question, outcome in result.items() if outcome.share < 1}
        rests, suspected = rests_of(checks), suspects(checks, failed)
        again = [question for question in questions if question in failed and rests[question]]
        while again:
            run = {question: self._judged(question, suspected)[0] for question in again}
            named = [by_name(name) for outcome in run.values() for name in outcome.names]
            for question, outcome in run.items():
                if outcome.share > result[question].share:
                    result[question] = outcome
                elif not result[question].names:
                    result[question] = replace(result[question], names=outcome.names)
                if faults := self._same_faults(question, named):
                    candidates.setdefault(question, []).extend(faults)
            still = [question for question, outcome in run.items() if outcome.share < 1]
            suspected, again = once_more(rests, suspected, still)
        return self._paid(result, candidates)

    def failures(self, questions: Iterable[str]) -> Iterator[Row]:
        """The checks of these questions that fail with the hand-in's own layers, found one after the other."""
        for question in questions:
            for check in all_checks()[question]:
                if (row := self._row(check, ())).code:
                    yield row

    def _judged(self, question: str, suspected: Sequence[str] = ()) -> tuple[Outcome, list[Row]]:
        rows = [self._row(check, suspected) for check in all_checks()[question]]
        share = sum(row.weight for row in rows if not row.code) / sum(row.weight for row in rows)
        names: tuple[str, ...] = ()
        if any(row.code == "wrong" for row in rows):
            names = self.names(question, lent(question, rows[0].rests_on, suspected))
        return Outcome(share, names, tuple(row.name for row in rows if row.code)), rows

    def names(self, question: str, given: Rests = (), without: Sequence[Misconception] = ()) -> tuple[str, ...]:
        """What the recogniser calls the hand-in's answers to a question, if it does not know the names in `without`."""
        rng = self._begin(f"recognise {question}")
        return tuple(wrong.name for wrong in recognise(self.lent(given), question, rng, without))

    def _same_faults(self, question: str, named: list[Misconception]) -> list[str]:
        return [
            wrong.name
            for wrong in named
            if question in wrong.may_cost
            and same_fault(self.lent(LENT), question, wrong, self._begin(f"{wrong.name} in {question}"))
        ]

    def _paid(self, result: dict[str, Outcome], candidates: dict[str, list[str]]) -> dict[str, Outcome]:
        """The outcomes, where a fault that has cost in one question what it must costs nothing in the others."""
        candidates = {name: faults for name, faults in candidates.items() if result[name].share < 1}
        seeds = (self._seed, lambda name: self._seed(f"again {name}"))
        prices = {name: price(by_name(name), seeds) for faults in candidates.values() for name in faults}
        lost = {question: set(outcome.lost) for question, outcome in result.items()}
        found = excused(candidates, prices, lost)
        return {name: replace(each, share=1.0) if name in found else each for name, each in result.items()}
