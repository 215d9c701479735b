"""Every text that has a translation, from where it stands: notebooks, the student package, the guide, pages."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat

from autograder import wording
from autograder.checks.api import check_modules, spec_of
from autograder.course import Assignment
from autograder.cut import NOT_GRADED, SOLVED
from autograder.languages import FEEDBACK, GUIDE, PACKAGE, PAGE
from autograder.languages.release import DRAWN, blocks, cell_context, is_text
from autograder.languages.templates import as_template, is_sentence, literals
from autograder.misconceptions import all_misconceptions
from autograder.package import RELEASE_FILES, package_files
from autograder.pages import messages
from autograder.results import WORDS

# Modules whose sentences reach students through records and pages. How an edition was found, and how old code was
# brought to run, is not among them: it is for whoever runs the grader.
TOLD_BY = (
    "checks.api",
    "checks.nets",
    "checks.norms",
    "checks.rules",
    "examiner.counted",
    "examiner.dialect",
    "examiner.examine",
    "examiner.faults",
    "examiner.files",
    "examiner.guard",
    "examiner.looking",
    "examiner.once",
    "examiner.plugin",
    "examiner.repeating",
    "examiner.stage",
    "examiner.student",
    "examiner.target",
    "examiner.target_foreign",
    "examiner.target_judge",
    "examiner.target_section",
    "nbgrader_preprocessors",
    "results",
)

# The templates that make the page of one student.
PAGE_TEMPLATES = (
    "base.html",
    "feedback.html",
    "feedback_next.html",
    "feedback_mend.html",
    "feedback_target.html",
    "feedback_points.html",
    "feedback_words.html",
    "macros.html",
)


class Text(NamedTuple):
    """One text: where it belongs, its English, the file it stands in."""

    context: str
    english: str
    place: str


def texts(assignment: Assignment) -> list[Text]:
    """All texts, each once for a context, in a fixed order."""
    found: dict[tuple[str, str], Text] = {}
    parts = (_notebooks(assignment), _guide(assignment), _package(assignment), _feedback(assignment), _page())
    for text in itertools.chain(*parts):
        found.setdefault((text.context, text.english), text)
    return list(found.values())


def _notebooks(assignment: Assignment) -> Iterator[Text]:
    for path in assignment.notebooks:
        place = path.relative_to(assignment.course.root).as_posix()
        for cell in nbformat.read(path, as_version=4).cells:
            if is_text(cell):
                yield Text(cell_context(path.stem, cell), cell.source, place)


def _guide(assignment: Assignment) -> Iterator[Text]:
    path = assignment.folder / RELEASE_FILES / GUIDE
    place = path.relative_to(assignment.course.root).as_posix()
    for block in blocks(path.read_text(encoding="utf-8")):
        yield Text(GUIDE, as_template(block), place)
    for block in (*blocks(SOLVED), *blocks(NOT_GRADED)):
        yield Text(GUIDE, block, "autograder/cut.py")


def _package(assignment: Assignment) -> Iterator[Text]:
    for path in package_files(assignment):
        if path.name not in DRAWN:
            yield from _of_module(path, PACKAGE, path.relative_to(assignment.course.root).as_posix())


def _feedback(assignment: Assignment) -> Iterator[Text]:
    for module in check_modules():
        place = module.__name__.replace(".", "/") + ".py"
        for check in vars(module).values():
            if hasattr(check, "question_spec"):
                name = check.__name__.removeprefix("test_").replace("_", " ")
                yield Text(FEEDBACK, as_template(name), place)
                yield Text(FEEDBACK, as_template(spec_of(check).must_hold), place)
        yield from _of_module(Path(inspect.getfile(module)), FEEDBACK, place)
    for word in WORDS:
        yield Text(FEEDBACK, word, "autograder/results.py")
    for wrong in all_misconceptions():
        module_name = wrong.implementation.__module__
        yield Text(FEEDBACK, as_template(wrong.sentence), module_name.replace(".", "/") + ".py")
    for name in TOLD_BY:
        module = importlib.import_module(f"autograder.{name}")
        yield from _of_module(Path(inspect.getfile(module)), FEEDBACK, f"autograder/{name.replace('.', '/')}.py")


def _page() -> Iterator[Text]:
    """Our own page of feedback; that on a class is for teachers, who read English."""
    for name in PAGE_TEMPLATES:
        for message in messages(name):
            yield Text(PAGE, message, f"autograder/templates/{name}")
    for sentence in wording.FEEDBACK:
        yield Text(PAGE, sentence, "autograder/wording.py")


def _of_module(path: Path, context: str, place: str) -> Iterator[Text]:
    for _, template in literals(ast.parse(path.read_text(encoding="utf-8"))):
        if is_sentence(template):
            yield Text(context, template, place)
