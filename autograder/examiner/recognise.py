"""Which misconception explains what a hand-in answers.

A fingerprint is a table of what code does on fresh inputs: how much it keeps, by what it divides, what it does in test
mode, what it raises. Every misconception's fingerprint is taken the same way, in this process. A hand-in that behaves
like one of them in every row is explained by it; so is one that does so in the rows that matter most, when it differs
from the reference there. Code that behaves like the reference is explained by nothing.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np

from autograder.checks.api import CheckFailed, Student
from autograder.examiner import probes_batchnorm, probes_dropout, probes_fc_net, probes_optim
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent, reference_texts
from autograder.misconceptions import Misconception, misconceptions_of

Value = float | bool | str
Fingerprint = dict[str, Value]

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


_known: dict[str, Fingerprint] = {}  # of the reference and of misconceptions, with the reference they stand on


def known() -> dict[str, Fingerprint]:
    """The fingerprints taken so far, for a process that remembers them for others: see `remember`."""
    return dict(_known)


def remember(more: dict[str, Fingerprint]) -> None:
    """Know these fingerprints, too, as if they had been taken here."""
    _known.update(more)


def _of_reference(question: str) -> Fingerprint:
    return _of(question, "", {})


def _of_misconception(wrong: Misconception) -> Fingerprint:
    return _of(wrong.question, wrong.name, {wrong.module: wrong.source()})


def _of(question: str, name: str, appended: dict[str, str]) -> Fingerprint:
    key = f"{_texts_digest(tuple(reference_texts().items()))} {question} {name}"
    if key not in _known:
        student = LocalStudent.of_reference(appended=appended)
        _known[key] = _taken(_PROBES[question], student, np.random.default_rng(0))
    return _known[key]


@functools.cache
def _texts_digest(texts: tuple[tuple[str, str], ...]) -> str:
    return hashlib.sha256(repr(texts).encode()).hexdigest()


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


_PROBES: dict[str, dict[str, Rows]] = {
    **probes_dropout.PROBES,
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
