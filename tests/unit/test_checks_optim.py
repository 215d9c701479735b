"""The hidden checks of the update rules pass right code, whatever its style, and fail and name every misconception."""

import time

import numpy as np
import planting
import pytest
from nndl import layer_tests, optim
from planting import checks_of_all, failed_questions, failures, passes, planted

from autograder.checks.api import CheckFailed, checks_of
from autograder.checks.rules import STEPS
from autograder.examiner.recognise import recognise
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions, by_name

QUESTIONS = ("sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam")
CHECKS = checks_of_all(QUESTIONS)
FOLDER = planting.STYLES / "optim"
STYLES = sorted(FOLDER.glob("*.py"))
SEEDS = range(20)
WRONG = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]

# Every fault of update rules that was seen in students' packages, and its name here.
SEEN = (
    "no_bias_correction",
    "only_m_corrected",
    "only_v_corrected",
    "t_not_incremented",
    "t_not_stored",
    "velocity_not_stored",
    "extra_sgd_step",
    "look_ahead_backwards",
    "plain_momentum",
    "no_square_root",
    "old_cache_used",
    "epsilon_added_to_the_weights",
    "decay_under_another_name",
    "rmsprop_epsilon_written_into_the_code",
    "adam_epsilon_written_into_the_code",
    "moments_swapped",
)

# One change in a correct style, and the misconception it is. None: a fault nobody has named.
CHANGES = [
    ("in_place", "v -= config", "v += config", "velocity_climbs"),
    ("a_class_behind_the_functions", "rule.rate * dw - rule", "rule.rate * dw + rule", None),
    ("new_arrays_and_a_new_config", 'return w + v, {**config, "velocity": v}', "return w + v, config",
     "velocity_not_stored"),
    ("one_number_at_a_time", 'config["velocity"] = v.reshape(w.shape)', "pass", "velocity_never_written"),
    ("one_number_at_a_time", 'config["velocity"] = v.reshape(w.shape)', "pass", "nesterov_velocity_never_written"),
    ("one_number_at_a_time", "out[i] += v[i]", "out[i] += v[i] - 0.01 * slope[i]", None),
    ("one_number_at_a_time", 'config.get("momentum", 0.9) * v[i]', "0.9 * v[i]", "momentum_written_into_the_code"),
    ("extra_keys_in_config", 'config.get("velocity", np.zeros_like(w))', "0", "velocity_never_read"),
    ("in_place", 'w += config["momentum"] * v', 'w -= config["momentum"] * v', None),
    ("in_place", '    w -= config["momentum"] * v\n', "", "old_look_ahead_kept"),
    ("epsilon_inside_the_root", "return w + mu * v - lr * dw", "return w + v", "plain_momentum"),
    ("one_number_at_a_time", "new + mu * (new - v[i])", "new - mu * (new - v[i])", "look_ahead_backwards"),
    ("double_precision_throughout", "ahead = (w - mu * before)", "ahead = w", "old_look_ahead_kept"),
    ("epsilon_inside_the_root", '* (config["cache"] + eps) ** -0.5', '/ (config["cache"] + eps)', "no_square_root"),
    ("epsilon_inside_the_root", '(config["cache"] + eps) ** -0.5', '(config["cache"] + 1e-8) ** -0.5',
     "rmsprop_epsilon_written_into_the_code"),
    ("old_numpy_and_lambdas", 'np.power(dw, 2) - c["cache"]', 'dw - c["cache"]', "cache_of_plain_gradients"),
    ("extra_keys_in_config", '"decay_rate"', '"decay"', "decay_under_another_name"),
    ("new_arrays_and_a_new_config", '{**config, "cache": cache}', "config", "cache_not_stored"),
    ("in_place", "cache += (1 - config", "cache += (2 - config", None),
    ("eps_hat", 'config["t"] += 1', "pass", "t_not_incremented"),
    ("one_number_at_a_time", 'config.get("t", 0) + 1', 'config.get("t", 1) + 1', "t_starts_at_one"),
    ("old_numpy_and_lambdas", "first, second = 1 - np", "second, first = 1 - np", "betas_swapped_in_the_correction"),
    ("eps_hat", "* np.sqrt(1 - b2 ** config", "* (1 - b2 ** config", "correction_of_v_after_the_root"),
    ("eps_hat", 'lr_t = config["learning_rate"] * np.sqrt(1 - b2 ** config["t"]) / (1 - b1 ** config["t"])',
     'lr_t = config["learning_rate"]', "no_bias_correction"),
    ("eps_hat", ' / (1 - b1 ** config["t"])', "", "only_v_corrected"),
    ("eps_hat_inside_the_root", "* (1 - b2**t) ** 0.5 ", "", "only_m_corrected"),
    ("epsilon_inside_the_root", "np.sqrt(vt + eps)", "np.sqrt(vt + 1e-8)", "adam_epsilon_written_into_the_code"),
    ("epsilon_inside_the_root", "/ np.sqrt(vt + eps)", "/ (vt + eps)", "adam_no_square_root"),
    ("new_arrays_and_a_new_config", ', "t": t}', "}", "t_not_stored"),
    ("a_class_behind_the_functions", 'rule.blend("v", rule["beta2"]', 'rule.blend("v", rule["beta1"]', None),
    ("double_precision_throughout", 'corrected["v"] ** 0.5', 'corrected["v"] ** 0.25', None),
    ("in_place", "v += (1 - config[\"beta2\"]) * (dw**2 - v)", "v += (1 - config[\"beta2\"]) * (dw - v)",
     "second_moment_not_squared"),
    ("one_number_at_a_time", "m[i] / (1 - b1**t) / root", "slope[i] / root", "gradient_for_the_first_moment"),
]  # fmt: skip


def styled(path):
    return LocalStudent.of_reference(appended={"optim": path.read_text(encoding="utf-8")})


def names(student, question, seed=1):
    with np.errstate(all="ignore"):
        return [wrong.name for wrong in recognise(student, question, np.random.default_rng(seed))]


def test_every_check_passes_the_reference():
    assert not failures(LocalStudent.of_reference(), CHECKS, SEEDS)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_every_check_passes_a_correct_style_and_nothing_is_said_of_it(style):
    assert not failures(styled(style), CHECKS, SEEDS)
    assert not any(names(styled(style), question) for question in QUESTIONS)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_the_checks_that_students_see_pass_a_correct_style_too(style, monkeypatch):
    written = {}
    exec(compile(style.read_text(encoding="utf-8"), str(style), "exec"), written)
    for rule in set(QUESTIONS) & set(written):
        monkeypatch.setattr(optim, rule, written[rule])
        layer_tests.check(rule)


def test_there_are_ten_styles_at_least():
    assert len(STYLES) >= 10


def test_every_fault_seen_in_students_code_has_a_misconception():
    assert set(SEEN) <= {wrong.name for wrong in WRONG}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_rule_costs_its_own_question_and_no_other(wrong):
    # The layers and nets know nothing of the update rules, so only the rules' questions are asked.
    assert failed_questions(planted(wrong), QUESTIONS, range(3)) == {wrong.question} == set(wrong.costs)
    assert wrong.may_cost == ()


def test_every_check_fails_some_misconception_of_its_question():
    idle = {check.__name__ for check in CHECKS}
    for wrong in WRONG:
        idle -= failures(planted(wrong), checks_of(wrong.question), [0])
    assert not idle


def test_the_checks_of_a_hand_in_take_less_than_half_a_cpu_second():
    start = time.process_time()
    assert all(passes(check, LocalStudent.of_reference(), 1) for check in CHECKS)
    assert time.process_time() - start < 0.5


def told(student, question, seed=0):
    """The failed checks of a rule, named without their first two words, and the sentences they fail with."""
    sentences = {}
    for check in checks_of(question):
        try:
            with np.errstate(all="ignore"):
                check(student, np.random.default_rng(seed))
        except (CheckFailed, StudentError) as failed:
            sentences[check.__name__.split("_", 2)[2]] = str(failed)
    return sentences


PROPERTIES = {"uses_defaults_for_what_is_left_out", "works_on_arrays_of_any_shape", "keeps_two_arrays_apart"}


@pytest.mark.parametrize(
    "name",
    ["no_bias_correction", "betas_swapped", "decay_under_another_name", "adagrad", "extra_sgd_step",
     "velocity_is_a_mean", "look_ahead_backwards"],
)  # fmt: skip
def test_a_wrong_formula_is_not_told_to_mix_arrays_shapes_or_defaults(name):
    sentences = told(planted(by_name(name)), by_name(name).question)
    assert sentences
    assert not PROPERTIES & set(sentences)
    assert not any("large epsilon the steps are" in sentence for sentence in sentences.values())


# What computes nothing, knows no gradient or remembers nothing agrees with itself, and earns nothing by that.
NO_RULES = {
    "nothing": "w",
    "uphill": "w + 0.01 * dw",
    "plain sgd": "w - config.get('learning_rate', 0.01) * dw",
    "sideways": "w - 0.01 * np.ones_like(w)",
}


@pytest.mark.parametrize("answer", NO_RULES.values(), ids=NO_RULES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_no_such_rule_has_none_of_its_properties(question, answer):
    text = f"def {question}(w, dw, config=None):\n    config = config or {{}}\n    return {answer}, config\n"
    assert set(told(LocalStudent.of_reference(appended={"optim": text}), question)) >= PROPERTIES


@pytest.mark.parametrize("name", ["one_velocity_for_all", "nesterov_one_velocity_for_all", "one_cache_for_all"])
def test_memory_outside_config_is_told_in_true_words(name):
    sentences = told(planted(by_name(name)), by_name(name).question)
    assert {sentences[each] for each in PROPERTIES} <= {
        "The same steps done twice give different weights: something is kept outside config.",
        "The steps of one array change when another array is trained as well.",
    }


def test_steps_that_depend_on_the_shape_fail_the_check_of_shapes():
    text = by_name("adagrad").source().replace("dw**2", "(dw**2).mean(axis=0)")
    sentences = told(LocalStudent.of_reference(appended={"optim": text}), "rmsprop")
    assert sentences["works_on_arrays_of_any_shape"] == "The steps depend on the shape or the type of the array."


@pytest.mark.parametrize(
    "name",
    ["momentum_config_shared_by_default", "nesterov_config_shared_by_default", "rmsprop_config_shared_by_default",
     "adam_config_shared_by_default"],
)  # fmt: skip
def test_a_config_shared_by_default_costs_the_check_of_defaults_only(name):
    sentences = told(planted(by_name(name)), by_name(name).question)
    assert set(sentences) == {"uses_defaults_for_what_is_left_out"}
    assert "begins without a config" in sentences["uses_defaults_for_what_is_left_out"]


@pytest.mark.parametrize("rule", ["rmsprop", "adam"])
def test_an_epsilon_that_changes_its_place_is_found(rule):
    """Each place is accepted in all steps, not now this one and now that one."""
    text = by_name(f"{rule}_epsilon_written_into_the_code").source()
    assert text.count("+ 1e-8") == 1
    text = text.replace("+ 1e-8", '+ config["epsilon"] * (1 + config["calls"] % 2)')
    text = text.replace(
        "_settings(w, config)\n", '_settings(w, config)\n    config["calls"] = config.get("calls", 0) + 1\n'
    )
    failed = failures(LocalStudent.of_reference(appended={"optim": text}), checks_of(rule), [0])
    assert failed == {f"test_{rule}_uses_the_epsilon_of_config"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_rules_written_out_here_agree_with_the_published_tables(question):
    """Corners of the tables printed in the course's notebook: w from -0.4 to 0.6, dw from -0.6 to 0.4, memory given."""
    ramp = {"velocity": (0.6, 0.9), "cache": (0.6, 0.9), "m": (0.6, 0.9), "v": (0.7, 0.5)}
    rates = {"sgd_momentum": 1e-3, "sgd_nesterov_momentum": 1e-3, "rmsprop": 1e-2, "adam": 1e-2}
    printed = {
        "sgd_momentum": (0.1406, 1.4096),
        "sgd_nesterov_momentum": (0.08714, 1.32824),
        "rmsprop": (-0.39223849, 0.59576619),
        "adam": (-0.40094747, 0.59801459),
    }
    step, arrays, _ = STEPS[question]
    state = {"momentum": 0.9, "decay_rate": 0.99, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 5}
    state |= {"learning_rate": rates[question]} | {name: np.linspace(*ramp[name], 20) for name in arrays}
    w = np.linspace(-0.4, 0.6, 20) + step(np.linspace(-0.6, 0.4, 20), state, 0)
    np.testing.assert_allclose(w[[0, -1]], printed[question], rtol=0, atol=6e-9)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("t_not_incremented", 1.52e-03),
        ("no_bias_correction", 0.2072),
        ("only_m_corrected", 0.680),
        ("only_v_corrected", 0.0177),
        ("no_square_root", 9.27e-03),
        ("old_cache_used", 2.2e-04),
        ("velocity_not_stored", 0.0529),
        ("plain_momentum", 0.2347),
    ],
)
def test_a_misconception_prints_the_error_it_is_known_by(name, error):
    """The largest elementwise error that the course's notebook prints for this fault."""
    wrong, ramp = by_name(name), {"velocity": (0.6, 0.9), "cache": (0.6, 0.9), "m": (0.6, 0.9), "v": (0.7, 0.5)}
    w, dw = np.linspace(-0.4, 0.6, 20), np.linspace(-0.6, 0.4, 20)
    config = {"learning_rate": 1e-3 if "momentum" in wrong.question else 1e-2}
    config |= {key: np.linspace(*ramp[key], 20) for key in STEPS[wrong.question][1]}
    config |= {"t": 5} if wrong.question == "adam" else {}
    got, expected = (
        getattr(student.optim, wrong.question)(w, dw, config)
        for student in (planted(wrong), LocalStudent.of_reference())
    )
    a, b = (x[1]["velocity"] if name == "velocity_not_stored" else x[0] for x in (got, expected))
    assert np.max(abs(a - b) / np.maximum(1e-8, abs(a) + abs(b))) == pytest.approx(error, rel=0.01)


def test_planted_misconceptions_are_recognised():
    found = {wrong.name: names(planted(wrong), wrong.question) for wrong in WRONG}
    right = np.mean([got == [name] for name, got in found.items()])
    misnamed = [name for name, got in found.items() if got and name not in got]
    assert right >= 0.9, {name: got for name, got in found.items() if got != [name]}
    assert not misnamed


def test_faults_in_other_styles_are_recognised_and_unknown_ones_get_no_name():
    wrong = []
    for style, old, new, name in CHANGES:
        text = (FOLDER / f"{style}.py").read_text(encoding="utf-8")
        assert old in text, (style, old)
        student = LocalStudent.of_reference(appended={"optim": text.replace(old, new)})
        failed = failed_questions(student, QUESTIONS, [0])
        assert failed, (style, new)
        got = {found for question in failed for found in names(student, question)}
        if got if name is None else name not in got:
            wrong.append((style, new, name, got))
    assert not wrong


def test_unwritten_or_raising_rules_get_no_name():
    for error in ("NotImplementedError", "ZeroDivisionError"):
        text = "".join(f"def {rule}(w, dw, config=None):\n    raise {error}\n\n\n" for rule in QUESTIONS)
        student = LocalStudent.of_reference(appended={"optim": text})
        assert not any(names(student, question) for question in QUESTIONS)
