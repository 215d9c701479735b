"""The hidden checks of batch and layer normalization pass right code in any style, and fail every misconception."""

import time

import numpy as np
import planting
import pytest
from planting import checks_of_all, failed_questions, failures, paid_questions, passes, planted, questions_with_checks

from autograder.checks.api import checks_of, spec_of
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions, by_name

QUESTIONS = (
    "batchnorm_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "fc_net_batchnorm",
    "layernorm_forward",
    "layernorm_backward",
    "fc_net_layernorm",
)
CHECKS = checks_of_all(QUESTIONS)
STYLES = sorted((planting.STYLES / "norm").glob("*.py"))
SEEDS = range(20)
OWN = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]

# Every fault of normalization that was seen in students' packages, or whose printed number is known.
SEEN = (
    "running_overwritten_by_the_batch",
    "running_statistics_not_written_back",
    "running_statistics_under_another_name",
    "deviation_kept_as_variance",
    "eps_in_the_running_variance",
    "batch_statistics_at_test_time",
    "no_gamma_and_beta_at_test_time",
    "no_eps_at_test_time",
    "eps_outside_the_root",
    "variance_over_the_whole_array",
    "variance_divides_by_n_minus_one",
    "momentum_flipped",
    "test_pass_changes_the_statistics",
    "layernorm_over_the_batch",
    "layernorm_gradient_not_centred",
    "layernorm_flag_without_alayer",
    "layernorm_output_not_used",
    "key_of_the_mode_misspelt",
    "one_bn_param_for_all_layers",
    "scores_batch_normalized",
)


def in_style(style):
    """The reference with a style's text in the file its name begins with: layers or fc_net."""
    module = "fc_net" if style.stem.startswith("net_") else "layers"
    return LocalStudent.of_reference(appended={module: style.read_text(encoding="utf-8")})


def test_every_check_passes_the_reference():
    assert not failures(LocalStudent.of_reference(), CHECKS, SEEDS)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_every_check_passes_a_correct_style(style):
    assert not failures(in_style(style), CHECKS, SEEDS)


def test_there_are_twelve_styles_at_least():
    assert len(STYLES) >= 12


def test_every_check_passes_another_right_net():
    # The base of the wrong nets is right, and written in another way than the reference.
    text = (
        by_name("batchnorm_after_relu")
        .source()
        .replace('("relu", "norm", "dropout") if', '("norm", "relu", "dropout") if')
    )
    student = LocalStudent.of_reference(appended={"fc_net": text})
    assert not failures(student, checks_of_all([*QUESTIONS, "fc_net_dropout"]), SEEDS)


def test_every_fault_seen_in_students_code_has_a_misconception():
    assert set(SEEN) <= {wrong.name for wrong in OWN}


@pytest.mark.parametrize("wrong", OWN, ids=lambda wrong: wrong.name)
def test_a_misconception_costs_what_it_says(wrong):
    others = set(questions_with_checks()) - set(QUESTIONS)
    own = failed_questions(planted(wrong), QUESTIONS, seeds=range(2))
    own |= failed_questions(planted(wrong), others, seeds=[0])
    assert own == {*wrong.costs, *wrong.may_cost}
    assert paid_questions(wrong, own, [0]) == set(wrong.costs) == {wrong.question}


def test_every_check_fails_some_misconception_of_its_question():
    idle = {check.__name__ for check in CHECKS}
    for wrong in OWN:
        idle -= failures(planted(wrong), checks_of(wrong.question), seeds=[0])
    assert not idle


def test_the_checks_of_a_hand_in_take_less_than_a_cpu_second():
    start = time.process_time()
    assert all(passes(check, LocalStudent.of_reference(), 1) for check in CHECKS)
    assert time.process_time() - start < 1.0


def test_names_of_the_checks_differ_and_each_explains_itself():
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert spec_of(check).must_hold.endswith(".")
        assert spec_of(check).hint


@pytest.mark.parametrize("name", ["batchnorm_forward", "layernorm_forward"])
def test_a_crashing_forward_fails_its_backward_with_a_sentence_not_an_exception(name):
    def crash(*_):
        raise ZeroDivisionError

    student = LocalStudent.of_reference(layers={name: crash})
    failed = failed_questions(student, QUESTIONS, [0])
    assert name in failed
    assert name.replace("forward", "backward") in failed


def test_a_net_on_a_crashing_layer_is_paid_with_the_reference_s():
    source = "def batchnorm_backward(dout, cache):\n    return np.zeros_like(dout), dout[0], dout[0]\n"
    student = LocalStudent.of_reference(appended={"layers": source})
    assert failed_questions(student, QUESTIONS, [0]) == {"batchnorm_backward", "fc_net_batchnorm"}
    student.modules["layers"].batchnorm_backward = LocalStudent.of_reference().modules["layers"].batchnorm_backward
    assert failed_questions(student, ["fc_net_batchnorm"], [0]) == set()


def test_gradients_of_a_wrong_forward_are_accepted_in_all_three_ways():
    """Of the student's own forward pass, and of the formula for the output it made."""
    forward = by_name("variance_divides_by_n_minus_one").source()
    own = """
def batchnorm_backward(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat, n = dout * gamma, len(dout)
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).sum(axis=0) / (n - 1))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
"""
    for text in (forward, forward + own):
        student = LocalStudent.of_reference(appended={"layers": text})
        assert not failures(student, checks_of("batchnorm_backward"), SEEDS)
        assert failed_questions(student, ["batchnorm_forward"], [0])


def test_a_numeric_gradient_is_far_from_a_wrong_one():
    # A fault of a thousandth in one entry of dx shows.
    right = LocalStudent.of_reference().modules["layers"].batchnorm_backward

    def nearly(dout, cache):
        dx, dgamma, dbeta = right(dout, cache)
        dx = np.array(dx)
        dx[0, 0] *= 1.001
        return dx, dgamma, dbeta

    student = LocalStudent.of_reference(layers={"batchnorm_backward": nearly})
    assert "test_dx_is_right_for_any_eps_and_shape" in failures(student, checks_of("batchnorm_backward"), SEEDS)


APART = """

def batchnorm_forward(x, gamma, beta, bn_param):
    return 2 * x * gamma + beta, (x, gamma)


def batchnorm_backward(dout, cache):
    x, gamma = cache
    return 2 * dout * gamma, (dout * 2 * x).sum(axis=0), dout.sum(axis=0)


batchnorm_backward_alt = batchnorm_backward


def layernorm_forward(x, gamma, beta, ln_param):
    return np.tanh(x) * gamma + beta, (x, gamma)


def layernorm_backward(dout, cache):
    x, gamma = cache
    return (1 - np.tanh(x) ** 2) * dout * gamma, (dout * np.tanh(x)).sum(axis=0), dout.sum(axis=0)
"""


def test_gradients_of_a_forward_pass_without_statistics_earn_next_to_nothing():
    student = LocalStudent.of_reference(appended={"layers": APART})
    for question in ("batchnorm_backward", "batchnorm_backward_alt", "layernorm_backward"):
        checks = checks_of(question)
        kept = {check.__name__ for check in checks} - failures(student, checks, [1])
        assert kept <= {
            "test_backward_uses_its_own_cache",
            "test_alternative_uses_its_own_cache",
            "test_layernorm_backward_uses_its_own_cache",
        }


# Where examples and features are as many, an axis taken from the shapes is a matter of luck.
SQUARE = {
    "batchnorm_forward": """
_right = batchnorm_forward
def batchnorm_forward(x, gamma, beta, bn_param):
    out, cache = _right(x, gamma, beta, bn_param)
    return (layernorm_forward(x, gamma, beta, {})[0] if len(x) == len(gamma) else out), cache
""",
    "batchnorm_backward": """
_right = batchnorm_backward
def batchnorm_backward(dout, cache):
    dx, dgamma, dbeta = _right(dout, cache)
    return dx, dgamma, dout.sum(axis=1 if len(dout) == len(dbeta) else 0)
""",
    "layernorm_backward": """
_right = layernorm_backward
def layernorm_backward(dout, cache):
    dx, dgamma, dbeta = _right(dout, cache)
    return dx, dgamma, dout.sum(axis=1 if len(dout) == len(dbeta) else 0)
""",
}


@pytest.mark.parametrize("question", SQUARE)
def test_an_axis_that_is_wrong_for_square_batches_only_is_found(question):
    student = LocalStudent.of_reference(appended={"layers": SQUARE[question]})
    assert failures(student, checks_of(question), [0])


def test_a_layernorm_that_notes_a_mode_in_its_dict_is_right():
    text = """
_right = layernorm_forward
def layernorm_forward(x, gamma, beta, ln_param):
    ln_param["mode"] = "train"
    return _right(x, gamma, beta, ln_param)
"""
    student = LocalStudent.of_reference(appended={"layers": text})
    assert not failures(student, checks_of("layernorm_forward"), [0])
