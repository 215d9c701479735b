"""Notebooks that cheat: whatever a hand-in does to cells, metadata and files, the examiner's scores are recorded."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from small_course import Class, cell_of

from autograder.hand_in_notebook import NO_CELLS, UNREAD
from autograder.notebooks import KERNEL

pytestmark = pytest.mark.hostile
SCORES = {"dropout_forward": 5.0, "dropout_backward": 1.5, "target": 2.5}


@pytest.fixture(autouse=True)
def counted(record_property: Callable[[str, object], None]) -> None:
    """Each test here is an attack that the last lines of `make test-hostile` count."""
    record_property("attack on", "the gradebook")


def _delete(name: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        nb.cells.remove(cell_of(nb, name))

    return change


def _delete_all(nb: NotebookNode) -> None:
    nb.cells = []


def _duplicate(nb: NotebookNode) -> None:
    copy = NotebookNode(json.loads(json.dumps(cell_of(nb, "target"))), id="copy")
    nb.cells.insert(1, copy)


def _rename(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.grade_id = "mine"


def _strip_metadata(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.metadata = NotebookNode()


def _retype(nb: NotebookNode) -> None:
    cell = cell_of(nb, "target")
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]


def _retype_raw(nb: NotebookNode) -> None:
    _retype(nb)
    cell_of(nb, "target").cell_type = "raw"


def _more_points(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.points = 1000


def _odd_points(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.points = "many"


def _no_grade(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.grade = False


def _as_solution(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.update(solution=True, locked=False, task=True)


def _forged_result(nb: NotebookNode) -> None:
    cell = cell_of(nb, "target")
    cell.outputs = [
        new_output("execute_result", data={"text/plain": "10.0"}, execution_count=1),
        new_output("display_data", data={"text/plain": "10.0"}),
    ]
    cell.metadata["tags"] = ["skip-execution", "raises-exception"]


def _old_schema(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.schema_version = 1


def _odd_metadata(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata["nbgrader"] = ["target"]
    nb.metadata["kernelspec"] = {"name": "evil", "language": "klingon", "display_name": "<script>"}


def _same_ids(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.id = "same"


def _kernel_program(nb: NotebookNode) -> None:
    nb.metadata["kernelspec"] = {
        "name": "../../bin/sh",
        "display_name": "sh",
        "argv": ["/bin/sh", "-c", "touch /tmp/x"],
    }
    nb.metadata["language_info"] = {"name": "sh", "version": "{{ 7 * 7 }}"}


def _start_up_code(nb: NotebookNode) -> None:
    nb.metadata["nbgrader"] = {"extra_resources": {"score": 10}}
    nb.metadata["celltoolbar"] = "Create Assignment"
    nb.metadata["execution"] = {"timeout": -1}
    nb.cells.insert(0, new_code_cell("%load_ext evil\nimport os; os._exit(0)", id="first"))


WITHOUT_CELLS = ("an empty notebook has no cell that loses points", "without metadata nothing is a question")
CHEATS = {
    "without its cell the target cannot score below its full points": _delete("target"),
    "without the set-up nothing can be run, so nothing can fail": _delete("setup"),
    "an empty notebook has no cell that loses points": _delete_all,
    "a second target cell scores a second time, or stops the grading of the class": _duplicate,
    "a question of my own name has my own points": _rename,
    "without metadata nothing is a question": _strip_metadata,
    "a question that became text is graded by hand, generously": _retype,
    "a question in a raw cell is never run": _retype_raw,
    "my notebook says that this question is worth 1000 points": _more_points,
    "points that are no number stop the grading": _odd_points,
    "my notebook says that this cell is not graded": _no_grade,
    "my notebook says that this cell is mine to write": _as_solution,
    "the output of the graded cell says 10.0 already, and the cell asks not to be run": _forged_result,
    "metadata of an old schema stops the grading": _old_schema,
    "metadata that is no dict stops the grading; the kernel is a program of mine": _odd_metadata,
    "all cells have one id, so one score stands for all": _same_ids,
    "a kernel is a program that Jupyter starts": _kernel_program,
    "grading runs my notebook with a longer time limit and my own start-up code": _start_up_code,
}


@pytest.mark.parametrize("claim", CHEATS)
def test_record_gives_the_examiners_scores_whatever_a_student_does_to_cells(classroom: Class, claim: str) -> None:
    nb = classroom.released()
    CHEATS[claim](nb)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert classroom.scores("eve") == SCORES
    book = classroom.autograded("eve")
    meta = cell_of(book, "target").metadata.nbgrader
    assert (meta.points, meta.grade, meta.solution, meta.locked) == (10.0, True, False, True)
    assert "tags" not in cell_of(book, "target").metadata
    assert book.metadata.kernelspec == NotebookNode(KERNEL)
    told = {UNREAD: NO_CELLS} if claim in WITHOUT_CELLS else {}
    assert {name: text for name, text in book.metadata.items() if name not in ("kernelspec", "language_info")} == told


def test_record_survives_a_deleted_cell_that_followed_a_deleted_cell(classroom: Class) -> None:
    nb = classroom.released()
    for name in ("setup", "dropout_forward", "dropout_backward", "target_solution", "target"):
        _delete(name)(nb)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert classroom.scores("eve") == SCORES
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in classroom.autograded("eve").cells]
    order = [name for name in ids if name in SCORES]
    assert order == list(SCORES)


def test_record_takes_nothing_but_notebooks_from_a_hand_in(classroom: Class) -> None:
    folder = classroom.hand_in("eve", classroom.released())
    (folder / "db").symlink_to(classroom.course.root / "gradebook.db")
    (folder / "nndl").mkdir()
    (folder / "nndl" / "layers.py").write_text("x = 1\n")
    (folder / "timestamp.txt").write_text("no time at all\n")
    assert classroom.record("eve") == ""
    assert [path.name for path in (classroom.course.root / "autograded" / "eve").rglob("*.*")] == ["Dropout.ipynb"]


def test_plain_autograde_copies_no_file_that_a_link_points_to(classroom: Class) -> None:
    folder = classroom.hand_in("eve", classroom.released())
    (folder / "db").symlink_to(classroom.course.root / "gradebook.db")
    (folder / "sub").mkdir()
    (folder / "sub" / "timestamp.txt").symlink_to(classroom.course.root / "gradebook.db")
    assert classroom.nbgrader("autograde", "deep_nets").returncode == 0
    assert [path.name for path in (classroom.course.root / "autograded" / "eve").rglob("*.*")] == ["Dropout.ipynb"]


def test_record_reads_a_notebook_that_is_a_link_as_unreadable(classroom: Class) -> None:
    folder = classroom.hand_in("eve", None)
    (folder / "Dropout.ipynb").symlink_to(classroom.course.root / "source" / "deep_nets" / "Dropout.ipynb")
    assert classroom.record("eve") == ""
    nb = classroom.autograded("eve")
    assert "could not be read" in nb.cells[0].source
    assert "hidden_recipe" not in json.dumps(nb)
