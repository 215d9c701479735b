"""A table that Canvas or Moodle exported, of which one column is filled. Every other cell stays as it is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError
from autograder.export_sheets import BOM, CANVAS_IDS, MOODLE_IDS, Value, Written, feedback, number, written
from autograder.grades import Grade
from autograder.roster import Roster

WORKSHEET_IDS = {"moodle_id": "Identifier", **MOODLE_IDS}
_HEAD = re.compile(r"^Assignment:\s*|\s*\((?:\d+|Real)\)$")  # what Canvas and Moodle add to an assignment's name


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
    people, made = _People(sheet, grades), Written("")
    target, comments = _column(sheet, names, column), sheet.at("Feedback comments")
    _check_points(sheet, target, points)
    for row in sheet.rows[1:]:
        grade = people.of(row)
        if grade is None or value(grade) is None:
            made.untouched += filter(None, [people.called(row)])
            continue
        made.count += 1
        row.extend([""] * (len(sheet.rows[0]) - len(row)))
        row[target] = number(value(grade))
        if comments is not None and grade.scores:
            row[comments] = feedback(grade)
    for grade in grades:
        if grade.student not in people.seen and value(grade) is not None:
            made.left_out[grade.student] = f"is not in {sheet.path.name}"
    made.text = sheet.text()
    return made


class _People:
    """Finds whose a row is: by its ids, exactly; by name only where no such id is known of anybody."""

    def __init__(self, sheet: Sheet, grades: Sequence[Grade]) -> None:
        kinds = CANVAS_IDS if sheet.at("Student") is not None else WORKSHEET_IDS
        self.sheet = sheet
        self.places = {kind: at for kind, head in kinds.items() if (at := sheet.at(head)) is not None}
        if not self.places:
            fix = "name a CSV file that Canvas or Moodle exported; docs/export.md shows which"
            raise CourseError("it has no column of ids", where=sheet.path, fix=fix)
        self.names = [at for head in ("Student", "Full name") if (at := sheet.at(head)) is not None]
        self.by_student = {grade.student: grade for grade in grades}
        self.by_id: dict[tuple[str, str], set[str]] = {}
        for grade in grades:
            for kind, own in grade.person.ids.items():
                self.by_id.setdefault((kind, own.casefold()), set()).add(grade.student)
        self.known = self.places.keys() & {kind for kind, _ in self.by_id}
        self.roster = Roster(tuple(grade.person for grade in grades))
        self.seen: set[str] = set()

    def of(self, row: list[str]) -> Grade | None:
        """The grade of the student in a row; CourseError where it could be one or another, or was there before."""
        ids, name = self._ids(row), self._name(row)
        if not ids:
            return None  # points, or another line that is no student's
        found = set[str]().union(*(self.by_id.get((kind, own.casefold()), set()) for kind, own in ids.items()))
        if not found and not self.known and (match := self.roster.find({}, name)) is not None:
            found = {match.student}
        if len(found) > 1 or found & self.seen:
            what = (
                f"this row could be {' or '.join(sorted(found))}" if len(found) > 1 else f"{min(found)} is there twice"
            )
            raise CourseError(what, where=f"{self.sheet.path}, {self.called(row)}", fix="mend the ids in the roster")
        self.seen |= found
        return self.by_student[min(found)] if found else None

    def called(self, row: list[str]) -> str:
        """How to name a row: by its student, or an id; nothing for a line that is no student's."""
        ids = self._ids(row)
        return (self._name(row) or next(iter(ids.values()))) if ids else ""

    def _ids(self, row: list[str]) -> dict[str, str]:
        found = {
            kind: row[at].strip().removeprefix("Participant ") for kind, at in self.places.items() if at < len(row)
        }
        return {kind: own for kind, own in found.items() if own}

    def _name(self, row: list[str]) -> str:
        return next((row[at].strip() for at in self.names if at < len(row)), "")


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
