"""Tables of grades, made anew: for Canvas's gradebook import, Moodle's grade import, and plain CSV.

Text that people chose (names, comments) cannot become a formula in a spreadsheet, ids keep their leading zeros, and
numbers have a decimal point on every machine.
"""

from __future__ import annotations

import csv
import html
import io
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.grades import Grade, record_of
from autograder.roster import IDS, shared

BOM = "\ufeff"
Value = Callable[[Grade], float | None]  # the number that is exported for a student; None for an empty cell
_FORMULA = "=+-@"

CANVAS_IDS = {"canvas_id": "ID", "sis_user_id": "SIS User ID", "sis_login_id": "SIS Login ID"}
MOODLE_IDS = {"id_number": "ID number", "email": "Email address", "username": "Username"}


@dataclass
class Written:
    """What an export holds: how many grades, and who could not be named to the platform, each with the reason."""

    text: str
    count: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    untouched: list[str] = field(default_factory=list)  # rows of a template that stayed as they were


def number(value: float | None) -> str:
    """A grade as text, at most two decimals; nothing for None.

    Examples
    --------
    >>> number(87.5), number(100.0), number(0.1 + 0.2), number(None)
    ('87.5', '100', '0.3', '')
    """
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def harmless(text: str) -> str:
    """A text in one line that no spreadsheet takes for a formula.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless("Ada\\tLovelace"), harmless("Ann-Sofie")
    ("'=HYPERLINK(1)", 'Ada Lovelace', 'Ann-Sofie')
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"'{line}" if _is_formula(line) else line


def _is_formula(text: str) -> bool:
    return unicodedata.normalize("NFKC", text)[:1] in tuple(_FORMULA)


def written(rows: Iterable[Sequence[str]], delimiter: str = ",", newline: str = "\r\n") -> str:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue()


def canvas(grades: Iterable[Grade], value: Value, column: str, points: float) -> Written:
    """A table that Canvas's gradebook imports: a row of points, then those students whom Canvas can find."""
    made = Written("")
    rows = [
        ["Student", *CANVAS_IDS.values(), "Section", column],
        ["    Points Possible", "", "", "", "", number(points)],
    ]
    for grade in grades:
        ids = _ids(grade, CANVAS_IDS, made)
        if ids:
            name, section = grade.person.name or grade.student, grade.person.section
            rows.append([harmless(name), *ids, harmless(section), number(value(grade))])
            made.count += 1
    made.text = written(rows)
    return made


def moodle(grades: Sequence[Grade], value: Value, column: str) -> Written:
    """A table for Moodle's grade import: the first kind of id that every student has, the grade, and feedback.

    Raises
    ------
    CourseError
        If no kind of id is known of all students.
    """
    kind = _kind_of_all(grades, MOODLE_IDS)
    made = Written("")
    rows = [[MOODLE_IDS[kind], "Full name", column, "Feedback comments"]]
    for grade in grades:
        [own] = _ids(grade, {kind: MOODLE_IDS[kind]}, made) or [""]
        if own:
            told = "" if value(grade) is None else feedback(grade)
            rows.append([own, harmless(grade.person.name), number(value(grade)), told])
            made.count += 1
    made.text = written(rows)
    return made


def _kind_of_all(grades: Sequence[Grade], kinds: dict[str, str]) -> str:
    for kind in kinds:
        if all(grade.person.ids.get(kind) for grade in grades):
            return kind
    most = max(kinds, key=lambda kind: sum(kind in grade.person.ids for grade in grades))
    without = shared(grade.student for grade in grades if not grade.person.ids.get(most))
    raise CourseError(
        f"no kind of id is known of all students; {most} is missing for {without}",
        where="the roster",
        fix=f"give a column of these for everybody: {', '.join(kinds)}; docs/export.md",
    )


def _ids(grade: Grade, kinds: dict[str, str], made: Written) -> list[str]:
    """A student's ids of these kinds; empty, and said in `made`, where there is none or one of them is a formula."""
    ids = [grade.person.ids.get(kind, "") for kind in kinds]
    bad = [own for own in ids if _is_formula(own)]
    if not any(ids):
        made.left_out[grade.student] = f"none of {', '.join(kinds)} is known"
    elif bad:
        made.left_out[grade.student] = f"a spreadsheet would take the id {bad[0]!a} for a formula"
    return ids if any(ids) and not bad else []


def feedback(grade: Grade) -> str:
    """What lost points, question by question, and people's comments: one line, fit for a page of Moodle."""
    lines = []
    for score in grade.scores:
        if score.earned < score.points or score.comment:
            told = f" ({score.comment})" if score.comment else ""
            lines.append(f"{score.question} {number(score.earned)}/{number(score.points)}{told}")
    lines += [f"late: -{number(grade.penalty)}"] if grade.penalty else []
    return html.escape(harmless("; ".join(lines)), quote=False)


def wide(grades: Sequence[Grade], value: Value, assignment: Assignment) -> Written:
    """A row a student, a column a question."""
    kinds = [kind for kind in IDS if any(grade.person.ids.get(kind) for grade in grades)]
    questions = [question.grade_id for question in assignment.questions]
    rows = [["student", "name", *kinds, "state", *questions, "late_penalty", "total", "points", "waiting"]]
    points = number(sum(question.points for question in assignment.questions))
    for grade in grades:
        earned = {score.question: number(score.earned) for score in grade.scores}
        ids = [harmless(grade.person.ids.get(kind, "")) for kind in kinds]
        scores = [earned.get(name, "") for name in questions]
        about = [harmless(grade.student), harmless(grade.person.name), *ids, grade.state]
        late = number(grade.penalty) if grade.scores else ""
        rows.append([*about, *scores, late, number(value(grade)), points, harmless("; ".join(grade.waiting))])
    return Written(BOM + written(rows), len(grades))


def long(grades: Sequence[Grade], value: Value, assignment: Assignment) -> Written:
    """A row a student and question, with the reason; for each student a last row `total`."""
    rows = [["student", "name", "notebook", "question", "points", "earned", "by", "reason", "comment"]]
    everything = sum(question.points for question in assignment.questions)
    for grade in grades:
        who = [harmless(grade.student), harmless(grade.person.name)]
        for score in grade.scores:
            record = record_of(assignment, grade.student, score.question)
            reason = record.first_reason() if record is not None and not score.by_hand else ""
            by = "a person" if score.by_hand else "checks"
            about = [score.notebook, score.question, number(score.points), number(score.earned), by]
            rows.append([*who, *about, harmless(reason), harmless(score.comment)])
        if grade.penalty:
            rows.append([*who, "", "late_penalty", "", f"-{number(grade.penalty)}", "", "", ""])
        state = grade.state if grade.state != "graded" else ""
        rows.append([*who, "", "total", number(everything), number(value(grade)), "", state, ""])
    return Written(BOM + written(rows), len(grades))
