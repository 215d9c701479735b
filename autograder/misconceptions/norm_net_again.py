"""Wrong nets that regularize otherwise, or keep caches, where they have a normalization. `norm_net.py` has the base."""

# These classes stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

import numpy as np

from autograder.misconceptions.norm_net import _NormNet, wrong, wrong_layernorm


@wrong(
    sentence="With batchnorm your net does not regularize: reg changes neither the loss nor the gradients.",
)
class WithBatchnormNotRegularized(_NormNet):
    def regularized(self):
        return [] if self.normalization == "batchnorm" else super().regularized()


@wrong(
    sentence="With batchnorm the gradients of your net lack reg * W. Add it in every net.",
)
class WithBatchnormGradientsNotRegularized(_NormNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None or self.normalization != "batchnorm":
            return result
        return result[0], {name: g - self.reg * self.params[name] * (name[0] == "W") for name, g in result[1].items()}


@wrong(
    sentence="With batchnorm the loss of your net lacks the regularization. Add it in every net.",
)
class WithBatchnormLossNotRegularized(_NormNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None or self.normalization != "batchnorm":
            return result
        return result[0] - 0.5 * self.reg * sum(np.sum(self.params[name] ** 2) for name in self.regularized()), result[
            1
        ]


@wrong(
    sentence="With batchnorm your net adds the regularization twice.",
)
class WithBatchnormRegularizedTwice(_NormNet):
    def regularized(self):
        return super().regularized() * (1 + (self.normalization == "batchnorm"))


@wrong(
    sentence="Your backward pass uses the batchnorm caches of the first call of loss: make the list of caches anew in "
    "every call.",
)
class BatchnormCachesOfTheFirstCall(_NormNet):
    def norm_forward(self, x, i):
        out, cache = super().norm_forward(x, i)
        if self.normalization != "batchnorm":
            return out, cache
        self.first_caches = getattr(self, "first_caches", {})
        return out, self.first_caches.setdefault(i, cache)


@wrong_layernorm(
    sentence="With layernorm your net does not regularize: reg changes neither the loss nor the gradients.",
)
class WithLayernormNotRegularized(_NormNet):
    def regularized(self):
        return [] if self.normalization == "layernorm" else super().regularized()


@wrong_layernorm(
    sentence="With layernorm the gradients of your net lack reg * W. Add it in every net.",
)
class WithLayernormGradientsNotRegularized(_NormNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None or self.normalization != "layernorm":
            return result
        return result[0], {name: g - self.reg * self.params[name] * (name[0] == "W") for name, g in result[1].items()}


@wrong_layernorm(
    sentence="With layernorm the loss of your net lacks the regularization. Add it in every net.",
)
class WithLayernormLossNotRegularized(_NormNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None or self.normalization != "layernorm":
            return result
        return result[0] - 0.5 * self.reg * sum(np.sum(self.params[name] ** 2) for name in self.regularized()), result[
            1
        ]


@wrong_layernorm(
    sentence="With layernorm your net adds the regularization twice.",
)
class WithLayernormRegularizedTwice(_NormNet):
    def regularized(self):
        return super().regularized() * (1 + (self.normalization == "layernorm"))


@wrong_layernorm(
    sentence="Your backward pass uses the layernorm caches of the first call of loss: make the list of caches anew in "
    "every call.",
)
class LayernormCachesOfTheFirstCall(_NormNet):
    def norm_forward(self, x, i):
        out, cache = super().norm_forward(x, i)
        if self.normalization != "layernorm":
            return out, cache
        self.first_caches = getattr(self, "first_caches", {})
        return out, self.first_caches.setdefault(i, cache)
