"""One mistake costs points in its own question only, whatever stands on it: through the real examiner."""

import pytest

from autograder.course import Course
from autograder.grade import examined
from autograder.misconceptions import by_name
from autograder.styles import complete_styles, planted

ASSIGNMENT = Course.find().assignment("deep_nets")
STYLES = complete_styles(ASSIGNMENT)

# What is put at the end of a right hand-in's layers.py.
WRONG_BATCHNORM_BACKWARD = """
_right = batchnorm_backward
def batchnorm_backward(dout, cache):
    dx, dgamma, dbeta = _right(dout, cache)
    return 1.1 * dx, dgamma, dbeta
"""
WRONG_AFFINE = """
_right = affine_forward
def affine_forward(x, w, b):
    return _right(x, w, 0 * b)
"""
WRONG_SOFTMAX = """
_right = softmax_loss
def softmax_loss(x, y):
    loss, dx = _right(x, y)
    return loss, len(x) * dx
"""
FLOAT32 = """
_right = NAME
def NAME(*given):
    out, cache = _right(*given)
    return out.astype("float32"), cache
"""
HUNGRY = """
_right = layernorm_forward
def layernorm_forward(x, gamma, beta, ln_param):
    np.ones(1 << 33)
    return _right(x, gamma, beta, ln_param)
"""
CRASHING_RELU = "\ndef relu_forward(x):\n    return 1 // 0\n"


def lost(tmp_path, style, added):
    """Questions that lose points, and what is said of them."""
    return lost_by(tmp_path, {**STYLES[style], "layers": STYLES[style]["layers"] + added})


def lost_by(tmp_path, texts):
    """The same of a hand-in whose modules have these texts."""
    package = tmp_path / "hand-in" / "nndl"
    package.mkdir(parents=True)
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text, "utf-8")
    result = examined(ASSIGNMENT, "once", package.parent, with_target=False, store=False)
    return {question.question: question.message() for question in result.questions if question.share < 1}


# Styles with caches and helpers of their own: dicts, lists, classes, layernorm by batchnorm, nets by recursion.
@pytest.mark.parametrize(
    ("style", "added", "expected"),
    [
        ("hand_in_04", WRONG_BATCHNORM_BACKWARD, {"batchnorm_backward"}),
        ("hand_in_13", WRONG_BATCHNORM_BACKWARD, {"batchnorm_backward"}),
        ("hand_in_03", WRONG_AFFINE, {"affine_forward"}),
        ("hand_in_16", WRONG_AFFINE, {"affine_forward"}),
        ("hand_in_06", CRASHING_RELU, {"relu_forward"}),
        # Right to six digits: but numeric gradients of a net that stands on them are noise.
        ("hand_in_02", FLOAT32.replace("NAME", "relu_forward"), {"relu_forward"}),
        ("hand_in_04", FLOAT32.replace("NAME", "batchnorm_forward"), {"batchnorm_forward"}),
        ("hand_in_13", FLOAT32.replace("NAME", "layernorm_forward"), {"layernorm_forward"}),
    ],
)
def test_wrong_layer_costs_its_own_question(tmp_path, style, added, expected):
    found = lost(tmp_path, style, added)
    assert set(found) == expected, found


def test_function_that_was_excused_and_is_wrong_by_itself_is_lent_too(tmp_path):
    """batchnorm is wrong, and layernorm calls it; layernorm's backward pass has a fault of its own besides."""
    faults = [by_name(name) for name in ("no_root_at_test_time", "layernorm_gradient_divides_by_n")]
    found = lost_by(tmp_path, planted(STYLES["hand_in_15"], *faults))
    assert set(found) == {"batchnorm_forward", "layernorm_backward"}, found


@pytest.mark.parametrize("style", ["hand_in_01", "hand_in_04"])
def test_wrong_loss_of_their_own_costs_the_plain_net_only(tmp_path, style):
    """Students of some courses write softmax_loss themselves. No question asks for it, and every net calls it."""
    found = lost(tmp_path, style, WRONG_SOFTMAX)
    assert set(found) == {"fc_net"}, found


def test_remark_names_the_function_without_a_question_that_was_lent(tmp_path):
    package = tmp_path / "hand-in" / "nndl"
    package.mkdir(parents=True)
    for name, text in STYLES["reference"].items():
        (package / f"{name}.py").write_text(text + (WRONG_SOFTMAX if name == "layers" else ""), "utf-8")
    result = examined(ASSIGNMENT, "once", package.parent, only=["fc_net_dropout"], with_target=False, store=False)
    [question] = result.questions
    assert question.share == 1
    assert "softmax_loss in place of yours" in question.remarks[0]


def test_backward_pass_with_a_cache_of_its_own_cannot_be_judged_after_a_crash(tmp_path):
    """Only its own forward pass makes the cache it reads. The nets get both from the course, and lose nothing."""
    assert set(lost(tmp_path, "hand_in_03", CRASHING_RELU)) == {"relu_forward", "relu_backward"}


def test_function_that_is_not_called_again_is_called_where_it_is_the_course_s(tmp_path):
    assert set(lost(tmp_path, "reference", HUNGRY)) == {"layernorm_forward"}


def test_net_that_test_mode_leaves_a_trace_in_pays_for_that_only(tmp_path):
    """Its losses depend on an earlier call. The same calls in a fresh process must give the same."""
    fault = by_name("batchnorm_stays_in_test_mode")
    found = lost_by(tmp_path, planted(STYLES["hand_in_20"], fault))
    assert set(found) == {fault.question}, found


def test_writing_into_arguments_is_a_remark_and_costs_nothing(tmp_path):
    package = tmp_path / "hand-in" / "nndl"
    package.mkdir(parents=True)
    for name, text in STYLES["hand_in_02"].items():  # its affine and ReLU layers work in place
        (package / f"{name}.py").write_text(text, "utf-8")
    names = ["relu_forward", "relu_backward", "affine_forward", "sgd_momentum"]
    result = examined(ASSIGNMENT, "once", package.parent, only=names, with_target=False, store=False)
    told = {question.question: question.remarks for question in result.questions}
    assert all("writes into an array" in told[name][0] for name in names[:2])
    assert told["affine_forward"] == told["sgd_momentum"] == ()
    assert all(question.share == 1 for question in result.questions)
