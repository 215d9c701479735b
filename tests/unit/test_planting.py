"""What `planting` leaves out would have passed."""

import pytest
from planting import Planted, defined, entered, failed_questions, planted, questions_with_checks

from autograder.checks.api import checks_of
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions
from autograder.styles import order

SAMPLE = sorted(all_misconceptions(), key=lambda wrong: order("planting", wrong.name))[:8]


@pytest.mark.parametrize("wrong", SAMPLE, ids=lambda wrong: wrong.name)
def test_a_run_that_is_left_out_would_have_passed(wrong):
    everything = LocalStudent.of_reference(appended={wrong.module: wrong.source()})
    assert not isinstance(everything, Planted)
    questions = questions_with_checks()
    assert failed_questions(planted(wrong), questions, [0]) == failed_questions(everything, questions, [0])


def test_what_a_misconception_defines_is_known():
    assert all(wrong.replaces.split(".")[1] in defined(wrong.source(), wrong.module) for wrong in all_misconceptions())


def test_what_a_check_calls_is_seen_through_other_modules():
    seen = [entered(check, 0) for check in checks_of("fc_net_dropout")]
    assert all("FullyConnectedNet" in names for names in seen)
    assert any({"dropout_forward", "hidden_layer_forward"} <= names for names in seen)
    assert not any("FullyConnectedNet" in entered(check, 0) for check in checks_of("dropout_forward"))


@pytest.mark.parametrize("more", ["np.random.seed(0)", "EPS = 1", "import numpy.linalg as np", "dropout_forward.p = 1"])
def test_a_text_that_does_more_than_define_functions_leaves_nothing_out(more):
    text = f"def affine_forward(x, w, b):\n    return x, x\n\n{more}\n"
    assert not defined(text, "layers")
    assert defined(text.replace(more, ""), "layers") == {"affine_forward"}
