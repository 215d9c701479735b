"""What has to be true of a release before students see it: no solution, no hidden test, no output, importable."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.course import Assignment
from autograder.cut import Cut
from autograder.delimiters import HIDDEN, SCHEME, SOLUTION, Region, regions
from autograder.package import LITTER, package_files, support_files
from autograder.stripping import without_magics

_ALL = (SOLUTION, HIDDEN, SCHEME)


def differences(made: Path, kept: Path) -> list[str]:
    """How the kept release differs from one made just now: a line for each file, sorted."""
    new, old = _tree(made), _tree(kept)
    found = [f"{name}: missing" for name in new.keys() - old.keys()]
    found += [f"{name}: not part of the release" for name in old.keys() - new.keys()]
    for name in new.keys() & old.keys():
        if new[name] != old[name]:
            pairs = zip(new[name].splitlines(), old[name].splitlines(), strict=False)
            line = next((i for i, (a, b) in enumerate(pairs, start=1) if a != b), None)
            found.append(f"{name}: out of date" + (f", first in line {line}" if line else ", at its end"))
    return sorted(found)


def leaks(assignment: Assignment, folder: Path, cut: Cut | None = None) -> list[str]:
    """What a release gives away: solution lines, hidden tests, delimiters, outputs, paths of this machine.

    A line counts if it occurs inside regions of the sources and nowhere outside them. Lines of fewer than six
    characters, or without letters, say nothing. The functions that a cut gives are no secret.
    """
    inside, outside = _lines_of_sources(assignment, cut or Cut.of(assignment))
    texts = {name: data.decode("utf-8", "replace") for name, data in _tree(folder).items()}
    for name in [name for name in texts if name.endswith(".ipynb")]:
        texts[name] = "\n".join(cell.source for cell in nbformat.reads(texts[name], as_version=4).cells)
    open_text = "\n".join(outside)
    secret = {line for line in inside if len(line) >= 6 and any(c.isalpha() for c in line) and line not in open_text}
    found = []
    for name, text in sorted(texts.items()):
        found += [f"{name}: a solution line: {line}" for line in sorted(secret) if line in text]
        found += [
            f"{name}: the delimiter {edge} {kind}"
            for kind in _ALL
            for edge in ("BEGIN", "END")
            if f"### {edge} {kind}" in text
        ]
        if str(assignment.course.root) in text:
            found.append(f"{name}: a path of this machine")
    return found + list(_outputs(folder))


def imports(assignment: Assignment, folder: Path) -> list[str]:
    """Modules of a release's package that do not import, and graded functions that do something already."""
    modules = [
        ".".join((assignment.package.name, *path.relative_to(assignment.package).with_suffix("").parts))
        for path in package_files(assignment)
    ]
    command = [sys.executable, "-I", "-B", "-c", _PROBE, str(folder), *modules]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    except subprocess.TimeoutExpired:
        return ["the package does not import within 120 seconds"]
    lines = done.stdout.splitlines()
    if done.returncode or not lines or lines[-1] != "done":
        return [*lines, f"the package does not import: {done.stderr.strip().splitlines()[-1:]}"]
    return lines[:-1]


# Runs with the release first on the path. Functions that hold a stub are called with arguments that take part in
# anything; whatever they raise is fine, an answer is not.
_PROBE = """
import importlib, inspect, sys, unittest.mock
folder, *names = sys.argv[1:]
sys.path.insert(0, folder)
for name in names:
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        print(f"{name} does not import: {type(error).__name__}: {error}")
        continue
    if not module.__file__.startswith(folder):
        print(f"{name} is not part of the release")
    for label, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ != name or "raise NotImplementedError()" not in inspect.getsource(function):
            continue
        taken = [p for p in inspect.signature(function).parameters.values()
                 if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        try:
            function(*(unittest.mock.MagicMock() for _ in taken))
        except Exception:
            continue
        print(f"{name}.{label} gives an answer although it is not written yet")
print("done")
"""


def _tree(folder: Path) -> dict[str, bytes]:
    """Contents of all files below a folder by name, without litter."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and LITTER.isdisjoint(path.relative_to(folder).parts)
    }


def _lines_of_sources(assignment: Assignment, cut: Cut) -> tuple[set[str], set[str]]:
    """Stripped lines of all sources that lie inside regions, and those outside."""
    inside: set[str] = set()
    outside: set[str] = set()
    for text, found, whole in _sources(assignment, cut):
        for number, line in enumerate(text.split("\n"), start=1):
            hidden = whole or any(region.first < number < region.last for region in found)
            if any(number in (region.first, region.last) for region in found):
                continue
            (inside if hidden else outside).add(line.strip())
    for path in support_files(assignment).values():
        outside |= {line.strip() for line in path.read_text(encoding="utf-8").split("\n")}
    return inside, outside


def _sources(assignment: Assignment, cut: Cut) -> Iterator[tuple[str, list[Region], bool]]:
    """Each text that is stripped: its regions, and whether all of it is a solution."""
    for path in package_files(assignment):
        text = cut.filled(path.read_text(encoding="utf-8"), path.stem, path.name)
        yield text, regions(text, path.name, kinds=_ALL, python=True), False
    for path in assignment.notebooks:
        for cell in nbformat.read(path, as_version=4).cells:
            code = without_magics(cell.source) if cell.cell_type == "code" else None
            found = regions(code or cell.source, path.name, kinds=_ALL, python=code is not None)
            solution = cell.metadata.get("nbgrader", {}).get("solution", False)
            yield cell.source, found, solution and not any(region.kind == SOLUTION for region in found)


def _outputs(folder: Path) -> Iterator[str]:
    """Cells of released notebooks that still hold what they printed."""
    for path in sorted(folder.glob("*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, start=1):
            if cell.get("outputs") or cell.get("execution_count") is not None:
                yield f"{path.name}: cell {number} has outputs"
