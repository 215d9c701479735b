"""Stage-by-stage demonstration: a course of its own with five hand-ins made on the spot, graded with reasons."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from autograder.course import CONFIG, Assignment, Course
from autograder.errors import CourseError
from autograder.misconceptions import by_name

_FOLDERS = ("assignments", "source")
_FILES = (CONFIG, "get_datasets.sh", "requirements.lock", "pyproject.toml", "environment.yml", "datasets/*.*")


def make_course(course: Course, folder: Path) -> Course:
    """A copy of the course's sources in `folder`, with nothing submitted. An earlier demonstration is replaced."""
    if folder.exists() and not (folder / ".demo").is_file():
        raise CourseError("this folder is not a demonstration", where=folder, fix="name another --output")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / ".demo").touch()
    for name in _FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(course.root / name, folder / name, ignore=ignored)
    for path in (path for pattern in _FILES for path in sorted(course.root.glob(pattern)) if path.suffix != ".gz"):
        copy = folder / path.relative_to(course.root)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(path, copy)
    return Course(folder)


def hand_in(assignment: Assignment, student: str, package: Path, notebooks: Path) -> Path:
    """Submit a package and notebooks as `student`; the folder of the hand-in."""
    folder = assignment.course.root / "submitted" / student / assignment.name
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for notebook in sorted(notebooks.glob("*.ipynb")):
        shutil.copy2(notebook, folder / notebook.name)
    return folder


def _wrong_mask(folder: Path) -> None:
    wrong = by_name("reversed_comparison")
    with (folder / "nndl" / f"{wrong.module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{wrong.source()}")
    notebook = folder / "Dropout.ipynb"  # fewer epochs: it reaches no target anyway, and a demonstration is short
    notebook.write_text(re.sub(r"num_epochs=\d+", "num_epochs=4", notebook.read_text(encoding="utf-8")), "utf-8")


def _syntax_error(folder: Path) -> None:
    path = folder / "nndl" / "layers.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace("def dropout_forward(x,", "def dropout_forward(x;"), "utf-8"
    )


def _infinite_loop(folder: Path) -> None:
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef dropout_forward(x, dropout_param):\n    while True:\n        pass\n")


CHANGES: dict[str, Callable[[Path], None]] = {
    "wrong-mask": _wrong_mask,
    "syntax-error": _syntax_error,
    "infinite-loop": _infinite_loop,
}


def make_hand_ins(assignment: Assignment) -> list[str]:
    """Submit the reference, the untouched release, and three changed copies of the reference; their names."""
    source = assignment.course.root / "source" / assignment.name
    released = assignment.course.root / "release" / assignment.name
    hand_in(assignment, "reference", assignment.package, source)
    hand_in(assignment, "untouched-release", released / assignment.settings.package, released)
    for student, change in CHANGES.items():
        change(hand_in(assignment, student, assignment.package, source))
    return ["reference", "untouched-release", *CHANGES]
