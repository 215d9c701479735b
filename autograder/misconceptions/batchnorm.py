"""Wrong batchnorm_forward. Each is planted with right backward passes that know its cache: (x_hat, gamma, inv_std).

What goes wrong at test time or in the running statistics passes every gradient check, and most checks that print means.
"""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import numpy as np

from autograder.misconceptions import misconception


def _bn_settings(x, bn_param):
    """mode, eps, momentum and the running statistics."""
    if bn_param["mode"] not in ("train", "test"):
        raise ValueError("unknown mode")
    zeros = np.zeros(x.shape[1])
    statistics = [bn_param.get(name, zeros) for name in ("running_mean", "running_var")]
    return bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9), *statistics


def _bn_keep(bn_param, momentum, mean, var):
    """Move the running statistics."""
    for name, value in (("running_mean", mean), ("running_var", var)):
        bn_param[name] = momentum * bn_param.get(name, 0.0) + (1 - momentum) * value


def _bn_scaled(x, gamma, beta, mean, var, eps):
    """The output, and what backward needs."""
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


def _right_backward(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def _right_alternative(dout, cache):
    x_hat, gamma, inv_std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma * inv_std * (dout - (dbeta + x_hat * dgamma) / len(dout)), dgamma, dbeta


HELPERS = (("", _bn_settings), ("", _bn_keep), ("", _bn_scaled))
BACKWARD = ("layers.batchnorm_backward", _right_backward)
ALTERNATIVE = ("layers.batchnorm_backward_alt", _right_alternative)
NET = ("fc_net_batchnorm",)
wrong = functools.partial(
    misconception,
    question="batchnorm_forward",
    replaces="layers.batchnorm_forward",
    companions=(*HELPERS, BACKWARD, ALTERNATIVE),
    may_cost=NET,
)


@wrong(
    sentence="Your running statistics are those of the last batch. They must move a little: momentum * old + (1 - "
    "momentum) * this batch.",
)
def running_overwritten_by_the_batch(x, gamma, beta, bn_param):
    mode, eps, _momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        bn_param["running_mean"], bn_param["running_var"] = x.mean(axis=0), x.var(axis=0)
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your running statistics stay as they were at first: the new values are not written back to bn_param.",
)
def running_statistics_not_written_back(x, gamma, beta, bn_param):
    mode, eps, _momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence='Your running statistics stand in bn_param under other names. Test mode looks for "running_mean" and '
    '"running_var".',
)
def running_statistics_under_another_name(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        bn_param["runing_mean"] = momentum * running_mean + (1 - momentum) * mean
        bn_param["runing_var"] = momentum * running_var + (1 - momentum) * var
        return _bn_scaled(x, gamma, beta, mean, var, eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your running statistics start from zero in every step. Go on from those that bn_param holds.",
)
def running_statistics_started_anew(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        bn_param["running_mean"], bn_param["running_var"] = (1 - momentum) * mean, (1 - momentum) * var
        return _bn_scaled(x, gamma, beta, mean, var, eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="You keep the standard deviation as running variance. Keep the variance; test mode takes the root itself.",
)
def deviation_kept_as_variance(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.std(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your running variance holds eps already, and test mode adds it once more. Keep the variance without eps.",
)
def eps_in_the_running_variance(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0) + eps)
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your running variance holds eps, and test mode divides by its root. Keep the variance without eps, and "
    "divide by sqrt(running_var + eps).",
)
def running_variance_with_eps_used_as_it_is(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0) + eps)
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, 0.0)


@wrong(
    sentence="You keep sqrt(var + eps) as running variance. Keep the variance itself; test mode adds eps and takes the "
    "root.",
)
def deviation_with_eps_kept_as_variance(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), np.sqrt(x.var(axis=0) + eps))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="You keep sqrt(var + eps) as running variance and divide by it in test mode. Keep the variance itself, "
    "and divide by sqrt(running_var + eps).",
)
def deviation_kept_and_divided_by(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), np.sqrt(x.var(axis=0) + eps))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return gamma * (x - running_mean) / running_var + beta, None


@wrong(
    sentence="Your running variance divides by N - 1, as other libraries do. In this course the variance of the batch "
    "divides by N everywhere.",
)
def unbiased_running_variance(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0) * len(x) / (len(x) - 1))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your variance divides by N - 1 (ddof=1). Batch normalization divides by N: x.var(axis=0).",
)
def variance_divides_by_n_minus_one(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        var = x.var(axis=0) * len(x) / (len(x) - 1)
        _bn_keep(bn_param, momentum, x.mean(axis=0), var)
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), var, eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your momentum is the wrong way round: it is the share of the OLD running value that is kept.",
)
def momentum_flipped(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, 1 - momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    may_cost=(),
    sentence='Your layer uses momentum 0.9 whatever bn_param["momentum"] says.',
)
def momentum_hard_coded(x, gamma, beta, bn_param):
    mode, eps, _momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, 0.9, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    may_cost=(),
    sentence='Your layer uses eps = 1e-5 whatever bn_param["eps"] says.',
)
def eps_hard_coded(x, gamma, beta, bn_param):
    mode, _eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), 1e-5)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, 1e-5)


@wrong(
    sentence="Your eps stands outside the root. Divide by sqrt(var + eps), in both modes.",
)
def eps_outside_the_root(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    inv_std = 1 / (np.sqrt(var) + eps)
    x_hat = (x - mean) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="In train mode your eps stands outside the root. Divide by sqrt(var + eps) there too, as in test mode.",
)
def eps_outside_the_root_in_training(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "test":
        return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)
    mean, var = x.mean(axis=0), x.var(axis=0)
    _bn_keep(bn_param, momentum, mean, var)
    inv_std = 1 / (np.sqrt(var) + eps)
    x_hat = (x - mean) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="You divide by the variance. Divide by its square root: sqrt(var + eps).",
)
def divided_by_the_variance(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    inv_std = 1 / (var + eps)
    x_hat = (x - mean) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your variance is one number for the whole array. Every feature needs its own: axis=0.",
)
def variance_over_the_whole_array(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        var = np.full(x.shape[1], x.var())
        _bn_keep(bn_param, momentum, x.mean(axis=0), var)
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), var, eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your mean is one number for the whole array. Every feature needs its own: axis=0.",
)
def mean_over_the_whole_array(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        mean = np.full(x.shape[1], x.mean())
        _bn_keep(bn_param, momentum, mean, x.var(axis=0))
        return _bn_scaled(x, gamma, beta, mean, x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your variance is the mean of x ** 2. Subtract the mean before you square.",
)
def variance_of_the_uncentred_x(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), (x**2).mean(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
        return _bn_scaled(x, gamma, beta, mean, var, eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your layer uses the running statistics in train mode too. There it must use those of the batch.",
)
def running_statistics_in_training(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        running_mean, running_var = bn_param["running_mean"], bn_param["running_var"]
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="Your layer forgets beta. The output is gamma * x_hat + beta, in both modes.",
)
def beta_forgotten(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    return _bn_scaled(x, gamma, 0.0, mean, var, eps)


@wrong(
    may_cost=(),
    sentence="Your layer takes any mode. One that is neither train nor test must raise ValueError, as the file's code "
    "does.",
)
def unknown_mode_taken_for_test(x, gamma, beta, bn_param):
    known = {**bn_param, "mode": "train" if bn_param["mode"] == "train" else "test"}
    mode, eps, momentum, mean, var = _bn_settings(x, known)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    return _bn_scaled(x, gamma, beta, mean, var, eps)


@wrong(
    sentence="Your batchnorm rounds its numbers to float32. Do not cast: numeric gradients need float64.",
)
def batchnorm_cast_to_float32(x, gamma, beta, bn_param):
    x = x.astype(np.float32)
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "test":
        return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)
    _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
    return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)


@wrong(
    may_cost=(),
    sentence="You take eps out of bn_param (pop), so the next call uses the default. Read it with get.",
)
def eps_taken_out_of_bn_param(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    bn_param.pop("eps", None)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    return _bn_scaled(x, gamma, beta, mean, var, eps)
