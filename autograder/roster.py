"""Who is who: the ids of a learning platform, a roster that maps them to students, and names fit for folders."""

from __future__ import annotations

import csv
import datetime
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError

# Of these `collect` meets canvas_id, moodle_id, gradescope_id and email in downloads; grades go back under any of them.
IDS = (
    *("canvas_id", "sis_user_id", "sis_login_id"),
    *("moodle_id", "id_number", "username"),
    *("gradescope_id", "email"),
)
_PARTICIPANT = "Participant "  # begins a moodle_id in Moodle's own tables
_LONGEST = 100  # letters in the name of a folder
_BYTES = 240  # in it; file systems take no more than 255
COLUMNS = ("student", *IDS, "name", "section", "submitted")


@dataclass(frozen=True)
class Row:
    """One student of a roster. `submitted` is the time of the hand-in, for platforms whose download tells none."""

    student: str
    ids: Mapping[str, str]
    name: str
    submitted: datetime.datetime | None
    section: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a course, found by an id or, where the roster holds no ids of that kind, by a name."""

    rows: tuple[Row, ...] = ()

    def find(self, ids: Mapping[str, str], name: str) -> Row | None:
        """The student with one of these ids ({"canvas_id": "101"}), or else with this name."""
        return self.by_id(ids, name) or self.by_name(ids, name)

    def rows_with(self, ids: Mapping[str, str]) -> list[Row]:
        """The rows that hold one of these ids."""
        return [row for row in self.rows if any(same_id(row.ids.get(kind, ""), value) for kind, value in ids.items())]

    def by_id(self, ids: Mapping[str, str], name: str) -> Row | None:
        """The student with one of these ids, or, where a download holds none, whose folder has just this name.

        None where the ids belong to two rows.
        """
        found = self.rows_with(ids)
        found = found or [row for row in self.rows if not ids and row.student == unicodedata.normalize("NFC", name)]
        return found[0] if len(found) == 1 else None

    def by_name(self, ids: Mapping[str, str], name: str) -> Row | None:
        """The one student with this name. None where the roster knows ids of this kind: the name may be another's."""
        if any(row.ids.get(kind) for row in self.rows for kind in ids):
            return None
        wanted = plain(name)
        found = [
            row
            for row in self.rows
            if (wanted and wanted in spellings(row)) or any(same_id(row.student, value) for value in ids.values())
        ]
        return found[0] if len(found) == 1 else None


def read_roster(path: Path) -> Roster:
    """The roster in a CSV file: a column `student`, and any of the others in COLUMNS.

    Raises
    ------
    CourseError
        If there is no such file or column, a student's name is no name for a folder, or two students share an id.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = "is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        raise CourseError(what, where=path, fix="name a CSV file, saved as UTF-8") from None
    table = csv.DictReader(text.splitlines(), dialect="excel", delimiter=_delimiter(text), strict=False)
    columns = [(name or "").strip().casefold() for name in table.fieldnames or ()]
    unknown = sorted(set(columns) - set(COLUMNS) - {""})
    if "student" not in columns or unknown:
        what = f"unknown columns: {', '.join(unknown)}" if unknown else "there is no column `student`"
        raise CourseError(
            what, where=path, fix=f"its columns are: {', '.join(COLUMNS)}; all but the first may be left out"
        )
    table.fieldnames = columns
    rows = tuple(_row(values, path, table.line_num) for values in table if any(map(_filled, values.values())))
    for kind in ("student", *IDS):
        found = [row.student if kind == "student" else row.ids.get(kind, "") for row in rows]
        twice = sorted({value for value in filter(None, found) if found.count(value) > 1})
        if twice:
            raise CourseError(f"{kind} {', '.join(twice)} stands in two rows", where=path, fix="remove one of them")
    return Roster(rows)


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _row(values: Mapping[str, str | None], path: Path, line: int) -> Row:
    cells = {kind: (value or "").strip() for kind, value in values.items() if isinstance(value, str)}
    student = cells["student"]
    if not student:
        fix = "fill in the column `student`, or remove the line"
        raise CourseError("this row names no student", where=f"{path}, line {line}", fix=fix)
    if safe_name(student) != student:
        fix = f'write it as in submitted/, for example "{safe_name(student)}"'
        raise CourseError(f"{student!a} is no name for a folder", where=f"{path}, line {line}", fix=fix)
    submitted = None
    if cells.get("submitted"):
        submitted = moment(cells["submitted"])
        if submitted is None:
            fix = "write it with its offset from UTC, such as 2026-11-20 23:41:05+01:00"
            raise CourseError(f"submitted: {cells['submitted']} is no time", where=f"{path}, line {line}", fix=fix)
    ids = {kind: cells[kind].removeprefix(_PARTICIPANT) for kind in IDS if cells.get(kind)}
    return Row(student, ids, cells.get("name", ""), submitted, cells.get("section", ""))


def moment(text: str) -> datetime.datetime | None:
    """A time with an offset, such as "2026-11-20 23:41:05 UTC" or "2026-11-20T23:41:05+01:00", in UTC; None for others.

    Examples
    --------
    >>> moment("2026-11-20T23:41:05+01:00").isoformat(" ")
    '2026-11-20 22:41:05+00:00'
    >>> moment("yesterday") is None
    True
    """
    try:
        found = datetime.datetime.fromisoformat(re.sub(r"\s*(?:UTC|Z)$", "+00:00", text.strip()))
    except ValueError:
        return None
    return found.astimezone(datetime.UTC) if found.tzinfo is not None else None


def spellings(row: Row) -> set[str]:
    """How a platform may write a student's name: as it is, last name first, the folder's name.

    Examples
    --------
    >>> sorted(spellings(Row("ada", {}, "Ada King Lovelace", None)))
    ['ada', 'adakinglovelace', 'kinglovelaceada', 'lovelaceadaking']
    """
    words = row.name.replace(",", " ").split()
    turned = {plain("".join(words[at:] + words[:at])) for at in range(len(words))}
    return turned | {plain(row.student)}


def same_id(one: str, other: str) -> bool:
    """Whether two ids are one, but for case and kind of letters. In an id every hyphen counts.

    Examples
    --------
    >>> same_id("Ann-Lee@uni.edu", "ann-lee@uni.edu "), same_id("annlee@uni.edu", "ann-lee@uni.edu"), same_id("", "")
    (True, False, False)
    """
    first, second = (unicodedata.normalize("NFKC", text).strip().casefold() for text in (one, other))
    return bool(first) and first == second


def plain(text: str) -> str:
    """Letters and digits only, in one form."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum() or letter in "@."
    )


def safe_name(text: str) -> str:
    """A name for a folder below submitted/: printable, NFC, no separator, bracket or leading dot.

    A name that had to be changed ends with six hexadecimal digits of its own, so that two names stay two.

    Examples
    --------
    >>> safe_name("Lovelace, Ada")
    'Lovelace, Ada'
    >>> safe_name("../ada[1]")
    'ada-1-8f732a'
    >>> len(safe_name("\N{CJK UNIFIED IDEOGRAPH-4E00}" * 90).encode())
    238
    """
    normal = unicodedata.normalize("NFC", text)
    name = "".join(letter if letter.isprintable() and letter not in '/\\[]<>:"|?*' else "-" for letter in normal)
    name = re.sub(r"-{2,}", "-", name).strip(" .-")
    if name == normal and len(name) <= _LONGEST and len(name.encode()) <= _BYTES:
        return name
    mark = hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    start = name[: _LONGEST - 7].encode()[: _BYTES - 7].decode("utf-8", "ignore").strip(" .-")
    return f"{start or 'student'}-{mark}"


def shared(names: Iterable[str]) -> str:
    """Names for a sentence, at most five."""
    found = list(names)
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
