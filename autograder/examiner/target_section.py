"""Finds what is trained again: our setup cell, then the code cells of the student's target section."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from autograder.course import Assignment, TargetSettings
from autograder.errors import CourseError
from autograder.examiner.files import crowded, read_plain

MAX_NOTEBOOK = 64 << 20  # bytes
MAX_CODE = 50_000  # letters of the target section; a frame to the worker holds not many more
MAX_MAGICS = 50  # lines of a cell with magics: the whole cell is read again for each of them
_MAGICS = re.compile(r"^[^\S\n]*[%!?/,;]|=[^\S\n]*[%!]|\?[^\S\n]*$", re.MULTILINE)


def section(assignment: Assignment, target: TargetSettings, notebook: Path) -> list[str]:
    """Our setup cell, then the code cells of the student's target section, as plain Python.

    ValueError, in words for a student, when the notebook or its section is missing or broken.
    """
    ours = dict(_cells(assignment.course.root / "source" / assignment.name / f"{target.notebook}.ipynb"))
    if target.setup not in ours:
        raise CourseError(
            f'there is no cell with grade_id "{target.setup}"',
            where=f"{target.notebook}.ipynb",
            fix="give the setup cell that grade_id, or mend [target] in assignment.toml",
        )
    theirs = _cells(notebook)
    names = [name for name, _ in theirs]
    if target.section not in names:
        raise ValueError(f"{notebook.name}: the heading of the target section is missing")
    first = names.index(target.section)
    last = names.index(target.question, first) if target.question in names[first:] else len(theirs)
    code = [source for _, source in theirs[first:last] if source.strip()]
    if not code:
        raise ValueError(f"{notebook.name}: the target section holds no code")
    if sum(map(len, code)) > MAX_CODE:
        raise ValueError(f"{notebook.name}: the target section holds more than {MAX_CODE:,} letters of code")
    return [as_python(ours[target.setup], "the setup cell")] + [
        as_python(source, f"{notebook.name}: code cell {number} of the target section")
        for number, source in enumerate(code, start=1)
    ]


def as_python(source: str, place: str) -> str:
    """Code of a cell with its magics turned into calls. Nothing is run."""
    if len(source) > MAX_CODE or len(_MAGICS.findall(source)) > MAX_MAGICS:
        raise ValueError(f"{place} holds more than {MAX_CODE:,} letters, or more than {MAX_MAGICS} lines with magics")
    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]  # IPython has no types
    except Exception as error:  # IPython raises what the text leads it to: SyntaxError, RuntimeError, ...
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ValueError(f"{place} is not valid Python ({type(error).__name__}{line})") from None


def _cells(path: Path) -> list[tuple[str, str]]:
    """(grade_id or cell id, code) of each cell; the code of a text cell is empty."""
    content = read_plain(path, MAX_NOTEBOOK)
    try:
        text = "{}" if crowded(content) else content.decode("utf-8-sig")
        if json.loads(text)["nbformat"] != 4:  # converting an older one can be made to take any amount of memory
            raise ValueError("an old format")
        cells = nbformat.reads(text, as_version=4).cells
        return [(_name(cell), cell.source if cell.cell_type == "code" else "") for cell in cells]
    except Exception:  # the file may hold anything, and nbformat raises whatever that leads to
        raise ValueError(f"{path.name} is not a notebook that can be read") from None


def _name(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", cell.get("id", "")))
