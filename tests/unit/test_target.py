"""The target rerun: which cells are run, what they may do, how predictions become points."""

import nbformat
import numpy as np
import pytest
from nndl import data_utils
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver
from target_runs import BUDGET, DATA, NET, TRAIN, Runs, notebook_with

from autograder.course import Course, Question
from autograder.examiner import target
from autograder.examiner.target_data import prepared_data
from autograder.examiner.target_judge import share_of
from autograder.examiner.target_section import section
from autograder.plan import Plan
from autograder.results import QuestionResult, Target


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("runs"))
    yield made
    made.remove()


@pytest.fixture
def rerun(runs):
    runs.set()
    return runs


@pytest.fixture(scope="module")
def course(runs):
    return runs.course


@pytest.fixture(scope="module")
def stand_in(runs):
    return runs.data


OLD = '{"nbformat":3,"metadata":{},"worksheets":[{"cells":[{"cell_type":"heading","level":9000000000,"source":"x"}]}]}'


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


def test_budget_that_ends_leaves_the_best_epoch_and_the_guard(rerun):
    rerun.set(cpu_seconds=3, floor=0.1)
    outcome = rerun(DATA, NET, TRAIN.format(500))
    assert "budget of 3 CPU seconds ended" in outcome.target.message
    assert outcome.target.counts == outcome.target.accuracy == max(outcome.target.history) > 0.2
    assert outcome.target.guard.unexplained == ()


def test_section_that_makes_no_step_is_stopped_and_told(rerun, monkeypatch):
    monkeypatch.setattr(target, "STUCK_SECONDS", 2)
    outcome = rerun("while True:\n    pass")
    assert "no step was finished within 2 CPU seconds" in outcome.reason
    assert outcome.usage.cpu_seconds < 5


def test_loop_of_the_section_itself_is_alive_while_it_trains(rerun, monkeypatch):
    monkeypatch.setattr(target, "STUCK_SECONDS", 2)
    rerun.set(floor=0.1)
    loop = """
for step in range(4000):
    chosen = np.random.choice(2000, 100)
    loss, grads = model.loss(data["X_train"][chosen], data["y_train"][chosen])
    for name in model.params:
        model.params[name] -= 0.05 * grads[name]
"""
    outcome = rerun(DATA, NET, loop)
    assert outcome.usage.cpu_seconds > 2.5
    assert outcome.target.epochs == 1
    assert outcome.target.counts > 0.2, outcome.reason


def test_process_that_is_gone_leaves_nothing_that_counts(rerun):
    rerun.set(floor=0.1)
    gone = TRAIN.format(3).replace("verbose", "on_epoch=lambda s: s.epoch > 1 and __import__('os')._exit(0), verbose")
    outcome = rerun(DATA, NET, gone)
    assert outcome.target.accuracy > 0.1
    assert outcome.target.counts is None
    assert "does not count" in outcome.reason


def test_narrow_miss_is_trained_again_with_other_seeds_and_the_best_counts(rerun):
    rerun.set(floor=0.05, accuracy=0.95)
    section = (DATA, "np.random.seed(1)", NET, TRAIN.format(1))
    reached = rerun(*section).target.accuracy
    rerun.set(floor=0.05, accuracy=reached + 0.02, cpu_seconds=60)
    record = rerun(*section).target
    assert record.runs > 1
    assert record.accuracy >= reached
    assert f"trained {record.runs} times" in record.message
    assert f"{reached:.1%}" in record.message


def test_clear_miss_is_trained_once(rerun):
    rerun.set(floor=0.05, accuracy=0.95, cpu_seconds=60)
    assert rerun(DATA, NET, TRAIN.format(1)).target.runs == 1


def test_functions_that_training_calls_are_known_by_their_questions(rerun):
    uses = rerun(DATA, NET, TRAIN.format(1)).target.uses
    assert {"affine_forward", "affine_backward", "batchnorm_forward", "relu_backward", "adam"} <= set(uses)
    assert not {"dropout_forward", "layernorm_forward", "rmsprop", "sgd_momentum"} & set(uses)


def test_remark_names_the_broken_function_that_the_target_rests_on():
    origin = {"kit": "0", "edition": "canonical", "wall": "none", "data": "none", "state": "graded"}
    record = Target(required=0.55, uses=("adam", "affine_forward"))
    found = {
        "adam": QuestionResult(**origin, question="adam", share=0.5),
        "affine_forward": QuestionResult(**origin, question="affine_forward", share=1),
        "rmsprop": QuestionResult(**origin, question="rmsprop", share=0),
    }
    found["target"] = QuestionResult(**origin, question="target", share=0.9, target=record)
    questions = [Question(name, 10.0, "Dropout", manual=False) for name in found]

    def told():
        plan = Plan(Course.find().assignment("deep_nets"), "ada", questions, None, known=found)
        return plan.result().question("target").remarks

    assert len(told()) == 1
    assert "your own adam," in told()[0]
    found["target"] = QuestionResult(**origin, question="target", share=1, target=record)
    assert told() == ()


@pytest.fixture(scope="module")
def weights(runs, tmp_path_factory):
    """A net as the section NET makes it, trained here."""
    rows = data_utils.get_CIFAR10_data(num_training=2000, directory=runs.data)
    np.random.seed(5)
    net = FullyConnectedNet([30], normalization="batchnorm")
    Solver(net, rows, update_rule="adam", num_epochs=3, batch_size=100, verbose=False).train()
    path = tmp_path_factory.mktemp("weights") / "model.npz"
    net.save(path)
    return path, float((np.argmax(net.loss(rows["X_val"]), axis=1) == rows["y_val"]).mean())


def test_weights_are_examined_without_training_where_the_course_takes_them(rerun, weights):
    path, accuracy = weights
    rerun.set(floor=0.1, accept='"weights"')
    outcome = rerun(DATA, NET, TRAIN.format(500), weights=path)
    assert outcome.target.accuracy == pytest.approx(accuracy)
    assert outcome.target.epochs == 1
    assert outcome.target.counts <= outcome.target.guard.others_changed + 0.05 + 1e-9
    assert "nothing was trained" in outcome.target.message


def test_weights_are_left_alone_where_the_course_trains(rerun, weights):
    rerun.set(floor=0.1)
    assert "model.npz" not in rerun(DATA, NET, TRAIN.format(1), weights=weights[0]).target.message


@pytest.mark.parametrize("section", [(DATA, NET.replace("30", "31")), (DATA, "model = None")], ids=["shape", "no net"])
def test_weights_that_do_not_fit_the_section_give_a_reason(rerun, weights, section):
    rerun.set(accept='"weights"')
    outcome = rerun(*section, weights=weights[0])
    assert outcome.share == 0
    assert outcome.reason


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
        ("%time 1\n" * 600, "code cell 2 of the target section holds more than 50,000 letters, or more than 50 lines"),
        ("x = 1\n" * 100_000, "more than 50,000 letters of code"),
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
