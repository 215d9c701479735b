"""Solutions out of Python files: nbgrader's own ClearSolutions, with checks before and after.

A file is wrapped as a notebook of one cell. Nothing is stripped silently wrong: what nbgrader would overlook is
refused (autograder.delimiters), and what is left has to compile with every stub inside a function.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.preprocessors import ClearSolutions

from autograder.delimiters import SOLUTION, regions
from autograder.errors import CourseError

STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")


def read_source(path: Path, where: str) -> str:
    """The text of a file that goes to students: UTF-8 without a mark, line feeds, no tabs in indentation."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CourseError("not UTF-8", where=f"{where}, line {line}", fix="save the file as UTF-8") from None
    if text.startswith("\ufeff"):
        raise CourseError("begins with a byte order mark", where=where, fix="save the file as UTF-8 without BOM")
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        raise CourseError(
            "has Windows line ends, which nbgrader's stripping takes for part of a line",
            where=f"{where}, line {line}",
            fix="save the file with line feeds only (LF)",
        )
    tab = re.search(r"^ *\t", text, flags=re.MULTILINE)
    if tab is not None and path.suffix == ".py":
        line = text[: tab.start()].count("\n") + 1
        raise CourseError("indented with a tab", where=f"{where}, line {line}", fix="indent with four spaces")
    return text


@functools.lru_cache(maxsize=256)  # nbgrader asks for all files with each notebook
def stripped(text: str, where: str) -> str:
    """A Python file without its solutions: each region becomes the two lines of `STUB`.

    Raises
    ------
    CourseError
        If the regions are wrong, or what is left does not compile or has a stub outside a function.

    Examples
    --------
    >>> print(stripped("def f(x):\\n    ### BEGIN SOLUTION\\n    return 2 * x\\n    ### END SOLUTION", "f.py"))
    def f(x):
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    check_syntax(text, where)
    found = regions(text, where, kinds=(SOLUTION,), python=True)
    cell = new_code_cell(text)
    clear = ClearSolutions(enforce_metadata=False, code_stub={"python": "\n".join(STUB)})
    clear.preprocess(new_notebook(cells=[cell]), {})
    result: str = cell.source
    check_stripped(result, where, stubs=len(found))
    return result


def check_stripped(text: str, where: str, *, stubs: int) -> None:
    """What is left compiles, and each of its `stubs` raises inside a function, not when the module is imported."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise CourseError(
            f"without its solutions this is not valid Python: {error.msg} (line {error.lineno} of what is left)",
            where=where,
            fix="let each region hold whole statements, not a part of an expression in brackets",
        ) from None
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if is_stub(node)
    }
    if len(inside) != stubs or any(is_stub(node) and node not in inside for node in ast.walk(tree)):
        raise CourseError(
            f"{stubs} solution regions left {len(inside)} stubs inside functions",
            where=where,
            fix="put every region into the body of a function, and write NotImplementedError nowhere else",
        )


def is_stub(node: ast.AST) -> bool:
    """Whether this is the statement `raise NotImplementedError()`."""
    return isinstance(node, ast.Raise) and ast.unparse(node) == STUB[1]


def check_syntax(text: str, where: str) -> None:
    """Raise a CourseError with the line if this is not Python."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise CourseError(
            f"not valid Python: {error.msg}", where=f"{where}, line {error.lineno}", fix="mend the syntax"
        ) from None


def without_magics(source: str) -> str | None:
    """A cell as Python with its IPython lines (`%`, `!`, `?`) turned into `pass`; None for a `%%` cell."""
    if source.lstrip().startswith("%%"):
        return None
    lines = source.split("\n")
    for i, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith(("%", "!", "?")) or (bare.endswith("?") and not bare.startswith("#")):
            lines[i] = line[: len(line) - len(line.lstrip())] + "pass"
    return "\n".join(lines)
