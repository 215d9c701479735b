"""Wrong batchnorm_backward and batchnorm_backward_alt, each planted with a right forward pass whose cache it knows."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import functools

from autograder.misconceptions import misconception
from autograder.misconceptions.batchnorm import (
    ALTERNATIVE,
    BACKWARD,
    HELPERS,
    NET,
    _bn_keep,
    _bn_scaled,
    _bn_settings,
)


def _right_forward(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    return _bn_scaled(x, gamma, beta, mean, var, eps)


def _forward_that_remembers(x, gamma, beta, bn_param):
    mode, eps, momentum, mean, var = _bn_settings(x, bn_param)
    if mode == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        _bn_keep(bn_param, momentum, mean, var)
    out, cache = _bn_scaled(x, gamma, beta, mean, var, eps)
    _forward_that_remembers.last = cache
    return out, cache


FORWARD = ("layers.batchnorm_forward", _right_forward)
REMEMBERS = ("layers.batchnorm_forward", _forward_that_remembers)
wrong = functools.partial(
    misconception,
    question="batchnorm_backward",
    replaces="layers.batchnorm_backward",
    companions=(*HELPERS, FORWARD, ALTERNATIVE),
    may_cost=NET,
)
wrong_alt = functools.partial(
    misconception,
    question="batchnorm_backward_alt",
    replaces="layers.batchnorm_backward_alt",
    companions=(*HELPERS, FORWARD, BACKWARD),
)


@wrong(
    sentence="Your dx takes the mean and the variance for constants. Both depend on x: their gradients add to dx.",
)
def statistics_taken_for_constants(dout, cache):
    x_hat, gamma, inv_std = cache
    return dout * gamma * inv_std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dx leaves out the way through the variance.",
)
def no_gradient_through_the_variance(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    return inv_std * (dx_hat - dx_hat.mean(axis=0)), (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dx leaves out the way through the mean.",
)
def no_gradient_through_the_mean(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="In your dx the way through the variance has the wrong sign.",
)
def variance_gradient_with_the_wrong_sign(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) + x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="In your dx the way through the variance is half as large as it should be: the square gives a factor 2.",
)
def half_the_variance_gradient(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - 0.5 * x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dx leaves out gamma: x_hat is multiplied by it, so its gradient is dout * gamma.",
)
def gamma_left_out_of_dx(dout, cache):
    x_hat, _gamma, inv_std = cache
    dx = inv_std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dx subtracts sums over the batch where it must subtract means: divide by N.",
)
def sums_for_means_in_dx(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.sum(axis=0) - x_hat * (dx_hat * x_hat).sum(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dx divides by N - 1 on the way through the variance. The variance divides by N, and so does its "
    "gradient.",
)
def variance_gradient_divides_by_n_minus_one(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).sum(axis=0) / (len(dout) - 1))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dgamma is the sum of dout. gamma multiplies x_hat, so sum dout * x_hat.",
)
def dgamma_without_x_hat(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, dout.sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dgamma uses the centred x before it is divided by the standard deviation. gamma multiplies x_hat.",
)
def dgamma_of_the_centred_x(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat / inv_std).sum(axis=0), dout.sum(axis=0)


@wrong(
    sentence="Your dgamma and dbeta are means over the batch. They are sums: every example adds its part to the loss.",
)
def means_for_sums_in_dgamma_and_dbeta(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).mean(axis=0), dout.mean(axis=0)


@wrong(
    sentence="Your dgamma and dbeta are not summed over the batch. They have the shape of gamma and beta, (D,).",
)
def dgamma_and_dbeta_not_summed(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, dout * x_hat, dout


@wrong(
    sentence="You return dbeta before dgamma. The order is dx, dgamma, dbeta.",
)
def dbeta_before_dgamma(dout, cache):
    x_hat, gamma, inv_std = cache
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, dout.sum(axis=0), (dout * x_hat).sum(axis=0)


@wrong(
    companions=(*HELPERS, REMEMBERS, ALTERNATIVE),
    sentence="Your batchnorm_backward uses the last forward pass, not the one its cache comes from. A net has many "
    "layers: use the cache.",
)
def last_batch_for_the_cache(dout, cache):
    x_hat, gamma, inv_std = _forward_that_remembers.last
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_alt(
    sentence="Your alternative takes the mean and the variance for constants. Both depend on x.",
)
def alternative_with_constant_statistics(dout, cache):
    x_hat, gamma, inv_std = cache
    return dout * gamma * inv_std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_alt(
    sentence="Your alternative leaves out the term with x_hat, the way through the variance.",
)
def alternative_without_the_variance_term(dout, cache):
    x_hat, gamma, inv_std = cache
    return gamma * inv_std * (dout - dout.mean(axis=0)), (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@wrong_alt(
    sentence="Your alternative leaves out the mean of dout, the way through the mean.",
)
def alternative_without_the_mean_term(dout, cache):
    x_hat, gamma, inv_std = cache
    dgamma = (dout * x_hat).sum(axis=0)
    return gamma * inv_std * (dout - x_hat * dgamma / len(dout)), dgamma, dout.sum(axis=0)


@wrong_alt(
    sentence="Your alternative leaves out gamma in dx.",
)
def alternative_without_gamma(dout, cache):
    x_hat, _gamma, inv_std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return inv_std * (dout - (dbeta + x_hat * dgamma) / len(dout)), dgamma, dbeta


@wrong_alt(
    sentence="Your alternative does not divide by N: dx comes out N times too large.",
)
def alternative_not_divided_by_n(dout, cache):
    x_hat, gamma, inv_std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma * inv_std * (len(dout) * dout - dbeta - x_hat * dgamma), dgamma, dbeta


@wrong_alt(
    sentence="Your alternative divides dx by the variance. Divide by the standard deviation, sqrt(var + eps).",
)
def alternative_divided_by_the_variance(dout, cache):
    x_hat, gamma, inv_std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma * inv_std**2 * (dout - (dbeta + x_hat * dgamma) / len(dout)), dgamma, dbeta


@wrong_alt(
    sentence="Your alternative multiplies dgamma by gamma. It is the sum of dout * x_hat.",
)
def alternative_dgamma_times_gamma(dout, cache):
    x_hat, gamma, inv_std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma * inv_std * (dout - (dbeta + x_hat * dgamma) / len(dout)), dgamma * gamma, dbeta


@wrong_alt(
    companions=(*HELPERS, REMEMBERS, BACKWARD),
    sentence="Your alternative uses the last forward pass, not the one its cache comes from. A net has many layers: "
    "use the cache.",
)
def alternative_with_the_last_batch(dout, cache):
    x_hat, gamma, inv_std = _forward_that_remembers.last
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma * inv_std * (dout - (dbeta + x_hat * dgamma) / len(dout)), dgamma, dbeta
