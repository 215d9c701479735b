"""A release in another language: texts of notebooks and of the guide, and the sentences that the package prints.

Only words are replaced: ids, points, code and tests stay as they are, so hand-ins of all languages are graded alike.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from nbformat.notebooknode import NotebookNode

from autograder.languages import GUIDE, PACKAGE, Catalogue, catalogue
from autograder.languages.templates import as_template, literal_of, literals

# Drawn by matplotlib, whose own font has no Chinese and no Korean letters.
DRAWN = ("vis_utils.py",)


def translate_notebook(nb: NotebookNode, name: str, language: str) -> None:
    """Replace the texts of a source notebook, in place; model answers and rubrics stay."""
    known = catalogue(language)
    for cell in nb.cells:
        if is_text(cell):
            cell.source = known.text(cell_context(name, cell), cell.source)


def translated_files(files: dict[str, str], package: str, language: str) -> dict[str, str]:
    """The files of a release besides the notebooks, with their sentences replaced."""
    known = catalogue(language)
    made = dict(files)
    for name, text in files.items():
        if name == GUIDE:
            made[name] = _guide(text, known)
        elif name.startswith(f"{package}/") and not name.endswith(DRAWN):
            made[name] = _module(text, known)
    return made


def is_text(cell: NotebookNode) -> bool:
    """Whether a cell of a source notebook is a text for students; model answers and rubrics are not."""
    meta = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "markdown" and not meta.get("solution") and not meta.get("task")


def cell_context(notebook: str, cell: NotebookNode) -> str:
    """The context of a cell's text in the catalogues: "Dropout.ipynb#intro"."""
    return f"{notebook}.ipynb#{cell.id}"


def blocks(guide: str) -> Iterator[str]:
    """The blocks of a guide, as blank lines divide it, without those that are code as a whole."""
    for block in guide.split("\n\n"):
        if block.strip() and not all(line.startswith("    ") for line in block.strip("\n").splitlines()):
            yield block.strip("\n")


def _guide(text: str, known: Catalogue) -> str:
    for block in blocks(text):
        told = known.text(GUIDE, as_template(block))
        if told == as_template(block):  # a block with values in it, or two of them
            told = "\n".join(known.say(line, GUIDE) for line in block.splitlines())
        text = text.replace(block, told, 1)
    return text


@functools.lru_cache(maxsize=512)  # a release writes the package once for each notebook
def _module(text: str, known: Catalogue) -> str:
    """A module in which every sentence that has a translation is replaced, the last one first."""
    lines = text.encode().split(b"\n")  # ast counts bytes
    for node, template in reversed(list(literals(ast.parse(text)))):
        told = known.text(PACKAGE, template)
        if told != template:
            assert node.end_lineno is not None
            start, end = node.lineno - 1, node.end_lineno - 1
            whole = lines[start][: node.col_offset] + literal_of(told).encode() + lines[end][node.end_col_offset :]
            lines[start : end + 1] = [whole]
    return b"\n".join(lines).decode()
