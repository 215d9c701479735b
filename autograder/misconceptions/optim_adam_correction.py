"""Wrong adam whose moments are right: their correction for the start at zero is not."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from autograder.misconceptions.optim_adam import adam_settings, moments, wrong


@wrong(
    sentence="You do not correct the moments for their start at zero: divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
def no_bias_correction(w, dw, config=None):
    config, rate, _beta1, _beta2, epsilon = adam_settings(w, config)
    m, v, _ = moments(dw, config)
    return w - rate * m / (np.sqrt(v) + epsilon), config


@wrong(
    sentence="You correct m for its start at zero, but not v. Divide v by 1 - beta2**t as well.",
)
def only_m_corrected(w, dw, config=None):
    config, rate, beta1, _beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    return w - rate * m / (1 - beta1**t) / (np.sqrt(v) + epsilon), config


@wrong(
    sentence="You correct v for its start at zero, but not m. Divide m by 1 - beta1**t as well.",
)
def only_v_corrected(w, dw, config=None):
    config, rate, _beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    return w - rate * m / (np.sqrt(v / (1 - beta2**t)) + epsilon), config


@wrong(
    sentence="You store the corrected moments in config. Store the plain running means; correct them only for "
    "the step.",
)
def corrected_moments_stored(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    config["m"], config["v"] = mhat, vhat
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You correct by 1 - beta. It must be 1 - beta**t: the correction fades as t grows.",
)
def correction_without_power(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, _ = moments(dw, config)
    mhat, vhat = m / (1 - beta1), v / (1 - beta2)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You correct by 1 - beta * t. It must be 1 - beta**t, a power.",
)
def correction_with_a_product(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1 * t), v / abs(1 - beta2 * t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You multiply by the bias corrections. Divide by 1 - beta**t: the moments are too small at first.",
)
def correction_multiplied(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m * (1 - beta1**t), v * (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You divide by beta**t. Divide by 1 - beta**t.",
)
def corrected_by_beta(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / beta1**t, v / beta2**t
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You correct the root of v, not v: divide v by 1 - beta2**t first, then take the root.",
)
def correction_of_v_after_the_root(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat = m / (1 - beta1**t)
    return w - rate * mhat / (np.sqrt(v) / (1 - beta2**t) + epsilon), config


@wrong(
    sentence="You swapped the betas in the correction only: divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
def betas_swapped_in_the_correction(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta2**t), v / (1 - beta1**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config
