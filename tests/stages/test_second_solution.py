"""A complete hand-in written by somebody who saw the release only, in another style than the reference."""

import random
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course
from autograder.grade import examined

HAND_IN = Path(__file__).resolve().parent.parent / "hand_ins" / "second_solution"


@pytest.fixture
def assignment():
    return Course.find().assignment("deep_nets")


def lost(result):
    return {question.question: question.message() for question in result.questions if question.share < 1}


def test_second_solution_earns_every_point_of_the_checks(assignment):
    result = examined(assignment, "second", HAND_IN, with_target=False, store=False)
    assert lost(result) == {}
    assert len(result.questions) == 20


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(1200)
def test_second_solution_reaches_the_target_after_its_notebooks_were_saved_anew(assignment, tmp_path):
    """Reordered where order does not matter, new cells and ids as Colab makes them, no outputs."""
    folder = tmp_path / "second"
    shutil.copytree(HAND_IN, folder)
    shuffle = random.Random(5)
    for path in sorted(folder.glob("*.ipynb")):
        book = nbformat.read(path, as_version=4)
        names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in book.cells]
        first = names.index("target_section") if "target_section" in names else len(names)
        before, after = book.cells[1:first], book.cells[first:]
        shuffle.shuffle(before)
        book.cells = [*before, nbformat.v4.new_code_cell("1 + 1"), *after]
        for number, cell in enumerate(book.cells):
            cell.id = f"saved-{number}"
        nbformat.write(book, path)
    result = examined(assignment, "second", folder, only=["target", "dropout_forward"], store=False)
    assert lost(result) == {}
