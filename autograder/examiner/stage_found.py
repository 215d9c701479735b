"""Lays out a hand-in of another course: its own files at their places, our support files under that course's names."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

from autograder import editions
from autograder.course import Assignment
from autograder.editions import CANONICAL, MODULES
from autograder.examiner.detect import Found, find
from autograder.examiner.faults import mended
from autograder.examiner.files import read_plain
from autograder.examiner.finding import python_files
from autograder.examiner.old_code import needs
from autograder.examiner.overlay import only
from autograder.examiner.stage import MAX_FILES, SUPPORT, StagedHandIn, stage, unfit_names
from autograder.wall import places

# What stands in for a module that nothing here needs: whatever is imported from it is None.
_EMPTY = b'def __getattr__(name):\n    if name.startswith("__"):\n        raise AttributeError(name)\n'
MAX_REMARKS = 40
_GIVEN = ("affine_relu_forward", "affine_relu_backward")  # what every starter's layer_utils holds


def lay_out(assignment: Assignment, folder: Path, edition: str = CANONICAL, place: Path | None = None) -> StagedHandIn:
    """Lay out the hand-in in `folder`, of our own course or of any edition. The caller removes it with `.remove()`.

    Parameters
    ----------
    assignment : Assignment
        What it answers.
    folder : Path
        The hand-in.
    edition : str
        An edition's name, or "auto". Of our own course the package is looked for only where it does not lie at its
        place: some students hand in its files without the folder.
    place : Path, optional
        The package's folder below `folder`.
    """
    ours = edition == CANONICAL and place is None
    if ours and os.path.lexists(folder / assignment.settings.package):
        return stage(assignment, folder)
    try:
        found = find(folder, edition, place)
    except ValueError as error:
        staged = stage(assignment, folder)
        return staged if ours else dataclasses.replace(staged, problems=(str(error),))
    if found.edition.canonical and found.package.folder.name == assignment.settings.package:
        return dataclasses.replace(stage(assignment, found.package.folder.parent), found=found)
    return stage_found(assignment, found)


def stage_found(assignment: Assignment, found: Found) -> StagedHandIn:
    """Lay out what was found. The caller removes it with `.remove()`."""
    root = places.make("hand-in")
    try:
        return _laid_out(assignment, found, root)
    except BaseException:
        places.remove(root)
        raise


def _laid_out(assignment: Assignment, found: Found, root: Path) -> StagedHandIn:
    own = root / "own"
    remarks: list[str] = list(found.remarks)
    files = dict(_files(found))
    own.mkdir()
    problems = unfit_names(found.name, list(files))
    kept = []
    for name, path in sorted(files.items())[:MAX_FILES] if not problems else ():
        try:
            content = read_plain(path, assignment.settings.limits.file_bytes)
        except ValueError as error:
            remarks.append(f"Left out: {error}.")
            continue
        _write(own / name, content)
        kept.append(name)
    _add_support(assignment, found, own)
    modules = _modules(found, own, remarks)
    if "layer_utils" not in modules:
        _lend_layer_utils(assignment, found, own)
        modules["layer_utils"] = _dotted(found, "layer_utils")
    modules = {name: modules[name] for name in MODULES if name in modules}
    _mend(found, own, remarks)
    if not problems and "layers" not in modules:
        problems += list(found.package.problems) or [f"{found.package.shown}layers.py is missing"]
    needed = needs(
        own, [*modules.values(), *(f"{name}.data_utils" for name in found.supports)], found.edition.stand_ins
    )
    for target in needed.empty:
        _write(own.joinpath(*target.split(".")).with_suffix(".py"), _EMPTY)
    for folder in [own, *own.rglob("*")]:
        if folder.is_dir() and folder != own:
            (folder / "__init__.py").write_bytes(b"")
    places.show(root)
    where = modules | {name: f"{found.supports[0]}.{name}" for name in SUPPORT}
    return StagedHandIn(
        root,
        assignment,
        tuple(kept),
        tuple(problems),
        found.name,
        tuple(modules),
        where,
        found,
        tuple(sorted(needed.stand_ins)),
        needed.aliases,
        (*remarks, *needed.remarks)[:MAX_REMARKS],
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _dotted(found: Found, module: str) -> str:
    return f"{found.name}.{found.module(module)[:-3].replace('/', '.')}"


def _files(found: Found) -> Iterator[tuple[str, Path]]:
    """Where each file of the hand-in goes, but for those that are ours."""
    package = found.package
    places_of = {package.place(module): found.module(module) for module in MODULES}
    for place, path in package.files.items():
        yield f"{found.name}/{places_of.get(place, place)}", path
    if package.folder == package.root:
        return
    beside = package.folder.parent
    known = {*package.imported, *found.supports} - {found.name}
    for name, path in python_files(beside).items():
        if path.stem in known:
            yield name, path
    for name in sorted(known):
        for place, path in python_files(beside / name).items():
            yield f"{name}/{place}", path


def _add_support(assignment: Assignment, found: Found, own: Path) -> None:
    """Our solver and what belongs to it, wherever this course imports them from; a hand-in's own are replaced."""
    first, *others = found.supports
    optim = _dotted(found, "optim")
    for module in editions.SUPPORT:
        text = (assignment.package / f"{module}.py").read_text(encoding="utf-8")
        _write(own / first / f"{module}.py", _moved(text, assignment.settings.package, first, optim).encode())
        for other in others:  # the same Solver, by another name
            _write(own / other / f"{module}.py", f"from {first}.{module} import *\n".encode())


def _moved(text: str, package: str, support: str, optim: str) -> str:
    """A support file whose imports find the package under other names.

    Examples
    --------
    >>> _moved("from nndl import checkpoint, optim", "nndl", "utils", "cs231n.optim").split(chr(10))
    ['from utils import checkpoint', 'from cs231n import optim']
    """

    def line(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[1].split(",")]
        parent, _, last = optim.rpartition(".")
        rows = [
            f"from {parent} import {last}" if name == "optim" else f"from {support} import {name}" for name in names
        ]
        return "\n".join(rows)

    text = re.sub(rf"(?m)^from {package} import (.+)$", line, text)
    return re.sub(rf"(?m)^from {package}\.(\w+) import", rf"from {support}.\1 import", text)


def _modules(found: Found, own: Path, remarks: list[str]) -> dict[str, str]:
    """The modules that are there and are Python 3."""
    modules = {}
    for module in MODULES:
        source = found.package.sources.get(module)
        if source is None or not (own / found.name / found.module(module)).is_file():
            continue
        if source.readable:
            modules[module] = _dotted(found, module)
    remarks += [f"{problem}." for problem in found.package.problems]
    return modules


def _lend_layer_utils(assignment: Assignment, found: Found, own: Path) -> None:
    """The starter's own functions, where a hand-in holds no layer_utils.py: some courses do not collect that file."""
    source = (assignment.package / "layer_utils.py").read_text(encoding="utf-8")
    text = only(source, _GIVEN)
    path = own / found.name / found.module("layer_utils")
    layers = _dotted(found, "layers")
    head = f"from {layers.rpartition('.')[0]} import layers\nfrom {layers} import *\n"
    _write(path, re.sub(r"(?m)^from \w+ import layers$", head, text).encode())


def _mend(found: Found, own: Path, remarks: list[str]) -> None:
    """Mend what the starter got wrong in fc_net.py."""
    source = found.package.sources.get("fc_net")
    path = own / found.name / found.module("fc_net")
    if source is not None and source.readable and path.is_file():
        better, told = mended(source, found.edition.faults, found.edition.accept_inherited_faults)
        if better is not source:
            path.write_text(better.text, encoding="utf-8")
        remarks += told
