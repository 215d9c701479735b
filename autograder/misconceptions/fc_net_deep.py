"""Wrong FullyConnectedNets, apart from dropout and normalization. `fc_net.py` says how they are planted."""

# These classes stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, has-type"

import functools

import numpy as np
from nndl.fc_net import FullyConnectedNet

from autograder.misconceptions import misconception
from autograder.misconceptions.dropout_net import BASE, _Net

# These faults show in all that a net answers, so no check of its dropout or its normalization can look past them. The
# examiner compares with the reference that has the same fault.
OTHER_NETS = ("fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm")
wrong = functools.partial(misconception, question="fc_net", replaces="fc_net.FullyConnectedNet")
wrong_inside = functools.partial(wrong, companions=BASE)


@wrong(
    sentence="Your net does not regularize the last W, in the loss and in its gradient. Every W belongs to both.",
)
class LastWeightsNotRegularized(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        name = f"W{self.num_layers}"
        w = self.params[name]
        return loss - 0.5 * self.reg * np.sum(w**2), {**grads, name: grads[name] - self.reg * w}


@wrong(
    sentence="Your loss leaves the last W out of the regularization; its gradient has it. Every W belongs to both.",
)
class LastWeightsNotInTheLoss(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss - 0.5 * self.reg * np.sum(self.params[f"W{self.num_layers}"] ** 2), grads


@wrong(
    sentence="Your net regularizes W1 only. Every W belongs to the loss and to the gradients.",
)
class FirstWeightsOnlyRegularized(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        for name in [f"W{i}" for i in range(2, self.num_layers + 1)]:
            loss -= 0.5 * self.reg * np.sum(self.params[name] ** 2)
            grads[name] = grads[name] - self.reg * self.params[name]
        return loss, grads


@wrong(
    sentence="Your net does not regularize at all: reg changes neither the loss nor the gradients.",
)
class NothingRegularized(FullyConnectedNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.reg = 0.0


@wrong(
    sentence="Your net adds reg * sum(W^2) to the loss. The factor 0.5 is missing.",
)
class HalfMissing(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        weights = [self.params[f"W{i}"] for i in range(1, self.num_layers + 1)]
        return loss + 0.5 * self.reg * sum(np.sum(w**2) for w in weights), grads


@wrong(
    sentence="Your net regularizes its biases, too. Only the weights W are regularized.",
)
class BiasesRegularized(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        biases = [self.params[f"b{i}"] for i in range(1, self.num_layers + 1)]
        return loss + 0.5 * self.reg * sum(np.sum(b**2) for b in biases), grads


@wrong(
    sentence="Your net divides the regularization by the number of images. It is 0.5 * reg * sum(W^2), whatever the "
    "batch.",
)
class RegularizationDividedByN(FullyConnectedNet):
    def loss(self, X, y=None):
        reg = self.reg
        self.reg = reg / len(X)
        try:
            return super().loss(X, y)
        finally:
            self.reg = reg


@wrong(
    sentence="Your net regularizes the loss, but the gradients lack reg * W.",
)
class GradientsNotRegularized(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss, {name: g - self.reg * self.params[name] * (name[0] == "W") for name, g in grads.items()}


@wrong(
    sentence="Your net adds reg * W to the gradients, but its loss lacks the regularization.",
)
class LossNotRegularized(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        weights = [self.params[f"W{i}"] for i in range(1, self.num_layers + 1)]
        return loss - 0.5 * self.reg * sum(np.sum(w**2) for w in weights), grads


@wrong_inside(
    sentence="Your net puts a ReLU on the scores. Nothing follows the last affine layer.",
)
class ReluOnTheScores(_Net):
    def steps_after(self, i):
        return super().steps_after(i) if i < self.num_layers else ("relu",)


@wrong_inside(
    may_cost=OTHER_NETS,
    sentence="The last hidden layer of your net has no ReLU. Every hidden layer is affine, then ReLU.",
)
class LastHiddenLayerWithoutRelu(_Net):
    def steps_after(self, i):
        steps = super().steps_after(i)
        return tuple(step for step in steps if step != "relu") if i == self.num_layers - 1 else steps


@wrong_inside(
    may_cost=OTHER_NETS,
    sentence="Your backward pass skips the ReLUs: go back through relu_backward in every hidden layer.",
)
class GradientSkipsRelu(_Net):
    def backward_step(self, step, dx, cache, i, grads):
        return dx if step == "relu" else super().backward_step(step, dx, cache, i, grads)


@wrong(
    may_cost=OTHER_NETS,
    sentence="Your net makes one layer too few. With L - 1 hidden layers there are L affine layers.",
)
class LastHiddenLayerMissing(FullyConnectedNet):
    def __init__(self, hidden_dims, *args, **settings):
        super().__init__(list(hidden_dims)[:-1], *args, **settings)


@wrong(
    sentence="All hidden layers of your net have the width of the first one. Use hidden_dims, one width a layer.",
)
class FirstWidthEverywhere(FullyConnectedNet):
    def __init__(self, hidden_dims, *args, **settings):
        super().__init__([hidden_dims[0] for _ in hidden_dims], *args, **settings)


@wrong(
    sentence="The hidden layers of your net have their widths in reverse. hidden_dims[0] is next to the input.",
)
class WidthsReversed(FullyConnectedNet):
    def __init__(self, hidden_dims, *args, **settings):
        super().__init__(list(hidden_dims)[::-1], *args, **settings)


@wrong(
    sentence="The last weights of your net are not multiplied by weight_scale.",
)
class LastWeightsNotScaled(FullyConnectedNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        name = f"W{self.num_layers}"
        self.params[name] = np.random.randn(*self.params[name].shape).astype(self.dtype)


@wrong(
    sentence="Your net draws its weights from a uniform distribution. They are normal: np.random.randn.",
)
class UniformWeights(FullyConnectedNet):
    def __init__(self, *args, weight_scale=1e-2, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        for name in [name for name in self.params if name[0] == "W"]:
            drawn = weight_scale * np.random.uniform(-1, 1, self.params[name].shape)
            self.params[name] = drawn.astype(self.dtype)


@wrong(
    sentence="Your net draws its weights with np.random.rand, which is never negative. Use np.random.randn.",
)
class RandForRandn(FullyConnectedNet):
    def __init__(self, *args, weight_scale=1e-2, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        for name in [name for name in self.params if name[0] == "W"]:
            self.params[name] = (weight_scale * np.random.rand(*self.params[name].shape)).astype(self.dtype)


@wrong(
    sentence="Your net ignores weight_scale when it draws its weights.",
)
class WeightScaleIgnored(FullyConnectedNet):
    def __init__(self, *args, weight_scale=1e-2, **settings):
        super().__init__(*args, **settings)


@wrong(
    sentence="All weights of your net begin at 0, so all units of a layer get the same gradient. Draw them at random.",
)
class WeightsZero(FullyConnectedNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        for name in [name for name in self.params if name[0] == "W"]:
            self.params[name] = np.zeros_like(self.params[name])


@wrong(
    sentence="Your net draws its biases at random. They begin at 0.",
)
class BiasesDrawn(FullyConnectedNet):
    def __init__(self, *args, weight_scale=1e-2, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        for name in [name for name in self.params if name[0] == "b" and name[1:].isdigit()]:
            drawn = weight_scale * np.random.randn(*self.params[name].shape)
            self.params[name] = drawn.astype(self.dtype)


@wrong(
    sentence="The constructor of your net fixes NumPy's seed, so every net begins with the same weights.",
)
class SeedFixedInTheConstructor(FullyConnectedNet):
    def __init__(self, *args, **settings):
        np.random.seed(0)
        super().__init__(*args, **settings)


@wrong(
    may_cost=OTHER_NETS,
    sentence="Your net subtracts the mean of the batch from its images. The scores of an image then depend on the "
    "others: leave X as it is.",
)
class BatchCentred(FullyConnectedNet):
    def loss(self, X, y=None):
        return super().loss(X - X.mean(axis=0), y)


@wrong(
    sentence="Your net works on X of shape (N, D) only. Images are arrays of four dimensions.",
)
class FlatImagesOnly(FullyConnectedNet):
    def loss(self, X, y=None):
        _n, _d = X.shape
        return super().loss(X, y)


@wrong(
    sentence="Your net multiplies its own weights by reg when it computes the gradients (`*=` works in place). loss "
    "must change no parameter.",
)
class WeightsMultipliedInPlace(FullyConnectedNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is not None and self.reg:
            self.params["W1"] *= self.reg
        return result


@wrong(
    may_cost=OTHER_NETS,
    sentence="Your net returns probabilities. Without labels it must return the scores, before softmax.",
)
class ProbabilitiesForScores(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is not None:
            return super().loss(X, y)
        e = np.exp(super().loss(X))
        return e / e.sum(axis=1, keepdims=True)


@wrong(
    may_cost=OTHER_NETS,
    sentence="Your net returns no gradients for the last layer.",
)
class LastGradientsMissing(FullyConnectedNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None:
            return result
        own = (f"W{self.num_layers}", f"b{self.num_layers}")
        return result[0], {name: g for name, g in result[1].items() if name not in own}


@wrong(
    may_cost=OTHER_NETS,
    sentence="Your net adds the losses of the images up. The softmax loss is their mean.",
)
class LossesAddedUp(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        reg, self.reg = self.reg, 0.0
        loss, grads = super().loss(X, y)
        self.reg = reg
        loss, grads = loss * len(X), {name: g * len(X) for name, g in grads.items()}
        for name in [name for name in grads if name[0] == "W"]:
            loss += 0.5 * reg * np.sum(self.params[name] ** 2)
            grads[name] = grads[name] + reg * self.params[name]
        return loss, grads


@wrong(
    may_cost=OTHER_NETS,
    sentence="In your net gradients add up from one call of loss to the next. Make grads anew in every call.",
)
class GradientsAddUp(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        before = getattr(self, "grads", {})
        self.grads = {name: g + before.get(name, 0) for name, g in grads.items()}
        return loss, dict(self.grads)


@wrong_inside(
    may_cost=OTHER_NETS,
    sentence="Your backward pass uses the caches of the first call of loss: make the list of caches anew in every "
    "call.",
)
class CachesOfTheFirstCall(_Net):
    def caches_to_read(self, caches):
        self.first_caches = getattr(self, "first_caches", caches)
        return self.first_caches


@wrong_inside(
    may_cost=OTHER_NETS,
    sentence="In the hidden layers your backward pass uses the caches of the first call of loss: make the list of "
    "caches anew in every call.",
)
class HiddenCachesOfTheFirstCall(_Net):
    def caches_to_read(self, caches):
        hidden = [cache for cache in caches if cache[1] < self.num_layers]
        self.first_caches = getattr(self, "first_caches", hidden)
        return self.first_caches + caches[len(hidden) :]


@wrong_inside(
    sentence="Your net takes its layers in the order of sorted names, where W10 comes before W2. Count from 1 to L.",
)
class LayersInTheOrderOfTheirNames(_Net):
    def loss(self, X, y=None):
        own, inner = self.params, _Net.__new__(_Net)
        inner.__dict__.update(self.__dict__)
        numbers = range(1, self.num_layers + 1)
        names = {f"W{i}": f"W{k}" for i, k in zip(numbers, sorted(map(str, numbers)), strict=True)}
        names |= {name.replace("W", "b"): by.replace("W", "b") for name, by in names.items()}
        inner.params = {name: own[names.get(name, name)] for name in own}
        result = inner.loss(X, y)
        return result if y is None else (result[0], {names.get(name, name): g for name, g in result[1].items()})


@wrong(
    sentence="Your net takes the number of a layer from one character of its name, so W10 is taken for another W. "
    "Count from 1 to L.",
)
class NumberOfTheLayerInOneCharacter(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        for name in [f"W{i}" for i in range(10, self.num_layers + 1)]:
            grads[name] = grads[name] - self.reg * self.params[name]
            grads["W" + name[1]] = grads["W" + name[1]] + self.reg * self.params["W" + name[1]]
        return loss, grads


@wrong(
    sentence="Your net holds float32 parameters whatever dtype it is asked for. Cast them to dtype: a gradient check "
    "needs float64.",
)
class DtypeIgnored(FullyConnectedNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        for name, value in self.params.items():
            self.params[name] = value.astype(np.float32)
