"""release: from sources with solutions to what students get.

`nbgrader generate_assignment` makes the same files, because the work is done by the steps in nbgrader_config.py. This
adds what nbgrader lacks: a release takes the old one's place only once it is proved free of solutions, the proof that
the committed release is fresh, and an archive for the learning platform.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from traitlets.config import Config

from autograder import editions
from autograder.course import ABOUT, Assignment, Course
from autograder.cut import Cut, read_about
from autograder.errors import CourseError, NotFresh
from autograder.languages import ENGLISH
from autograder.nbgrader_app import nbgrader_api, run
from autograder.package import DATA, LITTER
from autograder.proof import differences, imports, leaks
from autograder.translate.tree import dress


@dataclass(frozen=True)
class Release:
    """What was made: the folder, its files by name, the archive."""

    folder: Path
    files: tuple[str, ...]
    archive: Path | None = None
    cut: Cut | None = None

    def __str__(self) -> str:
        text = f"{self.folder} ({len(self.files)} files)"
        return f"{text}, {self.archive}" if self.archive else text


def release(
    course: Course,
    assignment: Assignment,
    *,
    check: bool = False,
    archive: bool = True,
    notebooks: Iterable[str] = (),
    solved: Iterable[str] = (),
    output: Path | None = None,
    edition: str = "",
    language: str = ENGLISH,
) -> Release:
    """Make the release of one assignment, or prove that the one in release/ is what would be made now.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    check : bool
        Change nothing; compare.
    archive : bool
        Also write release/<name>.zip.
    notebooks : iterable of str
        Release only these; all by default. The gradebook knows all of them from the start.
    solved : iterable of str
        Functions or questions that are given solved. Their questions carry no points in this release.
    output : Path, optional
        Write <output>/<name> and its zip there, for single students; release/ and the gradebook stay as they are.
    edition : str
        Write it in the names of another course (docs/editions.md); needs `output`.
    language : str
        Its language, one of `autograder.languages.LANGUAGES`. A text without a translation stays English.

    Raises
    ------
    CourseError
        If a source is refused, the release gives something away or does not import, or (with `check`) differs. The
        text lists every finding. The release in place stays as it was.
    """
    name = assignment.name
    if not assignment.notebooks:
        raise CourseError("no notebooks", where=f"source/{name}", fix="put the instructor notebooks there")
    kept = (output or course.root / "release") / name
    if output is not None and kept.exists() and not (kept / ABOUT).is_file():
        raise CourseError("there is such a folder, and it is no release", where=kept, fix="name another --output")
    cut = Cut.of(assignment, notebooks, solved, language)
    if check and not (cut.asked or edition):
        cut = Cut.of_release(assignment, kept)
        edition = read_about(kept).get("options", {}).get("edition", "")
    if edition and output is None:
        raise CourseError("release/ holds our own names", where=f"edition {edition}", fix="name a folder with --output")
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course.root) as temporary:
        made = _generate(assignment, Path(temporary), cut, keep_gradebook=check or output is not None)
        found = leaks(assignment, made, cut) + imports(assignment, made)
        if edition and not found:
            found = dress(assignment, editions.edition(edition), made, cut, Path(temporary) / "sources")
        if found:
            raise CourseError(
                "\n  ".join(["not fit for students:", *found]),
                where=f"release of {name}",
                fix="put what is secret between delimiters, and what students import outside of them",
            )
        if check:
            found = differences(made, kept)
            if found:
                raise NotFresh(
                    "\n  ".join(["not what the sources give:", *found]),
                    where=kept if output else f"release/{name}",
                    fix=f"run `autograder release {name}` {'again' if output else f'and commit release/{name}'}",
                )
        else:
            _replace(made, kept)
    path = write_archive(kept, kept.with_suffix(".zip")) if archive and not check else None
    return Release(kept, tuple(sorted(f.relative_to(kept).as_posix() for f in _files(kept))), path, cut)


def _generate(assignment: Assignment, folder: Path, cut: Cut, *, keep_gradebook: bool) -> Path:
    """Run nbgrader's generate_assignment into `folder`; with `keep_gradebook` as its --no-db does.

    All notebooks are generated, so that the gradebook knows them all; those that are not in the cut are then removed.
    """
    settings = Config()
    settings.CourseDirectory.release_directory = str(folder)
    settings.NoPointsForGiven.solved = list(cut.asked_solved)
    settings.WritePackage.solved = list(cut.asked_solved)
    settings.WritePackage.notebooks = list(cut.asked_notebooks)
    settings.Translate.language = settings.WritePackage.language = cut.language
    if keep_gradebook:
        settings.SaveCells.enabled = False
        settings.GenerateAssignment.no_database = True
    ok, errors, log = run(nbgrader_api(assignment.course, settings), "generate_assignment", assignment.name)
    if ok:
        for path in (folder / assignment.name).glob("*.ipynb"):
            if path.stem not in cut.notebooks:
                path.unlink()
        return folder / assignment.name
    for error in errors:
        if isinstance(error, CourseError):
            raise error
        if isinstance(error, RuntimeError) and "submissions associated" in str(error):
            raise CourseError(
                "cells were added, removed or renamed after hand-ins were graded",
                where=f"source/{assignment.name}",
                fix="give graded cells back their ids, or move gradebook.db away and grade again",
            ) from error
    raise CourseError(
        f"nbgrader could not make the release:\n{log}",
        where=f"source/{assignment.name}",
        fix="mend what its last lines name",
    )


def _replace(made: Path, kept: Path) -> None:
    """Put the new release in the place of the old one; data fetched into the old one is kept."""
    data = kept / "datasets" / DATA
    if data.is_dir() and (made / "datasets").is_dir():
        shutil.move(data, made / "datasets" / DATA)
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, kept)


def write_archive(folder: Path, path: Path) -> Path:
    """A zip of the release with equal bytes for equal files: sorted names, one fixed date, scripts executable."""
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if file.suffix == ".sh" else 0o644) << 16
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, file.read_bytes())
    return part.replace(path)


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and LITTER.isdisjoint(path.relative_to(folder).parts)
    )
