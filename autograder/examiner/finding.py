"""Finds the package in a hand-in, wherever it lies, and says what its text shows. Nothing is imported or run."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.editions import MODULES, editions
from autograder.examiner import looking
from autograder.examiner.files import crowded, printable, read_plain, walk
from autograder.examiner.looking import NotPython, Source

MAX_SOURCE = 2_000_000  # bytes
MAX_NOTEBOOK = 64 << 20  # bytes
MAX_NOTEBOOKS = 40
MAX_CELLS = 2000  # of a notebook
MAX_CODE = 500_000  # letters of code in all notebooks, and in all folders that may be the package
MAX_DOCSTRING = 5000  # letters that are searched
_MARKS = ("layers.py", "fc_net.py", "optim.py", "layer_utils.py")
_PLACES = {"fc_net": ("classifiers/fc_net.py", "fc_net.py")}
_SUPPORT = ("solver", "data_utils", "gradient_check", "vis_utils")
_OURS = {*MODULES, *_SUPPORT}  # `from nndl import layers` names a module, too
MAGIC = re.compile(r"^([^\S\n]*)[%!].*$", re.MULTILINE)

_RULES = ("sgd", "sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam")
_LAYERS = ("affine", "relu", "batchnorm", "layernorm", "dropout")
FUNCTIONS = (
    *(f"layers.{name}_{way}" for name in _LAYERS for way in ("forward", "backward")),
    "layers.batchnorm_backward_alt",
    *(f"optim.{rule}" for rule in _RULES[1:]),
    "fc_net.TwoLayerNet",
    "fc_net.FullyConnectedNet",
)

_KEEPS = (r"keep\w*\b[^.]{0,80}\bprobability\W+p\b", r"probability\s+of\s+\W*keep", "保留", "保持", "不变")
_DROPS = (r"drop\w*\b[^.]{0,80}\bprobability\W+p\b", r"probability\s+of\s+\W*drop", "丢弃", "置零")


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells as (kind, text), whatever its format; `graded` are the ids of cells that nbgrader grades."""

    path: Path
    cells: tuple[tuple[str, str], ...]
    graded: frozenset[str] = frozenset()

    @cached_property
    def trees(self) -> list[ast.Module]:
        """Syntax trees of the code cells that are Python, magics left out."""
        found = []
        for kind, text in self.cells:
            source = Source(self.path.name, MAGIC.sub(r"\1pass", text))
            if kind == "code" and source.readable:
                found.append(source.tree)
        return found


def read_notebook(path: Path) -> Notebook:
    """The notebook at `path`, also one of an older format. ValueError, in words, when it is none."""
    content = read_plain(path, MAX_NOTEBOOK)
    try:
        data = {} if crowded(content) else json.loads(content.decode("utf-8-sig"))
        cells = data["cells"] if "cells" in data else [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
        if len(cells) > MAX_CELLS:
            raise ValueError("too many cells")
        return Notebook(path, tuple((_kind(cell), _text(cell)) for cell in cells), _graded(cells))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path.name} is not a notebook that can be read") from None


def _kind(cell: dict[str, Any]) -> str:
    return "code" if cell["cell_type"] == "code" else "text"


def _graded(cells: list[dict[str, Any]]) -> frozenset[str]:
    about = [cell.get("metadata", {}).get("nbgrader", {}) for cell in cells]
    return frozenset(str(each["grade_id"]) for each in about if each.get("grade") and "grade_id" in each)


def _text(cell: dict[str, Any]) -> str:
    text = cell.get("source", cell.get("input", ""))
    return "".join(text) if isinstance(text, list) else str(text)


@dataclass(frozen=True)
class Package:
    """One folder that may hold what the student wrote."""

    root: Path  # of the hand-in
    folder: Path
    files: dict[str, Path] = field(hash=False)  # by their place in the package, such as classifiers/fc_net.py

    @property
    def shown(self) -> str:
        """Its place, as it is told to people."""
        place = printable(self.folder.relative_to(self.root).as_posix())
        known = {edition.package for edition in editions()}
        return (
            place + "/" if place != "." else f"{self.folder.name}/" if self.folder.name in known else "its top folder"
        )

    def place(self, module: str) -> str | None:
        """Where a module lies in the package."""
        return next((place for place in _PLACES.get(module, (f"{module}.py",)) if place in self.files), None)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The texts of the four modules, as far as they are there and can be read."""
        found = {}
        for module in MODULES:
            place = self.place(module)
            if place is not None:
                try:
                    found[module] = Source.of_bytes(place.rpartition("/")[2], read_plain(self.files[place], MAX_SOURCE))
                except ValueError:
                    continue
        return found

    def node(self, name: str) -> ast.AST | None:
        """The definition of "layers.relu_forward", also where a module takes it from elsewhere."""
        module, _, function = name.partition(".")
        source = self.sources.get(module)
        return source.definitions.get(function) if source is not None and source.readable else None

    def defines(self, name: str) -> bool:
        """Whether there is such a function."""
        return self.node(name) is not None

    @cached_property
    def written(self) -> frozenset[str]:
        """The functions that are more than a starter's stub."""
        nodes = {name: self.node(name) for name in FUNCTIONS}
        return frozenset(name for name, node in nodes.items() if node is not None and not looking.is_stub(node))

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """Why some of its modules cannot be read."""
        found = []
        for source in self.sources.values():
            try:
                _ = source.tree
            except NotPython as error:
                found.append(str(error))
        return tuple(found)

    @cached_property
    def notebooks(self) -> tuple[Notebook, ...]:
        """The notebooks of the hand-in, those beside the package first."""
        near: list[Path] = []
        far: list[Path] = []
        for folder, names in walk(self.root):
            place = near if folder in (self.folder, self.folder.parent) else far
            place += [folder / name for name in names if name.endswith(".ipynb") and "checkpoint" not in name]
        found, room = [], MAX_CODE
        for path in [*near, *far][:MAX_NOTEBOOKS]:
            try:
                notebook = read_notebook(path)
            except ValueError:
                continue
            size = sum(len(text) for kind, text in notebook.cells if kind == "code")
            if size <= room:
                room -= size
                found.append(notebook)
        return tuple(found)

    @cached_property
    def asked(self) -> frozenset[str]:
        """The questions that its notebooks ask, as those of our own releases do in any course's names."""
        return frozenset[str]().union(*(notebook.graded for notebook in self.notebooks))

    @cached_property
    def imported(self) -> dict[str, set[str]]:
        """What is imported from which top-level name: "cs231n" -> {"cs231n.solver", ...}, by notebooks and modules."""
        trees = [tree for notebook in self.notebooks if self._is_near(notebook) for tree in notebook.trees]
        trees += [source.tree for source in self.sources.values() if source.readable]
        found: dict[str, set[str]] = {}
        for tree in trees:
            for each in looking.imports(tree):
                if each.level == 0 and each.module:
                    modules = {each.module, *(f"{each.module}.{name}" for name in each.names if name in _OURS)}
                    found.setdefault(each.module.partition(".")[0], set()).update(modules)
        return found

    def _is_near(self, notebook: Notebook) -> bool:
        return notebook.path.parent in (self.folder, self.folder.parent) or self.folder.parent == self.root.parent

    @cached_property
    def name(self) -> str:
        """What the hand-in calls the package: its folder's name if that is imported or known, else what is imported."""
        known = {edition.package for edition in editions()}
        marks = {f".{Path(mark).stem}" for mark in _MARKS} | {".classifiers"}
        called = [
            name
            for name, modules in sorted(self.imported.items())
            if any(module[len(name) :].startswith(tuple(marks)) for module in modules)
        ]
        own = self.folder.name
        if own in called or (own in known and not called):
            return own
        best = [name for name in called if name in known] or called
        return best[0] if best else own

    @cached_property
    def support(self) -> tuple[str, ...]:
        """Packages that the hand-in imports solver and data_utils from, and folders beside it that hold them."""
        found = [
            name
            for name, modules in sorted(self.imported.items())
            if any(module in {f"{name}.{support}" for support in _SUPPORT} for module in modules)
        ]
        if self.folder != self.root:
            for edition in editions():
                for name in edition.support:
                    if name not in found and (self.folder.parent / name / "solver.py").is_file():
                        found.append(name)
        return tuple(found)

    def looks_beside(self, module: str) -> bool:
        """Whether a module imports the others from beside it (`from .layers import *`)."""
        source = self.sources.get(module)
        found = looking.imports(source.tree) if source is not None and source.readable else []
        return any(each.level == 1 and each.module in MODULES for each in found)

    # What the constructor, the docstrings and the notebooks say about dropout.

    @cached_property
    def constructor(self) -> looking.Function | None:
        """FullyConnectedNet's."""
        return looking.method(self.node("fc_net.FullyConnectedNet"), "__init__")

    @cached_property
    def takes(self) -> dict[str, frozenset[str]]:
        """The arguments of both nets' constructors."""
        found = {}
        for name in ("FullyConnectedNet", "TwoLayerNet"):
            known = looking.takes(looking.method(self.node(f"fc_net.{name}"), "__init__"))
            if known is not None:
                found[name] = known
        return found

    @cached_property
    def argument(self) -> str | None:
        """What the constructor calls its dropout argument."""
        names = dict.fromkeys(edition.dropout.argument for edition in editions())
        return next((name for name in names if name in self.takes.get("FullyConnectedNet", ())), None)

    @cached_property
    def default(self) -> object:
        """That argument's default."""
        return looking.default(self.constructor, self.argument) if self.argument else None

    @cached_property
    def condition(self) -> str:
        """When the net has dropout layers, such as "!= 1"."""
        return looking.condition(self.constructor, self.argument) if self.argument else ""

    @cached_property
    def p_words(self) -> str:
        """What dropout_forward's docstring says of p: "keep", "drop", or ""."""
        node = self.node("layers.dropout_forward")
        text = ast.get_docstring(node) if isinstance(node, looking.Function) else None
        text = " ".join((text or "")[:MAX_DOCSTRING].lower().split())
        for word, patterns in (("keep", _KEEPS), ("drop", _DROPS)):
            if any(re.search(pattern, text) for pattern in patterns):
                return word
        return ""

    def keys(self, rule: str) -> frozenset[str]:
        """Text constants of an update rule, its config's keys among them."""
        node = self.node(f"optim.{rule}")
        docstring = ast.get_docstring(node, clean=False) if isinstance(node, looking.Function) else None
        return looking.texts(node) - {docstring}

    @cached_property
    def lists(self) -> frozenset[tuple[float, ...]]:
        """The lists of numbers that notebooks loop over."""
        found = set()
        for notebook in self.notebooks:
            for tree in notebook.trees:
                for node in ast.walk(tree):
                    if isinstance(node, (ast.For, ast.Assign)):
                        found.add(_numbers(node.iter if isinstance(node, ast.For) else node.value))
        return frozenset(found - {()})


def _numbers(node: ast.expr) -> tuple[float, ...]:
    if not isinstance(node, (ast.List, ast.Tuple)):
        return ()
    values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
    return tuple(float(value) for value in values if isinstance(value, (int, float)))


def packages(root: Path) -> list[Package]:
    """Every folder of a hand-in that may be its package, the most complete first."""
    found: list[Package] = []
    room = MAX_CODE
    for folder, names in walk(root):
        inner = folder / "classifiers" / "fc_net.py"
        complete = "layers.py" in names or "optim.py" in names or inner.is_file()
        if (complete or "fc_net.py" in names) and folder.name != "classifiers":
            package = package_at(root, folder)
            room -= sum(len(source.text) for source in package.sources.values())
            if found and room < 0:  # each of them is kept in memory
                break
            found.append(package)
    return sorted(found, key=lambda each: (-len(each.written), -len(each.sources)))


def package_at(root: Path, folder: Path) -> Package:
    """The package in one folder: its Python files, and those in its folder `classifiers`."""
    inner = {f"classifiers/{name}": path for name, path in python_files(folder / "classifiers").items()}
    return Package(root, folder, python_files(folder) | inner)


def python_files(folder: Path) -> dict[str, Path]:
    """Python files directly in a folder, by name; none where there is no such folder."""
    if folder.is_symlink() or not folder.is_dir():
        return {}
    return {path.name: path for path in sorted(folder.glob("*.py"))}


def named(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(names)
