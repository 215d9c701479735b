"""Wrong sgd_momentum and sgd_nesterov_momentum. Each rule stands alone, so a wrong one costs its own question."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import functools

import numpy as np

from autograder.misconceptions import misconception


def momentum_settings(w, config):
    """The config with its defaults, and what the rule needs of it."""
    config = {} if config is None else config
    for name, value in (("learning_rate", 1e-2), ("momentum", 0.9)):
        config.setdefault(name, value)
    return config, config["learning_rate"], config["momentum"], config.get("velocity", np.zeros_like(w))


SETTINGS = (("", momentum_settings),)
wrong = functools.partial(misconception, question="sgd_momentum", replaces="optim.sgd_momentum", companions=SETTINGS)
wrong_nesterov = functools.partial(
    misconception,
    question="sgd_nesterov_momentum",
    replaces="optim.sgd_nesterov_momentum",
    companions=SETTINGS,
)


@wrong(
    sentence='You compute the new velocity but do not store it: config["velocity"] still holds the old one, so the '
    "next step starts from there.",
)
def velocity_not_stored(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = v
    return w + mu * v - rate * dw, config


@wrong(
    sentence='You never write config["velocity"], so every step finds none and starts from zero. Store the new '
    "velocity there.",
)
def velocity_never_written(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    return w + mu * v - rate * dw, config


@wrong(
    sentence="Your velocity forgets the past: it is only -learning_rate * dw. Add momentum times the velocity of the "
    "step before.",
)
def velocity_never_read(w, dw, config=None):
    config, rate, _, _ = momentum_settings(w, config)
    config["velocity"] = -rate * dw
    return w + config["velocity"], config


@wrong(
    sentence="You add learning_rate * dw to the velocity, so your steps go uphill. Subtract it.",
)
def velocity_climbs(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v + rate * dw
    return w + config["velocity"], config


@wrong(
    sentence="Your velocity has the other sign: you store v = momentum * v + learning_rate * dw and subtract it. Here "
    "the velocity is the step itself, and you add it.",
)
def velocity_of_the_other_sign(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v + rate * dw
    return w - config["velocity"], config


@wrong(
    sentence="You step by the velocity and then once more by -learning_rate * dw. The gradient is in the velocity "
    "already.",
)
def extra_sgd_step(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] - rate * dw, config


@wrong(
    sentence='Your momentum is always 0.9. Use config["momentum"].',
)
def momentum_written_into_the_code(w, dw, config=None):
    config, rate, _, v = momentum_settings(w, config)
    config["velocity"] = 0.9 * v - rate * dw
    return w + config["velocity"], config


@wrong(
    sentence="Your velocity is a mean: you multiply the gradient by 1 - momentum. Here it is a sum; leave that factor "
    "out.",
)
def velocity_is_a_mean(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - (1 - mu) * rate * dw
    return w + config["velocity"], config


@wrong(
    sentence="You multiply the velocity by the learning rate when you step. Here the learning rate belongs to the "
    "gradient, inside the velocity.",
)
def learning_rate_outside_the_velocity(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - dw
    return w + rate * config["velocity"], config


@wrong(
    sentence="You left the learning rate out of the velocity: v = momentum * v - learning_rate * dw.",
)
def learning_rate_forgotten(w, dw, config=None):
    config, _, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - dw
    return w + config["velocity"], config


@wrong(
    sentence="You step by the old velocity. Compute the new one first, then add that one to the weights.",
)
def step_by_the_old_velocity(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + v, config


@wrong(
    sentence="Your sgd_momentum is Nesterov's momentum. Plain momentum is w + v, without the look ahead.",
)
def nesterov_for_momentum(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] + mu * (config["velocity"] - v), config


@wrong(
    sentence='You keep the velocity under a name of your own. It must be config["velocity"], read and written.',
)
def velocity_under_another_name(w, dw, config=None):
    config, rate, mu, _ = momentum_settings(w, config)
    config["v"] = mu * config.get("v", np.zeros_like(w)) - rate * dw
    return w + config["v"], config


@wrong(
    sentence="You weight the gradient by the momentum too: momentum belongs to the old velocity only.",
)
def momentum_on_both(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * (v - rate * dw)
    return w + config["velocity"], config


@wrong(
    sentence="Your loop works on two-dimensional weights only, so biases cannot be trained. Compute with whole arrays.",
)
def rows_and_columns_only(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    v = mu * v - rate * dw
    next_w = w.copy()
    rows, columns = w.shape
    for row in range(rows):
        for column in range(columns):
            next_w[row, column] += v[row, column]
    config["velocity"] = v
    return next_w, config


@wrong(
    sentence="You keep the velocity outside config, so all arrays of one shape share it. Keep it in config.",
)
def one_velocity_for_all(w, dw, config=None, kept={}):  # noqa: B006  # the fault itself
    config, rate, mu, _ = momentum_settings(w, config)
    config["velocity"] = kept[w.shape] = mu * kept.get(w.shape, np.zeros_like(w)) - rate * dw
    return w + config["velocity"], config


@wrong(
    sentence="The default of config in your sgd_momentum is one dict for all calls (config={}), so the velocity of one "
    "array leaks into the next that begins without a config. Write config=None and make a new dict inside.",
)
def momentum_config_shared_by_default(w, dw, config={}):  # noqa: B006  # the fault itself
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"], config


@wrong_nesterov(
    sentence="Your rule is plain momentum. Nesterov's adds momentum * (v_new - v_old) to the step.",
)
def plain_momentum(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"], config


@wrong_nesterov(
    sentence="The look ahead of your Nesterov step has the wrong sign: add momentum * (v_new - v_old).",
)
def look_ahead_backwards(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] - mu * (config["velocity"] - v), config


@wrong_nesterov(
    sentence="You left the momentum out of the look ahead: it is momentum * (v_new - v_old).",
)
def look_ahead_without_momentum(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] + config["velocity"] - v, config


@wrong_nesterov(
    sentence="Your step adds (1 + momentum) * v_new, but the part momentum * v_old was in the weights already: "
    "subtract it.",
)
def old_look_ahead_kept(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + (1 + mu) * config["velocity"], config


@wrong_nesterov(
    sentence='You store the whole step as velocity. config["velocity"] is v_new alone, without the look ahead.',
)
def look_ahead_stored(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    new = mu * v - rate * dw
    config["velocity"] = new + mu * (new - v)
    return w + config["velocity"], config


@wrong_nesterov(
    sentence='Your Nesterov step computes v_new but does not store it in config["velocity"].',
)
def nesterov_velocity_not_stored(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    new = mu * v - rate * dw
    config["velocity"] = v
    return w + new + mu * (new - v), config


@wrong_nesterov(
    sentence='Your Nesterov step never writes config["velocity"], so every step finds none and starts from zero. Store '
    "v_new there.",
)
def nesterov_velocity_never_written(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    new = mu * v - rate * dw
    return w + new + mu * (new - v), config


@wrong_nesterov(
    sentence='Your Nesterov step always uses momentum 0.9. Use config["momentum"].',
)
def nesterov_momentum_written_into_the_code(w, dw, config=None):
    config, rate, _, v = momentum_settings(w, config)
    config["velocity"] = 0.9 * v - rate * dw
    return w + config["velocity"] + 0.9 * (config["velocity"] - v), config


@wrong_nesterov(
    sentence="You subtract learning_rate * dw once more after the Nesterov step. The gradient is in the velocity "
    "already.",
)
def nesterov_with_an_extra_sgd_step(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] + mu * (config["velocity"] - v) - rate * dw, config


@wrong_nesterov(
    sentence="Your Nesterov step goes uphill: subtract learning_rate * dw in the velocity.",
)
def nesterov_climbs(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v + rate * dw
    return w + config["velocity"] + mu * (config["velocity"] - v), config


@wrong_nesterov(
    sentence="Your Nesterov velocity has the other sign: store the step itself, mu * v - learning_rate * dw, "
    "and add it.",
)
def nesterov_velocity_of_the_other_sign(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v + rate * dw
    return w - config["velocity"] - mu * (config["velocity"] - v), config


@wrong_nesterov(
    sentence="Your Nesterov velocity leaves the learning rate to the step. Here it belongs to the gradient: "
    "v = momentum * v - learning_rate * dw.",
)
def nesterov_learning_rate_outside_the_velocity(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - dw
    return w + rate * (config["velocity"] + mu * (config["velocity"] - v)), config


@wrong_nesterov(
    sentence="You look ahead from the old velocity: add momentum * v_new and the gradient's step, not momentum * v_old "
    "twice.",
)
def look_ahead_with_the_old_velocity(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] + mu * v, config


@wrong_nesterov(
    sentence="Your Nesterov step is written for two-dimensional weights only. Compute with whole arrays of any shape.",
)
def nesterov_rows_and_columns_only(w, dw, config=None):
    config, rate, mu, v = momentum_settings(w, config)
    rows, columns = w.shape
    new = mu * v - rate * dw
    config["velocity"] = new
    return (w + new + mu * (new - v)).reshape(rows, columns), config


@wrong_nesterov(
    sentence="You keep the Nesterov velocity outside config, so all arrays of one shape share it. Keep it in config.",
)
def nesterov_one_velocity_for_all(w, dw, config=None, kept={}):  # noqa: B006  # the fault itself
    config, rate, mu, _ = momentum_settings(w, config)
    v = kept.get(w.shape, np.zeros_like(w))
    config["velocity"] = kept[w.shape] = mu * v - rate * dw
    return w + config["velocity"] + mu * (config["velocity"] - v), config


@wrong_nesterov(
    sentence="The default of config in your sgd_nesterov_momentum is one dict for all calls (config={}), so the "
    "velocity of one array leaks into the next that begins without a config. Write config=None and make a new dict "
    "inside.",
)
def nesterov_config_shared_by_default(w, dw, config={}):  # noqa: B006  # the fault itself
    config, rate, mu, v = momentum_settings(w, config)
    config["velocity"] = mu * v - rate * dw
    return w + config["velocity"] + mu * (config["velocity"] - v), config
