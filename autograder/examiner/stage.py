"""Lays out a hand-in for a worker: the student's own files and the course's support files, in a folder of its own.

Only plain files of the package are copied, by name and up to a size; links and devices are not followed. What is
missing or unfit becomes a problem in words, and the examination goes on without it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Assignment
from autograder.examiner.overlay import only
from autograder.examiner.session import Staged
from autograder.wall import places

MAX_FILES = 64


@dataclass(frozen=True)
class StagedHandIn:
    """A hand-in laid out below `root`: `files` are the student's own, `problems` say what is missing."""

    root: Path
    assignment: Assignment
    files: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """What a worker imports: the files that students write."""
        return tuple(Path(name).stem for name in self.assignment.settings.editable)

    def plain(self) -> Staged:
        """The student's own code throughout."""
        return Staged(self.root / "own", self.assignment.settings.package, self.modules)

    def training(self) -> Staged:
        """The same, with the support that the target section rests on."""
        return Staged(self.root / "own", self.assignment.settings.package, (*self.modules, "solver", "data_utils"))

    def overlaid(self, functions: tuple[str, ...]) -> Staged:
        """The student's code with only `functions` ("layers.relu_forward") replaced by the reference's."""
        overlay = Path(tempfile.mkdtemp(prefix="overlay-", dir=self.root))
        for module in {name.partition(".")[0] for name in functions}:
            own = {name.partition(".")[2] for name in functions if name.startswith(f"{module}.")}
            source = (self.assignment.package / f"{module}.py").read_text(encoding="utf-8")
            (overlay / f"{module}.py").write_text(only(source, own), encoding="utf-8")
        places.show(overlay)
        return Staged(self.root / "own", self.assignment.settings.package, self.modules, overlay, functions)

    def digest(self) -> str:
        """SHA-256 over names and contents of all that a worker would import."""
        total = hashlib.sha256("\n".join(self.problems).encode())
        for path in sorted((self.root / "own").rglob("*.py")):
            total.update(os.fsencode(path.name) + f"\0{path.stat().st_size}\0".encode() + path.read_bytes())
        return total.hexdigest()

    def remove(self) -> None:
        """Delete the layout."""
        shutil.rmtree(self.root, ignore_errors=True)


def read_plain(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes. ValueError, in words for a student, for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing") from None
    except OSError:
        raise ValueError(f"{path.name} cannot be read: hand in a plain file, not a link") from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path.name} is not a plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path.name} is larger than {limit:,} bytes")
    return content


def _unfit_names(package: str, names: Sequence[str]) -> list[str]:
    """Why a package with files of these names cannot be taken; nothing if it can."""
    if len(names) > MAX_FILES:
        return [f"{package}/ holds {len(names)} files of Python code, at most {MAX_FILES} are read"]
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold()
        if plain in seen:
            first = seen[plain].encode("ascii", "backslashreplace").decode()
            other = name.encode("ascii", "backslashreplace").decode()
            return [f"{package}/{first} and {package}/{other} have the same name but for case or kind of letters"]
        seen[plain] = name
    return []


def stage(assignment: Assignment, folder: Path) -> StagedHandIn:
    """Lay out the hand-in in `folder`. The caller removes it with `.remove()`."""
    settings = assignment.settings
    root = places.make("hand-in")
    package = root / "own" / settings.package
    package.mkdir(parents=True)
    given = {path.name for path in assignment.package.glob("*.py")} - set(settings.editable)
    source = folder / settings.package
    extra = [] if source.is_symlink() else sorted(path.name for path in source.glob("*.py"))
    wanted = [*settings.editable, *(name for name in extra if name not in {*given, *settings.editable})]
    files, problems = [], []
    if not source.is_dir() or source.is_symlink():
        wanted, problems = [], [f"there is no folder {settings.package}/ in the hand-in"]
    problems += _unfit_names(settings.package, wanted)
    for name in wanted[:MAX_FILES]:
        try:
            (package / name).write_bytes(read_plain(source / name, settings.limits.file_bytes))
            files.append(name)
        except ValueError as error:
            if name in settings.editable:
                problems.append(f"{settings.package}/{error}")
    for name in given:
        shutil.copyfile(assignment.package / name, package / name)
    places.show(root)
    return StagedHandIn(root, assignment, tuple(files), tuple(problems))
