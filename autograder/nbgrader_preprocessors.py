"""What plugs into nbgrader's own lists (see nbgrader_config.py): a release that fails closed, grading without running.

Every class is one step on one notebook. A step that raises stops nbgrader: no release is left behind, and a hand-in
is an error instead of a score.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, List, Unicode
from traitlets.utils.importstring import import_item

from autograder.course import Assignment, Course
from autograder.cut import Cut
from autograder.hand_in_notebook import NO_CELLS, UNREAD, empty_notebook, read_hand_in, unread_notebook
from autograder.languages import ENGLISH, catalogue
from autograder.languages.release import translate_notebook
from autograder.languages.told import told, translate_shown
from autograder.notebooks import check_ids, check_notebook, check_released_notebook, normalize
from autograder.package import released_files, write_files
from autograder.restoring import found_in, originals, restore
from autograder.results import EXAMINED, HandInResult
from autograder.safe_outputs import plain_text

Processed = tuple[NotebookNode, dict[str, Any]]


class _Step(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """A step that knows its course."""

    @property
    def coursedir(self) -> CourseDirectory:
        """nbgrader's model of the course: converter -> exporter -> this step."""
        return self.parent.parent.coursedir

    def assignment(self, resources: dict[str, Any]) -> Assignment:
        """The assignment that is being processed."""
        return Course(Path(self.coursedir.root)).assignment(resources["nbgrader"]["assignment"])

    @staticmethod
    def name(resources: dict[str, Any]) -> str:
        """The source notebook, as errors name it."""
        about = resources["nbgrader"]
        return f"source/{about['assignment']}/{about['notebook']}.ipynb"


class CheckSource(_Step):
    """First: refuse delimiters that nbgrader would misread."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Raise a CourseError, or change nothing."""
        about = resources["metadata"]
        check_ids(Path(about["path"]) / f"{about['name']}.ipynb", self.name(resources))
        check_notebook(nb, self.name(resources))
        return nb, resources


class Translate(_Step):
    """The texts in the language of this release; they are English in the sources."""

    language = Unicode(ENGLISH, help="Language of the release.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Replace texts before nbgrader works out the checksums of cells."""
        translate_notebook(nb, resources["nbgrader"]["notebook"], self.language)
        return nb, resources


class Normalize(_Step):
    """The same bytes from every machine and every Python."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Fix kernel and language, drop what Jupyter noted about running the notebook."""
        normalize(nb)
        return nb, resources


class NoPointsForGiven(_Step):
    """A question whose functions are given solved carries no points: nbgrader's way to say that it does not count."""

    solved = List(Unicode(), help="Functions or questions that are given solved.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Set the points of those questions to 0."""
        given = Cut.of(self.assignment(resources), solved=self.solved).questions
        for cell in nb.cells:
            if utils.is_grade(cell) and cell.metadata.nbgrader.grade_id in given:
                cell.metadata.nbgrader.points = 0
        return nb, resources


class WritePackage(_Step):
    """Last but for the gradebook: write everything of the release that is not a notebook."""

    notebooks = List(Unicode(), help="Notebooks that are released; all by default.").tag(config=True)
    solved = List(Unicode(), help="Functions or questions that are given solved.").tag(config=True)
    language = Unicode(ENGLISH, help="Language of the release.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Check what is left of the notebook, then write the package without its solutions, scripts and guide."""
        check_released_notebook(nb, self.name(resources))
        assignment = self.assignment(resources)
        folder = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", assignment.name))
        cut = Cut.of(assignment, self.notebooks, self.solved, self.language)
        write_files(released_files(assignment, cut), folder)
        return nb, resources


class HandInExporter(NotebookExporter):  # type: ignore[misc] # nbconvert ships no types
    """Reads hand-ins for `autograde`: whatever the file holds, a harmless notebook comes out."""

    missing = List(Unicode(), help="Notebooks that were not handed in; an empty one stands in for each.").tag(
        config=True
    )
    unread = Dict(help="Why notebooks were not opened, by name.").tag(config=True)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook: the hand-in read with care at first, then the copy that was made of it."""
        if not self.parent._sanitizing:
            return super().from_filename(filename, resources=resources, **kw)  # type: ignore[no-any-return]
        path = Path(filename)
        if path.stem in self.missing:
            nb = empty_notebook(f"{path.name} was not handed in.")
        elif path.stem in self.unread:
            nb = unread_notebook(path.name, self.unread[path.stem])
        else:
            nb = read_hand_in(path)
        resources = resources or {}
        resources["metadata"] = {"name": path.stem, "path": os.fspath(path.parent)}
        return self.from_notebook_node(nb, resources=resources, **kw)  # type: ignore[no-any-return]


class RestoreCells(_Step):
    """Graded cells as they were handed out: flags, points and locked text; duplicates resolved, missing ones put back.

    It stands in for nbgrader's DeduplicateIds, OverwriteKernelspec and OverwriteCells: the first aborts on a copied
    cell, the last on a missing cell that followed another missing one, and both let changed flags through.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Restore from what the gradebook noted at release."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            known = originals(gradebook, about["notebook"], about["assignment"])
        blank = about["notebook"] in self.parent.missing
        if not blank and known and not found_in(nb, known):
            nb.metadata.setdefault(UNREAD, NO_CELLS)
        restore(nb, known, blank=blank)
        return nb, resources


class KeepNotebooksOnly(_Step):
    """Take out of autograded/ what nbgrader copied there besides notebooks.

    It follows links, so a link in a hand-in would end up as a copy of its target, first here, then in the feedback.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Remove files; the notebook stays as it is."""
        about, course = resources["nbgrader"], self.coursedir
        places = (course.autograded_directory, course.submitted_directory)
        copied, handed_in = (Path(course.format_path(place, about["student"], about["assignment"])) for place in places)
        for path in sorted(copied.rglob("*"), reverse=True):
            stamp = path == copied / "timestamp.txt" and not (handed_in / path.name).is_symlink()
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif not stamp and (path.suffix != ".ipynb" or path.parent != copied):
                path.unlink()
        return nb, resources


class ExaminerScores(_Step):
    """Writes into every autograded cell the score that the examiner gave, and why. No cell is run."""

    examine = Unicode(
        "autograder.grade.examined", help="What examines: called with assignment, student, folder of the hand-in."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Replace the outputs of all autograded cells."""
        about, assignment = resources["nbgrader"], self.assignment(resources)
        folder = assignment.course.root / "submitted" / about["student"] / assignment.name
        result = import_item(self.examine)(assignment, about["student"], folder)
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                _write_score(cell, result)
        return nb, resources


class TranslateFeedback(_Step):
    """The page of one notebook in the language of its reader: texts, and what the examiner says."""

    language = Unicode(ENGLISH, help="Language of the page.").tag(config=True)
    recorded = Unicode("autograder.grade.recorded", help="What reads records; examines nothing.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Replace texts and messages; English pages stay as they are."""
        if self.language == ENGLISH:
            return nb, resources
        about, assignment, known = resources["nbgrader"], self.assignment(resources), catalogue(self.language)
        folder = assignment.course.root / "submitted" / about["student"] / assignment.name
        result = told(import_item(self.recorded)(assignment, about["student"], folder), known)
        translate_shown(nb, about["notebook"], known)
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell) and cell.outputs:
                message = _message(result, cell.metadata.nbgrader.grade_id, known.say)
                cell.outputs[0] = new_output("stream", name="stdout", text=message)
        return nb, resources


def _message(result: HandInResult, grade_id: str, say: Callable[[str], str] = str) -> str:
    """What stands under a question."""
    question = result.question(grade_id)
    if question is None:
        message = result.reason or say("This question was not examined, so it scores 0. Ask for a regrade.")
    else:
        message = question.message(say) or say(EXAMINED)
    return plain_text(message, 20_000) + "\n"


def _write_score(cell: NotebookNode, result: HandInResult) -> None:
    """Message and score of one cell, always explicit: nbgrader takes an empty output for full marks."""
    grade_id, points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
    question = result.question(grade_id)
    score = 0.0
    if question is not None and question.state == "graded" and result.state == "graded":
        score = question.score(points)
    score = min(max(float(score), 0.0), points) if math.isfinite(score) else 0.0
    cell.outputs = [
        new_output("stream", name="stdout", text=_message(result, grade_id)),
        new_output("execute_result", data={"text/plain": repr(score)}, execution_count=None),
    ]
    cell.execution_count = None
    if utils.determine_grade(cell) != (score, points):
        raise RuntimeError(f"nbgrader would not score {grade_id} as {score} of {points}")
