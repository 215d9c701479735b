"""Which package of a hand-in is examined, and which edition it is taken for, and what is laid out."""

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import courses
from courses import COURSES, DROPS, KEEPS

from autograder.course import Course
from autograder.errors import CourseError
from autograder.examiner.counted import verdict
from autograder.examiner.detect import find
from autograder.examiner.stage_found import lay_out

WORK = Course.find().assignment("deep_nets")


@pytest.fixture
def lay(tmp_path):
    """Lay out a hand-in; the module files by name below `own`, and what was laid out."""
    made = []

    def run(folder=tmp_path, edition="auto"):
        staged = lay_out(WORK, folder, edition)
        made.append(staged)
        return {path.relative_to(staged.root / "own").as_posix(): path for path in staged.root.rglob("*.py")}, staged

    yield run
    for staged in made:
        staged.remove()


def test_a_question_that_the_course_does_not_ask_counts_where_our_graded_cell_asks_it(tmp_path):
    courses.write(tmp_path, COURSES["nndl-2023"])
    assert not verdict(WORK, find(tmp_path), "layernorm_forward").counted
    cell = {
        "cell_type": "code",
        "source": "",
        "metadata": {"nbgrader": {"grade": True, "grade_id": "layernorm_forward"}},
    }
    (tmp_path / "More.ipynb").write_text(json.dumps({"cells": [cell]}))
    told = verdict(WORK, find(tmp_path), "layernorm_forward")
    assert (told.counted, told.state) == (True, "missing")
    assert not verdict(WORK, find(tmp_path), "layernorm_backward").counted


@pytest.mark.parametrize("name", COURSES)
def test_edition_is_found_without_notebook_and_without_docstrings(name, tmp_path):
    course = dataclasses.replace(COURSES[name], words="")
    courses.write(tmp_path, course)
    (tmp_path / "Dropout.ipynb").unlink()
    found = find(tmp_path)
    expected = {name, "nndl-2018"} if name == "nndl-mixed" else {name}  # nothing else tells these two apart
    assert found.edition.name in expected
    if name in ("nndl-2018", "nndl-mixed"):
        assert set(found.readings) == {"keep", "drop"}
    assert any(course.argument in line for line in found.evidence)


@pytest.mark.parametrize("name", COURSES)
@pytest.mark.parametrize("words", ["", KEEPS, DROPS])
def test_a_docstring_decides_nothing(name, words, tmp_path):
    """Whoever hands in could write it so that a wrong reading of p, or an easier course, counts."""
    for folder, said in (("as handed out", COURSES[name].words), ("changed", words)):
        courses.write(tmp_path / folder, dataclasses.replace(COURSES[name], words=said))
    usual, other = find(tmp_path / "as handed out"), find(tmp_path / "changed")
    assert other.edition == usual.edition
    assert set(other.readings) == set(usual.readings)


def test_docstring_against_the_rest_is_told(tmp_path):
    courses.write(tmp_path, dataclasses.replace(COURSES["cs231n-2018"], words=DROPS))
    found = find(tmp_path)
    assert found.readings == ("keep",)
    assert "the docstring of dropout_forward" in found.remarks[0]


def test_a_given_edition_settles_the_reading(tmp_path):
    courses.write(tmp_path, dataclasses.replace(COURSES["nndl-2018"], words=KEEPS))
    assert find(tmp_path, "nndl-2018").readings == ("drop",)
    with pytest.raises(CourseError, match="cs231n-2017"):
        find(tmp_path, "cs231n")


def test_most_complete_package_is_taken_wherever_it_lies(tmp_path):
    courses.write_starter(tmp_path / "assignment2", COURSES["cs231n-2018"])
    courses.write(tmp_path / "old" / "deep" / "assignment2", COURSES["cs231n-2018"])
    for litter in (".git", "__MACOSX", ".ipynb_checkpoints", "node_modules", "venv"):
        courses.write(tmp_path / litter, COURSES["nndl-2018"])
    found = find(tmp_path)
    assert found.package.shown == "old/deep/assignment2/cs231n/"
    assert "also assignment2/cs231n/" in found.evidence[0]


def test_package_of_another_name_is_laid_out_under_the_name_that_is_imported(tmp_path, lay):
    courses.write(tmp_path, COURSES["cs231n-2018"])
    (tmp_path / "cs231n").rename(tmp_path / "my solution")
    found = find(tmp_path)
    assert (found.edition.name, found.name) == ("cs231n-2018", "cs231n")
    files, staged = lay()
    assert "cs231n/classifiers/fc_net.py" in files
    assert staged.where["fc_net"] == "cs231n.classifiers.fc_net"


def test_another_course_s_own_package_name_is_kept(tmp_path, lay):
    made = courses.files(COURSES["cs231n-2018"])
    for place, text in made.items():
        path = tmp_path / place.replace("cs231n/", "deepcourse/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    notebook = courses.notebook_of("from deepcourse.classifiers.fc_net import *\nfrom deepcourse.solver import Solver")
    (tmp_path / "a.ipynb").write_text(notebook)
    files, staged = lay()
    assert staged.found.edition.name == "cs231n-2018"
    assert staged.where["solver"] == "deepcourse.solver"
    assert "deepcourse/solver.py" in files


def test_support_files_are_ours_under_the_course_s_names(tmp_path, lay):
    courses.write(tmp_path, COURSES["nndl-2018"])
    (tmp_path / "cs231n").mkdir()
    (tmp_path / "cs231n" / "solver.py").write_text("print('theirs')")
    (tmp_path / "cs231n" / "own_plots.py").write_text("X = 1")
    files, staged = lay()
    assert staged.where["solver"] == "cs231n.solver"
    text = files["cs231n/solver.py"].read_text()
    assert "class Solver" in text
    assert "from nndl import optim" in text
    assert "from cs231n import checkpoint" in text
    assert files["cs231n/own_plots.py"].read_text() == "X = 1"


def test_missing_layer_utils_is_lent_without_answers(tmp_path, lay):
    courses.write(tmp_path, COURSES["cs231n-2021"])
    (tmp_path / "cs231n" / "layer_utils.py").unlink()  # CS231n does not collect that file
    files, staged = lay()
    text = files["cs231n/layer_utils.py"].read_text()
    assert "def affine_relu_forward" in text
    assert "hidden_layer" not in text
    assert staged.modules == ("layers", "layer_utils", "optim", "fc_net")


def test_keys_of_another_course_are_taken_as_the_hand_in_uses_them(tmp_path):
    courses.write(tmp_path, COURSES["nndl-2023"])
    (tmp_path / "nndl" / "optim.py").write_text(courses.files(COURSES["cs231n-2018"])["cs231n/optim.py"])
    dialect = find(tmp_path).dialect("keep")
    assert dialect.items("adam", {"m": 1, "v": 2}) == {"m": 1, "v": 2}
    assert dialect.items("rmsprop", {"cache": 1}) == {"cache": 1}


def test_imports_as_in_python_2_find_their_neighbours(tmp_path, lay):
    head = ("from .layers import *\nfrom .layer_utils import *", "from layers import *\nimport layer_utils")
    courses.write(tmp_path, COURSES["nndl-2018"], {"fc_net.py": head})
    _, staged = lay()
    assert staged.aliases == {"layers": "nndl.layers", "layer_utils": "nndl.layer_utils"}
    assert any("imports layers as Python 2 does" in remark for remark in staged.remarks)


def test_guarded_import_gets_no_stand_in(tmp_path, lay):
    text = "try:\n  import numba\nexcept ImportError:\n  numba = None\nimport torch\nimport numpy as np"
    courses.write(tmp_path, COURSES["nndl-2018"], {"layers.py": ("import numpy as np", text)})
    _, staged = lay()
    assert staged.stand_ins == ("torch",)


def test_module_of_python_2_beside_good_ones_costs_its_own_questions(tmp_path, lay):
    courses.write(tmp_path, COURSES["nndl-2018"], {"optim.py": ("import numpy as np", "import numpy as np\nprint 1")})
    _, staged = lay()
    assert staged.problems == ()
    assert "optim" not in staged.modules
    assert any("optim.py, line 2, is Python 2 only" in remark for remark in staged.remarks)


def test_module_of_python_2_that_nothing_needs_is_replaced(tmp_path, lay):
    courses.write(tmp_path, COURSES["cs231n-2017"])
    (tmp_path / "cs231n" / "fast_layers.py").write_text("try:\n  import x\nexcept ImportError:\n  print 'build it'\n")
    files, staged = lay()
    assert "print" not in files["cs231n/fast_layers.py"].read_text()
    assert any("fast_layers.py, line 4, is Python 2 only" in remark for remark in staged.remarks)


def test_net_that_never_uses_an_unwritten_layer_is_missing_it(tmp_path):
    courses.write(tmp_path, COURSES["cs231n-2018"])
    starter = courses.write_starter(tmp_path / "starter", COURSES["cs231n-2018"])
    net = (tmp_path / "cs231n" / "classifiers" / "fc_net.py").read_text()
    shutil.copy(starter / "cs231n" / "layers.py", tmp_path / "cs231n" / "layers.py")
    found = find(tmp_path, "auto", Path("cs231n"))
    assert verdict(WORK, found, "fc_net_layernorm") is None  # it is used, so the course's own is lent
    plain = net.replace("layernorm_forward(", "later(").replace("dropout_forward(", "later(")
    (tmp_path / "cs231n" / "classifiers" / "fc_net.py").write_text(plain)
    found = find(tmp_path, "auto", Path("cs231n"))
    assert verdict(WORK, found, "fc_net_layernorm").state == "missing"
    assert "dropout_forward is not written yet" in verdict(WORK, found, "fc_net_dropout").reason


@pytest.mark.parametrize("content", [None, b"", b"\0\0", b"def", b"\xff\xfe"])
def test_odd_files_are_no_crash(tmp_path, lay, content):
    folder = tmp_path / "nndl"
    folder.mkdir()
    if content is None:
        (folder / "layers.py").symlink_to("/etc/hostname")
        os.mkfifo(folder / "optim.py")
    else:
        (folder / "layers.py").write_bytes(content)
    _, staged = lay()
    assert bool(staged.problems) == (content in (None, b"\0\0", b"def"))


def test_no_package_is_said_in_words(tmp_path, lay):
    (tmp_path / "notes.txt").write_text("nothing")
    _, staged = lay()
    assert "there is no package in the hand-in" in staged.problems[0]


def test_package_outside_the_hand_in_is_refused(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    courses.write(tmp_path / "other", COURSES["nndl-2018"])
    with pytest.raises(CourseError, match="no such folder"):
        find(inside, "auto", Path("../other/nndl"))
