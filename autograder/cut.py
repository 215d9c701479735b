"""What of an assignment goes out: which notebooks, and which functions are given solved.

A function is named by its module and itself ("layers.affine_forward"), by itself, or by its question. A question is
given when all of its functions are: those that `[functions]` of assignment.toml names, else the one of its name.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autograder.course import ABOUT, Assignment
from autograder.delimiters import SOLUTION, regions
from autograder.errors import CourseError
from autograder.languages import ENGLISH, catalogue
from autograder.stripping import check_syntax, read_source

# What the guide to students says about functions that are given.
SOLVED = "\n## Given in this copy\n\nThese functions are written already: {names}.\n"
NOT_GRADED = "These questions are not graded: {not_graded}.\n"


@dataclass(frozen=True)
class Cut:
    """A choice of notebooks, of functions that are given solved, and of a language."""

    notebooks: tuple[str, ...]
    functions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()  # those that are not graded, because all of their functions are given
    asked_notebooks: tuple[str, ...] = ()
    asked_solved: tuple[str, ...] = ()
    language: str = ENGLISH

    @classmethod
    def of(
        cls,
        assignment: Assignment,
        notebooks: Iterable[str] = (),
        solved: Iterable[str] = (),
        language: str = ENGLISH,
    ) -> Cut:
        """The cut that somebody asked for; all notebooks and no solved function by default.

        Raises
        ------
        CourseError
            If there is no notebook, function, question or language of that name.
        """
        catalogue(language)
        asked, names = tuple(sorted(set(notebooks))), tuple(sorted(set(solved)))
        there = tuple(path.stem for path in assignment.notebooks)
        for name in asked:
            if name not in there:
                fix = f"choose from: {', '.join(there)}"
                raise CourseError(f'no notebook "{name}"', where=f"source/{assignment.name}", fix=fix)
        functions = _functions(assignment, names)
        return cls(asked or there, functions, _questions(assignment, functions), asked, names, language)

    @classmethod
    def of_release(cls, assignment: Assignment, folder: Path) -> Cut:
        """The cut with which an existing release was made."""
        asked = read_about(folder).get("options", {})
        return cls.of(assignment, asked.get("notebooks", ()), asked.get("solved", ()), asked.get("language", ENGLISH))

    @property
    def asked(self) -> bool:
        """Whether anything was asked for that differs from the whole release."""
        return bool(self.asked_notebooks or self.asked_solved or self.language != ENGLISH)

    def about(self, assignment: Assignment) -> str:
        """release.json: what belongs to this release, for `nndl.hand_in` and for grading."""
        graded: dict[str, list[str]] = {name: [] for name in self.notebooks}
        for question in assignment.questions:
            if question.notebook in graded:
                graded[question.notebook].append(question.grade_id)
        options: dict[str, object] = {"notebooks": list(self.asked_notebooks), "solved": list(self.asked_solved)}
        if self.language != ENGLISH:
            options["language"] = self.language
        content = {
            "schema": 1,
            "assignment": assignment.name,
            "kit": version("deep-nets-course-kit"),
            "notebooks": graded,
            "editable": list(assignment.settings.editable),
            "solved": list(self.functions),
            "not_graded": list(self.questions),
            "options": options,
        }
        return json.dumps(content, indent=1) + "\n"

    def sentence(self) -> str:
        """What the guide to students says about functions that are given."""
        if not self.functions:
            return ""
        names = ", ".join(f"`{name}`" for name in self.functions)
        not_graded = ", ".join(f"`{name}`" for name in self.questions)
        text = SOLVED.format(names=names)
        return text + NOT_GRADED.format(not_graded=not_graded) if not_graded else text

    def filled(self, text: str, module: str, where: str) -> str:
        """A file of the package in which the regions of the given functions are no regions any more."""
        if not self.functions:
            return text
        lines, drop = text.split("\n"), set[int]()
        for name, (first, last) in solution_regions(text, where):
            if f"{module}.{name}" in self.functions:
                drop |= {first, last}
        return "\n".join(line for number, line in enumerate(lines, start=1) if number not in drop)


def not_graded(assignment: Assignment, student: str) -> tuple[str, ...]:
    """The questions that do not count for a student, because their functions were given.

    Those of the release in place hold for all; `[given]` of assignment.toml adds what single students got.
    """
    own = _questions(assignment, _functions(assignment, assignment.settings.given.get(student, ())))
    return tuple(q.grade_id for q in assignment.auto_questions if q.given or q.grade_id in own)


def read_about(folder: Path) -> dict[str, Any]:
    """The contents of a release's release.json; nothing where there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _functions(assignment: Assignment, names: Iterable[str]) -> tuple[str, ...]:
    """Each function that one of the names means, in the order of the package."""
    names = tuple(names)
    known = _solvable(assignment) if names else ()
    chosen: set[str] = set()
    for name in names:
        meant = assignment.settings.functions.get(name, (name,))
        found = {function for function in known for part in meant if _means(part, function)}
        if not found:
            short = dict.fromkeys(function.partition(".")[2] for function in known)
            raise CourseError(
                f'no function or question "{name}" has a solution',
                where=assignment.folder.relative_to(assignment.course.root),
                fix=f"choose from: {', '.join([*short, *assignment.settings.functions])}",
            )
        chosen |= found
    return tuple(function for function in known if function in chosen)


def _means(part: str, function: str) -> bool:
    """Whether "FullyConnectedNet" or "fc_net.FullyConnectedNet" names "fc_net.FullyConnectedNet.loss"."""
    return any(f"{name}.".startswith(f"{part}.") for name in (function, function.partition(".")[2]))


def _questions(assignment: Assignment, functions: tuple[str, ...]) -> tuple[str, ...]:
    """The autograded questions all of whose functions are among `functions`."""
    if not functions:
        return ()
    known, found = _solvable(assignment), []
    for question in assignment.auto_questions:
        parts = assignment.settings.functions.get(question.grade_id, (question.grade_id,))
        needed = {function for function in known for part in parts if _means(part, function)}
        if needed and needed <= set(functions):
            found.append(question.grade_id)
    return tuple(found)


def _solvable(assignment: Assignment) -> tuple[str, ...]:
    """Every function that holds a solution region, as "layers.affine_forward" or "fc_net.TwoLayerNet.loss"."""
    names: dict[str, None] = {}
    for file in assignment.settings.editable:
        text = read_source(assignment.package / file, file)
        check_syntax(text, file)
        names |= dict.fromkeys(f"{Path(file).stem}.{name}" for name, _ in solution_regions(text, file))
    return tuple(names)


def solution_regions(text: str, where: str) -> list[tuple[str, tuple[int, int]]]:
    """(name of the function around it, lines of its two delimiters) of every solution region of a file."""
    spans = list(_spans(ast.parse(text), ""))
    found = []
    for region in regions(text, where, kinds=(SOLUTION,), python=True):
        around = [name for name, first, last in spans if first < region.first and region.last <= last]
        if around:
            found.append((around[-1], (region.first, region.last)))
    return found


def _spans(node: ast.AST, prefix: str) -> Iterable[tuple[str, int, int]]:
    """(name, first line, last line) of functions and methods, outer ones first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from _spans(child, f"{name}.")
            else:
                # A comment at the end belongs to the function, and ast does not see it.
                yield name, child.lineno, (child.end_lineno or child.lineno) + 1
