"""report: one page on a class, and a table of it, from records and gradebook; nothing is examined."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import report_page
from autograder.course import Assignment, Question
from autograder.pages import shown_name, write_page
from autograder.places import in_order
from autograder.roster import read_roster
from autograder.scores import Sheet
from autograder.standing import Case, Standing, cases, standing_of, standings

# What a spreadsheet takes for the beginning of a formula, in letters of full width too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Overview:
    """A class, and what of it needs a person."""

    assignment: Assignment
    standings: list[Standing]
    cases: list[Case]

    @property
    def absent(self) -> list[str]:
        """Who is known and handed in nothing."""
        return [standing.student for standing in self.standings if standing.absent]

    def write(self) -> tuple[Path, Path]:
        """Write report/<assignment>.html and report/<assignment>.csv."""
        folder = self.assignment.course.root / "report"
        page, table = folder / f"{self.assignment.name}.html", folder / f"{self.assignment.name}.csv"
        write_page(page, "report.html", report_page.view(self.assignment, self.standings, self.cases))
        written = io.StringIO()
        csv.writer(written).writerows(rows(self.assignment, self.standings, self.cases))
        # Begins with a byte order mark: without one, spreadsheets take UTF-8 for something else.
        table.write_text(written.getvalue(), encoding="utf-8-sig", newline="")
        return page, table

    def as_dict(self) -> dict[str, Any]:
        """For a program to read: the cases, and the table's cells (null where a cell is empty)."""
        questions = in_order(self.assignment)
        students = [_cells(standing, questions, self.cases) for standing in self.standings]
        return {
            "schema": 1,
            "assignment": self.assignment.name,
            "cases": [
                {"kind": case.kind, "why": case.why, "reason": case.reason, "students": list(case.students)}
                for case in self.cases
            ],
            "students": [{name: None if cell == "" else cell for name, cell in cells.items()} for cells in students],
        }


def overview(assignment: Assignment, roster: Path | None = None) -> Overview:
    """How a class stands; `roster` is the CSV file that `collect` reads, or None.

    Raises
    ------
    CourseError
        If the roster cannot be read.
    """
    class_ = standings(assignment, read_roster(roster) if roster is not None else None)
    return Overview(assignment, class_, cases(assignment, class_))


def report(assignment: Assignment, roster: Path | None = None) -> tuple[Path, Path, list[Case]]:
    """Write page and table; returns both files, and what needs a person."""
    found = overview(assignment, roster)
    return *found.write(), found.cases


def rows(assignment: Assignment, class_: list[Standing], found: list[Case]) -> Iterator[list[object]]:
    """The table: a heading, then a row for each student."""
    questions = in_order(assignment)
    yield list(_cells(standing_of(assignment, "", None), questions, found))  # a class of nobody has a heading too
    for standing in class_:
        cells = _cells(standing, questions, found).values()
        yield [safe_cell(cell) if isinstance(cell, str) else cell for cell in cells]


def _cells(standing: Standing, questions: list[Question], found: list[Case]) -> dict[str, object]:
    """Column and cell of one student. A cell without a value is empty, which is not 0."""
    sheet, target, timing = standing.sheet or Sheet(standing.student), standing.target, standing.timing
    graded = standing.sheet is not None
    notebooks = dict.fromkeys(question.notebook for question in questions)
    names = (check.misconception for record in standing.result.questions for check in record.checks)
    guard = target.target.guard if target is not None and target.target is not None else None
    return {
        "student": standing.student,
        "name": standing.name or sheet.name,
        "handed_in_utc": str(sheet.handed_in or ""),
        "state": standing.state,
        "total": sheet.total(questions) if graded else "",
        "most": sum(question.points for question in questions),
        "waiting_points": sum(question.points for question in sheet.waiting(questions)),
        "late_penalty": round(sum(sheet.penalties.values()), 2),
        **{name: sheet.of_notebook(name, questions) if graded else "" for name in notebooks},
        **{question.grade_id: _points(sheet, question) for question in questions},
        "target_accuracy": standing.accuracy if standing.accuracy is not None else "",
        "guard": "" if guard is None else "objects" if guard.unexplained else "agrees",
        "recognised": "; ".join(dict.fromkeys(name for name in names if name)),
        "needs_a_person": "; ".join(case.kind for case in found if standing.student in case.students),
        "edition": standing.edition,
        "wall": standing.result.wall,
        "cpu_seconds": round(timing.cpu_seconds, 1),
        "target_cpu_seconds": round(timing.target_cpu_seconds, 1),
    }


def _points(sheet: Sheet, question: Question) -> float | str:
    score = sheet.score(question)
    return "" if score.waiting or question.grade_id not in sheet.scores else round(score.points, 2)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(1)"), safe_cell("Ada")
    ("'=HYPERLINK(1)", 'Ada')
    """
    text = shown_name(text)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
