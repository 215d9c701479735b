"""Lays out a hand-in for a worker: the student's own files and the course's support files, in a folder of its own.

Only plain files of the package are copied, by name and up to a size; links and devices are not followed. What is
missing or unfit becomes a problem in words, and the examination goes on without it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Assignment
from autograder.editions import Reading
from autograder.examiner.detect import Found
from autograder.examiner.dialect import PLAIN, Dialect
from autograder.examiner.files import read_plain
from autograder.examiner.overlay import only
from autograder.examiner.session import Staged
from autograder.wall import places

MAX_FILES = 64
SUPPORT = ("solver", "data_utils")


@dataclass(frozen=True)
class StagedHandIn:
    """A hand-in laid out below `root`: `files` are the student's own, `problems` say what is missing.

    `modules` are what a worker imports, `where` says where those lie that are not in the package itself. A hand-in of
    another course (`found`) may need stand-ins and aliases, and has remarks.
    """

    root: Path
    assignment: Assignment
    files: tuple[str, ...]
    problems: tuple[str, ...]
    package: str
    modules: tuple[str, ...]
    where: dict[str, str] = field(default_factory=dict)
    found: Found | None = None
    stand_ins: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def plain(self) -> Staged:
        """The student's own code throughout."""
        return self._staged(self.modules)

    def training(self) -> Staged:
        """The same, with the support that the target section rests on."""
        return self._staged((*self.modules, *SUPPORT))

    def _staged(self, modules: tuple[str, ...]) -> Staged:
        own = self.root / "own"
        return Staged(own, self.package, modules, where=self.where, stand_ins=self.stand_ins, aliases=self.aliases)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What p may mean in this hand-in; the likelier first."""
        return self.found.readings if self.found else ("keep",)

    def dialect(self, reading: Reading) -> Dialect:
        """How checks speak to it."""
        return self.found.dialect(reading) if self.found else PLAIN

    def overlaid(self, functions: tuple[str, ...], dialect: Dialect = PLAIN) -> Staged:
        """The student's code with only `functions` ("layers.relu_forward") replaced by the reference's."""
        overlay = Path(tempfile.mkdtemp(prefix="overlay-", dir=self.root))
        for module in {name.partition(".")[0] for name in functions}:
            own = {name.partition(".")[2] for name in functions if name.startswith(f"{module}.")}
            source = (self.assignment.package / f"{module}.py").read_text(encoding="utf-8")
            text = only(source, own)
            if "dropout_forward" in own:
                text += dialect.lent(module)
            (overlay / f"{module}.py").write_text(text, encoding="utf-8")
        places.show(overlay)
        return dataclasses.replace(self.plain(), overlay=overlay, functions=functions)

    def digest(self) -> str:
        """SHA-256 over names and contents of all that a worker would import."""
        total = hashlib.sha256("\n".join(self.problems).encode())
        for path in sorted((self.root / "own").rglob("*.py")):
            total.update(
                os.fsencode(path.relative_to(self.root)) + f"\0{path.stat().st_size}\0".encode() + path.read_bytes()
            )
        return total.hexdigest()

    def remove(self) -> None:
        """Delete the layout."""
        shutil.rmtree(self.root, ignore_errors=True)


def unfit_names(package: str, names: Sequence[str]) -> list[str]:
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
    problems += unfit_names(settings.package, wanted)
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
    modules = tuple(Path(name).stem for name in settings.editable)
    return StagedHandIn(root, assignment, tuple(files), tuple(problems), settings.package, modules)
