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


def told(student, question, seed=0):
    """The failed checks of a question and the sentences they fail with."""
    sentences = {}
    for check in checks_of(question):
        np.random.seed(seed)
        try:
            check(student, np.random.default_rng(seed))
        except (CheckFailed, StudentError) as failed:
            sentences[check.__name__] = str(failed)
    return sentences


def with_forward(line):
    """The reference with this line before dropout_forward ends; mask, p and dropout_param are there."""
    text = f"""
def dropout_forward(x, dropout_param):
    p, mode, seed = dropout_param["p"], dropout_param["mode"], dropout_param.get("seed")
    rng = np.random if seed is None else np.random.RandomState(seed)
    mask = (rng.rand(*x.shape) < p) / p if mode == "train" else None
    {line}
    return (x if mask is None else x * mask), (dropout_param, mask)
"""
    return LocalStudent.of_reference(appended={"layers": text})


@pytest.mark.parametrize(
    "line",
    [
        "mask = None if mask is None else (mask > 0) / (p + 1e-8)",
        'dropout_param["mask"] = mask',
        'dropout_param.setdefault("seed", None)',
        'dropout_param["p"] = np.float64(p)',
    ],
)
def test_small_liberties_are_right(line):
    assert not failures(with_forward(line), checks_of("dropout_forward"), range(3))


@pytest.mark.parametrize(
    "line",
    [
        'dropout_param["mode"] = "test"',
        'dropout_param["mode"] = "train"',
        'dropout_param["p"] = 1 - p',
        'dropout_param["seed"] = 7',
        'dropout_param["seed"] = dropout_param.get("seed", 0) + 1',
    ],
)
def test_what_is_written_into_dropout_param_costs_its_own_check(line):
    failed = failures(with_forward(line), checks_of("dropout_forward"), [0])
    assert failed == {"test_dropout_param_may_be_used_again"}


@pytest.mark.parametrize(
    "line",
    [
        "mask = None if mask is None else (mask > 0) / (p if p < 0.99 else 1)",
        "mask = mask if mask is None or p < 0.99 else np.ones(x.shape)",
        "mask = None if mask is None else (mask > 0) / max(p, 0.07)",
        "x = x if mask is not None or p < 0.9 else x * p",
        "mask = mask if mask is None or x.dtype == np.float64 else np.ones(x.shape)",
    ],
)
def test_special_cases_are_found(line):
    assert failures(with_forward(line), checks_of("dropout_forward"), [0])


@pytest.mark.parametrize("name", ["mask_not_scaled", "multiplied_by_p", "mask_cut_to_integers"])
def test_a_wrong_factor_is_not_told_again_of_the_ends_and_of_float32(name):
    sentences = told(planted(by_name(name)), "dropout_forward")
    assert "test_train_mode_divides_kept_elements_by_p" in sentences
    assert not {"test_float32_is_dropped_and_scaled_too", "test_extreme_probabilities_work"} & set(sentences)


def test_a_wrong_gradient_is_not_told_to_belong_to_another_call():
    sentences = told(planted(by_name("gradient_scaled_twice")), "dropout_backward")
    said = sentences["test_every_cache_keeps_its_own_mask"]
    assert said == "The gradient is not right without another call in between either."
    said = told(planted(by_name("mask_outside_the_cache")), "dropout_backward")["test_every_cache_keeps_its_own_mask"]
    assert said == "The gradient does not belong to its own forward pass."


def test_the_mode_of_the_last_call_is_not_that_of_the_cache():
    text = """
_right = dropout_forward
def dropout_forward(x, dropout_param):
    dropout_forward.mode = dropout_param["mode"]
    return _right(x, dropout_param)
def dropout_backward(dout, cache):
    return dout * cache[1] if dropout_forward.mode == "train" else dout
"""
    student = LocalStudent.of_reference(appended={"layers": text})
    assert failures(student, checks_of("dropout_backward"), [0]) == {"test_every_cache_keeps_its_own_mask"}
