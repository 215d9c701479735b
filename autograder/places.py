"""Where a student finds a question again: its notebook, the heading it stands under, the functions it is about."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from autograder.course import Assignment, Question
from autograder.languages import ENGLISH, Catalogue, catalogue


@dataclass(frozen=True)
class Place:
    """A question as a student looks for it. `files` are those in which its functions stand, "layers.py"."""

    question: Question
    heading: str
    functions: tuple[str, ...]
    files: tuple[str, ...]


def places(assignment: Assignment, language: str = ENGLISH) -> dict[str, Place]:
    """The place of every question, in the order of work; headings are those of a release in `language`."""
    headings: dict[str, str] = {}
    for path in assignment.notebooks:
        headings |= _headings(json.loads(path.read_text(encoding="utf-8")), path.stem, catalogue(language))
    defined = _defined(assignment)
    found = {}
    for question in in_order(assignment):
        named = assignment.settings.functions.get(question.grade_id, (question.grade_id,))
        functions = [name for name in (function.rpartition(".")[2] for function in named) if name in defined]
        files = dict.fromkeys(defined[name] for name in functions)
        place = Place(question, headings.get(question.grade_id, ""), tuple(functions), tuple(files))
        found[question.grade_id] = place
    return found


def in_order(assignment: Assignment) -> list[Question]:
    """All questions, notebook by notebook as `order` of assignment.toml has them, else by name."""
    order = {name: number for number, name in enumerate(assignment.settings.order)}
    return sorted(assignment.questions, key=lambda question: order.get(question.notebook, len(order)))


def _headings(notebook: dict[str, Any], name: str, known: Catalogue) -> dict[str, str]:
    """The last heading above each graded cell. What is a solution itself holds none."""
    heading, found, texts = "", {}, known.of_notebook(name)
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "markdown" and not about.get("solution"):
            source = "".join(cell["source"])
            for line in re.findall(r"^#{1,6} +(.+)$", texts.get(source, source), re.MULTILINE):
                heading = re.sub(r"[`*]", "", line).strip()
        if about.get("grade"):
            found[about["grade_id"]] = heading
    return found


def _defined(assignment: Assignment) -> dict[str, str]:
    """The file of the package in which each function or class that students write is defined."""
    found: dict[str, str] = {}
    for file in assignment.settings.editable:
        text = (assignment.package / file).read_text(encoding="utf-8")
        found |= dict.fromkeys(re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE), file)
    return found
