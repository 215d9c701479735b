"""Wrong adam. It stands alone, so it costs its own question."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import numpy as np

from autograder.misconceptions import misconception


def adam_settings(w, config):
    """The config with its defaults, and the numbers the rule needs of it."""
    config = {} if config is None else config
    defaults = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    for name, value in (*defaults.items(), ("m", np.zeros_like(w)), ("v", np.zeros_like(w))):
        config.setdefault(name, value)
    return config, config["learning_rate"], config["beta1"], config["beta2"], config["epsilon"]


def moments(dw, config):
    """The new running means, stored; and how many steps there were."""
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2
    return config["m"], config["v"], config["t"]


wrong = functools.partial(
    misconception, question="adam", replaces="optim.adam", companions=(("", adam_settings), ("", moments))
)


@wrong(
    sentence='You never count t up. Add 1 to config["t"] in every step, before you use it.',
)
def t_not_incremented(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"]
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence='You count t up but do not store it, so every step takes itself for the first. Write config["t"] = t.',
)
def t_not_stored(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You count t up after using it. At the first step it must be 1 already, or you divide by zero.",
)
def t_counted_after_use(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"]
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    config["t"] = t + 1
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="Your t starts at 1 and is counted up before it is used, so your first step takes itself for the second. "
    "Start at 0.",
)
def t_starts_at_one(w, dw, config=None):
    config = {"t": 1} if config is None else config
    config.setdefault("t", 1)
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="Your t starts at 1 and is counted up after the step. Start at 0 and count up first: between two steps t "
    "is the number of steps done.",
)
def t_of_the_next_step_stored(w, dw, config=None):
    config = {"t": 1} if config is None else config
    config.setdefault("t", 1)
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"]
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    config["t"] = t + 1
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You add 2 to t in every step: it is counted up in two places of your code.",
)
def t_counted_twice(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    config["t"] += 1
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence='You swapped the names: config["m"] is the mean of dw, config["v"] the mean of dw**2.',
)
def moments_swapped(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = beta1 * config["v"] + (1 - beta1) * dw
    v = beta2 * config["m"] + (1 - beta2) * dw**2
    config["m"], config["v"] = v, m
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You divide the second moment by the root of the first. Step by mhat over the root of vhat.",
)
def roles_swapped(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * vhat / (np.sqrt(mhat) + epsilon), config


@wrong(
    sentence="Your adam divides by vhat itself. Divide by its square root.",
)
def adam_no_square_root(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (vhat + epsilon), config


@wrong(
    sentence="Your v is a mean of dw. It must be the mean of dw**2.",
)
def second_moment_not_squared(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="Your v is a mean of m**2. It must be the mean of dw**2.",
)
def second_moment_of_the_first(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * m**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You swapped the betas: beta1 belongs to m, beta2 to v.",
)
def betas_swapped(w, dw, config=None):
    config, rate, beta2, beta1, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You use beta1 for v as well. The mean of the squares has its own rate, beta2.",
)
def beta_one_for_both(w, dw, config=None):
    config, rate, beta1, _, epsilon = adam_settings(w, config)
    beta2 = beta1
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence='Your adam has its own epsilon, 1e-8, written into the code. Use config["epsilon"].',
)
def adam_epsilon_written_into_the_code(w, dw, config=None):
    config, rate, beta1, beta2, _ = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + 1e-8), config


@wrong(
    sentence="Your adam has no epsilon: where the gradient was always 0 you divide 0 by 0.",
)
def adam_without_epsilon(w, dw, config=None):
    config, rate, beta1, beta2, _ = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat)), config


@wrong(
    sentence="Your adam adds epsilon to the weights: put the divisor, root plus epsilon, in parentheses.",
)
def adam_epsilon_added_to_the_weights(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / np.sqrt(vhat) + epsilon, config


@wrong(
    sentence="You left the factors 1 - beta1 and 1 - beta2 out, so your moments are sums, not means.",
)
def share_of_the_gradient_missing(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + dw
    v = config["v"] = beta2 * config["v"] + dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You swapped the shares of old and new: the old moment gets beta, the new gradient gets 1 - beta.",
)
def adam_shares_swapped(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = config["m"] = (1 - beta1) * config["m"] + beta1 * dw
    v = config["v"] = (1 - beta2) * config["v"] + beta2 * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You compute m and v but do not store them in config, so every step starts from the old ones.",
)
def moments_not_stored(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = config["t"] + 1
    m = beta1 * config["m"] + (1 - beta1) * dw
    v = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You step by the old moments. Bring your m and v up to date first.",
)
def old_moments_used(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v = config["m"], config["v"]
    t = moments(dw, config)[2]
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You step by dw over the root of vhat. Adam steps by mhat, the corrected mean of the gradients.",
)
def gradient_for_the_first_moment(w, dw, config=None):
    config, rate, _beta1, beta2, epsilon = adam_settings(w, config)
    _m, v, t = moments(dw, config)
    vhat = v / (1 - beta2**t)
    return w - rate * dw / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="You write the corrected learning rate into config, so it is corrected again at every step. Keep "
    "it apart.",
)
def learning_rate_overwritten(w, dw, config=None):
    config, _rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    config["learning_rate"] *= np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - config["learning_rate"] * m / (np.sqrt(v) + epsilon), config


@wrong(
    sentence="Your adam adds the step, so it goes uphill. Subtract it.",
)
def adam_climbs(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w + rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence='Your betas are always 0.9 and 0.999. Use config["beta1"] and config["beta2"].',
)
def betas_written_into_the_code(w, dw, config=None):
    config, rate, _, _, epsilon = adam_settings(w, config)
    beta1, beta2 = 0.9, 0.999
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="Your adam works on two-dimensional weights only. Compute with whole arrays of any shape.",
)
def adam_rows_and_columns_only(w, dw, config=None):
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    rows, columns = w.shape
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return (w - rate * mhat / (np.sqrt(vhat) + epsilon)).reshape(rows, columns), config


@wrong(
    sentence="You count t outside config, so the steps of all arrays are counted together. Keep t in config.",
)
def one_t_for_all(w, dw, config=None, kept={}):  # noqa: B006  # the fault itself
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    t = config["t"] = kept["t"] = kept.get("t", 0) + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config


@wrong(
    sentence="The default of config in your adam is one dict for all calls (config={}), so m, v and t of one array "
    "leak into the next that begins without a config. Write config=None and make a new dict inside.",
)
def adam_config_shared_by_default(w, dw, config={}):  # noqa: B006  # the fault itself
    config, rate, beta1, beta2, epsilon = adam_settings(w, config)
    m, v, t = moments(dw, config)
    mhat, vhat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * mhat / (np.sqrt(vhat) + epsilon), config
