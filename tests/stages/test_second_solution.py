"""A complete hand-in written by somebody who saw the release only, in another style than the reference."""

import random
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.course import Course
from autograder.demo import make_course
from autograder.grade import examined, grade
from autograder.gradebook import auto_scores
from autograder.release import release

HAND_IN = Path(__file__).resolve().parent.parent / "hand_ins" / "second_solution"
NOTEBOOKS = {"FullyConnectedNets", "Optimization", "BatchNormalization", "Dropout"}


@pytest.fixture
def assignment():
    return Course.find().assignment("deep_nets")


def as_handed_in(book):
    return book


def saved_anew(book):
    """Reordered where order does not matter, a cell and an output of one's own, other ids as Colab makes them."""
    shuffle = random.Random(5)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in book.cells]
    first = names.index("target_section") if "target_section" in names else len(names)
    before, after = book.cells[1:first], book.cells[first:]
    shuffle.shuffle(before)
    mine = new_code_cell("1 + 1", outputs=[new_output("stream", text="2")], execution_count=3)
    book.cells = [*before, mine, book.cells[0], *after]
    for number, cell in enumerate(book.cells):
        cell.id = f"saved-{number}"
    return book


def with_outputs_cleared(book):
    for cell in saved_anew(book).cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return book


def copied(folder, change):
    """The hand-in in `folder`, all four of its notebooks opened, changed and saved."""
    shutil.copytree(HAND_IN, folder)
    assert {path.stem for path in folder.glob("*.ipynb")} == NOTEBOOKS
    for path in folder.glob("*.ipynb"):
        nbformat.write(change(nbformat.read(path, as_version=4)), path)
    return folder


@pytest.mark.parametrize("change", [as_handed_in, with_outputs_cleared])
def test_second_solution_earns_every_point_of_the_checks(assignment, tmp_path, change):
    folder = copied(tmp_path / "second", change)
    result = examined(assignment, "second", folder, with_target=False, store=False)
    assert {question.question: question.message() for question in result.questions if question.share < 1} == {}
    assert len(result.questions) == 20


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(1800)
def test_second_solution_gets_every_automatic_point_in_the_gradebook(tmp_path, cifar10_dir, monkeypatch):
    """Each of its notebooks changed in both ways; the target is trained for real."""
    monkeypatch.setenv("CIFAR10_DIR", str(cifar10_dir))
    course = make_course(Course.find(), tmp_path / "course")
    assignment = course.assignment("deep_nets")
    release(course, assignment, archive=False)
    for change in (saved_anew, with_outputs_cleared):
        copied(course.root / "submitted" / change.__name__ / "deep_nets", change)
    done = list(grade(assignment, workers=1, console=Console(quiet=True), allow_synthetic=True))
    assert [reason for _, reason in done] == ["", ""]
    worth = {question.grade_id: question.points for question in assignment.auto_questions}
    assert sum(worth.values()) == 78
    for change in (saved_anew, with_outputs_cleared):
        assert auto_scores(assignment, change.__name__) == worth
        # Whoever grades by hand finds all of its answers, the other 22 points.
        with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as book:
            waiting = [
                grade.name
                for notebook in NOTEBOOKS
                for grade in book.find_submission_notebook(notebook, "deep_nets", change.__name__).grades
                if grade.needs_manual_grade
            ]
        assert sorted(waiting) == sorted(question.grade_id for question in assignment.questions if question.manual)
    assert sum(question.points for question in assignment.questions) == 100
