"""A small course for tests of stages: the committed configuration, two functions, one notebook."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course
from autograder.gradebook import auto_scores, record

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


def cell_of(nb: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell with this grade_id."""
    [cell] = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id]
    return cell


# The examiner of these tests: it says what shares.json of the course says. What is under test is the way from a result
# to gradebook and pages; the examiner itself has tests of its own.
EXAMINER = """\
import json
from autograder.results import HandInResult, QuestionResult

def examined(assignment, student, folder):
    assert folder.parts[-3:] == ("submitted", student, assignment.name), folder
    said = json.loads((assignment.course.root / "shares.json").read_text()).get(student, {})
    origin = {"edition": "canonical", "wall": "none", "data": "none"}
    questions = [
        QuestionResult(kit="0", question=name, state=state, share=share, reason=reason, **origin)
        for name, (state, share, reason) in said.get("questions", {}).items()
    ]
    return HandInResult(
        student=student, assignment=assignment.name, state=said.get("state", "graded"), reason=said.get("reason", ""),
        questions=tuple(questions), **origin,
    )
"""

FULL = {
    "dropout_forward": ["graded", 1.0, "Every check passed: dropout_forward."],
    "dropout_backward": ["graded", 0.5, "Half of it: the mask is not used."],
    "target": ["graded", 0.25, "Reached 0.37 of 0.55."],
}


class Class:
    """A released course with hand-ins."""

    def __init__(self, root: Path) -> None:
        self.course = Course(root)
        self.assignment = self.course.assignment("deep_nets")
        self.said: dict[str, object] = {}

    def released(self) -> NotebookNode:
        """The notebook that students get."""
        return nbformat.read(self.course.root / "release" / "deep_nets" / "Dropout.ipynb", as_version=4)

    def hand_in(self, student: str, nb: NotebookNode | str | bytes | None, **said: object) -> Path:
        """Hand in a notebook, or bytes in its place, or none; `said` is what the examiner will say."""
        folder = self.course.root / "submitted" / student / "deep_nets"
        folder.mkdir(parents=True)
        if isinstance(nb, NotebookNode):
            nb = json.dumps(nb)  # nbformat would mend what a test breaks
        if nb is not None:
            (folder / "Dropout.ipynb").write_bytes(nb.encode() if isinstance(nb, str) else nb)
        self.said[student] = said or {"questions": FULL}
        (self.course.root / "shares.json").write_text(json.dumps(self.said))
        return folder

    def record(self, student: str) -> str:
        """Record the hand-in; returns why it could not be."""
        return record(self.course, self.assignment, student)

    def scores(self, student: str) -> dict[str, float | None]:
        """The automatic scores in the gradebook."""
        return auto_scores(self.assignment, student)

    def autograded(self, student: str) -> NotebookNode:
        """The notebook that graders see."""
        return nbformat.read(self.course.root / "autograded" / student / "deep_nets" / "Dropout.ipynb", as_version=4)

    def nbgrader(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Plain nbgrader, on the command line, in the course's folder."""
        full = [sys.executable, "-m", "nbgrader", *command]
        return subprocess.run(full, cwd=self.course.root, capture_output=True, text=True, timeout=120)
