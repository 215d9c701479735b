"""Packs the zip from which Gradescope builds an autograder: this kit, one assignment, two scripts.

What belongs to people stays at home: hand-ins, records, the gradebook, students' names in assignment.toml, the course
secret. The zip has a secret of its own, from which the course's cannot be found.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import nndl
from pydantic import BaseModel, ConfigDict, PositiveInt

import autograder
from autograder.course import ABOUT, CONFIG, SETTINGS, Assignment, Settings, derived_seed
from autograder.errors import CourseError

NAME = "gradescope-autograder.zip"
ORDERS = "orders.json"
IMAGE = Path(__file__).parent / "image"
SCRIPTS = ("setup.sh", "run_autograder")
RESERVE = 150  # seconds of the time limit for all but the training
LEAST = 60  # CPU seconds: less trains nothing
_DAY_ONE = (1980, 1, 1, 0, 0, 0)  # one date for every file: equal courses give equal bytes
_LITTER = ("__pycache__", ".ipynb_checkpoints")


class Options(BaseModel):
    """What the instructor chose: the target section, Gradescope's time limit, whether no wall is better than none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: bool = True
    minutes: PositiveInt = 10
    allow_no_wall: bool = False


class Orders(Options):
    """What travels with the zip, in orders.json."""

    assignment: str


@dataclass(frozen=True)
class Packed:
    """The zip: its place, its files, the points that its autograder gives, and what the instructor should know."""

    place: Path
    files: int
    points: float
    remarks: tuple[str, ...]


def pack(assignment: Assignment, place: Path | None, options: Options) -> Packed:
    """Write the zip; by default export/NAME/gradescope-autograder.zip.

    Raises
    ------
    CourseError
        If the time limit leaves none for the target, or a part of the kit is missing.
    """
    place = place or assignment.course.root / "export" / assignment.name / NAME
    place = place / NAME if place.is_dir() else place
    settings, remarks = _settings(assignment, options)
    orders = Orders(**options.model_dump(), assignment=assignment.name)
    files = {name: (IMAGE / name).read_bytes() for name in SCRIPTS}
    files[ORDERS] = f"{orders.model_dump_json(indent=1)}\n".encode()
    kit = {**dict(_kit(assignment, options)), f"assignments/{assignment.name}/{SETTINGS}": as_toml(settings).encode()}
    files |= {f"kit/{name}": content for name, content in kit.items()}
    _write(place, files)
    left_out = settings.target.question if settings.target and not options.target else ""
    points = sum(question.points for question in assignment.auto_questions if question.grade_id != left_out)
    return Packed(place, len(files), points, tuple(remarks))


def _settings(assignment: Assignment, options: Options) -> tuple[Settings, list[str]]:
    """assignment.toml without names of students, and a budget that fits the time limit."""
    settings, remarks = assignment.settings, []
    if settings.given:
        remarks.append("[given] names students, so it stays here: Gradescope grades them like everybody else")
    target = settings.target
    if target is not None and options.target:
        budget = min(target.cpu_seconds, 60 * options.minutes - RESERVE)
        if budget < LEAST:
            fix = "say --no-target, or a larger --minutes, and set it on Gradescope"
            raise CourseError(f"{options.minutes} minutes leave no time for the target", where=assignment.name, fix=fix)
        if budget < target.cpu_seconds:
            remarks.append(f"the target has {budget} CPU seconds there, {target.cpu_seconds} here: scores may differ")
        target = target.model_copy(update={"cpu_seconds": budget})
    return settings.model_copy(update={"given": {}, "target": target}), remarks


def _kit(assignment: Assignment, options: Options) -> Iterator[tuple[str, bytes]]:
    """The files below kit/, which is a course folder and holds the packages to import."""
    course = assignment.course
    yield from _tree(Path(autograder.__file__).parent, "autograder")
    yield from _tree(assignment.package, f"assignments/{assignment.name}/{assignment.package.name}")
    if assignment.package.name != nndl.__name__:
        yield from _tree(Path(nndl.__file__).parent, nndl.__name__)
    for path in assignment.notebooks:
        yield f"source/{assignment.name}/{path.name}", path.read_bytes()
    needed = [CONFIG, "requirements.lock"]
    about = f"release/{assignment.name}/{ABOUT}"
    needed += [about] if (course.root / about).is_file() else []
    if assignment.settings.target is not None and options.target:
        needed += [f"datasets/{path.name}" for path in sorted((course.root / "datasets").glob("*.py"))]
        needed.append("datasets/checksums.txt")
    for name in needed:
        try:
            yield name, (course.root / name).read_bytes()
        except FileNotFoundError:
            fix = "take it from the project, of the version that is installed"
            raise CourseError("this file of the kit is missing", where=course.root / name, fix=fix) from None
    about_kit = distribution("deep-nets-course-kit")
    yield (
        f"deep_nets_course_kit-{about_kit.version}.dist-info/METADATA",
        (about_kit.read_text("METADATA") or "").encode(),
    )
    secret = derived_seed(course.secret().decode("ascii"), "gradescope", assignment.name)
    yield ".course_secret", f"{secret}\n".encode()


def _tree(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not set(place.parts) & set(_LITTER):
            yield f"{name}/{place.as_posix()}", path.read_bytes()


def _write(place: Path, files: dict[str, bytes]) -> None:
    """The zip in one step, readable by its owner only."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DAY_ONE)
            entry.external_attr = (0o600 if name.endswith("secret") else 0o755 if name in SCRIPTS else 0o644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    os.replace(file.name, place)


def as_toml(settings: Settings) -> str:
    """Settings as TOML: strings, numbers and lists of them are written alike in JSON.

    Examples
    --------
    >>> print(as_toml(Settings(title="Nets", package="nndl", editable=("layers.py",), given={"ada": ("q",)})))
    title = "Nets"
    package = "nndl"
    editable = ["layers.py"]
    edition = "canonical"
    ...
    [given]
    "ada" = ["q"]
    <BLANKLINE>
    """
    known = settings.model_dump(mode="json", exclude_none=True)
    lines = [f"{key} = {_literal(value)}" for key, value in known.items() if not isinstance(value, dict)]
    for section, values in known.items():
        if isinstance(values, dict):
            lines.append(f"\n[{section}]")
            lines += [f"{_literal(key)} = {_literal(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
