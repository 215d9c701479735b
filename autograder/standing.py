"""How a class stands: for each student what was handed in, examined, recorded, and whether a person must look."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from autograder import wording
from autograder.course import Assignment, Question
from autograder.editions import CANONICAL
from autograder.grade import recorded
from autograder.gradebook import unread
from autograder.mending import kind_of, reason_of
from autograder.results import HandInResult, QuestionResult, Timing
from autograder.roster import Roster
from autograder.scores import Sheet, enrolled, sheets


@dataclass(frozen=True)
class Standing:
    """One student: records below results/, the gradebook's score sheet (None: not recorded), what examining took.

    `name` is what the roster or the gradebook says. `absent`: known, and nothing was handed in.
    """

    student: str
    result: HandInResult
    sheet: Sheet | None
    timing: Timing
    name: str = ""
    absent: bool = False

    @property
    def state(self) -> str:
        """A key of `wording.HAND_INS`."""
        if self.absent:
            return "missing"
        if self.sheet is None:
            return "not_recorded" if self.result.questions else "not_graded"
        return self.result.state

    @property
    def target(self) -> QuestionResult | None:
        """The record of the training, if there is one."""
        return next((record for record in self.result.questions if record.target is not None), None)

    @property
    def edition(self) -> str:
        """The edition it was examined in; empty where it was not."""
        return next((record.edition for record in self.result.questions), "")

    @property
    def accuracy(self) -> float | None:
        """The accuracy that counts."""
        record = self.target
        return record.target.counts if record is not None and record.target is not None else None


@dataclass(frozen=True)
class Case:
    """Why a person must look at some hand-ins. `kind` is a key of `wording.CASES`."""

    kind: str
    students: tuple[str, ...]
    reason: str = ""

    @property
    def why(self) -> str:
        """What is the matter."""
        return wording.CASES[self.kind][0]

    @property
    def what_to_do(self) -> str:
        """What the person does about it."""
        return wording.CASES[self.kind][1]


def standings(assignment: Assignment, roster: Roster | None = None) -> list[Standing]:
    """The standing of everybody who handed in, was examined or was recorded, or whom roster or gradebook know."""
    root, known = assignment.course.root, sheets(assignment)
    handed_in = {path.parent.name for path in (root / "submitted").glob(f"*/{assignment.name}") if path.is_dir()}
    examined = {path.name for path in (root / "results" / assignment.name).glob("*") if path.is_dir()}
    there = handed_in | examined | known.keys()
    names = enrolled(assignment)
    names |= {row.student: row.name or names.get(row.student, "") for row in (roster or Roster()).rows}
    found = (standing_of(assignment, student, known.get(student)) for student in sorted(there | names.keys()))
    return [replace(one, name=names.get(one.student, ""), absent=one.student not in there) for one in found]


def standing_of(assignment: Assignment, student: str, sheet: Sheet | None) -> Standing:
    """The standing of one student."""
    root = assignment.course.root
    result = recorded(assignment, student, root / "submitted" / student / assignment.name)
    timing = _timing(root / "results" / assignment.name / student / "timing.json")
    return Standing(student, result, sheet, timing)


def cases(assignment: Assignment, class_: Iterable[Standing]) -> list[Case]:
    """What needs a person, in the order of urgency; equal reasons are one case."""
    groups: dict[tuple[str, str], list[str]] = {}
    for standing in class_:
        for kind, reason in _of_one(assignment, standing):
            groups.setdefault((kind, reason), []).append(standing.student)
    found = [Case(kind, tuple(students), reason) for (kind, reason), students in groups.items()]
    order = list(wording.CASES)
    return sorted(found, key=lambda case: (order.index(case.kind), -len(case.students)))


def _of_one(assignment: Assignment, standing: Standing) -> Iterator[tuple[str, str]]:
    """(kind, reason) of each case of one student."""
    records = standing.result.questions
    faults = [record.question for record in records if kind_of(record) == "fault"]
    if faults:
        yield "fault", ", ".join(faults)
    if standing.absent:
        return
    if standing.state in ("not_recorded", "not_graded"):
        yield standing.state, ""
        return
    if standing.result.state == "failed" and not faults:
        yield "failed", reason_of(records[0])
    for name, why in unread_of(assignment, standing.result).items():
        yield "unread", f"{name}: {why}"
    target = standing.target.target if standing.target is not None else None
    if target is not None and target.guard is not None and target.guard.unexplained:
        yield "guard", " ".join(target.guard.unexplained)
    if any(record.wall == "none" for record in records):
        yield "no_wall", ""
    if missing := ", ".join(question.grade_id for question in unexamined(assignment, standing)):
        yield "unexamined", missing
    if standing.sheet is not None and standing.sheet.waiting(assignment.questions):
        yield "waiting", ""


def unread_of(assignment: Assignment, result: HandInResult) -> dict[str, str]:
    """Notebooks of a recorded hand-in that could not be read, each with the reason."""
    foreign = any(record.edition != CANONICAL for record in result.questions)  # other courses have other cells
    return {} if foreign else unread(assignment, result.student)


def unread_notes(assignment: Assignment, results: Iterable[HandInResult]) -> dict[str, str]:
    """The same of several, a line for each notebook, by student."""
    found = {result.student: unread_of(assignment, result) for result in results}
    return {
        student: "\n".join(f"{name} could not be read: {why}" for name, why in own.items())
        for student, own in found.items()
    }


def unexamined(assignment: Assignment, standing: Standing) -> list[Question]:
    """The autograded questions that there is no record of, and no score by a person."""
    sheet = standing.sheet or Sheet(standing.student)
    questions = (question for question in assignment.auto_questions if not question.given)
    asked = [question for question in questions if sheet.score(question).manual is None]
    return [question for question in asked if standing.result.question(question.grade_id) is None]


def _timing(path: Path) -> Timing:
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return Timing.model_validate_json(path.read_bytes())
    return Timing()
