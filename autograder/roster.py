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
        for row in self.rows:
            if any(value and plain(row.ids.get(kind, "")) == plain(value) for kind, value in ids.items()):
                return row
        exact = [row for row in self.rows if not ids and row.student == unicodedata.normalize("NFC", name)]
        if exact:
            return exact[0]
        if any(row.ids.get(kind) for row in self.rows for kind in ids):
            return None  # these ids are known, and this one is not: a name alone could be somebody else's
        wanted = [plain(name)] if name else []
        wanted += [plain(value) for value in ids.values()]
        found = [row for row in self.rows if not spellings(row).isdisjoint(wanted)]
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
    rows = tuple(_row(values, path, table.line_num) for values in table if (values.get("student") or "").strip())
    for kind in ("student", *IDS):
        found = [row.student if kind == "student" else row.ids.get(kind, "") for row in rows]
        twice = sorted({value for value in filter(None, found) if found.count(value) > 1})
        if twice:
            raise CourseError(f"{kind} {', '.join(twice)} stands in two rows", where=path, fix="remove one of them")
    return Roster(rows)


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _row(values: Mapping[str, str | None], path: Path, line: int) -> Row:
    cells = {kind: (value or "").strip() for kind, value in values.items() if isinstance(value, str)}
    student = cells["student"]
    if safe_name(student) != student:
        fix = f'write it as in submitted/, for example "{safe_name(student)}"'
        raise CourseError(f"{student!a} is no name for a folder", where=f"{path}, line {line}", fix=fix)
    submitted = None
    if cells.get("submitted"):
        submitted = moment(cells["submitted"])
        if submitted is None:
            fix = "write it with its offset from UTC, such as 2026-11-20 23:41:05+01:00"
            raise CourseError(f"submitted: {cells['submitted']} is no time", where=f"{path}, line {line}", fix=fix)
    ids = {kind: cells[kind] for kind in IDS if cells.get(kind)}
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
