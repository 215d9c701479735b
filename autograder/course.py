"""The one model of a course: its folders, its assignments, their questions and points, its secret."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import math
import os
import secrets
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from autograder.errors import CourseError

CONFIG = "nbgrader_config.py"
SETTINGS = "assignment.toml"
ABOUT = "release.json"  # in every release: what belongs to it


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetSettings(_Settings):
    """`[target]`: the section that is trained again, what counts as full marks, and its budget.

    With `accept = "weights"` a hand-in with a `model.npz` is not trained: its weights are examined.
    """

    question: str
    notebook: str
    section: str
    setup: str
    accuracy: float = Field(default=0.55, gt=0, le=1)
    floor: float = Field(default=0.32, ge=0, lt=1)
    cpu_seconds: PositiveInt = 1800
    memory_mb: PositiveInt = 4096
    accept: Literal["training", "weights"] = "training"
    weights_mb: PositiveInt = 40


class Limits(_Settings):
    """`[limits]`: what one check may use, and all checks of a hand-in together.

    The wall clock bounds five times the CPU seconds. While the target is trained, a folder of `scratch_files` files
    and `scratch_mb` in all can be written to; checks can write nothing. One answer holds at most `reply_mb`. Of a
    hand-in, files up to `file_bytes` are read, and archives up to the last three.
    """

    cpu_seconds: PositiveInt = 10
    hand_in_cpu_seconds: PositiveInt = 300
    scratch_files: PositiveInt = 100
    scratch_mb: PositiveInt = 64
    memory_mb: PositiveInt = 2048
    reply_mb: PositiveInt = 64
    file_bytes: PositiveInt = 2_000_000
    archive_mb: PositiveInt = 50
    archive_files: PositiveInt = 500
    unpacked_mb: PositiveInt = 200


class LateSettings(_Settings):
    """`[late]`: when hand-ins are due (with the offset from UTC), and what a later one loses of its points.

    Up to `grace_minutes` late nothing is lost. After that every hour or day that has begun since the due date costs
    so many percent, `most_percent` in all.
    """

    due: AwareDatetime
    grace_minutes: float = Field(default=0, ge=0)
    percent_per_hour: float | None = Field(default=None, ge=0, le=100)
    percent_per_day: float | None = Field(default=None, ge=0, le=100)
    most_percent: float = Field(default=100, ge=0, le=100)

    @model_validator(mode="after")
    def _one_rate(self) -> LateSettings:
        if (self.percent_per_hour is None) == (self.percent_per_day is None):
            raise ValueError("give percent_per_hour or percent_per_day, and not both")
        return self

    def minutes_late(self, when: datetime.datetime) -> int:
        """Minutes that have begun between the due date and `when`; 0 for what was in time."""
        return max(0, math.ceil((when - self.due).total_seconds() / 60))


class Settings(_Settings):
    """assignment.toml. Unknown keys are refused; there are no points here."""

    title: str
    package: str
    editable: tuple[str, ...]
    edition: str = "canonical"
    order: tuple[str, ...] = ()  # notebooks in the order of work, as pages show them; others follow by name
    target: TargetSettings | None = None
    late: LateSettings | None = None
    limits: Limits = Limits()
    functions: dict[str, tuple[str, ...]] = {}  # of questions that are not named like their one function
    given: dict[str, tuple[str, ...]] = {}  # student -> questions or functions that only this student got solved


@dataclass(frozen=True)
class Question:
    """One graded cell of a source notebook. `manual` questions are answered in words and wait for a person.

    `given` questions were released solved, to all: they carry no points and are not examined.
    """

    grade_id: str
    points: float
    notebook: str
    manual: bool
    given: bool = False


@dataclass(frozen=True)
class Assignment:
    """One assignment of a course: settings and package below `assignments/`, notebooks below `source/`."""

    course: Course
    name: str

    @property
    def folder(self) -> Path:
        """Its package and settings, solutions inside."""
        return self.course.root / "assignments" / self.name

    @property
    def package(self) -> Path:
        """The reference package."""
        return self.folder / self.settings.package

    @cached_property
    def settings(self) -> Settings:
        """The contents of assignment.toml."""
        path = self.folder / SETTINGS
        try:
            return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise CourseError(
                "there is no such assignment", where=path, fix=f"choose one of: {', '.join(self.course.assignments())}"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise CourseError(f"not valid TOML: {error}", where=path, fix="mend that line") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise CourseError(f"{key}: {first['msg']}", where=path, fix="mend or remove that key") from None

    @cached_property
    def notebooks(self) -> tuple[Path, ...]:
        """The instructor notebooks, sorted by name."""
        return tuple(sorted((self.course.root / "source" / self.name).glob("*.ipynb")))

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Every graded cell of every notebook, in order."""
        found: list[Question] = []
        about = self.course.root / "release" / self.name / ABOUT
        not_graded = json.loads(about.read_text(encoding="utf-8"))["not_graded"] if about.is_file() else ()
        for path in self.notebooks:
            for cell in _cells(path):
                meta: dict[str, Any] = cell["metadata"].get("nbgrader", {})
                if meta.get("grade"):
                    manual, given = bool(meta.get("solution")), meta["grade_id"] in not_graded
                    points = 0.0 if given else float(meta["points"])
                    found.append(Question(meta["grade_id"], points, path.stem, manual, given))
        return tuple(found)

    @property
    def auto_questions(self) -> tuple[Question, ...]:
        """The questions that hidden checks grade."""
        return tuple(question for question in self.questions if not question.manual)


def _cells(path: Path) -> list[dict[str, Any]]:
    """Cells of an instructor notebook, as plain JSON: nbformat takes a second to load, and no more is read here."""
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"it is not a notebook of Jupyter's format 4 ({type(error).__name__}: {error})",
            where=path,
            fix="open it in Jupyter and save it again, or take it from your backup",
        ) from None
    return cells


@dataclass(frozen=True)
class Course:
    """A course folder: the one that holds nbgrader_config.py."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """The course that `start` (the working folder by default) lies in."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / CONFIG).is_file() and (folder / "assignments").is_dir():  # a release holds such a file, too
                return cls(folder)
        raise CourseError(f"no {CONFIG} here or above", where=here, fix="run this inside the course folder")

    def assignments(self) -> list[str]:
        """Names of all assignments."""
        return sorted(path.parent.name for path in (self.root / "assignments").glob(f"*/{SETTINGS}"))

    def assignment(self, name: str) -> Assignment:
        """One assignment, its settings checked."""
        assignment = Assignment(self, name)
        _ = assignment.settings
        return assignment

    @property
    def data(self) -> Path:
        """The folder that holds cifar-10-batches-py."""
        return Path(os.environ.get("CIFAR10_DIR") or self.root / "datasets")

    def secret(self) -> bytes:
        """The course secret, made on first use, readable by its owner only."""
        path = self.root / ".course_secret"
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
        except FileExistsError:
            pass
        text = path.read_text(encoding="ascii").strip()
        if len(text) < 32:
            raise CourseError("the course secret is empty or too short", where=path, fix="remove the file")
        return text.encode("ascii")

    def seed(self, student: str, assignment: str) -> str:
        """The seed of one hand-in: it repeats in a regrade and tells nothing of the secret."""
        return derived_seed(self.secret().decode("ascii"), student, assignment)


def derived_seed(key: str, *names: str) -> str:
    """HMAC-SHA256 of `names` under `key`, in hexadecimal.

    Examples
    --------
    >>> derived_seed("key", "ada", "deep_nets") == derived_seed("key", "ada", "deep_nets")
    True
    >>> derived_seed("key", "ab", "c") == derived_seed("key", "a", "bc")
    False
    """
    message = "\0".join(names).encode("utf-8", "surrogateescape")
    return hmac.new(key.encode("ascii"), message, hashlib.sha256).hexdigest()
