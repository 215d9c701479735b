"""Releases in each language and each course's names, and the same solved, made once for all processes of a test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from filelock import FileLock
from nbgrader.preprocessors import ClearHiddenTests

from autograder.course import Course
from autograder.editions import CANONICAL, edition
from autograder.languages import LANGUAGES
from autograder.languages.release import translate_notebook, translated_files
from autograder.release import release
from autograder.translate.code import python
from autograder.translate.names import Names
from autograder.translate.tree import Translated, notebook, translated

ROOT = Path(__file__).resolve().parents[2]
WORK = Course(ROOT).assignment("deep_nets")
EDITIONS = ("cs231n-2021", "nndl-2023", "dasecv")
NAMES = (CANONICAL, *EDITIONS)
ALL = tuple((language, name) for name in NAMES for language in LANGUAGES)


@dataclass(frozen=True)
class Dressed:
    """A release in a language and an edition's names; `solved` is the same folder as an instructor would fill it."""

    language: str
    name: str
    shared: Path

    @property
    def root(self) -> Path:
        """Where it lies."""
        return self.shared / self.name / self.language

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
    def options(self) -> dict[str, str]:
        """What `release` is asked for."""
        return {"language": self.language, "edition": "" if self.name == CANONICAL else self.name}

    @cached_property
    def work(self) -> Translated:
        """The sources in the edition's names, in English."""
        return Translated(Course(self.shared / self.name / "sources"), "deep_nets", Names.of(WORK, edition(self.name)))

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Python in the solved folder, as a student has it: nothing of this repository can be imported."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        full = [sys.executable, "-B", *command]
        return subprocess.run(
            full, cwd=folder or self.solved, env=environment, capture_output=True, text=True, timeout=300
        )


def dressed(language: str, name: str, shared: Path) -> Dressed:
    """The release of today, below `shared`, where it may lie already; raises what `release` raises.

    All languages of an edition are made by one process, because it translates what they share once.
    """
    done = shared / name / "done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(shared / name, ignore_errors=True)
            translated(WORK, edition(name), shared / name / "sources")
            for each in LANGUAGES:
                _make(Dressed(each, name, shared))
            done.touch()
    return Dressed(language, name, shared)


def _make(made: Dressed) -> None:
    """The release, and a copy of it with the solutions filled in, translated as the release is."""
    release(WORK.course, WORK, output=made.release.parent, **made.options)
    shutil.copytree(made.release, made.solved)
    names = made.work.names
    ours = WORK.settings.package
    sources = {f"{ours}/{file}": (WORK.package / file).read_text(encoding="utf-8") for file in WORK.settings.editable}
    for name, text in translated_files(sources, ours, made.language).items():
        place = made.solved / names.file(Path(name).relative_to(ours))
        place.write_text(python(text, names), encoding="utf-8")
    for path in WORK.notebooks:
        # A student's copy has no hidden tests, and they would import our package by this one's name.
        nb, _ = ClearHiddenTests().preprocess(nbformat.read(path, as_version=4), {})
        translate_notebook(nb, path.stem, made.language)
        (made.solved / path.name).write_text(notebook(nbformat.writes(nb), names), encoding="utf-8")
