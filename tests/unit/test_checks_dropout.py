"""The hidden checks of dropout pass right code, whatever its style, and fail every misconception."""

import time
import warnings

import numpy as np
import planting
import pytest
from planting import checks_of_all, failed_questions, failures, paid_questions, passes, planted, questions_with_checks

from autograder.checks.api import (
    CheckFailed,
    binomial_tolerance,
    checks_of,
    mean_tolerance,
    numeric_gradient,
    question,
    rel_error,
    require,
    require_shape,
    slope,
    spec_of,
)
from autograder.errors import CourseError
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions, by_name

QUESTIONS = ("dropout_forward", "dropout_backward", "fc_net_dropout")
CHECKS = checks_of_all(QUESTIONS)
STYLES = sorted((planting.STYLES / "dropout").glob("*.py"))
SEEDS = range(20)
OWN = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]


def test_every_check_passes_the_reference():
    assert not failures(LocalStudent.of_reference(), CHECKS, SEEDS)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_every_check_passes_a_correct_style(style):
    assert not failures(
        LocalStudent.of_reference(appended={"layers": style.read_text(encoding="utf-8")}), CHECKS, SEEDS
    )


def test_there_are_ten_styles_at_least():
    assert len(STYLES) >= 10


def test_every_check_passes_another_right_net():
    # The base of the wrong nets is right, and written in another way than the reference.
    text = by_name("dropout_never_on").source()
    text = text.replace("return keep > 1", "return keep != 1")
    assert not failures(LocalStudent.of_reference(appended={"fc_net": text}), checks_of("fc_net_dropout"), SEEDS)


def test_dropout_before_relu_is_accepted():
    # ReLU and a factor of 0 or more may change places.
    text = by_name("dropout_before_normalization").source()
    text = text.replace('return ("dropout", "norm", "relu") if', 'return ("norm", "dropout", "relu") if')
    text = text.replace('else ("relu", "dropout")', 'else ("dropout", "relu")')
    assert not failures(LocalStudent.of_reference(appended={"fc_net": text}), checks_of("fc_net_dropout"), SEEDS)


@pytest.mark.parametrize("kind", ["batchnorm", "layernorm"])
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("gradient_skips_dropout_beside_normalization", "not self.normalization", 'self.normalization != "KIND"'),
        ("drops_at_test_time_beside_normalization", "not self.normalization", 'self.normalization != "KIND"'),
    ],
)
def test_dropout_is_looked_at_beside_each_normalization_alone(name, old, new, kind):
    text = by_name(name).source()
    assert text.count(old) == 1
    student = LocalStudent.of_reference(appended={"fc_net": text.replace(old, new.replace("KIND", kind))})
    found = failures(student, checks_of("fc_net_dropout"), [0, 1])
    assert found == {"test_dropout_works_beside_either_normalization"}


@pytest.mark.parametrize("wrong", OWN, ids=lambda wrong: wrong.name)
def test_a_misconception_costs_what_it_says(wrong):
    own = failed_questions(planted(wrong), questions_with_checks(), seeds=range(3))
    assert own == {*wrong.costs, *wrong.may_cost}
    assert paid_questions(wrong, own, [0]) == set(wrong.costs)


def test_every_check_fails_some_misconception_of_its_question():
    idle = {check.__name__ for check in CHECKS}
    for wrong in OWN:
        idle -= failures(planted(wrong), checks_of(wrong.question), seeds=[0])
    assert not idle


def test_the_checks_of_a_hand_in_take_less_than_a_cpu_second():
    start = time.process_time()
    assert all(passes(check, LocalStudent.of_reference(), 1) for check in CHECKS)
    assert time.process_time() - start < 1.0


def test_an_unwritten_function_is_said_to_be_unwritten():
    def unwritten(*_):
        raise NotImplementedError

    student = LocalStudent.of_reference(layers={"dropout_forward": unwritten})
    with pytest.raises(StudentError, match="not written yet") as caught:
        CHECKS[0](student, np.random.default_rng(0))
    assert caught.value.code == "stub"


def test_wrong_results_of_a_local_student_are_student_errors():
    for wrong in (lambda *_: None, lambda x, _: x, lambda x, _: ("text", None), lambda x, _: (x, None, None)):
        student = LocalStudent.of_reference(layers={"dropout_forward": wrong})
        with pytest.raises(StudentError):
            student.layers.dropout_forward(np.ones((2, 3)), {"mode": "test", "p": 0.5})


def test_a_local_student_cannot_write_into_a_check_s_arrays():
    def in_place(x, dropout_param):
        x *= 0
        dropout_param["mode"] = "gone"
        return x, None

    x, param = np.ones((2, 3)), {"mode": "test", "p": 0.5}
    out, _ = LocalStudent.of_reference(layers={"dropout_forward": in_place}).layers.dropout_forward(x, param)
    out += 7
    assert (x == 1).all()
    assert param["mode"] == "test"


def test_a_local_student_replaces_a_function_wherever_it_is_used():
    def nothing(x, dropout_param):
        return x, (dropout_param, np.ones(x.shape))

    student = LocalStudent.of_reference(layers={"dropout_forward": nothing})
    net = student.fc_net.FullyConnectedNet([50], input_dim=4, num_classes=3, dropout_keep_ratio=0.1, dtype=np.float64)
    losses = {net.loss(np.ones((2, 4)), np.array([0, 1]))[0] for _ in range(5)}
    assert len(losses) == 1


def test_handles_of_a_local_student_read_dicts_and_nets():
    student = LocalStudent.of_reference()
    param = student.dict(mode="train", p=0.5, seed=3)
    first, _ = student.layers.dropout_forward(np.ones((2, 30)), param)
    param["seed"] = 4
    second, _ = student.layers.dropout_forward(np.ones((2, 30)), param)
    assert param["seed"] == 4
    assert (first != second).any()
    assert param.snapshot() == {"mode": "train", "p": 0.5, "seed": 4}

    w, config = student.optim.adam(np.ones((2, 3)), np.ones((2, 3)), {"learning_rate": 0.1})
    _, config = student.optim.adam(w, np.ones((2, 3)), config)
    assert config["t"] == 2
    assert config["m"].shape == (2, 3)

    net = student.fc_net.FullyConnectedNet([5], input_dim=4, num_classes=3, dtype=np.float64)
    net.params["W1"] = np.full((4, 5), 2.0)
    copy = net.params["W1"]
    copy += 1
    assert (net.params["W1"] == 2).all()
    assert set(net.params.keys()) == {"W1", "b1", "W2", "b2"} == set(net.loss(np.ones((2, 4)), np.array([0, 1]))[1])


def test_a_local_student_leaves_the_imported_reference_alone():
    import nndl.layers

    before = nndl.layers.dropout_forward
    LocalStudent.of_reference(layers={"dropout_forward": lambda *_: None})
    import nndl.layers as again

    assert again is nndl.layers
    assert again.dropout_forward is before


def test_question_refuses_a_check_that_says_nothing():
    with pytest.raises(CourseError, match="no docstring"):
        question("q")(lambda student, rng: None)


def test_question_refuses_a_weight_of_nothing():
    def check(student, rng):
        """Holds."""

    with pytest.raises(CourseError, match="weight"):
        question("q", weight=0)(check)


def test_every_check_explains_itself():
    for check in CHECKS:
        spec = spec_of(check)
        assert spec.must_hold.endswith(".")
        assert spec.hint


def test_require_passes_its_sentence_on():
    with pytest.raises(CheckFailed, match="too small"):
        require(False, "too small")
    require(True, "never shown")


@pytest.mark.parametrize("value", [None, 3.0, np.ones((2, 2)), np.full((2, 3), np.nan)])
def test_require_shape_refuses_what_is_no_finite_array_of_that_shape(value):
    with pytest.raises(CheckFailed):
        require_shape(value, (2, 3), "out")


def test_rel_error_is_relative_to_the_norm():
    a = np.array([[3.0, 0.0, 4.0]])
    assert rel_error(a, a * 1.01) == pytest.approx(0.01 / 1.01)
    assert rel_error(np.zeros(3), np.zeros(3)) == 0
    assert not rel_error(a, np.full((1, 3), np.nan)) < 1


def test_numeric_gradient_and_slope_agree_with_calculus():
    x = np.array([[0.3, -1.2, 2.0], [1.5, 0.1, -0.4]])
    gradient = numeric_gradient(lambda x: float(np.sin(x).sum()), x)
    np.testing.assert_allclose(gradient, np.cos(x), rtol=1e-8)
    direction = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    assert slope(lambda x: float(np.sin(x).sum()), x, direction) == pytest.approx((np.cos(x) * direction).sum())


@pytest.mark.parametrize(("n", "p"), [(50, 0.5), (400, 0.1), (3000, 0.95)])
def test_binomial_tolerance_keeps_its_promise(n, p):
    # The exact tail of the binomial distribution, summed by logarithms of factorials.
    logs = np.cumsum(np.concatenate([[0.0], np.log(np.arange(1, n + 1))]))
    k = np.arange(n + 1)
    chance = np.exp(logs[n] - logs[k] - logs[n - k] + k * np.log(p) + (n - k) * np.log(1 - p))
    for alarm in (1e-3, 1e-9):
        tail = chance[abs(k / n - p) >= binomial_tolerance(n, p, alarm)].sum()
        assert tail <= alarm
    assert binomial_tolerance(n, p, 1e-9) < 2.5 * 6.11 * np.sqrt(p * (1 - p) / n)  # not far above the normal quantile


def test_mean_tolerance_grows_with_variance_and_shrinks_with_n():
    assert mean_tolerance(100, 1.0, 5.0) > mean_tolerance(400, 1.0, 5.0)
    assert mean_tolerance(100, 4.0, 5.0) > mean_tolerance(100, 1.0, 5.0)


def test_numbers_of_float32_are_looked_at_without_a_warning():
    with warnings.catch_warnings(action="error"):
        require_shape(np.ones((2, 3), np.float32), (2, 3), "The output")


HUGE_GRADIENTS = """
_right = FullyConnectedNet.loss
def loss(self, X, y=None):
    found = _right(self, X, y)
    return found if y is None else (found[0], {name: np.full(value.shape, 9e99) for name, value in found[1].items()})
FullyConnectedNet.loss = loss
"""


def test_net_whose_batchnorm_is_wrong_must_still_drop():
    net = LocalStudent.of_reference(appended={"fc_net": HUGE_GRADIENTS})
    assert "test_dropout_follows_batchnorm_and_relu" in failures(net, checks_of("fc_net_dropout"), [1, 2])
