"""Misconceptions are recognised by behaviour, in any style; unknown faults and right code get no name."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from autograder.examiner.recognise import recognise
from autograder.examiner.same_fault import same_fault
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions, by_name

QUESTIONS = ("dropout_forward", "dropout_backward", "fc_net_dropout")
FOLDER = Path(__file__).parents[1] / "styles" / "dropout"
STYLES = sorted(FOLDER.glob("*.py"))
SEEDS = range(100, 105)
OWN = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]

# One change in a correct style, and the misconception it is. None: a fault nobody has named.
CHANGES = [
    ("starter_reseeds_the_world", "< p)", "> p)", "reversed_comparison"),
    ("bool_mask_scaled_in_both_passes", ") < p", ") > p", "reversed_comparison"),
    ("integer_mask_from_binomial", "binomial(1, p,", "binomial(1, 1 - p,", "reversed_comparison"),
    ("drawn_with_choice", "p=[1 - p, p]", "p=[p, 1 - p]", "reversed_comparison"),
    ("dropped_entries_are_overwritten", ">= p", "<= p", "reversed_comparison"),
    ("greater_than_one_minus_p", "> 1 - p) / p", "> p) / (1 - p + 1e-9)", "keep_and_drop_swapped"),
    ("drawn_with_choice", "[0.0, 1 / p]", "[0.0, 1.0]", "mask_not_scaled"),
    ("uniform_from_a_new_generator", "np.where(keep, x / p, 0)", "np.where(keep, x, 0)", "mask_not_scaled"),
    ("flat_mask_reshaped", "x = x * mask / p", "x = x * mask", "mask_not_scaled"),
    ("in_place", "mask /= p", "mask *= p", "multiplied_by_p"),
    ("sign_of_p_minus_random", "return 1.0 * x,", "return p * x,", "scaled_twice"),
    ("starter_reseeds_the_world", "np.random.rand(*x.shape)", "np.random.rand(x.shape[-1])", "one_mask_per_feature"),
    ("bool_mask_scaled_in_both_passes", "np.random.rand(", "np.random.randn(", "normal_for_uniform"),
    ("helper_with_another_name", 'dropout_param["mode"] != "train"', "False", "drops_in_test_mode"),
    ("integer_mask_from_binomial", "binomial(1, p,", "binomial(1, 0.5,", "one_half_for_p"),
    ("uniform_from_a_new_generator", 'default_rng(dropout_param.get("seed"))', "default_rng()", "seed_ignored"),
    (
        "uniform_from_a_new_generator",
        'dropout_param.get("seed")',
        'dropout_param.get("seed", 1)',
        "seed_fixed_in_the_code",
    ),
    ("uniform_from_a_new_generator", "np.where(keep, dout / p, 0)", "np.where(keep, dout, 0)", "gradient_not_scaled"),
    ("in_place", "    return dout\n", "        return dout\n", "no_gradient_in_test_mode"),
    ("bool_mask_scaled_in_both_passes", "dout * mask / dropout", "dout * ~mask / dropout", "gradient_to_the_dropped"),
    ("drawn_with_choice", 'return dout * cache["factor"]', "return dout", "gradient_without_mask"),
    ("starter_reseeds_the_world", "< p)", "< p * p)", None),
    ("starter_reseeds_the_world", "< p) / p", "< p) / np.sqrt(p)", None),
    ("starter_reseeds_the_world", "out = x * mask", "out = x * mask + 1", None),
    ("starter_reseeds_the_world", "out = x * mask", "out = np.maximum(x * mask, 0)", None),
    ("starter_reseeds_the_world", "np.random.rand(*x.shape) < p", "np.abs(x) < p", None),
    ("starter_reseeds_the_world", "        out = x\n", "        out = x * 0\n", None),
    ("starter_reseeds_the_world", "        out = x\n", "        out = x * 0.5\n", None),
    ("starter_reseeds_the_world", "dx = dout * mask", "dx = dout * mask**2", "gradient_scaled_twice"),
    ("starter_reseeds_the_world", "dx = dout * mask", "dx = dout * (1 - mask)", None),
    ("starter_reseeds_the_world", "dx = dout * mask", "dx = dout * mask + 0.1", None),
    ("starter_reseeds_the_world", "        dx = dout\n", "        dx = -dout\n", None),
]


def found(question, seed, **appended):
    np.random.seed(seed)
    student = LocalStudent.of_reference(appended=appended)
    return [wrong.name for wrong in recognise(student, question, np.random.default_rng(seed))]


def test_planted_misconceptions_are_recognised():
    outcomes = [
        (wrong.name, found(wrong.question, seed, **{wrong.module: wrong.source()})) for wrong in OWN for seed in SEEDS
    ]
    right = np.mean([names == [name] for name, names in outcomes])
    misnamed = np.mean([bool(names) and name not in names for name, names in outcomes])
    assert right >= 0.9, f"recognised: {right:.1%}"
    assert misnamed <= 0.02, f"wrong name: {misnamed:.1%}"


def test_faults_in_other_styles_are_recognised_and_unknown_ones_get_no_name():
    wrong = []
    for style, old, new, name in CHANGES:
        text = (FOLDER / f"{style}.py").read_text(encoding="utf-8")
        assert old in text, (style, old)
        question = (
            by_name(name).question if name else "dropout_backward" if "d" in new.split()[0] else "dropout_forward"
        )
        names = found(question, 7, layers=text.replace(old, new))
        if names != ([name] if name else []):
            wrong.append((style, new, name, names))
    assert not wrong


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_a_correct_style_is_never_recognised(style):
    text = style.read_text(encoding="utf-8")
    assert not [
        (question, names)
        for question in QUESTIONS
        for seed in range(20)
        if (names := found(question, seed, layers=text))
    ]


def test_the_reference_is_never_recognised():
    assert not any(found(question, seed) for question in QUESTIONS for seed in range(20))


def test_another_right_net_is_never_recognised():
    text = by_name("dropout_never_on").source().replace("return keep > 1", "return keep != 1")
    assert not any(found("fc_net_dropout", seed, fc_net=text) for seed in range(20))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("            return x\n", "            return 0.9 * x\n"),  # scores scaled at test time
        ("return _layers.relu_forward(x)", "return _layers.relu_forward(-x)"),
        ("return keep != 1", "raise ValueError"),
        ("loss, dx = _layers.softmax_loss(x, y)", "loss, dx = 1.0, x"),
    ],
)
def test_an_unknown_fault_of_a_net_gets_no_name(old, new):
    text = by_name("dropout_never_on").source().replace("return keep > 1", "return keep != 1")
    assert old in text
    assert not found("fc_net_dropout", 1, fc_net=text.replace(old, new))


WRONG_LAYERS = [wrong for wrong in OWN if wrong.may_cost and wrong.module == "layers"]


@pytest.mark.parametrize("wrong", WRONG_LAYERS, ids=lambda wrong: wrong.name)
def test_a_wrong_layer_gives_no_name_to_what_stands_on_it(wrong):
    for question in wrong.may_cost:
        assert not found(question, 3, layers=wrong.source())


def test_a_fault_is_recognised_through_a_second_lesser_one():
    # Reversed comparison, in code that ignores the seed as well.
    text = (FOLDER / "starter_reseeds_the_world.py").read_text(encoding="utf-8").replace("< p)", "> p)")
    assert found("dropout_forward", 1, layers=text.replace('if "seed" in dropout_param', "if False")) == [
        "reversed_comparison"
    ]


def test_unwritten_or_raising_functions_get_no_name():
    for error in ("NotImplementedError", "ZeroDivisionError"):
        text = f"def dropout_forward(x, dropout_param):\n    raise {error}\n"
        for question in QUESTIONS:
            assert found(question, 1, layers=text) == []


def test_a_question_without_misconceptions_gets_no_name():
    assert recognise(LocalStudent.of_reference(), "target", np.random.default_rng(0)) == ()


# A net whose parameters never end, each as large as an answer may be.
ENDLESS = """
class FullyConnectedNet:
    read = 0

    def __init__(self, *sizes, **settings):
        class Endless(dict):
            def __getitem__(self, name):
                FullyConnectedNet.read += 1
                return np.broadcast_to(np.zeros(1), (5_000_000,)) if FullyConnectedNet.read < 30 else 0

        self.params = Endless({f"b{i}": 0 for i in range(5000)})
"""


def test_a_net_with_parameters_without_end_does_not_fill_the_memory():
    wrong = next(each for each in all_misconceptions() if "fc_net_dropout" in each.may_cost)
    student = LocalStudent.of_reference(appended={"fc_net": ENDLESS})
    tracemalloc.start()
    try:
        assert not same_fault(student, "fc_net_dropout", wrong, np.random.default_rng(1))
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


REVERSED = """

class FullyConnectedNet(FullyConnectedNet):
    def __init__(self, *sizes, dropout_keep_ratio=1, **settings):
        super().__init__(*sizes, dropout_keep_ratio=SHARE, **settings)
"""


@pytest.mark.parametrize(("share", "excused"), [("dropout_keep_ratio", True), ("1 - dropout_keep_ratio", False)])
def test_a_second_fault_in_dropout_is_not_excused(share, excused):
    wrong = by_name("gradient_skips_relu")
    student = LocalStudent.of_reference(appended={"fc_net": wrong.source() + REVERSED.replace("SHARE", share)})
    assert same_fault(student, "fc_net_dropout", wrong, np.random.default_rng(1)) == excused
