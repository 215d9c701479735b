"""The part of a release that is not a notebook: the package without solutions, data scripts, versions, the guide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autograder.course import ABOUT, Assignment
from autograder.cut import Cut
from autograder.environment import LOCK, student_environment, student_requirements
from autograder.errors import CourseError
from autograder.languages.release import translated_files
from autograder.stripping import STUB, read_source, stripped

# Made on the spot by Python, Jupyter or the data script; never a part of the course.
DATA = "cifar-10-batches-py"
LITTER = frozenset({"__pycache__", ".ipynb_checkpoints", DATA})
# Files of the course that students get as they are, at the same place.
SUPPORT = ("get_datasets.sh", "datasets/checksums.txt")
SCRIPTS = "datasets/*.py"
RELEASE_FILES = "release_files"
GUIDE = "README.md"


def package_files(assignment: Assignment) -> list[Path]:
    """The Python files of the student package, by name.

    Raises
    ------
    CourseError
        If the package holds anything but Python files, or lacks an editable one.
    """
    files = list(_files(assignment.package))
    for path in files:
        if path.suffix != ".py" or path.is_symlink():
            raise CourseError(
                "the student package holds Python files only", where=_name(assignment, path), fix="move it elsewhere"
            )
    for name in assignment.settings.editable:
        if assignment.package / name not in files:
            raise CourseError(
                "assignment.toml calls this file editable, and there is none",
                where=f"{assignment.package.name}/{name}",
                fix="write the file or mend `editable`",
            )
    return files


def support_files(assignment: Assignment) -> dict[str, Path]:
    """Files that are released unchanged: name in the release -> path."""
    root, extra = assignment.course.root, assignment.folder / RELEASE_FILES
    found = {name: root / name for name in SUPPORT}
    found |= {path.relative_to(root).as_posix(): path for path in root.glob(SCRIPTS)}
    found |= {path.relative_to(extra).as_posix(): path for path in [extra / GUIDE, *_files(extra)]}
    for name, path in found.items():
        if not path.is_file():
            raise CourseError("belongs to every release and is missing", where=name, fix="restore it from git")
    return dict(sorted(found.items()))


def released_files(assignment: Assignment, cut: Cut | None = None) -> dict[str, str]:
    """Everything students get besides the notebooks: name in the release -> text, solutions removed.

    With a cut, the functions that it gives keep their solutions, and sentences are in its language.

    Raises
    ------
    CourseError
        If anything could leak a solution or leave a package that does not import (see autograder.stripping).
    """
    cut = cut or Cut.of(assignment)
    made: dict[str, str] = {}
    for path in package_files(assignment):
        where = _name(assignment, path)
        inner = path.relative_to(assignment.package).as_posix()
        text = stripped(read_source(path, where), where)
        stubs, editable = text.count(STUB[1]), inner in assignment.settings.editable
        if editable and not stubs:
            raise CourseError(
                "is editable and holds no solution region, so it would be released whole",
                where=where,
                fix="put the solutions between ### BEGIN SOLUTION and ### END SOLUTION",
            )
        if stubs and not editable:
            raise CourseError(
                "is given to students, yet holds a solution region",
                where=where,
                fix="name it in `editable` of assignment.toml, or remove the region",
            )
        if cut.functions:
            text = stripped(cut.filled(read_source(path, where), path.stem, where), where)
        made[f"{assignment.package.name}/{inner}"] = text
    made |= {name: read_source(path, name) for name, path in support_files(assignment).items()}
    made[GUIDE] += cut.sentence()
    made[ABOUT] = cut.about(assignment)
    lock = assignment.course.root / LOCK
    made |= {"environment.yml": student_environment(lock), "requirements.txt": student_requirements(lock)}
    return dict(sorted(translated_files(made, assignment.package.name, cut.language).items()))


def write_files(files: dict[str, str], folder: Path) -> None:
    """Write each text below `folder` as UTF-8 with line feeds, whatever the system."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, sorted, without litter."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_dir() and LITTER.isdisjoint(parts) and not parts[-1].startswith("."):
            yield path


def _name(assignment: Assignment, path: Path) -> str:
    return path.relative_to(assignment.course.root).as_posix()
