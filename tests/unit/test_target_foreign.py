"""Which cells of notebooks that are not ours are trained again, and with what of the cells before them."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import courses
from courses import COURSES
from target_runs import Runs

from autograder.course import Course
from autograder.examiner.detect import find
from autograder.examiner.target_foreign import sections, settings_of
from autograder.grade import examined

SETTINGS = Course.find().assignment("deep_nets").settings.target
NET = "model = FullyConnectedNet([100])"
TRAIN = "solver = Solver(model, data, num_epochs=3)\nsolver.train()"


def found_with(tmp_path, *cells, name="nndl-2018", notebook="Dropout.ipynb"):
    courses.write(tmp_path, COURSES[name])
    (tmp_path / "Dropout.ipynb").unlink()
    (tmp_path / notebook).write_text(courses.notebook_of(*cells))
    return find(tmp_path)


def first(found, cell=None):
    section = sections(found, cell)[0]
    return [text.strip() for text in section.cells[1:]]


def test_setup_speaks_the_course_s_names(tmp_path):
    setup = sections(found_with(tmp_path, NET, TRAIN))[0].cells[0]
    assert "from nndl.fc_net import *" in setup
    assert "from cs231n.solver import Solver" in setup
    assert "data = get_CIFAR10_data()" in setup
    setup = sections(found_with(tmp_path / "b", NET, TRAIN, name="cs231n-2021"))[0].cells[0]
    assert "from cs231n.classifiers.fc_net import *" in setup


def test_cells_that_the_section_needs_come_before_it_and_no_others(tmp_path):
    experiment = "for p in [0.1, 0.5]:\n  m = FullyConnectedNet([9])\n  Solver(m, small_data).train()"
    cells = ["lr = 1e-3", "unused = 3", "def width():\n  return lr * 1e5", experiment, f"h = width()\n{NET}", TRAIN]
    assert first(found_with(tmp_path, *cells)) == [cells[0], cells[2], cells[4], cells[5]]


def test_names_are_followed_through_functions_and_loops(tmp_path):
    cells = ["lr = 1e-3", "def net(h):\n  return FullyConnectedNet([h], seed=int(lr))", "x = [h for h in (1, 2)]"]
    train = "for h in [50]:\n  model = net(h)\n  solver = Solver(model, data)\n  solver.train()"
    assert first(found_with(tmp_path, *cells, train)) == [*cells[:2], train]


def test_data_changed_by_hand_is_changed_again(tmp_path):
    cells = ["data = get_CIFAR10_data()", "data['X_train'] /= 255.0", f"{NET}\n{TRAIN}"]
    section = sections(found_with(tmp_path, *cells))[0]
    assert [text.strip() for text in section.cells[1:]] == cells
    assert "get_CIFAR10_data()" not in section.cells[0]


def test_training_in_a_later_cell_belongs_to_the_section(tmp_path):
    cells = [f"{NET}\nsolver = Solver(model, data)", "print(1)", "solver.train()", "print(2)"]
    assert first(found_with(tmp_path, *cells)) == cells[:3]


def test_last_candidate_comes_first_and_a_cell_can_be_named(tmp_path):
    cells = [f"{NET}\n{TRAIN}", f"second = 2\n{NET}\n{TRAIN}", "print('end')", "best = FullyConnectedNet([5])"]
    found = found_with(tmp_path, *cells)
    assert [section.place for section in sections(found)] == [
        "Dropout.ipynb, code cell 2",
        "Dropout.ipynb, code cell 1",
    ]
    assert first(found, cell=1) == [cells[0]]
    with pytest.raises(ValueError, match="No cell"):
        sections(found, cell=9)


def test_experiments_on_small_data_are_no_target(tmp_path):
    found = found_with(tmp_path, f"{NET}\nsolver = Solver(model, small_data)\nsolver.train()")
    with pytest.raises(ValueError, match="No cell builds"):
        sections(found)


def test_notebook_of_the_final_section_is_looked_at_first(tmp_path):
    found = found_with(tmp_path, f"{NET}\n{TRAIN}", notebook="Optimization.ipynb")
    (tmp_path / "Dropout (1).ipynb").write_text(courses.notebook_of(f"final = 1\n{NET}\n{TRAIN}"))
    assert "final = 1" in first(find(found.package.root))[0]


def test_python_2_cell_is_said_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"code cell 1, line 3, is Python 2 only \(a print statement\)"):
        sections(found_with(tmp_path, f"{NET}\nsolver = Solver(model, data)\nprint solver\n"))


def test_magics_become_calls(tmp_path):
    code = first(found_with(tmp_path, f"%matplotlib inline\n!ls\n{NET}\n{TRAIN}"))[0]
    assert "get_ipython().run_line_magic" in code


def test_notebook_of_format_3_is_read(tmp_path):
    found = found_with(tmp_path, NET)
    cells = [{"cell_type": "code", "input": [f"{NET}\n", TRAIN], "outputs": []}]
    (tmp_path / "Dropout.ipynb").write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert first(find(found.package.root)) == [f"{NET}\n{TRAIN}"]


def test_broken_notebooks_are_passed_over(tmp_path):
    found = found_with(tmp_path, NET, TRAIN)
    for number, text in enumerate(["{", "[]", '{"cells": 3}', '{"cells": [{"cell_type": "code"}]}', '{"cells": [[]]}']):
        (tmp_path / f"A{number}.ipynb").write_text(text)
    assert first(find(found.package.root)) == [NET, TRAIN]


def test_target_is_that_of_the_course(tmp_path):
    found = found_with(tmp_path, NET)
    assert settings_of(found, SETTINGS).accuracy == 0.60  # 2018
    (tmp_path / "Dropout.ipynb").write_text(courses.notebook_of("from utils.solver import Solver"))
    assert settings_of(find(tmp_path), SETTINGS).accuracy == 0.55  # 2022, the same with another support package
    assert settings_of(found_with(tmp_path / "c", NET, name="dasecv"), SETTINGS).accuracy == SETTINGS.accuracy


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("runs"))
    yield made
    made.remove()


@pytest.mark.parametrize("name", ["cs231n-2021", "nndl-2018"])
def test_section_of_another_course_is_trained_and_its_net_examined(runs, tmp_path, monkeypatch, name):
    monkeypatch.setenv("CIFAR10_DIR", str(runs.data))
    runs.set(floor=0.1, cpu_seconds=20)
    train = TRAIN.replace("num_epochs=3", 'num_epochs=2, update_rule="adam", verbose=False')
    found_with(tmp_path, "data = get_CIFAR10_data(num_training=2000)", NET, train, name=name)
    assignment = runs.course.assignment("deep_nets")
    result = examined(assignment, "ada", tmp_path, edition="auto", only=["target"], store=False)
    record = result.question("target").target
    assert record is not None, result.reason
    assert record.epochs == 2
    assert record.counts == record.accuracy > 0.1, record.message
    assert record.guard.unexplained == ()
    assert {"affine_forward", "adam"} <= set(record.uses)
