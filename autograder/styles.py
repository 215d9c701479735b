"""Complete right hand-ins in the styles of real students, put together from the pieces in tests/styles.

They are part of a clone of the project, not of an installed package: `hand_ins.toml` there names the pieces of each.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.stripping import stripped

Texts = Mapping[str, str]  # module ("layers"): source text

REFERENCE, SECOND = "reference", "second_solution"


def complete_styles(assignment: Assignment) -> dict[str, Texts]:
    """Every complete right hand-in: the reference, the second solution, and one for each entry of hand_ins.toml.

    Raises
    ------
    CourseError
        If tests/styles is not here, or a piece is missing or takes a name that another piece uses.
    """
    tests = assignment.course.root / "tests"
    recipes = tests / "styles" / "hand_ins.toml"
    if not recipes.is_file():
        raise CourseError("the correct styles are not here", where=recipes, fix="work in a clone of the project")
    names = [Path(name).stem for name in assignment.settings.editable]
    own = {name: (assignment.package / f"{name}.py").read_text(encoding="utf-8") for name in names}
    released = {name: stripped(text, f"{name}.py") for name, text in own.items()}
    second = tests / "hand_ins" / SECOND / assignment.settings.package
    found: dict[str, Texts] = {
        REFERENCE: own,
        SECOND: {name: (second / f"{name}.py").read_text(encoding="utf-8") for name in names},
    }
    for hand_in, pieces in tomllib.loads(recipes.read_text(encoding="utf-8")).items():
        found[hand_in] = {
            name: "\n\n".join([released[name], *_texts(recipes.parent, pieces.get(name, ()), hand_in)])
            for name in names
        }
    return found


def _texts(folder: Path, pieces: list[str], hand_in: str) -> list[str]:
    """The texts of the pieces of one file. A helper that two of them define would be taken for the wrong one."""
    seen: set[str] = set()
    texts = []
    for piece in pieces:
        path = folder / f"{piece}.py"
        if not path.is_file():
            raise CourseError(f"{hand_in} names a piece that is not here", where=path, fix="write it, or leave it out")
        text = path.read_text(encoding="utf-8")
        helpers = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        twice = sorted(name for name in helpers & seen if name.startswith("_"))
        if twice:
            raise CourseError(f"two pieces of {hand_in} define {twice[0]}", where=path, fix="rename it in one of them")
        seen |= helpers
        texts.append(text)
    return texts
