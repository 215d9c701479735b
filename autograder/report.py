"""report: one page on a class, and a table of it, from records and gradebook; nothing is examined."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from autograder import report_page
from autograder.course import Assignment, Question
from autograder.pages import shown_name, write_page
from autograder.places import in_order
from autograder.scores import Sheet
from autograder.standing import Case, Standing, cases, standing_of, standings

# What a spreadsheet takes for the beginning of a formula, in letters of full width too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def report(assignment: Assignment) -> tuple[Path, Path, list[Case]]:
    """Write report/<assignment>.html and report/<assignment>.csv.

    Returns
    -------
    tuple
        Both files, and what needs a person.
    """
    folder = assignment.course.root / "report"
    class_ = standings(assignment)
    found = cases(assignment, class_)
    page, table = folder / f"{assignment.name}.html", folder / f"{assignment.name}.csv"
    write_page(page, "report.html", report_page.view(assignment, class_, found))
    written = io.StringIO()
    csv.writer(written).writerows(rows(assignment, class_, found))
    # Begins with a byte order mark: without one, spreadsheets take UTF-8 for something else.
    table.write_text(written.getvalue(), encoding="utf-8-sig", newline="")
    return page, table, found


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
        "name": sheet.name,
        "handed_in_utc": sheet.handed_in or "",
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
