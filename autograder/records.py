"""Records on disk: results/<assignment>/<student>/<question>.json, each whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from autograder.results import QuestionResult, Timing


@dataclass(frozen=True)
class Records:
    """The records of one student in one assignment, in a folder of their own."""

    folder: Path

    def read(self, question: str, key: str, *, without_wall: bool = False) -> QuestionResult | None:
        """The record of a question, if there is one under this key: what it rests on has not changed.

        A record made without a wall is believed only by a run without one.
        """
        found = self.kept(question)
        believed = found is not None and found.key == key and (without_wall or found.wall != "none")
        return found if believed else None

    def kept(self, question: str) -> QuestionResult | None:
        """The record of a question, whatever it rests on."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            return QuestionResult.model_validate_json((self.folder / f"{question}.json").read_bytes())
        return None

    def write(self, result: QuestionResult) -> None:
        """Keep a record. Equal results give equal bytes."""
        write_atomically(self.folder / f"{result.question}.json", result.model_dump_json(by_alias=True, indent=1))

    def write_timing(self, timing: Timing) -> None:
        """Keep what the run took, beside the records."""
        write_atomically(self.folder / "timing.json", timing.model_dump_json(indent=1))

    @property
    def mark(self) -> str:
        """What `autograder.gradebook.mark` said when these records were put into the gradebook; empty if never."""
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
            return (self.folder / "recorded.sha256").read_text("ascii").strip()
        return ""

    def write_mark(self, mark: str) -> None:
        """Note that these records are in the gradebook."""
        write_atomically(self.folder / "recorded.sha256", mark)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text + "\n")
    os.replace(file.name, path)
