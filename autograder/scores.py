"""What nbgrader's gradebook holds of one assignment: a score sheet a student, read for all of them at once."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.course import Assignment, Question
from autograder.gradebook import database, is_not_made_yet


@dataclass(frozen=True)
class Score:
    """One question of one student. `manual` is what a person gave; it takes the place of `auto`."""

    auto: float | None = None
    manual: float | None = None
    extra: float = 0.0
    waiting: bool = False  # for a person

    @property
    def points(self) -> float:
        """What counts, as nbgrader adds it up."""
        given = self.auto if self.manual is None else self.manual
        return 0.0 if given is None else given + self.extra


@dataclass
class Sheet:
    """One student's scores, penalties and comments."""

    student: str
    name: str = ""  # given name and family name, where the gradebook knows them
    handed_in: datetime.datetime | None = None  # UTC
    scores: dict[str, Score] = field(default_factory=dict)
    penalties: dict[str, float] = field(default_factory=dict)  # notebook -> points lost by being late
    comments: dict[str, str] = field(default_factory=dict)  # cell -> what a person wrote

    def earned(self, questions: Iterable[Question]) -> float:
        """Points of some questions, without penalties."""
        return round(sum(self.score(question).points for question in questions), 2)

    def score(self, question: Question) -> Score:
        """The score of a question; an empty one where there is none."""
        return self.scores.get(question.grade_id, Score())

    def of_notebook(self, name: str, questions: Iterable[Question]) -> float:
        """Points of one notebook, less what being late costs."""
        own = (question for question in questions if question.notebook == name)
        return round(self.earned(own) - self.penalties.get(name, 0.0), 2)

    def total(self, questions: Iterable[Question]) -> float:
        """All points, less what being late costs."""
        return round(self.earned(questions) - sum(self.penalties.values()), 2)

    def waiting(self, questions: Iterable[Question]) -> list[Question]:
        """The questions that wait for a person."""
        return [question for question in questions if self.score(question).waiting]


def sheets(assignment: Assignment) -> dict[str, Sheet]:
    """The score sheet of every student whose hand-in was recorded; none where there is no gradebook yet."""
    url = database(assignment.course)
    if is_not_made_yet(url):
        return {}
    with Gradebook(url) as book:
        try:
            ours = SubmittedAssignment.assignment_id == book.find_assignment(assignment.name).id
        except MissingEntry:
            return {}
        found = {}
        for student, given, family, when in _students(book).filter(ours):
            found[student] = Sheet(student, " ".join(filter(None, (given, family))), when)
        for student, notebook, penalty in _penalties(book).filter(ours):
            if penalty:
                found[student].penalties[notebook] = penalty
        scores = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
        for student, cell, auto, manual, extra, waiting in _of_cells(book, Grade, *scores).filter(ours):
            found[student].scores[cell] = Score(auto, manual, extra or 0.0, bool(waiting))
        for student, cell, text in _of_cells(book, Comment, Comment.manual_comment).filter(ours):
            if text:
                found[student].comments[cell] = text
    return dict(sorted(found.items()))


def enrolled(assignment: Assignment) -> dict[str, str]:
    """Everybody whom the gradebook knows, and the name; nobody where there is no gradebook yet."""
    url = database(assignment.course)
    if is_not_made_yet(url):
        return {}
    with Gradebook(url) as book:
        rows = book.db.query(Student.id, Student.first_name, Student.last_name)
        return {student: " ".join(filter(None, names)) for student, *names in rows}


def _students(book: Gradebook) -> Any:
    """(student, given name, family name, time of the hand-in) of every hand-in."""
    columns = (SubmittedAssignment.student_id, Student.first_name, Student.last_name, SubmittedAssignment.timestamp)
    return book.db.query(*columns).join(Student, Student.id == SubmittedAssignment.student_id)


def _penalties(book: Gradebook) -> Any:
    """(student, notebook, points lost) of every notebook that was handed in."""
    columns = (SubmittedAssignment.student_id, Notebook.name, SubmittedNotebook.late_submission_penalty)
    query = book.db.query(*columns).select_from(SubmittedNotebook)
    query = query.join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    return query.join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)


def _of_cells(book: Gradebook, table: Any, *columns: Any) -> Any:
    """(student, cell, *columns) of every row of `table`, which is Grade or Comment."""
    query = book.db.query(SubmittedAssignment.student_id, BaseCell.name, *columns).select_from(table)
    query = query.join(SubmittedNotebook, SubmittedNotebook.id == table.notebook_id)
    query = query.join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    return query.join(BaseCell, BaseCell.id == table.cell_id)
