"""The hidden checks of affine and ReLU layers and plain nets pass right code and fail every misconception."""

import time

import numpy as np
import planting
import pytest
from planting import checks_of_all, failed_questions, failures, paid_questions, passes, planted, questions_with_checks

from autograder.checks.api import CheckFailed, checks_of, spec_of
from autograder.examiner.recognise import recognise
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions, by_name

LAYERS = ("affine_forward", "affine_backward", "relu_forward", "relu_backward")
QUESTIONS = (*LAYERS, "two_layer_net", "fc_net")
CHECKS = checks_of_all(QUESTIONS)
SEEDS = range(20)
OWN = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]
STYLES = [
    (module, path)
    for module, folder in (("layers", "affine_relu"), ("fc_net", "nets"))
    for path in sorted((planting.STYLES / folder).glob("*.py"))
]
STYLE_NAMES = [path.stem for _, path in STYLES]

# Every fault of a net that was seen in students' packages and does not concern dropout or normalization.
SEEN = (
    "last_weights_not_regularized",
    "first_weights_only_regularized",
    "nothing_regularized",
    "half_missing",
    "biases_regularized",
    "relu_on_the_scores",
    "first_width_everywhere",
    "widths_reversed",
    "last_hidden_layer_missing",
    "last_weights_not_scaled",
    "uniform_weights",
    "seed_fixed_in_the_constructor",
    "gradients_add_up",
    "caches_of_the_first_call",
    "layers_in_the_order_of_their_names",
    "number_of_the_layer_in_one_character",
    "dtype_ignored",
)


def in_style(module, path):
    """The reference with a style's text at the end of its file, and what belongs to it in layer_utils."""
    beside = planting.STYLES / "layer_utils" / path.name
    texts = {"layer_utils": beside.read_text(encoding="utf-8")} if beside.is_file() else {}
    return LocalStudent.of_reference(appended={**texts, module: path.read_text(encoding="utf-8")})


def questions_of(module):
    """What a style answers by itself: the reference's deep net reads the caches of the reference's layers."""
    return (*LAYERS, "two_layer_net") if module == "layers" else QUESTIONS


def test_every_fault_seen_in_students_code_has_a_misconception():
    assert set(SEEN) <= {wrong.name for wrong in OWN}


def test_every_check_passes_the_reference():
    assert not failures(LocalStudent.of_reference(), CHECKS, SEEDS)


@pytest.mark.parametrize(("module", "path"), STYLES, ids=STYLE_NAMES)
def test_every_check_passes_a_correct_style(module, path):
    assert not failures(in_style(module, path), checks_of_all(questions_of(module)), SEEDS)


@pytest.mark.parametrize("wrong", OWN, ids=lambda wrong: wrong.name)
def test_a_misconception_costs_what_it_says(wrong):
    own = failed_questions(planted(wrong), questions_with_checks(), seeds=range(2))
    assert own == {*wrong.costs, *wrong.may_cost}
    assert paid_questions(wrong, own, [0]) == set(wrong.costs)


def test_every_check_fails_some_misconception_of_its_question():
    idle = {check.__name__ for check in CHECKS}
    for wrong in OWN:
        idle -= failures(planted(wrong), checks_of(wrong.question), seeds=[0])
    assert not idle


def test_the_loss_may_have_a_small_number_inside_its_logarithm():
    def softmax_loss(x, y):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        one_hot = np.eye(x.shape[1])[y]
        return -np.mean(np.log(p[one_hot == 1] + 1e-7)), (p - one_hot) / len(x)

    assert not failures(LocalStudent.of_reference(layers={"softmax_loss": softmax_loss}), CHECKS, SEEDS)


def test_the_checks_of_a_hand_in_take_less_than_a_cpu_second():
    start = time.process_time()
    assert all(passes(check, LocalStudent.of_reference(), 1) for check in CHECKS)
    assert time.process_time() - start < 1.0


def test_every_check_explains_itself():
    for check in CHECKS:
        spec = spec_of(check)
        assert spec.must_hold.endswith(".")
        assert spec.hint.endswith(".")


@pytest.mark.parametrize("question", [*LAYERS[1::2], "two_layer_net", "fc_net"])
def test_questions_rest_on_the_layers_they_call(question):
    below = {"affine_backward": {"layers.affine_forward"}, "relu_backward": {"layers.relu_forward"}}
    below["two_layer_net"] = {f"layers.{name}" for name in (*LAYERS, "softmax_loss")}
    expected = below.get(question, {f"layers.{name}" for name in LAYERS})
    assert {frozenset(spec_of(check).rests_on) for check in checks_of(question)} == {frozenset(expected)}


def found(student, question, seed):
    np.random.seed(seed)
    return [wrong.name for wrong in recognise(student, question, np.random.default_rng(seed))]


def test_planted_misconceptions_are_recognised():
    outcomes = [(wrong.name, found(planted(wrong), wrong.question, seed)) for wrong in OWN for seed in (100, 101)]
    right = np.mean([names == [name] for name, names in outcomes])
    misnamed = np.mean([bool(names) and name not in names for name, names in outcomes])
    assert right >= 0.9, [(name, names) for name, names in outcomes if names != [name]]
    assert misnamed <= 0.02, [(name, names) for name, names in outcomes if names and name not in names]


@pytest.mark.parametrize(("module", "path"), STYLES, ids=STYLE_NAMES)
def test_a_correct_style_is_never_recognised(module, path):
    student = in_style(module, path)
    assert not any(found(student, question, seed) for question in questions_of(module) for seed in range(3))


# One change in a correct style, and the misconception it is. None: a fault nobody has named.
CHANGES = [
    ("affine_relu/prod_and_dot", " + b.reshape(1, -1)", "", "bias_left_out"),
    ("affine_relu/prod_and_dot", "np.sum(dout, axis=0,", "np.mean(dout, axis=0,", "db_averaged"),
    ("affine_relu/prod_and_dot", "np.sum(dout, axis=0, keepdims=True)", "np.sum(dout)", "db_is_a_single_number"),
    ("affine_relu/prod_and_dot", "np.sum(dout, axis=0, ", "np.sum(dout, axis=1, ", "db_summed_over_the_outputs"),
    ("affine_relu/prod_and_dot", "x * (x >= 0)", "1.0 * (x >= 0)", "step_for_relu"),
    ("affine_relu/prod_and_dot", "dx[x < 0] = 0", "dx[dx < 0] = 0", "gradient_by_the_sign_of_dout"),
    ("affine_relu/prod_and_dot", "dx[x < 0] = 0", "dx[x > 0] = 0", "relu_gradient_reversed"),
    ("affine_relu/loops", "+= np.outer(row, dout[n])", "-= np.outer(row, dout[n])", "dw_negative"),
    ("affine_relu/loops", "np.where(x < 0, 0, x)", "np.where(x < 0, 0.01 * x, x)", "leaky_relu"),
    ("affine_relu/einsum", "(x + np.abs(x)) / 2", "np.abs(x)", "absolute_value"),
    ("affine_relu/einsum", "(x + np.abs(x)) / 2", "(x - np.abs(x)) / 2", "negative_part"),
    ("affine_relu/einsum", ".reshape(x.shape)", "", "dx_left_flat"),
    ("affine_relu/einsum", "+ b[None]", "+ 2 * b[None]", None),
    ("affine_relu/einsum", 'np.einsum("nm->m", dout)', 'np.einsum("nm->m", dout) * 1.5', None),
    ("affine_relu/loops", "np.where(x < 0, 0, x)", "np.where(x < 0.1, 0, x)", None),
    ("nets/starter", "reg_loss = 0.5 * self.reg", "reg_loss = self.reg", None),
    ("nets/starter", " + 0.5 * self.reg * np.sum(W2 * W2)", "", "two_layer_second_weights_not_in_the_loss"),
    ("nets/long_hand", '\n        loss += 0.5 * self.reg * np.sum(self.params["W%s" % layer] ** 2)', "",
     "last_weights_not_in_the_loss"),
    ("nets/starter", "loss += 0.5 * self.reg", "loss += self.reg", "half_missing"),
    ("nets/starter", 'grads["W" + k] += self.reg', 'grads["W" + k] += 0 * self.reg', "gradients_not_regularized"),
    ("nets/rows_for_biases", "scores = h.dot", "scores = 0.5 * h.dot", None),
    ("nets/rows_for_biases", "h = np.maximum(0, z)", "h = np.tanh(z)", None),
    ("nets/stack_of_steps", "grads[name] = grads[name] + net.reg * net.params[name]",
     "grads[name[:2]] = grads[name[:2]] + net.reg * net.params[name[:2]]", "number_of_the_layer_in_one_character"),
    ("nets/long_hand", "self.params[k].astype(dtype)", "self.params[k].astype(np.float32)", "dtype_ignored"),
    ("nets/stack_of_steps", "return grads, net.reg * 0.5", "return grads, net.reg * 1.0", "two_layer_half_missing"),
]  # fmt: skip


@pytest.mark.parametrize(("style", "old", "new", "name"), CHANGES)
def test_faults_in_other_styles_are_recognised_and_unknown_ones_get_no_name(style, old, new, name):
    text = (planting.STYLES / f"{style}.py").read_text(encoding="utf-8")
    assert old in text
    module = "layers" if style.startswith("affine") else "fc_net"
    student = LocalStudent.of_reference(appended={module: text.replace(old, new)})
    questions = failed_questions(student, (by_name(name).question,) if name else QUESTIONS, [0])
    assert questions
    assert [found(student, question, 7) for question in questions] == [[name] if name else []] * len(questions)


@pytest.mark.parametrize("wrong", [wrong for wrong in OWN if wrong.may_cost], ids=lambda wrong: wrong.name)
def test_a_wrong_layer_gives_no_name_to_what_stands_on_it(wrong):
    student = planted(wrong)
    assert not [
        names for question in wrong.may_cost if question in QUESTIONS and (names := found(student, question, 3))
    ]


HUGE = {
    "affine_backward": "def affine_backward(dout, cache):\n"
    "    x, w, b = cache\n    return x * 0 + 1e200, w * 0 + 1e200, b * 0 + 1e200\n",
    "fc_net": """
_own = {kind: kind.loss for kind in (TwoLayerNet, FullyConnectedNet)}


def _loss(self, X, y=None):
    if y is None:
        return _own[type(self)](self, X)
    loss, grads = _own[type(self)](self, X, y)
    return loss, {name: grad * 0 + 1e200 for name, grad in grads.items()}


TwoLayerNet.loss = FullyConnectedNet.loss = _loss
""",
}


@pytest.mark.parametrize("name", HUGE)
def test_gradients_past_all_measure_are_not_right_because_norms_overflow(name):
    module = "fc_net" if name == "fc_net" else "layers"
    student = LocalStudent.of_reference(appended={module: "\n\n" + HUGE[name]})
    wanted = ["two_layer_net", "fc_net", "fc_net_batchnorm", "fc_net_layernorm"] if name == "fc_net" else [name]
    checks = [check for check in checks_of_all(wanted) if "gradient" in check.__name__ or name == "affine_backward"]
    assert len(checks) >= 6
    assert failures(student, checks, [1]) == {check.__name__ for check in checks}


WRONG_GRADIENTS = """
_right = FullyConnectedNet.loss
def loss(self, X, y=None):
    found = _right(self, X, y)
    return found if y is None else (found[0], {n: g * (1.01 if n in NAMES else 1) for n, g in found[1].items()})
FullyConnectedNet.loss = loss
"""


@pytest.mark.parametrize("names", ["W2", "b1, W2", "gamma1", "gamma2, beta2"])
def test_a_student_is_told_whose_gradient_is_wrong(names):
    text = WRONG_GRADIENTS.replace("NAMES", str(tuple(names.split(", "))))
    student = LocalStudent.of_reference(appended={"fc_net": text})
    question = "fc_net_batchnorm" if names.startswith("gamma") else "fc_net"
    [check] = [each for each in checks_of(question) if each.__name__.endswith("net_gradients_agree_with_numeric_ones")]
    with pytest.raises(CheckFailed) as caught:
        check(student, np.random.default_rng(1))
    assert str(caught.value) == f"These gradients are not the derivatives of your loss: {names}."


def test_a_net_that_is_asked_for_float32_may_hold_float64():
    text = "class FullyConnectedNet(FullyConnectedNet):\n    def __init__(self, *args, dtype=None, **settings):\n"
    text += "        super().__init__(*args, dtype=np.float64, **settings)\n"
    student = LocalStudent.of_reference(appended={"fc_net": text})
    assert student.fc_net.FullyConnectedNet([3], input_dim=2, dtype=np.float32).params["W1"].dtype == np.float64
    assert not failures(student, CHECKS, [0])


@pytest.mark.parametrize("name", ["relu_gradient_reversed", "gradient_by_both_signs", "gradient_times_the_output"])
def test_a_wrong_relu_gradient_is_not_told_to_belong_to_another_call(name):
    [check] = [each for each in checks_of("relu_backward") if "cache" in each.__name__]
    with pytest.raises(CheckFailed, match="not right without another call"):
        check(planted(by_name(name)), np.random.default_rng(0))


@pytest.mark.parametrize("out", ["np.abs(x)", "np.where(x > 0, x, 0.01 * x)"])
def test_gradients_of_a_wrong_relu_are_right_for_small_numbers_too(out):
    slope = {"np.abs(x)": "np.sign(x)"}.get(out, "np.where(x > 0, 1, 0.01)")
    text = f"""
def relu_forward(x):
    return {out}, x
def relu_backward(dout, cache):
    x = cache
    return dout * {slope}
"""
    student = LocalStudent.of_reference(appended={"layers": text})
    assert not failures(student, checks_of("relu_backward"), range(3))
