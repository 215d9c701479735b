"""Misconceptions of batch and layer normalization are recognised by behaviour; right code gets no name."""

import numpy as np
import planting
import pytest

from autograder.examiner.recognise import recognise
from autograder.examiner.student_local import LocalStudent
from autograder.misconceptions import all_misconceptions

QUESTIONS = (
    "batchnorm_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "fc_net_batchnorm",
    "layernorm_forward",
    "layernorm_backward",
    "fc_net_layernorm",
)
OWN = [wrong for wrong in all_misconceptions() if wrong.question in QUESTIONS]
FOLDER = planting.STYLES / "norm"
STYLES = sorted(FOLDER.glob("*.py"))

# One change in a correct style, the question it fails, and the misconception it is. None: a fault nobody has named.
CHANGES = [
    ("step_by_step", "np.sqrt(var + eps)\n", "(np.sqrt(var) + eps)\n", "batchnorm_forward",
     "eps_outside_the_root_in_training"),
    ("step_by_step", "(1 - momentum) * var", "(1 - momentum) * sqrtvar", "batchnorm_forward",
     "deviation_with_eps_kept_as_variance"),
    ("step_by_step", "bn_param[\"running_var\"] = running_var", "bn_param[\"runing_var\"] = running_var",
     "batchnorm_forward", None),  # the mean alone is kept
    ("step_by_step", "return dx1 + dx2, dgamma", "return dx1, dgamma", "batchnorm_backward",
     "no_gradient_through_the_mean"),
    ("step_by_step", "dxmu1 + dxmu2\n", "dxmu1\n", "batchnorm_backward", "no_gradient_through_the_variance"),
    ("step_by_step", "return dx1 + dx2, dgamma", "return dxmu1, dgamma", "batchnorm_backward",
     "statistics_taken_for_constants"),
    ("step_by_step", "dx = (gamma * ivar / N) * (N", "dx = (ivar / N) * (N", "batchnorm_backward_alt",
     "alternative_without_gamma"),
    ("step_by_step", "(N * dout - xhat * dgamma - dbeta)", "(N * dout - dbeta)", "batchnorm_backward_alt",
     "alternative_without_the_variance_term"),
    ("cache_is_a_dict", "bn_param[name] * momentum + value * (1 - momentum)", "value", "batchnorm_forward",
     "running_overwritten_by_the_batch"),
    ("cache_is_a_dict", "bn_param[name] * momentum + value * (1 - momentum)",
     "bn_param[name] * (1 - momentum) + value * momentum", "batchnorm_forward", "momentum_flipped"),
    ("cache_is_a_dict", 'bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)',
     'bn_param["mode"], bn_param.get("eps", 1e-5), 0.9', "batchnorm_forward", "momentum_hard_coded"),
    ("cache_is_a_dict", "x.var(1, keepdims=True)", "x.var()", "layernorm_backward", None),
    ("cache_is_a_dict", "(D * dz - dz.sum(1, keepdims=True) - z", "(D * dz - z", "layernorm_backward",
     "layernorm_gradient_not_centred"),
    ("a_class_behind_the_functions", "norm.mean, norm.var = running", "norm.fit(x)", "batchnorm_forward",
     "batch_statistics_at_test_time"),
    ("a_class_behind_the_functions", "_Normalizer(1, ", "_Normalizer(0, ", "layernorm_forward",
     "layernorm_over_the_batch"),
    ("a_class_behind_the_functions", "(1 - keep) * norm.var[0]", "(1 - keep) * norm.var[0] ** 0.5",
     "batchnorm_forward", "deviation_kept_as_variance"),
    ("double_precision_everywhere", "np.square(x - np.mean(x, axis=0)).mean(axis=0)", "np.var(x, axis=0, ddof=1)",
     "batchnorm_forward", "variance_divides_by_n_minus_one"),
    ("double_precision_everywhere", "np.add(np.multiply(gamma, z), beta)", "np.multiply(gamma, z)",
     "batchnorm_forward", "beta_forgotten"),
    ("one_pass_formulas", "np.maximum((x * x).mean(0) - mean * mean, 0)", "(x * x).mean(0)", "batchnorm_forward",
     "variance_of_the_uncentred_x"),
    ("one_pass_formulas", "z * gamma + beta", "z", "layernorm_forward", "layernorm_without_gamma_and_beta"),
    ("net_as_a_list_of_steps", '["mode"] = mode', '[mode] = mode', "fc_net_batchnorm", "key_of_the_mode_misspelt"),
    ("net_as_a_list_of_steps", "self.bn_params[i - 1]", "self.bn_params[0]", "fc_net_batchnorm",
     "one_bn_param_for_all_layers"),
    ("net_as_a_list_of_steps", 'if self.kind == "layernorm"', 'if self.kind == "none"', "fc_net_layernorm",
     "batchnorm_for_layernorm"),
    ("net_as_a_list_of_steps", "if self.kind:", 'if self.kind == "batchnorm":', "fc_net_layernorm",
     "layernorm_never_called"),
    ("net_as_a_list_of_steps", "if normalization and i < self.L", "if normalization and i <= self.L",
     "fc_net_batchnorm", None),  # parameters without a layer
    ("step_by_step", "out = gammax + beta", "out = gammax - beta", "batchnorm_forward", None),
    ("step_by_step", "out = gammax + beta", "out = np.maximum(gammax + beta, 0)", "batchnorm_forward", None),
    ("cache_is_a_dict", "np.sum(z * dout, 0)", "np.sum(z + dout, 0)", "batchnorm_backward", "dgamma_without_x_hat"),
]  # fmt: skip


def module_of(style):
    return "fc_net" if style.startswith("net_") else "layers"


def found(question, seed=0, **appended):
    np.random.seed(seed)
    student = LocalStudent.of_reference(appended=appended)
    return [wrong.name for wrong in recognise(student, question, np.random.default_rng(seed))]


def test_planted_misconceptions_are_recognised():
    outcomes = [(wrong.name, found(wrong.question, **{wrong.module: wrong.source()})) for wrong in OWN]
    unnamed = [(name, names) for name, names in outcomes if names != [name]]
    assert len(unnamed) <= 0.1 * len(outcomes), unnamed
    assert not [outcome for outcome in outcomes if outcome[1] and outcome[0] not in outcome[1]]


def test_faults_in_other_styles_are_recognised_and_unknown_ones_get_no_name():
    outcomes = []
    for style, old, new, question, name in CHANGES:
        text = (FOLDER / f"{style}.py").read_text(encoding="utf-8")
        assert old in text, (style, old)
        outcomes.append((style, new, name, found(question, **{module_of(style): text.replace(old, new)})))
    assert not [outcome for outcome in outcomes if outcome[3] != ([outcome[2]] if outcome[2] else [])]


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.stem)
def test_a_correct_style_is_never_recognised(style):
    text = style.read_text(encoding="utf-8")
    assert not [question for question in QUESTIONS if found(question, **{module_of(style.stem): text})]


@pytest.mark.parametrize("wrong", [wrong for wrong in OWN if wrong.may_cost], ids=lambda wrong: wrong.name)
def test_a_wrong_layer_gives_no_name_to_what_stands_on_it(wrong):
    for question in wrong.may_cost:
        assert not found(question, layers=wrong.source())


def test_unwritten_functions_get_no_name():
    for name in ("batchnorm_forward", "batchnorm_backward", "layernorm_forward"):
        text = f"def {name}(*_):\n    raise NotImplementedError\n"
        for question in QUESTIONS:
            assert found(question, layers=text) == []
