"""Complete right hand-ins in the styles of real students, put together from the pieces in tests/styles.

They are part of a clone of the project, not of an installed package: `hand_ins.toml` there names the pieces of each.
"""

from __future__ import annotations

import ast
import hashlib
import tomllib
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.examiner.examine_local import Texts
from autograder.examiner.overlay import only
from autograder.examiner.student_local import reference_texts
from autograder.misconceptions import Misconception
from autograder.stripping import stripped

REFERENCE, SECOND = "reference", "second_solution"

# A wrong layer is planted with the reference's other half: what lies in a cache is each hand-in's own choice.
FAMILIES = (
    ("affine_forward", "affine_backward"),
    ("relu_forward", "relu_backward"),
    ("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt"),
    ("layernorm_forward", "layernorm_backward"),
    ("dropout_forward", "dropout_backward"),
)


def complete_styles(assignment: Assignment) -> dict[str, Texts]:
    """Every complete right hand-in: the reference, the second solution, and one for each entry of hand_ins.toml.

    A function that no piece writes, because its question is a new one, comes from the reference.

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
    written = {name for path in recipes.parent.rglob("*.py") for name in _defined(path.read_text(encoding="utf-8"))}
    new = {question.grade_id for question in assignment.auto_questions} - written
    for name in names:
        if given := new & _defined(own[name]):
            text = only(own[name], given)
            found = {hand_in: {**texts, name: f"{texts[name]}\n\n{text}"} for hand_in, texts in found.items()}
    return found


def _defined(text: str) -> set[str]:
    """Names of the functions and classes of a module."""
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _texts(folder: Path, pieces: list[str], hand_in: str) -> list[str]:
    """The texts of the pieces of one file. A helper that two of them define would be taken for the wrong one."""
    seen: set[str] = set()
    texts = []
    for piece in pieces:
        path = folder / f"{piece}.py"
        if not path.is_file():
            raise CourseError(f"{hand_in} names a piece that is not here", where=path, fix="write it, or leave it out")
        text = path.read_text(encoding="utf-8")
        helpers = _defined(text)
        twice = sorted(name for name in helpers & seen if name.startswith("_"))
        if twice:
            raise CourseError(f"two pieces of {hand_in} define {twice[0]}", where=path, fix="rename it in one of them")
        seen |= helpers
        texts.append(text)
    return texts


def planted(texts: Texts, *faults: Misconception) -> Texts:
    """A right hand-in with misconceptions put at the end of its files."""
    texts = dict(texts)
    wrong_functions = {wrong.replaces.partition(".")[2] for wrong in faults}
    for wrong in faults:
        function = wrong.replaces.partition(".")[2]
        family = next((set(names) - wrong_functions for names in FAMILIES if function in names), set())
        given = only(reference_texts()[wrong.module], family) if family else ""
        texts[wrong.module] = "\n\n".join([texts[wrong.module], given, wrong.source()])
    return texts


def order(*names: str) -> str:
    """A fixed order that nobody chose: the hash of names."""
    return hashlib.sha256("\0".join(names).encode()).hexdigest()


def styles_for(wrong: Misconception, styles: dict[str, Texts], count: int) -> list[str]:
    """Styles to plant a misconception in.

    One that wraps the hand-in's net needs what the starter's net has. One that uses the gradient it handed to a layer,
    not the one that came back, is no fault where the layer writes into its argument.
    """
    fit = {name: texts for name, texts in styles.items() if name not in (REFERENCE, SECOND)}
    fit = {name: texts for name, texts in fit.items() if "self.num_layers" in texts["fc_net"]}
    if wrong.name.startswith("gradient_goes_around"):
        fit = {name: texts for name, texts in fit.items() if "dout *= " not in texts["layers"]}
    return sorted(fit, key=lambda style: order(wrong.name, style))[:count]
