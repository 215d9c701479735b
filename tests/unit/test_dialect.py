"""Calls in a hand-in's dialect and back: every check runs unchanged, mistakes keep their names."""

import numpy as np
import pytest
from planting import checks_of, failures, questions_with_checks

from autograder.course import Course
from autograder.editions import edition, editions
from autograder.examiner.dialect import Dialect
from autograder.examiner.recognise import recognise
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import by_name
from autograder.prove_editions import dresses, faults_worn, rows, style_worn
from autograder.styles import complete_styles, planted

SPOKEN = [(each.name, reading) for each in editions() for reading in each.dropout.readings]


@pytest.mark.parametrize(("name", "reading"), SPOKEN)
def test_reference_in_any_dress_passes_every_check(name, reading):
    student = LocalStudent.of_reference(edition_name=name, reading=reading)
    asked = [question for question in questions_with_checks() if question not in edition(name).lacks]
    assert not failures(student, [check for question in asked for check in checks_of(question)], seeds=[3])


@pytest.mark.parametrize(("name", "reading"), SPOKEN)
@pytest.mark.parametrize("wrong", ["keep_and_drop_swapped", "adam_no_square_root", "old_moments_used"])
def test_mistake_keeps_its_name_in_any_dress(name, reading, wrong):
    wrong = by_name(wrong)
    student = LocalStudent.of_reference(appended={wrong.module: wrong.source()}, edition_name=name, reading=reading)
    assert failures(student, checks_of(wrong.question), seeds=[3])
    assert wrong in recognise(student, wrong.question, np.random.default_rng(5))


def test_p_is_turned_round_where_it_means_dropping():
    drop = Dialect(edition("nndl-2018"), "drop")
    x, param = np.ones((2, 3)), {"mode": "train", "p": 0.25, "seed": 4}
    assert drop.call("layers", "dropout_forward", [x, param], {})[0][1] == {"mode": "train", "p": 0.75, "seed": 4}
    assert Dialect(edition("nndl-2023")).call("layers", "dropout_forward", [x, param], {})[0][1] == param


# Layernorm that stands on batchnorm, in the manner of solutions of CS231n: right where no net tells it a mode.
LAYERNORM_BY_BATCHNORM = """
def layernorm_forward(x, gamma, beta, ln_param):
    gamma, beta = np.atleast_2d(gamma, beta)
    out, cache = batchnorm_forward(x.T, gamma.T, beta.T, {"mode": "train", **ln_param})
    x_hat = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    return out.T, (gamma, x_hat, np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5)))


def layernorm_backward(dout, cache):
    gamma, x_hat, std = cache
    g = dout * gamma
    dx = (g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
"""


@pytest.mark.parametrize(("name", "right"), [("cs231n-2018", True), ("dasecv", True), ("canonical", False)])
def test_layernorm_may_read_a_mode_where_no_net_of_its_course_sets_one(name, right):
    student = LocalStudent.of_reference(appended={"layers": LAYERNORM_BY_BATCHNORM}, edition_name=name)
    failed = failures(student, checks_of("layernorm_forward"), seeds=[3])
    assert bool(failed) != right


def test_config_keys_are_those_of_the_rule():
    nndl = Dialect(edition("nndl-2023"))
    config = {"learning_rate": 0.1, "m": 1, "v": 2, "t": 3}
    assert nndl.items("adam", config) == {"learning_rate": 0.1, "v": 1, "a": 2, "t": 3}
    assert nndl.items("rmsprop", {"cache": 1}) == {"a": 1}
    assert nndl.items(None, {"cache": 1, "momentum": 2}) == {"a": 1, "momentum": 2}
    assert nndl.our_keys("adam", ["v", "a", "t"]) == ["m", "v", "t"]
    assert nndl.our_keys("rmsprop", ["a"]) == ["cache"]
    assert nndl.our_keys(None, ["a", "v", "t"]) == ["v", "m", "t"]
    assert nndl.our_keys(None, ["a"]) == ["cache"]


@pytest.mark.parametrize(
    ("name", "keep", "norm", "expected"),
    [
        ("cs231n-2017", 0.75, "batchnorm", {"dropout": 0.25, "use_batchnorm": True}),
        ("cs231n-2017", 1, None, {"dropout": 0, "use_batchnorm": False}),
        ("cs231n-2018", 0.75, "layernorm", {"dropout": 0.75, "normalization": "layernorm"}),
        ("cs231n-2018", 1, None, {"dropout": 1, "normalization": None}),
        ("cs231n-2021", 0.75, None, {"dropout_keep_ratio": 0.75, "normalization": None}),
        ("nndl-2023", 1, "batchnorm", {"dropout": 1, "use_batchnorm": True}),
        ("canonical", 0.75, "layernorm", {"dropout_keep_ratio": 0.75, "normalization": "layernorm"}),
    ],
)
def test_constructor_is_called_in_its_course_s_words(name, keep, norm, expected):
    dialect = Dialect(edition(name), edition(name).dropout.readings[0])
    given = {"dropout_keep_ratio": keep, "normalization": norm, "seed": 3}
    _, found = dialect.call("fc_net", "FullyConnectedNet", [[5]], given)
    assert found == {**expected, "seed": 3}


def test_plain_net_is_asked_for_whatever_the_starter_s_default_is():
    _, found = Dialect(edition("nndl-2023")).call("fc_net", "FullyConnectedNet", [[5]], {"reg": 0.1})
    assert found == {"dropout": 1, "reg": 0.1}


def test_constructor_s_own_names_come_first():
    takes = {"FullyConnectedNet": frozenset({"hidden_dims", "dropout", "seed"})}
    dialect = Dialect(edition("cs231n-2021"), "keep", takes)
    given = {"dropout_keep_ratio": 0.5, "normalization": None}
    assert dialect.call("fc_net", "FullyConnectedNet", [[5]], given)[1] == {"dropout": 0.5}
    takes = {"TwoLayerNet": frozenset({"hidden_dim"})}
    given = {"hidden_dim": 5}
    assert Dialect(edition("nndl-2018"), "drop", takes).call("fc_net", "TwoLayerNet", [], given)[1] == {"hidden_dim": 5}
    assert Dialect(edition("nndl-2018"), "drop").call("fc_net", "TwoLayerNet", [], given)[1] == {"hidden_dims": 5}


def test_right_styles_and_mistakes_are_judged_alike_in_every_dress():
    # `autograder prove` does this with everything; here one style and the mistakes of one question.
    styles = complete_styles(Course.find().assignment("deep_nets"))
    worn = faults_worn("dropout_backward", styles, seed="5")
    worn += [
        style_worn(dress, "hand_in_01", styles["hand_in_01"], "7", ["adam", "fc_net_dropout"]) for dress in dresses()
    ]
    assert {one.dress for one in worn} == set(dresses())
    assert [one for one in worn if one.otherwise] == []
    text = planted(styles["hand_in_01"], by_name("keep_and_drop_swapped"))
    wrong = style_worn(("nndl-2018", "drop"), "swapped", text, "7", ["dropout_forward"])
    assert wrong.otherwise == ("swapped: dropout_forward",)
    assert "| `nndl-2018` | drop | 1 | swapped: dropout_forward |" in list(rows([wrong]))
