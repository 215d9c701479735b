"""Releases in three courses' names, and the same with their solutions, made once for all processes of a test run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from filelock import FileLock
from nbgrader.preprocessors import ClearHiddenTests

from autograder.course import Course
from autograder.cut import Cut
from autograder.editions import edition
from autograder.translate.names import Names
from autograder.translate.tree import Translated, dress

ROOT = Path(__file__).resolve().parents[2]
WORK = Course(ROOT).assignment("deep_nets")
EDITIONS = ("cs231n-2021", "nndl-2023", "dasecv")


@dataclass(frozen=True)
class Dressed:
    """A release in an edition's names; `solved` is the same folder as an instructor would fill it."""

    name: str
    root: Path

    @property
    def release(self) -> Path:
        return self.root / "release" / "deep_nets"

    @property
    def solved(self) -> Path:
        return self.root / "solved" / "deep_nets"

    @property
    def package(self) -> str:
        return edition(self.name).package

    @property
    def findings(self) -> list[str]:
        """What the proof found."""
        return json.loads((self.root / "findings.json").read_text())

    @property
    def work(self) -> Translated:
        """The translated sources."""
        return Translated(Course(self.root / "sources"), "deep_nets", Names.of(WORK, edition(self.name)))

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Python in the solved folder, as a student has it: nothing of this repository can be imported."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        full = [sys.executable, "-B", *command]
        return subprocess.run(
            full, cwd=folder or self.solved, env=environment, capture_output=True, text=True, timeout=300
        )


def dressed(name: str, shared: Path) -> Dressed:
    """The release of today in the names of an edition, below `shared`, where it may lie already."""
    made = Dressed(name, shared / name)
    with FileLock(shared / f"{name}.lock"):
        if not (made.root / "findings.json").exists():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "cifar-10-batches-py")
            shutil.copytree(ROOT / "release" / "deep_nets", made.release, ignore=ignored)
            found = dress(WORK, edition(name), made.release, Cut.of(WORK), made.root / "sources")
            shutil.copytree(made.release, made.solved)
            shutil.copytree(made.work.package, made.solved / made.package, dirs_exist_ok=True)
            for path in made.work.notebooks:
                # A student's copy has no hidden tests, and they would import our package by this one's name.
                nb, _ = ClearHiddenTests().preprocess(nbformat.read(path, as_version=4), {})
                nbformat.write(nb, made.solved / path.name)
            (made.root / "findings.json").write_text(json.dumps(found))
    return made
