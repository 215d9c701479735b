"""What a hand-in's code needs to run here: modules that are not installed, names that NumPy and Python once had.

The examiner reads the modules' texts, follows their imports through the laid-out tree, and says which stand-ins the
worker needs (worker/standins.py has them). Everything found becomes a remark.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autograder.examiner.files import read_plain
from autograder.examiner.looking import Import, NotPython, Source, imports
from autograder.worker import standins

_HERE = frozenset(sys.stdlib_module_names) | {"numpy"}
_LIMIT = 2_000_000
_MOST = 100  # stand-ins and aliases; they travel to the worker in one message
_COMPUTES = {"scipy": f"of it only {', '.join(standins.STATS)} of scipy.stats are here, to draw from"}
_OLD_METHODS = ("iteritems", "itervalues", "iterkeys", "has_key")


@dataclass
class Needs:
    """Stand-ins by name, aliases (top-level name: the module it means), empty files, and remarks."""

    stand_ins: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)
    remarks: dict[str, None] = field(default_factory=dict)


def needs(folder: Path, modules: Iterable[str], optional: Sequence[str] = ()) -> Needs:
    """What the modules ("cs231n.layers") laid out below `folder` need; `optional` ones may be missing there.

    What stands in for a module that is there is written over it.
    """
    found = Needs()
    waiting, seen = list(modules), set[str]()
    while waiting:
        name = waiting.pop()
        path = _file(folder, name)
        if name in seen or path is None:
            continue
        seen.add(name)
        source = Source.of_bytes(path.name, read_plain(path, _LIMIT))
        try:
            _ = source.tree
        except NotPython as error:
            if name.rpartition(".")[2] in optional:
                found.empty.add(name)
                found.remarks[f"{error}; nothing here needs it, so an empty one stood in."] = None
            continue
        _look_for_old_names(source, found)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for each in imports(source.tree):
            waiting += _follow(folder, package, each, source, found, set(optional))
    return found


def is_absent(folder: Path, module: str) -> bool:
    """Whether a module is neither in the laid-out tree nor in a worker's Python."""
    top = module.partition(".")[0]
    there = (folder / top).is_dir() or (folder / f"{top}.py").is_file()
    return not there and top not in _HERE and top not in standins.NAMES


def _file(folder: Path, module: str) -> Path | None:
    place = folder.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _follow(folder: Path, package: str, each: Import, source: Source, found: Needs, optional: set[str]) -> list[str]:
    """Modules of the tree that an import leads to; what is not there is noted."""
    if each.level:
        parents = package.split(".")
        base = ".".join(parents[: len(parents) - each.level + 1])
        target = f"{base}.{each.module}" if each.module else base
    else:
        target = each.module
    top = target.partition(".")[0]
    if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
        inside = [f"{target}.{name}" for name in each.names if _file(folder, f"{target}.{name}")]
        if _file(folder, target) is None and not inside and not (folder.joinpath(*target.split("."))).is_dir():
            _note_missing(target, each, source, found, optional)
        return [target, *inside]
    if each.level == 0 and len(found.aliases) < _MOST and _file(folder, f"{package}.{top}"):
        found.aliases[top] = f"{package}.{top}"
        found.remarks[f"{source.name} imports {top} as Python 2 does, from beside it."] = None
        return [f"{package}.{top}"]
    if is_absent(folder, top) and not each.guarded:
        real = top in standins.OLD or top in standins.MOVED
        if not real and len(found.stand_ins) < _MOST:
            found.stand_ins.add(top)
        kind = "its old names are here" if real else _COMPUTES.get(top, "it computes nothing")
        found.remarks[f"{top} is not installed here; a stand-in took its place ({kind})."] = None
    return []


def _note_missing(target: str, each: Import, source: Source, found: Needs, optional: set[str]) -> None:
    star = "*" in each.names
    if not each.guarded and (star or target.rpartition(".")[2] in optional or target.endswith("_cython")):
        found.empty.add(target)
        what = "was never built" if target.endswith("_cython") else "was not handed in"
        found.remarks[f"{target.replace('.', '/')}, imported by {source.name}, {what}; an empty one stood in."] = None


def _look_for_old_names(source: Source, found: Needs) -> None:
    bound = {
        node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {name for each in imports(source.tree) for name in each.names}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            if node.attr in standins.NUMPY and node.attr not in vars(np):
                found.remarks[f"np.{node.attr} is no longer in NumPy; the old name was put back."] = None
        elif isinstance(node, ast.Attribute) and node.attr in _OLD_METHODS:
            found.remarks[f"{source.name}, line {node.lineno}: dict.{node.attr} is Python 2 only."] = None
        elif isinstance(node, ast.Name) and node.id in standins.BUILTINS and node.id not in bound:
            found.remarks[f"{node.id} is Python 2's; the old name was put back."] = None
        elif isinstance(node, ast.Call) and any(keyword.arg == "newshape" for keyword in node.keywords):
            found.remarks["np.reshape no longer takes newshape; the old name was put back."] = None
