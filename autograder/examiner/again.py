"""Has the calls that were kept of all checks of a run made again (repeating.py), in forks of their own."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from autograder.examiner.repeating import REASON, broken
from autograder.examiner.session import Session
from autograder.examiner.student import Remote, Student, StudentError
from autograder.examiner.student_local import LocalStudent

if TYPE_CHECKING:
    from autograder.examiner.plugin import Examination

AGAIN, FORKS = 2, 3  # calls are repeated with the seconds of so many checks, in so many forks a session at most


def repeat(state: Examination) -> None:
    """Make the calls that were kept once more; a check fails whose calls give something else now.

    That has seconds of its own, since a hand-in may have used up all others on purpose, and few forks. Where this
    itself fails, a person must look.
    """
    try:
        _repeat(state)
    except Exception as error:
        for outcome in [outcome for kept in state.noted.values() for outcome, _ in kept]:
            outcome |= {"passed": False, "code": "bug", "message": f"{type(error).__name__}: {error}"}


def _repeat(state: Examination) -> None:
    reference = LocalStudent.of_reference()
    for number, (session, every) in enumerate(state.noted.items()):
        kept = [(outcome, note) for outcome, note in every if not note.holds(reference)]
        if not kept:
            continue
        seed, notes = state.seed_of(f"again {number}"), [note for _, note in kept]
        with contextlib.closing(_students(state, session, seed)) as students:
            for place in broken(students.__next__, notes, np.random.default_rng(seed)):
                outcome = kept[place][0]
                outcome |= {"passed": False, "code": "wrong", "message": f"{outcome['must_hold']}\n{REASON}"}


def _students(state: Examination, session: Session, seed: int) -> Generator[Student, None, None]:
    """The hand-in in a fresh fork; in another one where that ended; from then on one that answers nothing."""
    limits = state.assignment.settings.limits
    for _ in range(FORKS):
        seconds = max(1, math.ceil(AGAIN * limits.cpu_seconds - state.again))
        with session.fork(seed, cpu_seconds=seconds, memory_mb=limits.memory_mb) as channel:
            remote = Remote(channel, set(), state.dialect)
            try:
                with contextlib.suppress(StudentError):
                    remote.ready()
                while channel.open:
                    yield Student(remote)
            finally:
                state.count(channel)
                state.again += channel.end().cpu_seconds
    while True:
        yield Student(remote)
