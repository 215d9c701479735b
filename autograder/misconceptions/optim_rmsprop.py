"""Wrong rmsprop. It stands alone, so it costs its own question."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import numpy as np

from autograder.misconceptions import misconception


def rmsprop_settings(w, config):
    """The config with its defaults, and what the rule needs of it."""
    config = {} if config is None else config
    for name, value in (("learning_rate", 1e-2), ("decay_rate", 0.99), ("epsilon", 1e-8), ("cache", np.zeros_like(w))):
        config.setdefault(name, value)
    return config, config["learning_rate"], config["decay_rate"], config["epsilon"]


wrong = functools.partial(
    misconception, question="rmsprop", replaces="optim.rmsprop", companions=(("", rmsprop_settings),)
)


@wrong(
    sentence="You divide by the cache itself. Divide by its square root.",
)
def no_square_root(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (config["cache"] + epsilon), config


@wrong(
    sentence="You divide by the root of the old cache. Bring your cache up to date first, then step.",
)
def old_cache_used(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    old = config["cache"]
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(old) + epsilon), config


@wrong(
    sentence='You compute the new cache but do not store it in config["cache"].',
)
def cache_not_stored(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    cache = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(cache) + epsilon), config


@wrong(
    sentence='Your rmsprop has its own epsilon, 1e-8, written into the code. Use config["epsilon"].',
)
def rmsprop_epsilon_written_into_the_code(w, dw, config=None):
    config, rate, decay, _ = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + 1e-8), config


@wrong(
    sentence='Your rmsprop looks for the decay under a name of its own. Its name in config is "decay_rate".',
)
def decay_under_another_name(w, dw, config=None):
    config, rate, _, epsilon = rmsprop_settings(w, config)
    decay = config.get("decay", 0.99)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You swapped the shares: the old cache gets decay_rate, the new square gets 1 - decay_rate.",
)
def shares_swapped(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = (1 - decay) * config["cache"] + decay * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="Your cache holds the mean of the gradients. It must hold the mean of their squares.",
)
def cache_of_plain_gradients(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="Your cache holds the mean of |dw|. It must hold the mean of the squares of dw.",
)
def cache_of_absolute_gradients(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * abs(dw)
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="Your cache is the sum of all squared gradients. That is AdaGrad; RMSProp keeps a running mean "
    "with decay_rate.",
)
def adagrad(w, dw, config=None):
    config, rate, _decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = config["cache"] + dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You left the factor 1 - decay_rate of the new square out, so your cache grows too large.",
)
def share_of_the_square_missing(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You add epsilon to the weights: put the divisor, root plus epsilon, in parentheses.",
)
def epsilon_added_to_the_weights(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / np.sqrt(config["cache"]) + epsilon, config


@wrong(
    sentence="Your epsilon is added to the quotient, not to the divisor. Put parentheses around root plus epsilon.",
)
def epsilon_outside_the_division(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * (dw / np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You left epsilon out: where the gradient was always 0 you divide 0 by 0.",
)
def rmsprop_without_epsilon(w, dw, config=None):
    config, rate, decay, _ = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / np.sqrt(config["cache"]), config


@wrong(
    sentence="Your rmsprop adds the step, so it goes uphill. Subtract it.",
)
def rmsprop_climbs(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w + rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You correct the cache for its start at zero. Adam does that; plain RMSProp does not.",
)
def cache_corrected(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["t"] = config.get("t", 0) + 1
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    cache = config["cache"] / (1 - decay ** config["t"])
    return w - rate * dw / (np.sqrt(cache) + epsilon), config


@wrong(
    sentence="You square the mean of cache and gradient. Take the mean of the squares.",
)
def square_of_the_mean(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = (decay * config["cache"] + (1 - decay) * dw) ** 2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You use one mean square for the whole array. Every weight needs its own entry of the cache.",
)
def one_number_for_the_array(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * np.mean(dw**2)
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="You step by learning_rate / root alone. The gradient itself belongs on top.",
)
def gradient_forgotten_in_the_step(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence='You store the root of the running mean in config["cache"]. Store the mean; take its root in the step.',
)
def root_stored(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    config["cache"] = np.sqrt(config["cache"])
    return w - rate * dw / (config["cache"] + epsilon), config


@wrong(
    sentence="Your rmsprop works on two-dimensional weights only. Compute with whole arrays of any shape.",
)
def rmsprop_rows_and_columns_only(w, dw, config=None):
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    rows, columns = w.shape
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    next_w = w - rate * dw / (np.sqrt(config["cache"]) + epsilon)
    return next_w.reshape(rows, columns), config


@wrong(
    sentence="You keep the cache outside config, so all arrays of one shape share it. Keep it in config.",
)
def one_cache_for_all(w, dw, config=None, kept={}):  # noqa: B006  # the fault itself
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = kept[w.shape] = decay * kept.get(w.shape, 0.0 * w) + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence='Your decay rate is always 0.9. Use config["decay_rate"].',
)
def decay_written_into_the_code(w, dw, config=None):
    config, rate, _, epsilon = rmsprop_settings(w, config)
    decay = 0.9
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config


@wrong(
    sentence="The default of config in your rmsprop is one dict for all calls (config={}), so the cache of one array "
    "leaks into the next that begins without a config. Write config=None and make a new dict inside.",
)
def rmsprop_config_shared_by_default(w, dw, config={}):  # noqa: B006  # the fault itself
    config, rate, decay, epsilon = rmsprop_settings(w, config)
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + epsilon), config
