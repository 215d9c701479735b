"""Hand-ins of other courses, as their students lay them out, examined unchanged under --edition auto."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import courses
import pytest
from courses import COURSES, DROP_MASK, KEEP_MASK

from autograder.course import Course
from autograder.editions import edition
from autograder.examiner import detect
from autograder.examiner.examine import Examination
from autograder.examiner.stage_found import lay_out
from autograder.grade import examined
from autograder.misconceptions import by_name

WORK = Course.find().assignment("deep_nets")
NAMES = tuple(COURSES)
DROPPING = [name for name in NAMES if COURSES[name].drops]
KEEPING = [name for name in NAMES if not COURSES[name].drops]


def examine(folder, **options):
    return examined(WORK, "ada", folder, with_target=False, store=False, **{"edition": "auto", **options})


def lost(result):
    """The questions that lost points."""
    return {question.question for question in result.questions if question.share < 1}


def told(result, question):
    return " ".join(result.question(question).message().split())


def everything(name):
    """What a hand-in of this course is asked, but for the target."""
    asked = {question.grade_id for question in WORK.auto_questions} - {"target"} - set(edition(name).lacks)
    return asked - ({"two_layer_net"} if name == "cs231n-2021" else set())


@pytest.mark.parametrize("name", NAMES)
def test_right_hand_in_earns_everything_its_course_asks(name, tmp_path):
    place = courses.write(tmp_path / "their repository" / "hw 4", COURSES[name])
    litter = tmp_path / "__MACOSX" / COURSES[name].package
    litter.mkdir(parents=True)
    (litter / "layers.py").write_text("\0")
    (place / COURSES[name].package / "__pycache__").mkdir()
    result = examine(tmp_path)
    assert (result.edition, result.state) == (name, "graded")
    assert {question.question for question in result.questions} == everything(name)
    assert not lost(result), result
    assert bool(COURSES[name].fault) == any("bn_param[mode]" in remark for remark in result.remarks)


NO_CORRECTION = (
    ("first = config['<<m>>'] / (1 - config['beta1'] ** config['t'])", "first = config['<<m>>']"),
    ("second = config['<<v>>'] / (1 - config['beta2'] ** config['t'])", "second = config['<<v>>']"),
)
WRONG = {  # the mask, what it is recognised as
    "cs231n-2017": ("np.random.rand(*x.shape) >= p", "mask_not_scaled"),
    "cs231n-2018": ("(np.random.rand(*x.shape) > p) / p", "reversed_comparison"),
    "dasecv": ("np.random.rand(*x.shape) < p", "mask_not_scaled"),  # as a published answer of 2021 has it
    "cs231n-2021": (DROP_MASK, "keep_and_drop_swapped"),
    "nndl-2018": (
        "(np.random.rand(*x.shape) > p) / p",
        "divided_by_drop_probability",
    ),  # as a published answer of 2018 has it
    "nndl-2023": ("(np.random.rand(x.shape[-1]) < p) / p", "one_mask_per_feature"),
    "nndl-mixed": ("np.random.rand(*x.shape) < p / p", "missing_parentheses"),
}


@pytest.mark.parametrize("name", NAMES)
def test_wrong_hand_in_loses_what_is_wrong_and_hears_why(name, tmp_path):
    mask, recognised = WRONG[name]
    courses.write(tmp_path, COURSES[name], mask=mask, optim_change=NO_CORRECTION)
    asked = ["dropout_forward", "dropout_backward", "fc_net_dropout", "rmsprop", "adam"]
    result = examine(tmp_path, only=asked)
    assert result.edition == name
    assert lost(result) == {"dropout_forward", "adam"}
    assert by_name(recognised).sentence in told(result, "dropout_forward")
    assert by_name("no_bias_correction").sentence in told(result, "adam")
    assert ("1 - p in your course" in told(result, "dropout_forward")) == COURSES[name].drops


def odd(name):
    """Right, and written in another way: masks as truth values scaled in both passes, one helper module, no magic."""
    keep = "(1 - dropout_param['p'])" if COURSES[name].drops else "dropout_param['p']"
    return {
        "mask": f"np.random.binomial(1, {keep}, size=x.shape) > 0",
        "out": f"x * mask / {keep}",
        "dx": f"np.where(mask, dout, 0.) / {keep}",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_odd_but_right_hand_in_earns_everything(name, tmp_path):
    course = COURSES[name]
    made = courses.files(course, **odd(name), optim_change=[("config['t'] += 1", "config['t'] = config['t'] + 1.0")])
    for place, text in made.items():  # handed in without a folder, with a helper of its own, with Windows' line ends
        path = tmp_path / place.rpartition("/")[2]
        text = text.replace("np.maximum(0, x)", "positive(x)")
        text = text.replace("import numpy as np\n", HELPER, 1) if place.endswith("/layers.py") else text
        path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    (tmp_path / "helpers.py").write_text("import numpy as np\n\n\ndef positive(x):\n  return x * (x > 0)\n")
    (tmp_path / "Dropout.ipynb").write_text(courses.dropout_notebook(course))
    result = examine(tmp_path)
    assert (result.edition, result.state) == (name, "graded")
    assert not lost(result), result


HELPER = "import numpy as np\nfrom .helpers import positive\n"
OLD_HEAD = """\
from __future__ import print_function, division
from builtins import range
from past.builtins import xrange
from six.moves import cPickle as pickle
import torch
import torchvision.transforms as T
from scipy.misc import imread, imresize
import cPickle
import numpy as np
"""
OLD_BODY = """

def _unused():
  print ("rows:"), 3
  return {}.iteritems()

np.set_printoptions(precision=3)
_ONE = np.float(1) * np.int(1)
for _ in xrange(3): pass
"""
OLD_RELU = ("out = np.maximum(0, x)", "out = np.reshape(np.maximum(0, x), newshape=x.shape).astype(np.float)")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_old_code_runs_and_its_remnants_are_told(name, tmp_path):
    course = COURSES[name]
    courses.write(tmp_path, course, {"layers.py": OLD_RELU})
    path = tmp_path / course.package / "layers.py"
    path.write_text(OLD_HEAD + path.read_text() + OLD_BODY)
    (tmp_path / course.package / "layer_utils.py").open("a").write("\nfrom .im2col_cython import col2im_cython\n")
    result = examine(tmp_path)
    assert (result.edition, result.state) == (name, "graded")
    assert not lost(result), result
    remarks = " ".join(result.remarks)
    names = ("np.float ", "np.int ", "newshape", "past", "six", "torch ", "scipy", "iteritems", "im2col_cython")
    assert [word for word in names if word not in remarks] == []


@pytest.mark.parametrize("name", NAMES)
def test_untouched_starter_is_missing_not_wrong(name, tmp_path):
    courses.write_starter(tmp_path, COURSES[name])
    result = examine(tmp_path)
    assert result.edition == name
    assert {question.state for question in result.questions} == {"missing"}
    assert "as it was handed out" in told(result, "dropout_forward")


@pytest.mark.parametrize(("mask", "meant"), [(KEEP_MASK, "keeping"), (DROP_MASK, "dropping")])
def test_a_course_that_contradicts_itself_may_be_read_either_way(mask, meant, tmp_path):
    courses.write(tmp_path, COURSES["nndl-mixed"], mask=mask)
    result = examine(tmp_path, only=["dropout_forward", "dropout_backward", "fc_net_dropout"])
    assert not lost(result), result
    assert f"probability of {meant}" in told(result, "dropout_forward")


def test_copies_of_2020_with_their_default_of_0_are_examined_as_keeping(tmp_path):
    trap = dataclasses.replace(COURSES["nndl-2023"], default="0")
    courses.write(tmp_path, trap)
    result = examine(tmp_path, only=["fc_net", "fc_net_dropout", "fc_net_batchnorm"])
    assert result.edition == "nndl-2023"
    assert not lost(result), result


def test_dropout_printed_in_a_study_note_passes(tmp_path):
    # A published Korean study note prints (rand < p) / p, x * mask, dout * mask: CS231n's keep dialect.
    courses.write(tmp_path, COURSES["cs231n-2021"], mask=KEEP_MASK, dx="dout * mask")
    assert not lost(examine(tmp_path, only=["dropout_forward", "dropout_backward"]))


def test_mask_drawn_with_scipy_earns_everything_and_the_stand_in_is_told(tmp_path):
    scipy = "import scipy.misc\nfrom scipy.stats import bernoulli, entropy\n"
    head = ("import numpy as np\n", f"import numpy as np\n{scipy}")
    mask = "bernoulli.rvs(p, size=x.shape) / p"
    courses.write(tmp_path, COURSES["cs231n-2021"], {"layers.py": head}, mask=mask)
    result = examine(tmp_path, only=["dropout_forward", "dropout_backward", "fc_net_dropout"])
    assert not lost(result), result
    assert any("scipy is not installed here" in remark and "bernoulli" in remark for remark in result.remarks)


def test_wrong_loss_that_students_wrote_themselves_costs_the_plain_net_only(tmp_path):
    change = ("loss = -np.sum(log_probs[np.arange(N), y]) / N", "loss = -np.sum(log_probs[np.arange(N), y])")
    courses.write(tmp_path, COURSES["cs231n-2021"], {"layers.py": change})
    nets = ["fc_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm"]
    result = examine(tmp_path, only=nets)
    assert lost(result) == {"fc_net"}, result
    assert all("softmax_loss in place of yours" in result.question(name).remarks[0] for name in nets[1:])


def test_python_2_is_said_in_one_sentence_with_its_line(tmp_path):
    courses.write(tmp_path, COURSES["cs231n-2017"], {"layers.py": ("  out = None\n", "  print 'relu'\n  out = None\n")})
    result = examine(tmp_path)
    assert result.state == "failed"
    assert "is Python 2 only (a print statement)" in result.reason
    assert "layers.py, line " in result.reason


def test_fault_of_the_starter_costs_points_where_an_edition_says_so(tmp_path, monkeypatch):
    strict = edition("nndl-2018").model_copy(update={"accept_inherited_faults": False})
    every = tuple(strict if each.name == strict.name else each for each in detect.editions())
    monkeypatch.setattr(detect, "editions", lambda: every)
    courses.write(tmp_path, COURSES["nndl-2018"])
    staged = lay_out(WORK, tmp_path, "auto")
    staged.remove()
    assert any("counts as any other mistake" in remark for remark in staged.remarks)


def test_named_package_and_edition_overrule_what_would_be_found(tmp_path):
    courses.write(tmp_path / "final", COURSES["cs231n-2018"])
    courses.write(tmp_path / "draft", COURSES["cs231n-2018"], mask="np.random.rand(*x.shape) < p")
    options = {"only": ["dropout_forward"]}
    found = examine(tmp_path, **options)
    assert "the most complete of 2" in found.evidence[0]
    assert lost(examine(tmp_path, package=Path("draft/cs231n"), **options)) == {"dropout_forward"}
    assert not lost(examine(tmp_path, package=Path("final/cs231n"), **options))
    assert lost(examine(tmp_path / "final", edition="cs231n-2017", **options)) == {"dropout_forward"}


def test_our_own_package_is_found_deep_in_a_repository(tmp_path):
    shutil.copytree(WORK.package, tmp_path / "a" / "b" / "nndl", ignore=shutil.ignore_patterns("__pycache__"))
    result = examine(tmp_path, only=["adam", "fc_net_dropout"])
    assert result.edition == "canonical"
    assert not lost(result)


@pytest.mark.parametrize("edition", ["canonical", "auto"])
def test_our_own_files_without_their_folder_earn_the_same(edition, tmp_path):
    for path in WORK.package.glob("*.py"):
        if path.name in WORK.settings.editable:  # they import each other by `from nndl import layers`
            shutil.copy(path, tmp_path)
    shutil.copy(WORK.course.root / "source" / WORK.name / "Dropout.ipynb", tmp_path)
    result = examine(tmp_path, edition=edition, only=["adam", "fc_net", "fc_net_dropout"])
    assert result.edition == "canonical"
    assert not lost(result)
    assert not result.remarks
    staged = lay_out(WORK, tmp_path, edition)
    try:
        assert Examination(WORK, "seed", tmp_path, staged).notebook == tmp_path / "Dropout.ipynb"
    finally:
        staged.remove()


def test_several_hand_ins_give_a_list_and_a_bad_one_stops_none(tmp_path):
    courses.write(tmp_path / "ada", COURSES["nndl-2023"])
    (tmp_path / "bob").mkdir()
    courses.write(tmp_path / "cyd", COURSES["cs231n-2021"], {"layers.py": ("def affine_forward", "def affine forward")})
    (tmp_path / "dan.zip").write_bytes(b"no zip")
    names = ["ada", "bob", "cyd", "dan.zip", "eve"]
    command = [
        sys.executable,
        "-c",
        "from autograder.cli import main; main()",
        "examine",
        *(str(tmp_path / n) for n in names),
    ]
    command += ["--edition", "auto", "--no-target", "--only", "relu_forward", "--workers", "2", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Course.find().root, check=False)
    found = json.loads(run.stdout)
    assert run.returncode == 1
    assert [each["state"] for each in found] == ["graded", "failed", "failed", "failed", "failed"]
    assert found[0]["edition"] == "nndl-2023"
    assert "there is no package" in found[1]["reason"]
    assert "layers.py, line" in found[2]["reason"]


MEANS = """\
import numpy as np
from nndl.layers import dropout_forward
x = np.random.RandomState(0).randn(500, 500) + 10
for p in (0.3, 0.6, 0.75):
    out, _ = dropout_forward(x, {"mode": "train", "p": p, "seed": 1})
    print(out.mean(), (out == 0).mean())
"""
LOSSES = """\
import numpy as np
from daseCV.classifiers.fc_net import FullyConnectedNet
np.random.seed(231)
X, y = np.random.randn(2, 15), np.random.randint(10, size=(2,))
for dropout in (1, 0.75):
    net = FullyConnectedNet([20, 30], input_dim=15, num_classes=10, weight_scale=5e-2, dtype=np.float64,
                            dropout=dropout, seed=123)
    print(net.loss(X, y)[0])
"""


def printed(code, folder):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    return [float(word) for word in run.stdout.split()]


def test_wrong_layers_print_what_the_published_notebooks_print(tmp_path):
    # The same files are examined and named in test_wrong_hand_in_...: the answer of 2018 prints 23.31, 6.65, 3.33.
    courses.write(tmp_path / "4", COURSES["nndl-2018"], mask=WRONG["nndl-2018"][0])
    (tmp_path / "4" / "nndl" / "__init__.py").touch()  # a package without it comes after our own nndl
    expected = [23.31, 0.30, 6.65, 0.60, 3.33, 0.75]
    assert printed(MEANS, tmp_path / "4") == pytest.approx(expected, rel=0.01)
    # The answer of 2021 prints these losses, to the last digits: its mask was not scaled when that cell was run.
    courses.write(tmp_path / "3", COURSES["dasecv"], mask=WRONG["dasecv"][0])
    (tmp_path / "3" / "daseCV" / "fast_layers.py").touch()
    assert printed(LOSSES, tmp_path / "3") == pytest.approx([2.3004790897684924, 2.302454105929313], rel=1e-14)


RECIPES = {  # the final sections of two published notebooks; the second, of 50 epochs, for its first three
    "nndl-2023": (
        "model = FullyConnectedNet([600, 400, 200, 50], dropout=0.75, weight_scale=4e-2, use_batchnorm=True)\n"
        "solver = Solver(model, data, num_epochs=20, batch_size=500, update_rule='adam',\n"
        "                optim_config={'learning_rate': 3e-3}, lr_decay=0.95, verbose=True, print_every=100)\n"
        "solver.train()\n",
        (0.54, 0.55),
    ),
    "nndl-2018": (
        "learning_rate = 3.1e-4\n"
        "model = FullyConnectedNet([600, 500, 400, 300, 200, 100], weight_scale=2.5e-2, dtype=np.float64,\n"
        "                          dropout=0.25, use_batchnorm=True, reg=1e-2)\n"
        "solver = Solver(model, data, print_every=500, num_epochs=3, batch_size=100, update_rule='adam',\n"
        "                optim_config={'learning_rate': learning_rate}, lr_decay=0.9)\n"
        "solver.train()\n",
        (0.42, 0.60),
    ),
}


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.parametrize("name", RECIPES)
def test_final_recipe_of_a_published_notebook_trains_in_its_own_dialect(name, tmp_path):
    recipe, (at_least, required) = RECIPES[name]
    courses.write(tmp_path, COURSES[name])
    (tmp_path / "Dropout.ipynb").write_text(courses.dropout_notebook(COURSES[name], "#%% ## Final part", recipe))
    result = examined(WORK, "ada", tmp_path, only=["target"], store=False, edition="auto")
    target = result.question("target").target
    assert target.accuracy > at_least
    assert target.required == required
    assert "code cell 5, was trained" in told(result, "target")
