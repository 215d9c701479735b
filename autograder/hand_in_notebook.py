"""A notebook from a hand-in, which may hold anything: read with care and built anew from what is wanted of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from autograder.examiner.files import crowded
from autograder.notebooks import KERNEL, LANGUAGE, new_cell
from autograder.safe_markdown import safe_markdown
from autograder.safe_outputs import MAX_SOURCE, SafeOutputs, plain_text

MAX_BYTES = 50_000_000
MAX_CELLS = 2_000
# Characters of Markdown in one cell and in all: rendering takes time that grows with the square of a cell's length.
MAX_MARKDOWN, MAX_ALL_MARKDOWN = 30_000, 500_000
MAX_ALL_CODE = 1_000_000  # characters of code: it is coloured on pages, which may take as long
UNREAD = "autograder_unread"  # key in the metadata of an autograded copy; a hand-in's own metadata is never kept
NO_CELLS = "none of its graded cells was found"
LONG = 5_000  # characters of a cell whose blank lines are shortened: many of them take the colouring longest


def read_hand_in(path: Path) -> NotebookNode:
    """The notebook at `path`, harmless; where it cannot be read, an empty one that says why.

    Kept are the source of cells, their outputs as far as autograder.safe_outputs lets them, PNG and JPEG attachments,
    and nbgrader's grade_id. Nothing else of the metadata counts: points and flags are put back from the gradebook.
    """
    try:
        return _clean(_parsed(path))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return unread_notebook(path.name, plain_text(reason or "damaged", 200))


def unread_notebook(name: str, why: str) -> NotebookNode:
    """A notebook that stands for one that could not be read, and says so to people and, in its metadata, to us."""
    nb = empty_notebook(f"{name} could not be read: {why}")
    nb.metadata[UNREAD] = why
    return nb


def why_unread(path: Path) -> str:
    """Why the notebook of which `path` is the autograded copy could not be read; empty if it could be."""
    data = path.read_bytes() if path.is_file() else b""
    if f'"{UNREAD}"'.encode() not in data:  # most have no such key, and parsing all of a class takes long
        return ""
    return str(parse(data).get("metadata", {}).get(UNREAD, ""))


def empty_notebook(reason: str) -> NotebookNode:
    """A notebook that stands for one that is missing or unreadable, and says why."""
    nb = new_notebook(cells=[new_markdown_cell(safe_markdown(reason), id="reason")])
    nb.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(LANGUAGE))
    return nb


def _parsed(path: Path) -> dict[str, Any]:
    """The file as a notebook of format 4.

    Raises
    ------
    ValueError
        If it is no regular file, too large, or no notebook of format 4.
    """
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is not an ordinary file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return parse(path.read_bytes())


def parse(data: bytes) -> dict[str, Any]:
    """The notebook that `data` holds, as JSON of nbformat 4; its `cells` are a list, their content is unchecked.

    nbformat is kept out of it: it would "correct" a notebook of today's format at random, and what it makes of an
    older one can fill the memory (a heading of level 1,500,000,000 becomes that many "#").

    Raises
    ------
    ValueError
        If it is no notebook or one of an old format, in words for a student.

    Examples
    --------
    >>> parse(b'{"nbformat": 4, "cells": []}')
    {'nbformat': 4, 'cells': []}
    """
    try:
        raw: Any = None if crowded(data) else json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("it is not a notebook") from None
    version = raw.get("nbformat") if isinstance(raw, dict) else None
    if type(version) is not int:
        raise ValueError("it is not a notebook")
    if version != 4:
        saved = "saved by a Jupyter from before 2015" if version < 4 else "of a format newer than Jupyter's today"
        raise ValueError(f"it is {saved}; open it in today's Jupyter and save it again")
    if not isinstance(raw.get("cells"), list) or len(raw["cells"]) > MAX_CELLS:
        raise ValueError("it is not a notebook, or has too many cells")
    notebook: dict[str, Any] = raw
    return notebook


def _clean(nb: dict[str, Any]) -> NotebookNode:
    """Build the notebook anew, cell by cell."""
    outputs, taken, cells = SafeOutputs(), set[str](), []
    room = {"markdown": MAX_ALL_MARKDOWN, "code": MAX_ALL_CODE}
    for index, raw in enumerate(nb["cells"]):
        cell = _cell(raw, outputs, _identity(raw, index, taken), room)
        if cell is not None:
            room[cell.cell_type] -= len(cell.source)
            cells.append(cell)
    made = new_notebook(cells=cells)
    made.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(LANGUAGE))
    return made


def _identity(raw: Any, index: int, taken: set[str]) -> str:
    """The cell's own id if it is a valid one not used before, else one made from its place."""
    own = raw.get("id") if isinstance(raw, dict) else None
    if not isinstance(own, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", own) or own in taken:
        own = f"cell-{index}"
        while own in taken:
            own += "-"
    taken.add(own)
    return own


def _cell(raw: Any, outputs: SafeOutputs, identity: str, room: dict[str, int]) -> NotebookNode | None:
    """One cell built anew; None for what is no cell. A raw cell becomes code, which no page takes for HTML."""
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = raw.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if raw["cell_type"] in ("code", "raw"):
        cell = new_cell("code", _code(source, max(0, min(room["code"], MAX_SOURCE))), identity)
        cell.outputs = outputs.of_cell(raw.get("outputs")) if raw["cell_type"] == "code" else []
    else:
        attachments = _attachments(raw.get("attachments"), outputs)
        source = plain_text(source, max(0, min(room["markdown"], MAX_MARKDOWN)))
        cell = new_cell("markdown", safe_markdown(source, attachments), identity)
        if attachments:
            cell.attachments = attachments
    meta = raw.get("metadata")
    given = meta.get("nbgrader") if isinstance(meta, dict) else None
    grade_id = given.get("grade_id") if isinstance(given, dict) else None
    if isinstance(grade_id, str):
        cell.metadata["nbgrader"] = NotebookNode(grade_id=grade_id)
    return cell


def _code(source: str, limit: int) -> str:
    """Code as it is shown; what is long loses spaces at the ends of lines, and of many blank lines all but three."""
    source = plain_text(source, limit)
    if len(source) < LONG:
        return source
    return re.sub(r"\n{5,}", "\n" * 4, "\n".join(line.rstrip() for line in source.split("\n")))


def _attachments(raw: Any, outputs: SafeOutputs) -> NotebookNode:
    """Pictures pasted into Markdown, as PNG, under their names."""
    kept = NotebookNode()
    for name, bundle in raw.items() if isinstance(raw, dict) else ():
        for kind in ("image/png", "image/jpeg"):
            data = bundle.get(kind) if isinstance(bundle, dict) else None
            if isinstance(data, str) and re.fullmatch(r"[\w .()-]{1,100}", str(name)) and len(kept) < 20:
                try:
                    kept[name] = NotebookNode({"image/png": outputs.image(data)})
                except ValueError:
                    continue
    return kept
