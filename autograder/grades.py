"""Grades of a class, read from nbgrader's gradebook: what hidden checks and people gave, and what being late costs.

The late penalty is worked out here from what the gradebook holds now, so that points which a person gave later are cut
as well. What keeps a grade from being final is named: answers nobody has graded, questions that were not examined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from nbgrader.api import (
    BaseCell,
    Comment,
    Gradebook,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.api import (
    Grade as GradeRow,
)

from autograder.course import Assignment, LateSettings, Question
from autograder.late import percent_lost
from autograder.records import Records
from autograder.results import QuestionResult
from autograder.roster import Roster, Row

State = Literal["graded", "unfinished", "missing"]
_FROM_COLLECT = re.compile(r"(canvas|moodle)-(\d+)")  # a student that no roster knew


@dataclass(frozen=True)
class Score:
    """One question of one student."""

    question: str
    notebook: str
    points: float
    earned: float
    by_hand: bool
    comment: str = ""  # a person's words


@dataclass(frozen=True)
class Grade:
    """One student's grade. `waiting`: what keeps it from being final; `known`: the roster, if any, has the student."""

    person: Row
    state: State
    scores: tuple[Score, ...] = ()
    penalty: float = 0.0
    waiting: tuple[str, ...] = ()
    known: bool = True

    @property
    def student(self) -> str:
        """The name below submitted/ and in the gradebook."""
        return self.person.student

    @property
    def total(self) -> float | None:
        """Points earned so far, the late penalty taken off; None where nothing was graded."""
        if not self.scores:
            return None
        return round(max(0.0, sum(score.earned for score in self.scores) - self.penalty), 2)

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return {
            "student": self.student,
            "name": self.person.name,
            "ids": dict(self.person.ids),
            "state": self.state,
            "waiting": list(self.waiting),
            "scores": [asdict(score) for score in self.scores],
            "late_penalty": self.penalty,
            "total": self.total,
        }


def read_grades(assignment: Assignment, book: Gradebook, roster: Roster, students: Iterable[str] = ()) -> list[Grade]:
    """The grade of everybody who handed in, is in the roster, or is in the gradebook, sorted by name.

    Parameters
    ----------
    assignment : Assignment
    book : nbgrader.api.Gradebook
        The gradebook; it knows the assignment.
    roster : Roster
        Ids and names. Whoever it does not hold has what the student's own name tells.
    students : iterable of str, optional
        Only these; everybody by default.
    """
    found = book.find_assignment(assignment.name)
    scores, comments = _scores(book, found.id), _comments(book, found.id)
    submissions = {row.student_id: row for row in book.db.query(SubmittedAssignment).filter_by(assignment_id=found.id)}
    people = {row.id: _of_gradebook(row) for row in book.db.query(Student)} | {row.student: row for row in roster.rows}
    here = {path.parent.name for path in assignment.course.root.glob(f"submitted/*/{assignment.name}")}
    enrolled = {row.student for row in roster.rows} or people.keys() | submissions.keys() | here
    grades = []
    for student in sorted(set(students) or people.keys() | submissions.keys() | here):
        person = people.get(student) or _unknown(student)
        if student in submissions and student in scores:
            own = _Own(assignment, student, scores[student], comments.get(student, {}))
            grade = own.grade(person, submissions[student])
        elif student in here or student in submissions:
            grade = Grade(person, "unfinished", waiting=("the hand-in is not graded yet",))
        else:
            grade = Grade(person, "missing")
        grades.append(replace(grade, known=student in enrolled))
    return grades


Cells = dict[str, GradeRow]


def _scores(book: Gradebook, assignment_id: str) -> dict[str, Cells]:
    """Rows of the gradebook: student -> question -> grade. One query, because a class has ten thousand of them."""
    return _by_student(book, GradeRow, assignment_id)


def _comments(book: Gradebook, assignment_id: str) -> dict[str, dict[str, str]]:
    rows = _by_student(book, Comment, assignment_id)
    told = {student: {name: row.manual_comment for name, row in own.items()} for student, own in rows.items()}
    return {student: {name: text for name, text in own.items() if text} for student, own in told.items()}


def _by_student(book: Gradebook, table: Any, assignment_id: str) -> dict[str, dict[str, Any]]:
    query = (
        book.db.query(SubmittedAssignment.student_id, BaseCell.name, table)
        .select_from(table)
        .join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(BaseCell, table.cell_id == BaseCell.id)
        .filter(SubmittedAssignment.assignment_id == assignment_id)
    )
    found: dict[str, dict[str, Any]] = {}
    for student, name, row in query:
        found.setdefault(student, {})[name] = row
    return found


@dataclass(frozen=True)
class _Own:
    """What there is of one student."""

    assignment: Assignment
    student: str
    cells: Cells
    comments: dict[str, str]

    def grade(self, person: Row, submission: SubmittedAssignment) -> Grade:
        """The grade, from the gradebook's rows and what the records say of the examination."""
        scores = tuple(self._score(question) for question in self.assignment.questions)
        waiting = tuple(told for told in map(self._waits, self.assignment.questions) if told)
        penalty = _penalty(self.assignment.settings.late, submission, scores)
        return Grade(person, "unfinished" if waiting else "graded", scores, penalty, waiting)

    def _score(self, question: Question) -> Score:
        row = self.cells.get(question.grade_id)
        return Score(
            question.grade_id,
            question.notebook,
            question.points,
            float(row.score) if row is not None else 0.0,
            row is not None and row.manual_score is not None,
            self.comments.get(question.grade_id, ""),
        )

    def _waits(self, question: Question) -> str:
        """Why this question's score is not the last word; nothing if it is."""
        row, name = self.cells.get(question.grade_id), question.grade_id
        if row is None:
            return f"{name}: no score in the gradebook"
        if row.manual_score is not None:  # which text it was given for: autograder.by_hand
            return f"{name}: the answer changed since it was graded by hand" if row.needs_manual_grade else ""
        if question.manual:
            return f"{name}: to be graded by hand" if row.needs_manual_grade else ""
        record = record_of(self.assignment, self.student, name)
        if record is not None and record.state == "failed" and not record.key:
            return f"{name}: the examiner itself failed"
        return f"{name}: not examined" if record is None and self._is_target(name) and self._has_records() else ""

    def _is_target(self, name: str) -> bool:
        """Whether it is the target, which `grade --no-target` leaves out."""
        settings = self.assignment.settings.target
        return settings is not None and settings.question == name and self.assignment.settings.edition == "canonical"

    def _has_records(self) -> bool:
        return any(_folder(self.assignment, self.student).folder.glob("*.json"))


def _folder(assignment: Assignment, student: str) -> Records:
    return Records(assignment.course.root / "results" / assignment.name / student)


def record_of(assignment: Assignment, student: str, question: str) -> QuestionResult | None:
    """What the examiner said of a question; None where there is no record."""
    return _folder(assignment, student).kept(question)


def _penalty(rule: LateSettings | None, submission: SubmittedAssignment, scores: tuple[Score, ...]) -> float:
    """Points lost for being late: by `[late]`, a notebook at a time as nbgrader does it; else the gradebook's own."""
    if rule is None:
        return float(submission.late_submission_penalty or 0.0)
    percent = percent_lost(rule, submission.total_seconds_late)
    notebooks = dict.fromkeys(score.notebook for score in scores)
    sums = [sum(score.earned for score in scores if score.notebook == name) for name in notebooks]
    return round(sum(round(earned * percent / 100, 2) for earned in sums), 2)


def _of_gradebook(row: Student) -> Row:
    """Somebody whom only the gradebook knows."""
    own = _unknown(row.id)
    ids = {**own.ids, **({"email": row.email} if row.email else {})}
    ids |= {"canvas_id": row.lms_user_id} if row.lms_user_id else {}
    return Row(row.id, ids, " ".join(filter(None, (row.first_name, row.last_name))), None)


def _unknown(student: str) -> Row:
    """Ids that follow from the name below submitted/: `collect` writes a platform's number, people write a login."""
    match = _FROM_COLLECT.fullmatch(student)
    ids = {f"{match[1]}_id": match[2]} if match else {"sis_login_id": student, "username": student}
    return Row(student, ids, "", None)
