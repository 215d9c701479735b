"""A small course in a temporary folder: the committed configuration, two functions, one notebook."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """\
title = "A small course"
package = "nndl"
editable = ["layers.py"]
"""

LAYERS = '''\
"""Layers."""

import numpy as np


def dropout_forward(x, dropout_param):
    """Drop values."""
    p = dropout_param["p"]
    ### BEGIN SOLUTION
    secret_mask = (np.random.rand(*x.shape) < p) / p
    out = x * secret_mask
    ### END SOLUTION
    return out, secret_mask


def dropout_backward(dout, cache):
    """Pass the gradient of what was kept."""
    ### BEGIN SOLUTION
    return dout * cache
    ### END SOLUTION
'''

GIVEN = '''\
"""Given to students."""


def mean(x):
    """The mean of x."""
    return sum(x) / len(x)
'''


def graded(grade_id: str, points: float) -> NotebookNode:
    """An autograded cell, as the course's notebooks write them."""
    source = (
        f'layer_tests.check("{grade_id}")\n### BEGIN HIDDEN TESTS\n'
        f'import autograder; autograder.rerun("{grade_id}")\n### END HIDDEN TESTS'
    )
    meta = {"schema_version": 3, "grade": True, "solution": False, "locked": True, "task": False}
    meta |= {"grade_id": grade_id, "points": points}
    return new_code_cell(source, id=grade_id.replace("_", "-"), metadata={"nbgrader": meta})


def in_words(grade_id: str, points: float) -> NotebookNode:
    """A question answered in words, with a model answer."""
    source = f"### BEGIN SOLUTION\nThe model answer of {grade_id}.\n### END SOLUTION"
    meta = {"schema_version": 3, "grade": True, "solution": True, "locked": False, "task": False}
    meta |= {"grade_id": grade_id, "points": points}
    return new_markdown_cell(source, id=grade_id.replace("_", "-"), metadata={"nbgrader": meta})


def plain(grade_id: str, source: str, *, solution: bool = False) -> NotebookNode:
    """A locked cell without points, or a code cell that the student fills."""
    meta = {"schema_version": 3, "grade": False, "solution": solution, "locked": not solution, "task": False}
    meta |= {"grade_id": grade_id}
    return new_code_cell(source, id=grade_id.replace("_", "-"), metadata={"nbgrader": meta})


def small_notebook() -> NotebookNode:
    """Setup, two autograded questions, a free section, one question in words."""
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3.11 (ipykernel)", "language": "python"}},
        cells=[
            new_markdown_cell("# Dropout\n\nWith $p$ kept.", id="title"),
            plain("setup", "%matplotlib inline\nimport numpy as np\nfrom nndl import layers"),
            graded("dropout_forward", 5),
            graded("dropout_backward", 3),
            plain(
                "target_solution",
                "epochs = 2\n### BEGIN SOLUTION\nhidden_recipe = 1e-3\nmodel = hidden_recipe\n### END SOLUTION",
                solution=True,
            ),
            graded("target", 10),
            in_words("explain_scaling", 2),
        ],
    )


def write_notebook(nb: NotebookNode, path: Path) -> None:
    """Write a notebook as Jupyter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)


def make_course(root: Path) -> Course:
    """A course of one assignment, `deep_nets`, with everything a release needs."""
    for name in ("nbgrader_config.py", "requirements.lock"):
        shutil.copy(ROOT / name, root / name)
    folder = root / "assignments" / "deep_nets"
    files = {
        folder / "assignment.toml": SETTINGS,
        folder / "nndl" / "__init__.py": '"""Deep nets in NumPy."""\n',
        folder / "nndl" / "layers.py": LAYERS,
        folder / "nndl" / "given.py": GIVEN,
        folder / "release_files" / "README.md": "# Start here\n",
        root / "get_datasets.sh": "#!/bin/sh\npython3 datasets/get_datasets.py\n",
        root / "datasets" / "get_datasets.py": '"""Fetch."""\n',
        root / "datasets" / "checksums.txt": "none\n",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    write_notebook(small_notebook(), root / "source" / "deep_nets" / "Dropout.ipynb")
    return Course(root)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A fresh small course."""
    root = tmp_path / "course"
    root.mkdir()
    return make_course(root)


@pytest.fixture
def edit_notebook(course: Course) -> Callable[[Callable[[NotebookNode], None]], None]:
    """Change the course's source notebook in place."""

    def edit(change: Callable[[NotebookNode], None]) -> None:
        path = course.root / "source" / "deep_nets" / "Dropout.ipynb"
        nb = nbformat.read(path, as_version=4)
        change(nb)
        nbformat.write(nb, path)

    return edit
