"""Stage `export`: grades from nbgrader's gradebook into files that learning platforms import."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nbgrader.api import Gradebook

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.export_sheets import Value, Written, canvas, long, moodle, wide
from autograder.export_template import Sheet, fill
from autograder.gradebook import check_release, database
from autograder.grades import Grade, read_grades
from autograder.gradescope.results import as_text, of_grade
from autograder.records import write_atomically
from autograder.roster import Roster, read_roster, shared

Form = Literal["canvas", "gradescope", "moodle", "csv"]
Missing = Literal["blank", "zero"]
Unfinished = Literal["refuse", "blank", "partial"]
FOLDER = "export"


@dataclass(frozen=True)
class Choices:
    """What is exported for whom nothing was handed in by, and for whose grade is not final.

    `missing`: an empty cell, or zero points. `unfinished`: nothing is exported at all, an empty cell, or the points so
    far.
    """

    missing: Missing = "blank"
    unfinished: Unfinished = "refuse"

    def value(self, grade: Grade) -> float | None:
        """The number to export; None for an empty cell."""
        if grade.state == "missing":
            return 0.0 if self.missing == "zero" else None
        return None if grade.state == "unfinished" and self.unfinished == "blank" else grade.total


@dataclass(frozen=True)
class Table:
    """How a table is made: `template` is one that the platform exported, of which one column is filled."""

    template: Path | None = None
    column: str = ""
    long: bool = False


@dataclass
class Exported:
    """What was exported: where to, how many grades, and who was left out, each with the reason."""

    grades: list[Grade]
    place: Path
    count: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    untouched: list[str] = field(default_factory=list)  # rows of a template that stayed as they were

    def of(self, state: str) -> list[Grade]:
        """The grades in one state."""
        return [grade for grade in self.grades if grade.state == state]


def grades_of(
    assignment: Assignment,
    roster: Path | None = None,
    students: Iterable[str] = (),
    *,
    book: Gradebook | None = None,
) -> list[Grade]:
    """The grades of a class, from the course's gradebook or from one that is open.

    Raises
    ------
    CourseError
        If the assignment was not released, the gradebook does not fit the notebooks, or there is nobody.
    """
    people = read_roster(roster) if roster is not None else Roster()
    with contextlib.nullcontext(book) if book is not None else Gradebook(database(assignment.course)) as opened:
        check_release(assignment, opened)
        grades = read_grades(assignment, opened, people, students)
    if not any(grade.state != "missing" for grade in grades):
        fix = f"run `autograder grade {assignment.name}` first"
        raise CourseError("nothing was handed in", where=assignment.course.root / "submitted", fix=fix)
    return grades


def export(
    assignment: Assignment,
    form: Form,
    grades: Sequence[Grade],
    place: Path | None = None,
    *,
    choices: Choices = Choices(),
    table: Table = Table(),
) -> Exported:
    """Write grades for a platform.

    Parameters
    ----------
    assignment : Assignment
    form : str
        "canvas", "gradescope", "moodle" or "csv".
    grades : sequence of Grade
    place : Path, optional
        The file to write, or a folder for it; for "gradescope" a folder. Below export/ of the course by default.
    choices : Choices, optional
    table : Table, optional

    Raises
    ------
    CourseError
        If a grade is not final and the choice is to refuse, or a platform could not take the file.
    """
    if table.template is not None and form not in ("canvas", "moodle"):
        raise CourseError(f"{form} has no template", where=table.template, fix="give it for canvas or moodle")
    waiting = [grade for grade in grades if grade.state == "unfinished"]
    if waiting and choices.unfinished == "refuse":
        first = f"{waiting[0].student}: {'; '.join(waiting[0].waiting)}"
        raise CourseError(
            f"{len(waiting)} grades are not final: {shared(grade.student for grade in waiting)}\n  {first}",
            fix="grade the rest (formgrader in `jupyter lab`), or choose --unfinished blank or partial",
        )
    place = place or assignment.course.root / FOLDER / assignment.name / _name(form, table)
    if place.is_dir() and form != "gradescope":
        place /= _name(form, table)
    done = Exported(list(grades), place)
    if form != "csv":  # no platform knows them
        done.left_out = {grade.student: "is not in the roster" for grade in grades if not grade.known}
        grades = [grade for grade in grades if grade.known]
    if form == "gradescope":
        for grade in grades:
            text = as_text(of_grade(assignment, grade, choices.value(grade)))
            if choices.value(grade) is not None:
                write_atomically(done.place / grade.student / "results.json", text)
                done.count += 1
        return done
    made = _made(assignment, form, grades, choices.value, table)
    done.count, done.left_out = made.count, {**done.left_out, **made.left_out}
    done.untouched = made.untouched
    write_atomically(done.place, made.text.removesuffix("\n"))
    return done


def _name(form: Form, table: Table) -> str:
    if form == "gradescope":
        return "gradescope"
    return "grades-long.csv" if table.long else "grades.csv" if form == "csv" else f"{form}.csv"


def _made(assignment: Assignment, form: Form, grades: Sequence[Grade], value: Value, table: Table) -> Written:
    title, points = assignment.settings.title, sum(question.points for question in assignment.questions)
    if table.template is not None:
        names = (title, assignment.name)
        return fill(Sheet.read(table.template), grades, value, names, points, table.column)
    if form == "canvas":
        return canvas(grades, value, table.column or title, points)
    if form == "moodle":
        return moodle(grades, value, table.column or title)
    return long(grades, value, assignment) if table.long else wide(grades, value, assignment)
