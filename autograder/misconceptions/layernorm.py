"""Wrong layernorm_forward and layernorm_backward, each planted with a right partner; the cache is
(x_hat, gamma, inv_std)."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import functools

import numpy as np

from autograder.misconceptions import misconception


def _ln_right_forward(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


def _ln_right_backward(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    along = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = inv_std * (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def _backward_over_the_batch(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


NET = ("fc_net_layernorm",)
wrong = functools.partial(
    misconception,
    question="layernorm_forward",
    replaces="layers.layernorm_forward",
    companions=(("layers.layernorm_backward", _ln_right_backward),),
    may_cost=NET,
)
wrong_backward = functools.partial(
    misconception,
    question="layernorm_backward",
    replaces="layers.layernorm_backward",
    companions=(("layers.layernorm_forward", _ln_right_forward),),
    may_cost=NET,
)


@wrong(
    companions=(("layers.layernorm_backward", _backward_over_the_batch),),
    sentence="Your layernorm takes its statistics over the batch: that is batch normalization. Take them over the "
    "features of each example, axis 1.",
)
def layernorm_over_the_batch(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=0) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=0)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="The variance of your layernorm is one number for the whole array. Every example needs its own.",
)
def layernorm_variance_of_the_whole_array(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(np.full((len(x), 1), x.var()) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="The mean of your layernorm is one number for the whole array. Every example needs its own.",
)
def layernorm_mean_of_the_whole_array(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean()) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="The variance of your layernorm divides by D - 1 (ddof=1). Divide by D, the number of features.",
)
def layernorm_divides_by_d_minus_one(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True, ddof=1) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    may_cost=(),
    sentence="In your layernorm eps stands outside the root. Divide by sqrt(var + eps).",
)
def layernorm_eps_outside_the_root(x, gamma, beta, ln_param):
    inv_std = 1 / (x.std(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    may_cost=(),
    sentence='Your layernorm uses eps = 1e-5 whatever ln_param["eps"] says.',
)
def layernorm_eps_hard_coded(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your layernorm divides by the variance. Divide by its square root: sqrt(var + eps).",
)
def layernorm_divided_by_the_variance(x, gamma, beta, ln_param):
    inv_std = 1 / (x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your layernorm forgets gamma and beta. The output is gamma * x_hat + beta.",
)
def layernorm_without_gamma_and_beta(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return x_hat, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your layernorm forgets beta. The output is gamma * x_hat + beta.",
)
def layernorm_without_beta(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your layernorm does not subtract the mean of each example.",
)
def layernorm_not_centred(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = x * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong_backward(
    sentence="Your layernorm_backward takes the mean and the variance for constants. Both depend on x.",
)
def layernorm_statistics_taken_for_constants(dout, cache):
    x_hat, gamma, inv_std = cache
    return dout * gamma * inv_std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward leaves out the way through the mean: subtract the mean of dout * gamma over the "
    "features.",
)
def layernorm_gradient_not_centred(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward leaves out the way through the variance.",
)
def layernorm_gradient_without_the_variance(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=1, keepdims=True))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward multiplies by gamma at the end, as batchnorm may. Here gamma differs along the "
    "axis you average over: multiply dout by it first.",
)
def layernorm_gamma_multiplied_last(dout, cache):
    x_hat, gamma, inv_std = cache
    along = (dout * x_hat).mean(axis=1, keepdims=True)
    dx = gamma * inv_std * (dout - dout.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward leaves out gamma in dx: the gradient of x_hat is dout * gamma.",
)
def layernorm_gamma_left_out_of_dx(dout, cache):
    x_hat, _gamma, inv_std = cache
    along = (dout * x_hat).mean(axis=1, keepdims=True)
    dx = inv_std * (dout - dout.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward averages over the batch, as batchnorm does. Average over the features, axis 1.",
)
def layernorm_gradient_averaged_over_the_batch(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your layernorm_backward divides by N, the number of examples. Its means are over D features.",
)
def layernorm_gradient_divides_by_n(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat, n = dout * gamma, len(dout)
    along = (dx_hat * x_hat).sum(axis=1, keepdims=True)
    dx = inv_std * (dx_hat - dx_hat.sum(axis=1, keepdims=True) / n - x_hat * along / n)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_backward(
    sentence="Your dgamma and dbeta of layernorm are summed over the features. Sum over the examples: their shape is "
    "that of gamma, (D,).",
)
def layernorm_dgamma_summed_over_the_features(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    along = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = inv_std * (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dout * x_hat).sum(axis=1), dout.sum(axis=1)


@wrong_backward(
    sentence="Your dgamma of layernorm is multiplied by gamma. It is the sum of dout * x_hat.",
)
def layernorm_dgamma_times_gamma(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    along = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = inv_std * (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dx_hat * x_hat).sum(axis=0), dout.sum(axis=0)


def _ln_forward_that_remembers(x, gamma, beta, ln_param):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    _ln_forward_that_remembers.last = (x_hat, gamma, inv_std)
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong_backward(
    companions=(("layers.layernorm_forward", _ln_forward_that_remembers),),
    sentence="Your layernorm_backward uses the last forward pass, not the one its cache comes from. A net has many "
    "layers: use the cache.",
)
def layernorm_last_call_for_the_cache(dout, cache):
    x_hat, gamma, inv_std = _ln_forward_that_remembers.last
    dx_hat = dout * gamma
    along = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = inv_std * (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your layernorm rounds its numbers to float32. Do not cast: numeric gradients need float64.",
)
def layernorm_cast_to_float32(x, gamma, beta, ln_param):
    x = x.astype(np.float32)
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)


@wrong(
    sentence="Your layernorm changes eps in ln_param, so the next call finds another one. Read it, and change nothing.",
)
def layernorm_eps_changed_in_ln_param(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    ln_param["eps"] = 2 * eps
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, gamma, inv_std)
