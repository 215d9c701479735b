"""Instructor notebooks: checked before nbgrader strips them, made the same on every machine after it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode

from autograder.delimiters import HIDDEN, SCHEME, SOLUTION, regions
from autograder.errors import CourseError
from autograder.stripping import STUB, check_stripped, check_syntax, without_magics

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}
# What a cell may carry; the rest (when it ran, how far it was scrolled) differs from one machine to the next.
CELL_METADATA = frozenset({"nbgrader", "deletable", "editable", "tags"})


def new_cell(kind: str, source: str, identity: str) -> NotebookNode:
    """A cell of kind "code", "markdown" or "raw", as nbformat's own functions make it, but not validated by itself.

    A whole notebook is validated when it is written; each cell as well took about a tenth of recording a hand-in.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell
    >>> new_cell("code", "x = 1", "first") == new_code_cell("x = 1", id="first")
    True
    """
    cell = NotebookNode(id=identity, cell_type=kind, metadata=NotebookNode(), source=source)
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def check_notebook(nb: NotebookNode, where: str) -> None:
    """Refuse everything that nbgrader would strip wrong without a word.

    Raises
    ------
    CourseError
        With file, cell and line.
    """
    for number, cell in enumerate(nb.cells, start=1):
        meta = cell.metadata.get("nbgrader", {})
        here = f'{where}, cell "{meta["grade_id"]}"' if "grade_id" in meta else f"{where}, cell {number}"
        if "\r" in cell.source:
            raise CourseError("has Windows line ends", where=here, fix="save the notebook with line feeds only")
        _check_cell(cell, meta, here)


def check_ids(path: Path, where: str) -> None:
    """Every cell of the file has an id of its own; nbformat would make up others, different each time.

    Raises
    ------
    CourseError
        With the number of the cell.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    seen: set[str] = set()
    for number, cell in enumerate(raw.get("cells", []), start=1):
        here = f"{where}, cell {number}"
        if "id" not in cell or (raw["nbformat"], raw["nbformat_minor"]) < (4, 5):
            raise CourseError("cells have no ids", where=here, fix="save the notebook with a current Jupyter")
        if cell["id"] in seen:
            raise CourseError(
                f"two cells have the id {cell['id']!r}", where=here, fix="give this cell an id of its own"
            )
        seen.add(cell["id"])


def _check_cell(cell: NotebookNode, meta: dict[str, Any], here: str) -> None:
    """Delimiters, syntax, and a rerun of its hidden tests in every autograded cell."""
    solution, grade, task = (bool(meta.get(key)) for key in ("solution", "grade", "task"))
    code = without_magics(cell.source) if cell.cell_type == "code" else None
    if code is not None:
        check_syntax(code, here)
    kinds = ((SOLUTION,) if solution else ()) + ((HIDDEN,) if grade else ()) + ((SCHEME,) if task else ())
    found = regions(cell.source if code is None else code, here, kinds=kinds, python=code is not None)
    if cell.cell_type == "code" and grade and not solution and not any(region.kind == HIDDEN for region in found):
        raise CourseError(
            "is graded and names no hidden test",
            where=here,
            fix=f'end the cell with "### BEGIN {HIDDEN}", a rerun of its question, "### END {HIDDEN}"',
        )


def normalize(nb: NotebookNode) -> None:
    """Make the notebook independent of who saved it where: kernel, language version, traces of running it."""
    nb.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(LANGUAGE))
    nb.nbformat, nb.nbformat_minor = 4, 5
    for cell in nb.cells:
        for key in set(cell.metadata) - CELL_METADATA:
            del cell.metadata[key]


def check_released_notebook(nb: NotebookNode, where: str) -> None:
    """After stripping: every code cell is valid Python, and each of its stubs stands alone or in a function."""
    for number, cell in enumerate(nb.cells, start=1):
        code = without_magics(cell.source) if cell.cell_type == "code" else None
        if code is None:
            continue
        here = f"{where}, cell {number} of the release"
        # A cell that is a stub as a whole raises when it is run, as it should; only its syntax is looked at.
        if cell.metadata.get("nbgrader", {}).get("solution"):
            check_syntax(code, here)
        else:
            check_stripped(code, here, stubs=code.count(STUB[1]))
