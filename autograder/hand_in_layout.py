"""Puts the files of one hand-in where the grader looks for them, whatever they were called and however deep they lay.

The package is found by its modules, a notebook by the grade ids in its cells. The hand-in of another course is left as
it is: `--edition auto` finds its way in it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from autograder import archives
from autograder.course import Assignment
from autograder.downloads import Entry
from autograder.editions import AUTO, CANONICAL
from autograder.examiner.detect import find
from autograder.examiner.files import read_plain, walk
from autograder.examiner.finding import Package, package_at, packages
from autograder.examiner.stage import MAX_FILES
from autograder.hand_in_notebook import MAX_BYTES, parse
from autograder.roster import shared
from autograder.stripping import STUB

_NO_ANSWER = "YOUR ANSWER HERE"  # nbgrader's
STAMP = "timestamp.txt"  # nbgrader's; the time of a hand-in is the platform's to tell, never the hand-in's
WEIGHTS = "model.npz"
_OWN_SUPPORT = ("hand_in.py", "layer_tests.py")  # files of ours that no other course has
_NO_ZIPS = (".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz")
_CODE = (".py", ".ipynb", ".npz")
_DEPTH = 2  # a zip of the platform's student, and a zip inside of it


@dataclass
class Laid:
    """What came of one hand-in: the files that were laid down, remarks, and why nothing could be opened.

    `foreign` where nothing of this assignment, or of another course's like it, was found.
    """

    files: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    reason: str = ""
    foreign: bool = False


def lay_down(assignment: Assignment, entries: Iterable[Entry], scratch: Path, folder: Path) -> Laid:
    """Lay a hand-in's files down in `folder`, which is made; `scratch` is an empty folder to work in.

    A bad hand-in gives a reason and an empty folder, never an exception.
    """
    laid = Laid()
    folder.mkdir(parents=True)
    gathered = _Gathering(assignment, scratch, laid)
    try:
        gathered.take(entries)
        if any(True for _ in _all_files(scratch)):
            _lay(assignment, scratch, folder, laid)
    except (ValueError, OSError, RecursionError, MemoryError) as error:
        _empty(folder)
        laid.files, laid.reason = [], str(error)
    if not laid.files and not laid.reason:
        laid.reason = "; ".join(laid.remarks) or "there is no file in it"
        laid.remarks = []
    return laid


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


class _Gathering:
    """Brings the files of one hand-in into one folder, its zips unpacked."""

    def __init__(self, assignment: Assignment, folder: Path, laid: Laid) -> None:
        limits = assignment.settings.limits
        self.folder, self.laid = folder, laid
        self.bounds = archives.Bounds(limits.archive_mb << 20, limits.archive_files, limits.unpacked_mb << 20)
        self.files, self.bytes = limits.archive_files, limits.unpacked_mb << 20

    def take(self, entries: Iterable[Entry]) -> None:
        """Copy plain files, unpack zips, say what was left out. ValueError, in words, when it is too much."""
        for entry in sorted(entries, key=lambda entry: entry.name):
            place = self.folder / entry.name
            if entry.path is None:
                self.laid.remarks.append(f"{entry.name.name} was left out: {entry.refused}")
            elif entry.name.suffix.lower() in _NO_ZIPS:
                fix = "ask for a zip, or unpack it by hand and collect the folder"
                self.laid.remarks.append(f"{entry.name.name} was left out, because it is no zip: {fix}")
            elif entry.name.suffix.lower() == ".zip":
                self._unpack(entry.path, place, 1)
            elif not place.exists():
                try:
                    content = read_plain(entry.path, self.bounds.archive_bytes)
                except ValueError as error:
                    self.laid.remarks.append(f"left out: {error}")
                    continue
                self._count(1, len(content))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)

    def _count(self, files: int, size: int) -> None:
        self.files, self.bytes = self.files - files, self.bytes - size
        if self.files < 0 or self.bytes < 0:
            what = f"{self.bounds.files} files" if self.files < 0 else f"{self.bounds.unpacked_bytes >> 20} MB"
            raise ValueError(f"the hand-in holds more than {what}")

    def _unpack(self, archive: Path, place: Path, depth: int) -> None:
        """Unpack one zip into a folder of its name, and the zips in it, so deep."""
        if depth > _DEPTH:
            self.laid.remarks.append(f"{archive.name} lies in a zip inside a zip and was left out")
            return
        folder = place.with_name(place.stem)
        while folder.exists():
            folder = folder.with_name(folder.name + "_")
        folder.mkdir(parents=True)
        try:
            if not _is_plain(archive):
                raise ValueError("it is not a plain file")
            archives.unpack(archive, folder, self.bounds)
        except ValueError as error:
            shutil.rmtree(folder)
            self.laid.remarks.append(f"{place.name} was left out: {error}")
            return
        found = list(_all_files(folder))
        self._count(len(found), sum(path.stat().st_size for path in found))
        for path in found:
            if path.suffix.lower() == ".zip":
                self._unpack(path, path, depth + 1)
                path.unlink()


def _is_plain(path: Path) -> bool:
    """Whether it is a regular file and no link."""
    return path.is_file() and not path.is_symlink()


def _all_files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if _is_plain(path))


@dataclass(frozen=True)
class _Book:
    """A notebook file, the grade ids in it (none where it cannot be read), and how many of its cells are answered."""

    path: Path
    ids: frozenset[str]
    answered: int


def _lay(assignment: Assignment, scratch: Path, folder: Path, laid: Laid) -> None:
    """Lay down what was gathered: in our layout, or as it is where it is another course's."""
    names = [path.name for path in _all_files(scratch)]
    if not any(name.lower().endswith(_CODE) for name in names):
        laid.reason = f"there is no Python file and no notebook in it, but {shared(sorted(names))}"
        return
    work = _Work(assignment, scratch)
    if work.is_ours:
        _lay_package(assignment, work, folder, laid)
        _lay_notebooks(assignment, work, folder, laid)
        _lay_weights(work, folder, laid)
        return
    laid.foreign = not work.packages
    what = "nothing of this assignment was found in it" if laid.foreign else "it is another course's"
    laid.remarks.append(f"laid down as it is: {what}")
    for found, names in walk(scratch):
        for name in names:
            target = folder / found.relative_to(scratch) / name
            if target != folder / STAMP and _copied(found / name, target, MAX_BYTES, laid):
                laid.files.append(target.relative_to(folder).as_posix())


@dataclass(frozen=True)
class _Work:
    """What was gathered of one hand-in, looked through."""

    assignment: Assignment
    root: Path

    @cached_property
    def packages(self) -> list[Package]:
        """Folders that may be the package: by the files that every course has, else by those of this assignment."""
        wanted = set(self.assignment.settings.editable)
        return packages(self.root) or [
            package_at(self.root, folder) for folder, names in walk(self.root) if wanted.intersection(names)
        ]

    @cached_property
    def books(self) -> list[_Book]:
        """Every notebook."""
        found = [folder / name for folder, names in walk(self.root) for name in names]
        return [_book(path) for path in sorted(found) if path.suffix.lower() == ".ipynb"]

    @cached_property
    def wanted(self) -> dict[str, frozenset[str]]:
        """The grade ids of every notebook of the assignment, by its name."""
        ids: dict[str, set[str]] = {path.stem: set() for path in self.assignment.notebooks}
        for question in self.assignment.questions:
            ids[question.notebook].add(question.grade_id)
        return {name: frozenset(own) for name, own in ids.items()}

    @cached_property
    def is_ours(self) -> bool:
        """Whether it is a hand-in to this assignment, in the dialect of this kit."""
        if self.assignment.settings.edition not in (AUTO, CANONICAL):
            return False
        known = frozenset[str]().union(*self.wanted.values())
        if any(book.ids & known for book in self.books):
            return True
        if any(name in package.files for package in self.packages for name in _OWN_SUPPORT):
            return True
        if not self.packages:
            return bool(self.assignment.notebooks) and any(_named(book.path) in self.wanted for book in self.books)
        with contextlib.suppress(ValueError):
            return find(self.root).edition.canonical
        return False


def _book(path: Path) -> _Book:
    try:
        cells = parse(read_plain(path, MAX_BYTES))["cells"]
    except ValueError:
        return _Book(path, frozenset(), 0)
    ids, answered = set(), 0
    for cell in cells:
        meta = cell.get("metadata") if isinstance(cell, dict) else None
        own = meta.get("nbgrader") if isinstance(meta, dict) else None
        if isinstance(own, dict) and isinstance(own.get("grade_id"), str):
            ids.add(own["grade_id"])
            answered += bool(own.get("solution")) and not _is_blank(cell.get("source"))
    return _Book(path, frozenset(ids), answered)


def _is_blank(source: object) -> bool:
    """Whether a cell is as it was handed out."""
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return STUB[-1] in text or text.strip() in ("", _NO_ANSWER)


def _named(path: Path) -> str:
    """A notebook's name without what a second download or a copy adds to it.

    Examples
    --------
    >>> [_named(Path(name)) for name in ("Dropout (1).ipynb", "Dropout-Copy1.ipynb", "Copy of Dropout.ipynb")]
    ['Dropout', 'Dropout', 'Dropout']
    """
    name = path.stem.removeprefix("Copy of ").partition(" (")[0].partition("-Copy")[0]
    stem, _, number = name.rpartition("-")
    return stem if stem and number.isdigit() else name


def _shown(path: Path, root: Path) -> str:
    return PurePosixPath(path.relative_to(root)).as_posix() if path != root else "its top folder"


def _lay_package(assignment: Assignment, work: _Work, folder: Path, laid: Laid) -> None:
    """The package's Python files into a folder of its right name."""
    name, limit = assignment.settings.package, assignment.settings.limits.file_bytes
    found = sorted(
        work.packages, key=lambda each: (-len(each.written), _editable(assignment, each), len(each.folder.parts))
    )
    if not found:
        laid.remarks.append(f"there is no folder {name}/ in it")
        return
    best = found[0]
    files = {place: path for place, path in best.files.items() if "/" not in place}
    for place, path in list(files.items())[: 2 * MAX_FILES]:
        if _copied(path, folder / name / place, limit, laid):
            laid.files.append(f"{name}/{place}")
    if best.folder.name != name:
        laid.remarks.append(f"{name}/ was found as {_shown(best.folder, work.root)}")
    if len(found) > 1:
        others = shared(_shown(each.folder, work.root) for each in found[1:])
        laid.remarks.append(f"{name}/ is {_shown(best.folder, work.root)}, the most complete; not counted: {others}")


def _editable(assignment: Assignment, package: Package) -> int:
    """Minus the number of the files that students write: fewer means more complete."""
    return -len(set(assignment.settings.editable) & set(package.files))


def _lay_notebooks(assignment: Assignment, work: _Work, folder: Path, laid: Laid) -> None:
    """Each notebook under its right name: the one that holds most of its grade ids."""
    taken: set[Path] = set()
    renamed: list[str] = []
    for name, ids in work.wanted.items():
        fitting = [book for book in work.books if len(book.ids & ids) * 2 >= len(ids) and book.ids & ids]
        named = [book for book in work.books if _named(book.path) == name and book not in fitting]
        ranked = sorted(fitting, key=lambda book: _rank(book, name, ids)) or named
        if not ranked:
            continue
        best = ranked[0]
        target = folder / f"{name}.ipynb"
        if not _copied(best.path, target, MAX_BYTES, laid):
            continue
        taken |= {book.path for book in ranked}
        laid.files.append(target.name)
        if not fitting:
            laid.remarks.append(f"{best.path.name} cannot be read, or its cells are not those that were handed out")
        if best.path.name != target.name:
            renamed.append(f"{name} (from {best.path.name})")
        if len(ranked) > 1:
            others = shared(_shown(book.path, work.root) for book in ranked[1:])
            laid.remarks.append(f"{target.name} is {_shown(best.path, work.root)}; not counted: {others}")
    if renamed:
        laid.remarks.append(f"renamed: {shared(renamed)}")
    left = [book.path.name for book in work.books if book.path not in taken]
    if left:
        laid.remarks.append(f"not notebooks of this assignment: {shared(left)}")


def _rank(book: _Book, name: str, ids: frozenset[str]) -> tuple[int, int, int, int, str]:
    """The larger overlap first, then the one with more answers, then the right name, then the larger file."""
    right = book.path.stem == name
    return (-len(book.ids & ids), -book.answered, not right, -book.path.stat().st_size, str(book.path))


def _lay_weights(work: _Work, folder: Path, laid: Laid) -> None:
    """The weights, where they were handed in and count."""
    target = work.assignment.settings.target
    if target is None or target.accept != "weights":
        return
    for found, names in walk(work.root):
        if WEIGHTS in names and _copied(found / WEIGHTS, folder / WEIGHTS, target.weights_mb << 20, laid):
            laid.files.append(WEIGHTS)
            return


def _copied(path: Path, target: Path, limit: int, laid: Laid) -> bool:
    """Copy a plain file; where it is none or too large say so."""
    try:
        content = read_plain(path, limit)
    except ValueError as error:
        laid.remarks.append(f"left out: {error}")
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return True
