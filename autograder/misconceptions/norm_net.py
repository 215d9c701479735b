"""Wrong nets: FullyConnectedNets whose own code is at fault in what concerns batch or layer normalization.

`_NormNet` is right and has a small method for everything that goes wrong. It is planted together with the class that
changes one of them. A fault shows with one of the two normalizations only, so that it costs one question.
"""

# These classes stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, var-annotated"

import functools

import numpy as np
from nndl import layers as _layers
from nndl.fc_net import FullyConnectedNet

from autograder.misconceptions import misconception


class _NormNet(FullyConnectedNet):
    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        self.normalization, self.reg, self.dtype = normalization, reg, dtype
        self.num_layers = 1 + len(hidden_dims)
        self.use_dropout = dropout_keep_ratio != 1
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio} | ({} if seed is None else {"seed": seed})
        self.bn_params = self.first_bn_params(self.num_layers if normalization else 0)
        self.params = {}
        sizes = [input_dim, *hidden_dims, num_classes]
        for i in range(1, self.num_layers + 1):
            self.params[f"W{i}"] = (weight_scale * np.random.randn(sizes[i - 1], sizes[i])).astype(dtype)
            self.params[f"b{i}"] = np.zeros(sizes[i], dtype=dtype)
            if normalization and i in self.normalized_layers():
                self.params[f"gamma{i}"] = self.first_gamma(sizes[i]).astype(dtype)
                self.params[f"beta{i}"] = self.first_beta(sizes[i]).astype(dtype)

    def first_bn_params(self, count):
        return [{"mode": "train"} for _ in range(count)]

    def first_gamma(self, width):
        return np.ones(width)

    def first_beta(self, width):
        return np.zeros(width)

    def normalized_layers(self):
        return range(1, self.num_layers)

    def set_mode(self, bn_param, mode):
        bn_param["mode"] = mode

    def order(self):
        return ("norm", "relu", "dropout")

    def scale_and_shift(self, i):
        return self.params[f"gamma{i}"], self.params[f"beta{i}"]

    def norm_forward(self, x, i):
        layer = _layers.batchnorm_forward if self.normalization == "batchnorm" else _layers.layernorm_forward
        return layer(x, *self.scale_and_shift(i), self.bn_params[i - 1])

    def norm_backward(self, dx, cache, i, grads):
        layer = _layers.batchnorm_backward if self.normalization == "batchnorm" else _layers.layernorm_backward
        dx, grads[f"gamma{i}"], grads[f"beta{i}"] = layer(dx, cache)
        return dx

    def regularized(self):
        return [name for name in self.params if name.startswith("W")]

    def forward_step(self, step, x, i):
        if step == "relu" and i < self.num_layers:
            return _layers.relu_forward(x)
        if step == "norm" and self.normalization and i in self.normalized_layers():
            return self.norm_forward(x, i)
        if step == "dropout" and self.use_dropout and i < self.num_layers:
            return _layers.dropout_forward(x, self.dropout_param)
        return x, None

    def backward_step(self, step, dx, cache, i, grads):
        if cache is None:
            return dx
        if step == "relu":
            return _layers.relu_backward(dx, cache)
        if step == "norm":
            return self.norm_backward(dx, cache, i, grads)
        return _layers.dropout_backward(dx, cache)

    def scores(self, x):
        caches = []
        for i in range(1, self.num_layers + 1):
            x, cache = _layers.affine_forward(x, self.params[f"W{i}"], self.params[f"b{i}"])
            caches.append(("affine", i, cache))
            for step in self.order():
                x, cache = self.forward_step(step, x, i)
                caches.append((step, i, cache))
        return x, caches

    def loss(self, X, y=None):
        mode = "test" if y is None else "train"
        self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            self.set_mode(bn_param, mode)
        x, caches = self.scores(X.reshape(len(X), -1).astype(self.dtype))
        if y is None:
            return x
        grads = {}
        loss, dx = _layers.softmax_loss(x, y)
        for step, i, cache in reversed(caches):
            if step == "affine":
                dx, grads[f"W{i}"], grads[f"b{i}"] = _layers.affine_backward(dx, cache)
            else:
                dx = self.backward_step(step, dx, cache, i, grads)
        for name in self.regularized():
            loss += 0.5 * self.reg * np.sum(self.params[name] ** 2)
            grads[name] = grads[name] + self.reg * self.params[name]
        return loss, grads


BASE = (("", _NormNet),)
wrong = functools.partial(
    misconception, question="fc_net_batchnorm", replaces="fc_net.FullyConnectedNet", companions=BASE
)
wrong_layernorm = functools.partial(
    misconception, question="fc_net_layernorm", replaces="fc_net.FullyConnectedNet", companions=BASE
)


@wrong(
    sentence='Without labels your net leaves batchnorm in train mode. Write bn_param["mode"] = mode in every call '
    "(bn_param[mode] = mode only makes a new key).",
)
class KeyOfTheModeMisspelt(_NormNet):
    def set_mode(self, bn_param, mode):
        bn_param[mode] = mode


@wrong(
    sentence="After its first test-time call your net stays in test mode: set the mode back in every call with labels.",
)
class BatchnormStaysInTestMode(_NormNet):
    def set_mode(self, bn_param, mode):
        if mode == "test":
            bn_param["mode"] = mode


@wrong(
    sentence="All hidden layers of your net share one bn_param, so they mix up their running statistics. Make one for "
    "each.",
)
class OneBnParamForAllLayers(_NormNet):
    def first_bn_params(self, count):
        return [{"mode": "train"}] * count


@wrong(
    sentence="Your net makes new bn_params in every call, so test mode finds no running statistics. Make them once.",
)
class BnParamsMadeAnew(_NormNet):
    def loss(self, X, y=None):
        self.bn_params = self.first_bn_params(len(self.bn_params))
        return super().loss(X, y)


@wrong(
    sentence="Your net normalizes its class scores. The output layer is affine only: no gamma and beta for it.",
)
class ScoresBatchNormalized(_NormNet):
    def normalized_layers(self):
        return range(1, self.num_layers + (self.normalization == "batchnorm"))


@wrong(
    sentence="The last hidden layer of your net has no batchnorm. Every hidden layer needs it.",
)
class LastHiddenLayerWithoutBatchnorm(_NormNet):
    def normalized_layers(self):
        return range(1, self.num_layers - (self.normalization == "batchnorm"))


@wrong(
    sentence="Your net normalizes after ReLU. The order is affine, batchnorm, ReLU.",
)
class BatchnormAfterRelu(_NormNet):
    def order(self):
        return ("relu", "norm", "dropout") if self.normalization == "batchnorm" else ("norm", "relu", "dropout")


@wrong(
    sentence="Your net accepts batchnorm, but computes without it: the output of batchnorm_forward is not used.",
)
class BatchnormOutputNotUsed(_NormNet):
    def norm_forward(self, x, i):
        out, cache = super().norm_forward(x, i)
        return (x if self.normalization == "batchnorm" else out), cache


@wrong(
    sentence="Your backward pass goes around batchnorm: the gradient that batchnorm_backward returns is not used.",
)
class GradientGoesAroundBatchnorm(_NormNet):
    def norm_backward(self, dx, cache, i, grads):
        through = super().norm_backward(dx, cache, i, grads)
        return dx if self.normalization == "batchnorm" else through


@wrong(
    sentence="With batchnorm your grads lack gamma and beta, so they never learn.",
)
class NoGradientsOfGammaAndBeta(_NormNet):
    def norm_backward(self, dx, cache, i, grads):
        return super().norm_backward(dx, cache, i, {} if self.normalization == "batchnorm" else grads)


@wrong(
    sentence="In your net gamma and beta have changed places.",
)
class GammaAndBetaExchanged(_NormNet):
    def scale_and_shift(self, i):
        gamma, beta = super().scale_and_shift(i)
        return (beta, gamma) if self.normalization == "batchnorm" else (gamma, beta)

    def norm_backward(self, dx, cache, i, grads):
        dx = super().norm_backward(dx, cache, i, grads)
        if self.normalization == "batchnorm":
            grads[f"gamma{i}"], grads[f"beta{i}"] = grads[f"beta{i}"], grads[f"gamma{i}"]
        return dx


@wrong(
    sentence="In your net gamma starts from random numbers. It starts as 1, so that training starts from normalized "
    "features.",
)
class GammaDrawnAtRandom(_NormNet):
    def first_gamma(self, width):
        return np.random.randn(width) if self.normalization == "batchnorm" else np.ones(width)


@wrong(
    sentence="In your net gamma starts as 0: every hidden layer then gives the same output for every image. Start "
    "from 1.",
)
class GammaStartsAtZero(_NormNet):
    def first_gamma(self, width):
        return np.zeros(width) if self.normalization == "batchnorm" else np.ones(width)


@wrong(
    sentence="In your net beta starts as 1. It starts as 0.",
)
class BetaStartsAtOne(_NormNet):
    def first_beta(self, width):
        return np.ones(width) if self.normalization == "batchnorm" else np.zeros(width)


@wrong(
    sentence="Your net regularizes gamma and beta of batchnorm. Only the W are regularized.",
)
class BatchnormRegularized(_NormNet):
    def regularized(self):
        names = ("W", "gamma", "beta") if self.normalization == "batchnorm" else ("W",)
        return [name for name in self.params if name.startswith(names)]


@wrong_layernorm(
    sentence="Your net accepts layernorm, but builds no layer for it.",
)
class LayernormFlagWithoutALayer(_NormNet):
    def normalized_layers(self):
        return range(1, self.num_layers if self.normalization == "batchnorm" else 1)


@wrong_layernorm(
    sentence="Your net accepts layernorm, but computes without it: the output of layernorm_forward is not used.",
)
class LayernormOutputNotUsed(_NormNet):
    def norm_forward(self, x, i):
        out, cache = super().norm_forward(x, i)
        return (x if self.normalization == "layernorm" else out), cache


@wrong_layernorm(
    sentence="Your net makes gamma and beta for layernorm, but never calls layernorm_forward: it computes as a net "
    "without normalization.",
)
class LayernormNeverCalled(_NormNet):
    def forward_step(self, step, x, i):
        if step == "norm" and self.normalization == "layernorm":
            return x, None
        return super().forward_step(step, x, i)


@wrong_layernorm(
    sentence="With layernorm your net uses batchnorm.",
)
class BatchnormForLayernorm(_NormNet):
    def norm_forward(self, x, i):
        return _layers.batchnorm_forward(x, *self.scale_and_shift(i), self.bn_params[i - 1])

    def norm_backward(self, dx, cache, i, grads):
        dx, grads[f"gamma{i}"], grads[f"beta{i}"] = _layers.batchnorm_backward(dx, cache)
        return dx


@wrong_layernorm(
    sentence="With layernorm your net normalizes its class scores. The output layer is affine only.",
)
class ScoresLayerNormalized(_NormNet):
    def normalized_layers(self):
        return range(1, self.num_layers + (self.normalization == "layernorm"))


@wrong_layernorm(
    sentence="The last hidden layer of your net has no layernorm. Every hidden layer needs it.",
)
class LastHiddenLayerWithoutLayernorm(_NormNet):
    def normalized_layers(self):
        return range(1, self.num_layers - (self.normalization == "layernorm"))


@wrong_layernorm(
    sentence="With layernorm your net normalizes after ReLU. The order is affine, layernorm, ReLU.",
)
class LayernormAfterRelu(_NormNet):
    def order(self):
        return ("relu", "norm", "dropout") if self.normalization == "layernorm" else ("norm", "relu", "dropout")


@wrong_layernorm(
    sentence="Your backward pass goes around layernorm: the gradient that layernorm_backward returns is not used.",
)
class GradientGoesAroundLayernorm(_NormNet):
    def norm_backward(self, dx, cache, i, grads):
        through = super().norm_backward(dx, cache, i, grads)
        return dx if self.normalization == "layernorm" else through


@wrong_layernorm(
    sentence="With layernorm gamma of your net starts from random numbers. It starts as 1.",
)
class LayernormGammaDrawnAtRandom(_NormNet):
    def first_gamma(self, width):
        return np.random.randn(width) if self.normalization == "layernorm" else np.ones(width)


@wrong_layernorm(
    sentence="Your net regularizes gamma and beta of layernorm. Only the W are regularized.",
)
class LayernormRegularized(_NormNet):
    def regularized(self):
        names = ("W", "gamma", "beta") if self.normalization == "layernorm" else ("W",)
        return [name for name in self.params if name.startswith(names)]
