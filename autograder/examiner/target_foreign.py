"""Finds what is trained again in notebooks that are not ours: the cells that build a net and a Solver on all data.

A cell with such a Solver is a candidate. What it needs from earlier cells is followed through the names it uses, so
that experiments before it are not run again. The last candidate that runs counts.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.course import TargetSettings
from autograder.editions import MODULES
from autograder.examiner.detect import Found
from autograder.examiner.finding import MAGIC, Notebook
from autograder.examiner.looking import Source, imports
from autograder.examiner.old_code import is_absent
from autograder.examiner.session import Usage
from autograder.examiner.stage import StagedHandIn
from autograder.examiner.target_judge import Outcome
from autograder.examiner.target_section import MAX_CODE, as_python
from autograder.results import Target

TRIES = 4
LOOKED_AT = 20  # cells that may train, of one notebook, the last ones
_NETS = {"FullyConnectedNet", "TwoLayerNet"}
_PART = re.compile(r"small|tiny|mini|subset|overfit|toy", re.IGNORECASE)  # names of data sets for experiments


@dataclass(frozen=True)
class Section:
    """What one try runs: the setup and the cells, as plain Python, and the name of the place."""

    place: str
    cells: tuple[str, ...]
    modules: frozenset[str]  # what the cells import


def settings_of(found: Found, settings: TargetSettings) -> TargetSettings:
    """The course's own target."""
    target = found.edition.target
    accuracy = target.accuracy_with.get(found.supports[0], target.accuracy)
    return settings if accuracy is None else settings.model_copy(update={"accuracy": accuracy})


def sections(found: Found, cell: int | None = None) -> list[Section]:
    """What may be trained, the likeliest first.

    Parameters
    ----------
    found : Found
        The hand-in.
    cell : int, optional
        Take this code cell, counted from 1, of the notebook that would be looked at first.

    Raises
    ------
    ValueError
        In words for a student, when there is nothing to train.
    """
    notebooks = _ordered(found)
    if not notebooks:
        raise ValueError("No notebook was handed in that could be read.")
    made: list[Section] = []
    reasons: list[str] = []
    for notebook in notebooks:
        cells = _Cells(found, notebook)
        candidates = cells.candidates()
        if cell is not None and (candidates or notebook is notebooks[-1]):
            candidates = [cell - 1] if 0 < cell <= len(cells.codes) else []
        for number in candidates[: -LOOKED_AT - 1 : -1]:
            try:
                made.append(cells.section(number))
            except ValueError as error:
                reasons.append(str(error))
        reasons += cells.unread
        if cell is not None and candidates:
            break
    if not made:
        raise ValueError(" ".join(reasons[:1]) or "No cell builds a FullyConnectedNet and a Solver on all of the data.")
    return made[:TRIES]


def rerun_last(
    staged: StagedHandIn, settings: TargetSettings, cell: int | None, rerun: Callable[..., Outcome]
) -> tuple[Outcome, list[str]]:
    """Train the last section that runs; what came of it, and remarks on which one that was.

    Parameters
    ----------
    staged : StagedHandIn
        A hand-in that was found, not one of our own course.
    settings : TargetSettings
        Our own target; the course's replaces its accuracy.
    cell : int or None
        As for `sections`.
    rerun : callable
        Trains: rerun(staged, settings=..., cells=...).
    """
    assert staged.found is not None
    settings = settings_of(staged.found, settings)
    nothing = Outcome(Target(required=settings.accuracy), 0.0, "", Usage(0.0, 0.0, ""), unwritten=True)
    if "fc_net" not in staged.modules:
        return dataclasses.replace(nothing, reason="There is no fc_net.py that could be trained."), []
    try:
        tries = sections(staged.found, cell)
    except ValueError as error:
        return dataclasses.replace(nothing, reason=str(error)), []
    told: list[str] = []
    outcome = nothing
    for section in tries:
        inert = {name.partition(".")[0] for name in section.modules if is_absent(staged.root / "own", name)}
        ready = dataclasses.replace(staged, stand_ins=(*staged.stand_ins, *sorted(inert)))
        outcome = rerun(ready, settings=settings, cells=section.cells)
        if outcome.target.counts is not None:
            return outcome, [*told, f"{section.place}, was trained, with what it needs of earlier cells."]
        told.append(f"{section.place}, did not train: {outcome.reason}")
    return outcome, told[:-1]


def _ordered(found: Found) -> list[Notebook]:
    """Notebooks with the final section, as this course names them, first."""
    wanted = found.edition.target.notebooks

    def rank(notebook: Notebook) -> int:
        name = notebook.path.name.lower().replace(" ", "").replace("-", "_")
        return next((i for i, part in enumerate(wanted) if part in name), len(wanted))

    return sorted(found.package.notebooks, key=rank)


class _Cells:
    """The code cells of one notebook: their trees, what they define and what they need."""

    def __init__(self, found: Found, notebook: Notebook) -> None:
        self._found, self._name = found, notebook.path.name
        self.codes = [text for kind, text in notebook.cells if kind == "code"]
        self.trees: list[ast.Module | None] = []
        self.unread: list[str] = []  # why cells that train cannot be run
        for number, text in enumerate(self.codes, start=1):
            source = Source(f"{self._name}, code cell {number}", MAGIC.sub(r"\1pass", text))
            try:
                self.trees.append(source.tree)
            except ValueError as error:
                self.trees.append(None)
                if "Solver(" in text:
                    self.unread.append(f"{error}.")
        known = [part for part in self.trees if part is not None]
        self._binds = {id(part): _bound(part) for part in known}
        self._fills = {id(part): _filled(part) for part in known}
        self._wants = {id(part): set(_needs(part.body)) for part in known}
        self._builds = {id(part) for part in known if _calls(part, _NETS)}

    def candidates(self) -> list[int]:
        """Cells that make a Solver for all of the data, of a net that they or cells they need build."""
        found = []
        for number, tree in enumerate(self.trees):
            if tree is not None and any(_takes_all_data(call) for call in _calls(tree, {"Solver"})):
                parts = [tree, *(self.trees[i] for i in self._needed(number))]
                if any(id(part) in self._builds for part in parts):
                    found.append(number)
        return found

    def section(self, number: int) -> Section:
        """What is run for one candidate."""
        numbers = [*self._needed(number), number]
        tree = self.trees[number]
        if tree is not None and not _trains(tree):
            numbers += self._until_training(number)
        parts = [part for i in numbers if (part := self.trees[i]) is not None]
        bound = {name for part in parts for name in self._binds[id(part)]}
        if sum(len(self.codes[i]) for i in numbers) > MAX_CODE:
            raise ValueError(f"{self._name}: the target section holds more than {MAX_CODE:,} letters of code")
        codes = [as_python(self.codes[i], f"{self._name}, code cell {i + 1},") for i in numbers]
        modules = frozenset(each.module for part in parts for each in imports(part) if not each.level)
        place = f"{self._name}, code cell {number + 1}"
        return Section(place, (setup(self._found, with_data="data" not in bound), *codes), modules)

    def _needed(self, number: int) -> list[int]:
        """Earlier cells that define or fill what a cell uses."""
        tree = self.trees[number]
        wanted = self._wants[id(tree)] if tree is not None else set()
        chosen = []
        for i in range(number - 1, -1, -1):
            part = self.trees[i]
            if part is None or not wanted:
                continue
            if not wanted.isdisjoint(self._binds[id(part)]) or not wanted.isdisjoint(self._fills[id(part)]):
                chosen.append(i)
                wanted = (wanted - self._binds[id(part)]) | self._wants[id(part)]
        return sorted(chosen)

    def _until_training(self, number: int) -> list[int]:
        for i in range(number + 1, min(number + 4, len(self.trees))):
            part = self.trees[i]
            if part is not None and _trains(part):
                return list(range(number + 1, i + 1))
        return []


def setup(found: Found, *, with_data: bool) -> str:
    """The imports of this course's notebooks, and its data."""
    lines = ["import time", "import numpy as np", "import matplotlib.pyplot as plt"]
    places = [found.module(module)[:-3].replace("/", ".") for module in MODULES]
    lines += [f"from {found.name}.{place} import *" for place in places]
    support = found.supports[0]
    lines += [
        f"from {support}.data_utils import get_CIFAR10_data",
        f"from {support}.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array",
        f"from {support}.solver import Solver",
    ]
    return "\n".join([*lines, *(["data = get_CIFAR10_data()"] if with_data else [])]) + "\n"


def _calls(tree: ast.AST, names: Iterable[str]) -> list[ast.Call]:
    wanted = set(names)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in wanted:
                found.append(node)
    return found


def _takes_all_data(call: ast.Call) -> bool:
    """Whether a Solver's data is not one of the small sets that experiments train on."""
    given = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "data"), None)
    return given is None or not (isinstance(given, ast.Name) and _PART.search(given.id))


def _trains(tree: ast.AST) -> bool:
    return bool(_calls(tree, {"train"}))


def _bound(tree: ast.Module) -> set[str]:
    """Names that a cell defines."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def _filled(tree: ast.Module) -> set[str]:
    """Names whose items a cell changes: data["X_train"] /= 255."""
    found = set()
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in [*targets, *([node.target] if isinstance(node, ast.AugAssign) else [])]:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                found.add(target.value.id)
    return found


def _needs(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names that statements use before they define them."""
    known = set(dir(builtins)) | {"np", "plt", "time", "Solver", "get_CIFAR10_data", *_NETS}
    yield from _used(body, known)


def _used(body: Sequence[ast.stmt], known: set[str]) -> Iterator[str]:
    for node in body:
        inner = [
            part for field in ("body", "orelse", "finalbody") if isinstance(part := getattr(node, field, None), list)
        ]
        inner += [handler.body for handler in getattr(node, "handlers", [])]
        within = {id(item) for part in inner for statement in part for item in ast.walk(statement)}
        own = [item for item in ast.walk(node) if isinstance(item, ast.Name) and id(item) not in within]
        local = {item.id for item in own if isinstance(item.ctx, ast.Store) and not isinstance(node, ast.AugAssign)}
        inside = known | _inner_names(node)
        for item in own:
            loads = isinstance(item.ctx, ast.Load) or isinstance(node, ast.AugAssign)
            if loads and item.id not in inside:
                yield item.id
        known |= local
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            arguments = {item.arg for item in ast.walk(node) if isinstance(item, ast.arg)}
            yield from _used(node.body, known | arguments | {node.name})
            known.add(node.name)
        else:
            for part in inner:
                yield from _used(part, known)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}


def _inner_names(node: ast.stmt) -> set[str]:
    """Names that a statement binds before it uses them: of loops, comprehensions and lambdas."""
    found = {item.arg for item in ast.walk(node) if isinstance(item, ast.arg)}
    targets = [item.target for item in ast.walk(node) if isinstance(item, ast.comprehension)]
    targets += [node.target] if isinstance(node, ast.For) else []
    targets += [item.optional_vars for item in node.items if item.optional_vars] if isinstance(node, ast.With) else []
    return found | {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
