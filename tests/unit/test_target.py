"""The target rerun: which cells are run, what they may do, how predictions become points."""

import re
import shutil
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nndl import data_utils

from autograder.course import Course
from autograder.demo import hand_in, make_course
from autograder.examiner import target
from autograder.examiner.stage import stage
from autograder.examiner.target_data import prepared_data
from autograder.examiner.target_judge import share_of
from autograder.examiner.target_section import section
from autograder.wall import choose, places
from datasets import synthetic

BUDGET = 6  # CPU seconds; enough for a small net, short for a loop without end


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand-in")
    (folder / "cifar-10-batches-py").mkdir()
    synthetic.write(folder / "cifar-10-batches-py", images=1200)
    return folder


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    course = make_course(Course.find(), tmp_path_factory.mktemp("course") / "course")
    settings = course.root / "assignments" / "deep_nets" / "assignment.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"(?m)^cpu_seconds = 1800", f"cpu_seconds = {BUDGET}", text), encoding="utf-8")
    return course


def notebook_with(course, *cells):
    """The course's notebook with `cells` as the code of the target section."""
    book = nbformat.read(course.root / "source" / "deep_nets" / "Dropout.ipynb", as_version=4)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in book.cells]
    first, last = names.index("target_section"), names.index("target")
    book.cells[first + 1 : last] = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return book


@pytest.fixture(scope="module")
def prepared():
    """A folder that the worker can reach, also where the worker is another user."""
    folder = Path(tempfile.mkdtemp(prefix="prepared-", dir=places.temporary()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def rerun(course, stand_in, prepared, tmp_path):
    """Hand in a target section and have it trained."""
    count = iter(range(99))

    def run(*cells, progress=None, **files):
        assignment = course.assignment("deep_nets")
        student = f"{tmp_path.name}-{next(count)}"
        folder = hand_in(assignment, student, assignment.package, tmp_path)
        nbformat.write(notebook_with(course, *cells), folder / "Dropout.ipynb")
        for name, text in files.items():
            (folder / "nndl" / f"{name}.py").write_text(text, encoding="utf-8")
        staged = stage(assignment, folder)
        try:
            return target.rerun(
                staged,
                folder / "Dropout.ipynb",
                wall=choose(course.root),
                data=stand_in,
                prepared=prepared,
                seed="3",
                progress=progress,
            )
        finally:
            staged.remove()

    return run


OLD = '{"nbformat":3,"metadata":{},"worksheets":[{"cells":[{"cell_type":"heading","level":9000000000,"source":"x"}]}]}'
DATA = "data = get_CIFAR10_data(num_training=2000)"
NET = 'model = FullyConnectedNet([30], normalization="batchnorm")'
TRAIN = 'Solver(model, data, update_rule="adam", num_epochs={}, batch_size=100, verbose=False).train()'


@pytest.mark.parametrize(("accuracy", "share"), [(0.1, 0.0), (0.32, 0.0), (0.435, 0.5), (0.55, 1.0), (0.9, 1.0)])
def test_share_is_linear_between_floor_and_target(course, accuracy, share):
    assert share_of(accuracy, course.assignment("deep_nets").settings.target) == pytest.approx(share)


def test_section_is_our_setup_and_the_students_cells_without_magics(course, tmp_path):
    path = tmp_path / "Dropout.ipynb"
    book = notebook_with(course, "%timeit 1 + 1\nx = 1\n!ls", "%%time\ny = 2", "z?")
    nbformat.write(book, path)
    settings = course.assignment("deep_nets").settings.target
    cells = section(course.assignment("deep_nets"), settings, path)
    assert "def accuracy" in cells[0]
    assert len(cells) == 4
    for cell in cells:
        compile(cell, "cell", "exec")
    assert "x = 1" in cells[1]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_text("{"), "not a notebook"),
        (lambda path: path.write_bytes(b"\xff\xfe{}"), "not a notebook"),
        (lambda path: path.write_text('{"nbformat": 4, "nbformat_minor": 5}'), "not a notebook"),
        (lambda path: path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'), "heading"),
        (lambda path: path.write_text(OLD), "not a notebook"),
    ],
    ids=["missing", "no JSON", "wrong encoding", "no cells", "no section", "old and huge"],
)
def test_section_of_an_unfit_notebook_gives_a_reason(course, tmp_path, spoil, told):
    path = tmp_path / "Dropout.ipynb"
    path.write_text("")
    spoil(path)
    with pytest.raises(ValueError, match=told):
        section(course.assignment("deep_nets"), course.assignment("deep_nets").settings.target, path)


def test_prepared_data_keeps_the_course_images_and_hides_the_other_labels(stand_in, tmp_path):
    folder = prepared_data(stand_in, tmp_path)
    original, prepared = (data_utils.get_CIFAR10_data(directory=place, num_training=10) for place in (stand_in, folder))
    for name in original:
        np.testing.assert_array_equal(original[name], prepared[name])
    images, labels = data_utils.read_batch(folder / "cifar-10-batches-py" / "test_batch")
    assert not labels[1000:].any()
    assert not images[1000:].any()
    assert prepared_data(stand_in, tmp_path) == folder


def test_training_is_judged_by_the_best_epoch(rerun):
    seen = []
    outcome = rerun(DATA, NET, TRAIN.format(3), progress=lambda *line: seen.append(line))
    assert outcome.target.epochs == 3
    assert outcome.target.accuracy == max(outcome.target.history) > 0.15
    assert [line[1] for line in seen] == list(outcome.target.history)
    assert outcome.share == share_of(outcome.target.accuracy, Course.find().assignment("deep_nets").settings.target)
    assert outcome.reason == ""


def test_same_seed_gives_the_same_history(rerun):
    first, second = (rerun(DATA, NET, TRAIN.format(1)).target.history for _ in range(2))
    assert first == second


def test_crash_in_a_later_epoch_leaves_the_best_so_far(rerun):
    crash = "Solver(model, data, num_epochs=9, verbose=False, on_epoch=lambda s: 1 / (2 - s.epoch) < 0).train()"
    outcome = rerun(DATA, NET, crash.replace("on_epoch", 'update_rule="adam", on_epoch'))
    assert outcome.target.accuracy is not None
    assert "ZeroDivisionError" in outcome.reason
    assert outcome.target.epochs == 2


def test_model_without_a_solver_is_judged_at_the_end(rerun):
    outcome = rerun(DATA, NET)
    assert outcome.target.epochs == 1
    assert 0.02 < outcome.target.accuracy < 0.25  # not trained: chance


def test_loop_without_end_is_stopped_by_the_budget(rerun):
    outcome = rerun("while True:\n    pass")
    assert outcome.share == 0
    assert "CPU seconds" in outcome.reason
    assert outcome.usage.cpu_seconds <= BUDGET + 2


def test_name_that_only_another_cell_defined_is_named(rerun):
    outcome = rerun("model = make_my_net()")
    assert "make_my_net" in outcome.reason
    assert outcome.target.accuracy is None


def test_solver_of_the_hand_in_is_not_used(rerun):
    lying = "class Solver:\n    best_val_acc = 1.0\n    def __init__(self, *a, **k): pass\n    def train(self): pass\n"
    outcome = rerun(DATA, NET, TRAIN.format(1), solver=lying)
    assert 0.05 < outcome.target.accuracy < 0.5


@pytest.mark.parametrize(
    "loss",
    [
        "lambda self, X, y=None: None",
        "lambda self, X, y=None: np.zeros((3, 3))",
        "lambda self, X, y=None: np.full((len(X), 10), np.nan)",
        "lambda self, X, y=None: [['a']] * len(X)",
    ],
    ids=["none", "wrong shape", "nan", "text"],
)
def test_net_that_scores_nonsense_gets_no_points(rerun, loss):
    outcome = rerun(DATA, f"model = type('Net', (), {{'loss': {loss}}})()")
    assert outcome.share == 0


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("if True:\n        a = 1\n    b = 2", "code cell 2 of the target section is not valid Python"),
        ("%time 1\n" * 600, "code cell 2 of the target section is not valid Python"),
        ("x = 1\n" * 100_000, "more than 200,000 letters"),
    ],
    ids=["wrong dedent", "too many magics", "too long"],
)
def test_section_that_is_no_python_gives_a_reason(rerun, cell, told):
    outcome = rerun(DATA, cell)
    assert told in outcome.reason
    assert outcome.share == 0


def test_fault_of_the_section_reaches_a_terminal_without_control_characters(rerun):
    outcome = rerun("raise ValueError('\\x1b[2J\\ud800')")
    assert outcome.reason.isprintable()
