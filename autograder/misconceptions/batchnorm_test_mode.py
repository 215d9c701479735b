"""Wrong batchnorm_forward whose train mode is right: test mode does something else than it should."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from autograder.misconceptions.batchnorm import _bn_keep, _bn_scaled, _bn_settings, wrong


@wrong(
    sentence="In test mode your layer uses the mean and variance of the batch. Use the running statistics there.",
)
def batch_statistics_at_test_time(x, gamma, beta, bn_param):
    mode, eps, momentum, _running_mean, _running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
    return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)


@wrong(
    sentence="In test mode your layer forgets gamma and beta. They belong to the output in both modes.",
)
def no_gamma_and_beta_at_test_time(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, 1.0, 0.0, running_mean, running_var, eps)


@wrong(
    sentence="In test mode your layer forgets eps. Divide by sqrt(running_var + eps).",
)
def no_eps_at_test_time(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, 0.0)


@wrong(
    sentence="In test mode you divide by the running variance. Divide by its square root: sqrt(running_var + eps).",
)
def no_root_at_test_time(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return gamma * (x - running_mean) / (running_var + eps) + beta, None


@wrong(
    sentence="Your test pass changes the running statistics. Change them in train mode only.",
)
def test_pass_changes_the_statistics(x, gamma, beta, bn_param):
    mode, eps, momentum, running_mean, running_var = _bn_settings(x, bn_param)
    _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
    if mode == "train":
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return _bn_scaled(x, gamma, beta, running_mean, running_var, eps)


@wrong(
    sentence="In test mode your layer does not normalize: it returns gamma * x + beta. Use the running statistics.",
)
def not_normalized_at_test_time(x, gamma, beta, bn_param):
    mode, eps, momentum, _running_mean, _running_var = _bn_settings(x, bn_param)
    if mode == "train":
        _bn_keep(bn_param, momentum, x.mean(axis=0), x.var(axis=0))
        return _bn_scaled(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)
    return gamma * np.asarray(x) + beta, None
