"""Whole folders in another course's names: a release, and the sources that it was made from."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from autograder.course import ABOUT, SETTINGS, Assignment, Course, Settings
from autograder.cut import Cut
from autograder.editions import Edition
from autograder.package import RELEASE_FILES, package_files, support_files
from autograder.proof import imports, leaks
from autograder.translate.code import helpers_of, python
from autograder.translate.names import Names
from autograder.translate.texts import bare, markdown, with_magics


@dataclass(frozen=True)
class Translated(Assignment):
    """An assignment whose sources are in another course's names."""

    names: Names

    @cached_property
    def settings(self) -> Settings:
        """Those of assignment.toml, with the package and its files as they are called here."""
        ours, package = super().settings, self.names.edition.package
        editable = tuple(_below(package, self.names.file(Path(name))) for name in ours.editable)
        return ours.model_copy(update={"package": package, "editable": editable})


def _below(package: str, place: Path) -> str:
    return place.relative_to(package).as_posix()


def dress(assignment: Assignment, edition: Edition, folder: Path, cut: Cut, sources: Path) -> list[str]:
    """Put a release into the names of `edition`, and prove it once more.

    Parameters
    ----------
    assignment : Assignment
        What `folder` is the release of.
    edition : Edition
        The dialect.
    folder : Path
        The release, in our names; changed in place.
    cut : Cut
        What it was made with.
    sources : Path
        A new folder for the translated sources, which the proof compares with.

    Returns
    -------
    list of str
        What it gives away, and modules that do not import.
    """
    work = translated(assignment, edition, sources)
    made = folder.with_name(f"{folder.name}.in-dialect")
    _translate(folder, made, work.names)
    about = json.loads((made / ABOUT).read_text(encoding="utf-8"))
    about["editable"] = list(work.settings.editable)
    about["options"]["edition"] = edition.name
    _write(made / ABOUT, json.dumps(about, indent=1) + "\n")
    shutil.rmtree(folder)
    made.rename(folder)
    return leaks(work, folder, Cut.of(work, cut.asked_notebooks, cut.asked_solved)) + imports(work, folder)


def translated(assignment: Assignment, edition: Edition, root: Path) -> Translated:
    """The sources of an assignment in the names of `edition`, solutions inside, as a course of its own below `root`.

    Raises
    ------
    CourseError
        If the dialect cannot say what our texts say (autograder.translate.names).
    """
    work = Translated(Course(root), assignment.name, Names.of(assignment, edition))
    given = work.folder / RELEASE_FILES
    for path in package_files(assignment):
        place = work.names.file(path.relative_to(assignment.package))
        home = work.folder if place.parts[0] == edition.package else given
        _write_module(home, place, python(path.read_text(encoding="utf-8"), work.names))
    for name, path in support_files(assignment).items():
        extra = path.is_relative_to(assignment.folder)
        _write((given if extra else root) / name, _text(path, work.names))
    for path in assignment.notebooks:
        _write(root / "source" / assignment.name / path.name, _text(path, work.names))
    shutil.copyfile(assignment.folder / SETTINGS, work.folder / SETTINGS)
    return work


def _translate(folder: Path, made: Path, names: Names) -> None:
    """Write each file of a release to its place in `made`."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = path.relative_to(folder)
        if place.parts[0] == names.package:
            place = names.file(place.relative_to(names.package))
            _write_module(made, place, _text(path, names))
        else:
            _write(made / place, _text(path, names))


def _text(path: Path, names: Names) -> str:
    """One file, translated."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return python(text, names)
    if path.suffix == ".md":
        return markdown(text, names)
    return notebook(text, names) if path.suffix == ".ipynb" else text


def notebook(text: str, names: Names) -> str:
    """A notebook, translated cell by cell."""
    nb = nbformat.reads(text, as_version=4)
    helpers = helpers_of(bare(cell.source) for cell in nb.cells if cell.cell_type == "code")
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source = with_magics(cell.source, lambda source: python(source, names, helpers), names)
        else:
            cell.source = markdown(cell.source, names)
    return str(nbformat.writes(nb)) + "\n"


def _write_module(home: Path, place: Path, text: str) -> None:
    """A module and the packages that it lies in. They have an __init__.py: another package `utils` must not win."""
    for package in place.parents[:-1]:
        if not (home / package / "__init__.py").exists():
            _write(home / package / "__init__.py", "")
    _write(home / place, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
