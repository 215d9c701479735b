"""Tables of grades: Canvas's gradebook import, Moodle's grade import, and plain CSV.

Text that people chose (names, comments) cannot become a formula in a spreadsheet, ids keep their leading zeros, and
numbers have a decimal point on every machine.
"""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.grades import Grade, record_of
from autograder.roster import IDS, Roster, shared

BOM = "\ufeff"
Value = Callable[[Grade], float | None]  # the number that is exported for a student; None for an empty cell
_FORMULA = "=+-@"
_HEAD = re.compile(r"^Assignment:\s*|\s*\((?:\d+|Real)\)$")  # what Canvas and Moodle add to an assignment's name

CANVAS_IDS = {"canvas_id": "ID", "sis_user_id": "SIS User ID", "sis_login_id": "SIS Login ID"}
MOODLE_IDS = {"id_number": "ID number", "email": "Email address", "username": "Username"}
WORKSHEET_IDS = {"moodle_id": "Identifier", **MOODLE_IDS}


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


@dataclass
class Sheet:
    """A table that a platform exported, kept as it is but for the cells that are filled."""

    path: Path
    rows: list[list[str]]
    delimiter: str
    newline: str
    bom: bool

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """The table in a file; CourseError where it is none."""
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            what = "is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
            raise CourseError(what, where=path, fix="name the CSV file that the platform exported") from None
        bom, text = text.startswith(BOM), text.removeprefix(BOM)
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        if not rows:
            raise CourseError("it is empty", where=path, fix="name the CSV file that the platform exported")
        return cls(path, rows, delimiter, "\r\n" if head.endswith("\r") else "\n", bom)

    def text(self) -> str:
        """The whole table."""
        return (BOM if self.bom else "") + written(self.rows, self.delimiter, self.newline)

    def at(self, name: str) -> int | None:
        """The number of the column with this heading."""
        heads = [head.strip().casefold() for head in self.rows[0]]
        return heads.index(name.casefold()) if name.casefold() in heads else None


def fill(
    sheet: Sheet, grades: Sequence[Grade], value: Value, names: Sequence[str], points: float, column: str = ""
) -> Written:
    """Fill one column of a table that Canvas or Moodle exported; a student without a grade keeps what stands there.

    Parameters
    ----------
    sheet : Sheet
        Canvas's gradebook, Moodle's grading worksheet, or Moodle's gradebook.
    grades : sequence of Grade
    value : callable
        The number for each student.
    names : sequence of str
        What the assignment may be called in the table.
    points : float
        What the assignment is worth here; the table must not say otherwise.
    column : str
        The heading of the column, where the names do not tell.

    Raises
    ------
    CourseError
        If the table is none of these, the column cannot be told, or is worth other points.
    """
    kinds = CANVAS_IDS if sheet.at("Student") is not None else WORKSHEET_IDS
    places = {kind: at for kind, head in kinds.items() if (at := sheet.at(head)) is not None}
    if not places:
        fix = "name a CSV file that Canvas or Moodle exported; docs/export.md shows which"
        raise CourseError("it has no column of ids", where=sheet.path, fix=fix)
    target = _column(sheet, names, column)
    _check_points(sheet, target, points)
    comments, people = sheet.at("Feedback comments"), _People(grades)
    name_at = next((at for head in ("Student", "Full name") if (at := sheet.at(head)) is not None), None)
    seen, made = set(), Written("")
    for row in sheet.rows[1:]:
        ids = {kind: row[at].strip().removeprefix("Participant ") for kind, at in places.items() if at < len(row)}
        name = row[name_at].strip() if name_at is not None and name_at < len(row) else ""
        grade = people.find(ids, name) if any(ids.values()) else None
        if grade is not None:
            seen.add(grade.student)
        if grade is None or value(grade) is None:
            made.untouched += [name or next(filter(None, ids.values()))] if any(ids.values()) else []
        else:
            made.count += 1
            row.extend([""] * (len(sheet.rows[0]) - len(row)))
            row[target] = number(value(grade))
            if comments is not None and grade.scores:
                row[comments] = feedback(grade)
    for grade in grades:
        if grade.student not in seen and value(grade) is not None:
            made.left_out[grade.student] = f"is not in {sheet.path.name}"
    made.text = sheet.text()
    return made


class _People:
    """Finds the grade that belongs to a row: by an id, exactly; by name only where no such id is known of anybody."""

    def __init__(self, grades: Sequence[Grade]) -> None:
        self.by_student = {grade.student: grade for grade in grades}
        self.by_id = {
            (kind, own.casefold()): grade for grade in grades for kind, own in grade.person.ids.items() if own
        }
        self.kinds = {kind for kind, _ in self.by_id}
        self.roster = Roster(tuple(grade.person for grade in grades))

    def find(self, ids: dict[str, str], name: str) -> Grade | None:
        """The grade of whoever has one of these ids."""
        for kind, own in ids.items():
            if own and (kind, own.casefold()) in self.by_id:
                return self.by_id[kind, own.casefold()]
        if self.kinds & ids.keys() or not name:
            return None
        row = self.roster.find({}, name)
        return self.by_student[row.student] if row is not None else None


def _column(sheet: Sheet, names: Sequence[str], column: str) -> int:
    """The column to fill: the one named, Moodle's `Grade`, or the one that is called like the assignment."""
    heads = [head.strip() for head in sheet.rows[0]]
    wanted = {name.casefold() for name in ([column] if column else names)}
    bare = [_HEAD.sub("", _HEAD.sub("", head)) for head in heads]
    found = [at for at, head in enumerate(heads) if head.casefold() in wanted]
    found = found or [at for at, head in enumerate(bare) if head.casefold() in wanted]
    if not found and not column and sheet.at("Identifier") is not None and (at := sheet.at("Grade")) is not None:
        found = [at]
    if len(found) != 1:
        what = "more than one column" if found else "no column"
        ids = {*CANVAS_IDS.values(), *WORKSHEET_IDS.values(), "Student", "Section", "Full name"}
        others = [head for head in heads if head and head not in ids]
        fix = f"choose one with --column: {', '.join(others)}"
        raise CourseError(f"{what} is called {' or '.join(sorted(wanted))}", where=sheet.path, fix=fix)
    return found[0]


def _check_points(sheet: Sheet, target: int, points: float) -> None:
    """Refuse a column that is worth other points than the assignment: 87 of 100 is not 87 of 10."""
    at = sheet.at("Maximum Grade")
    stated = [row[at] for row in sheet.rows[1:] if at is not None and at < len(row)]
    for row in sheet.rows[1:4]:
        if row and row[0].strip() == "Points Possible" and target < len(row):
            stated.append(row[target])
            row[target] = row[target] if row[target].strip() else number(points)
    for text in filter(None, map(str.strip, stated)):
        try:
            differs = abs(float(text.replace(",", ".")) - points) > 1e-9
        except ValueError:
            differs = True
        if differs:
            raise CourseError(
                f"{sheet.rows[0][target]} is worth {text} there, {number(points)} here",
                where=sheet.path,
                fix=f"set its points to {number(points)} on the platform, and export the table again",
            )
