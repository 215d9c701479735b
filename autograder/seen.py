"""What was collected before: so that an older download, collected once more, takes nothing newer away.

Canvas and Moodle tell no time in a download. What was laid down for a student is kept here as digests, beside the
largest number that the platform gave for it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from autograder.course import Assignment
from autograder.records import write_atomically

FILE = ".collected.json"
Contents = dict[str, str]  # a hand-in's files and their digests


class _Own(BaseModel):
    digests: list[str] = []
    number: int = 0


_TABLE = TypeAdapter(dict[str, dict[str, _Own]])  # assignment, student


class Seen:
    """What was laid down for each student of an assignment, in a file of the course."""

    def __init__(self, path: Path, name: str, table: dict[str, dict[str, _Own]]) -> None:
        self.path, self.table = path, table
        self.own = table.setdefault(name, {})

    @classmethod
    def of(cls, assignment: Assignment) -> Seen:
        """As it stands in the file; nothing, where there is none, or none that can be read."""
        path = assignment.course.root / FILE
        try:
            table = _TABLE.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            table = {}
        return cls(path, assignment.name, table)

    def add(self, student: str, contents: Contents | None, number: int) -> None:
        """Note what lies there for a student now."""
        before, digest = self.own.get(student, _Own()), _digest(contents)
        digests = [each for each in before.digests if each != digest]
        self.own[student] = _Own(digests=[*digests, digest], number=max(number, before.number))

    def is_old(self, student: str, contents: Contents | None, number: int) -> str:
        """Why a hand-in is older than what lies there; "" where nothing says so.

        One with a larger number than any before is newer, even if it holds what was handed in before.
        """
        before = self.own.get(student)
        if before is None or number > before.number:
            return ""
        if 0 < number < before.number:
            return "what lies there is a later attempt"
        return "it was collected before what lies there" if _digest(contents) in before.digests else ""

    def write(self) -> None:
        """Keep it for the next time."""
        write_atomically(self.path, _TABLE.dump_json(self.table, indent=1).decode())


def _digest(contents: Contents | None) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
