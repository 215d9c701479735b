"""Wrong TwoLayerNets.

Most wrap the hand-in's own net (`class TwoLayerNet(TwoLayerNet)` is what is planted) and spoil what it answers. Those
that are wrong inside start from a right net that has a method for every step.
"""

# These classes stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, has-type"

import functools

import numpy as np
from nndl import layers as _layers
from nndl.fc_net import TwoLayerNet

from autograder.misconceptions import misconception


class _TwoLayers(TwoLayerNet):
    def hidden(self, x):
        return np.maximum(x, 0), x > 0

    def last(self, scores):
        return scores, 1.0

    def loss(self, X, y=None):
        x = X.reshape(len(X), -1)
        w1, w2 = self.params["W1"], self.params["W2"]
        hidden, slope = self.hidden(x @ w1 + self.params["b1"])
        scores, last_slope = self.last(hidden @ w2 + self.params["b2"])
        if y is None:
            return scores
        loss, dscores = _layers.softmax_loss(scores, y)
        dscores = dscores * last_slope
        dhidden = (dscores @ w2.T) * slope
        grads = {"W1": x.T @ dhidden + self.reg * w1, "b1": dhidden.sum(axis=0)}
        grads |= {"W2": hidden.T @ dscores + self.reg * w2, "b2": dscores.sum(axis=0)}
        return loss + 0.5 * self.reg * (np.sum(w1**2) + np.sum(w2**2)), grads


wrong = functools.partial(misconception, question="two_layer_net", replaces="fc_net.TwoLayerNet")
wrong_inside = functools.partial(wrong, companions=(("", _TwoLayers),))


@wrong(
    sentence="Your TwoLayerNet does not regularize W2. Both W1 and W2 belong to the loss and to the gradients.",
)
class TwoLayerSecondWeightsNotRegularized(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        w = self.params["W2"]
        return loss - 0.5 * self.reg * np.sum(w**2), {**grads, "W2": grads["W2"] - self.reg * w}


@wrong(
    sentence="The loss of your TwoLayerNet leaves W2 out of the regularization; its gradient has it. W1 and W2 belong "
    "to both.",
)
class TwoLayerSecondWeightsNotInTheLoss(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss - 0.5 * self.reg * np.sum(self.params["W2"] ** 2), grads


@wrong(
    sentence="Your TwoLayerNet does not regularize at all: reg changes neither the loss nor the gradients.",
)
class TwoLayerNotRegularized(TwoLayerNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.reg = 0.0


@wrong(
    sentence="Your TwoLayerNet regularizes the loss, but the gradients of W1 and W2 lack reg * W.",
)
class TwoLayerGradientsNotRegularized(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss, {name: g - self.reg * self.params[name] * (name[0] == "W") for name, g in grads.items()}


@wrong(
    sentence="Your TwoLayerNet adds reg * W to the gradients, but its loss lacks the regularization.",
)
class TwoLayerLossNotRegularized(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss - 0.5 * self.reg * sum(np.sum(self.params[name] ** 2) for name in ("W1", "W2")), grads


@wrong(
    sentence="Your TwoLayerNet adds reg * sum(W^2) to the loss. The factor 0.5 is missing.",
)
class TwoLayerHalfMissing(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss + 0.5 * self.reg * sum(np.sum(self.params[name] ** 2) for name in ("W1", "W2")), grads


@wrong(
    sentence="Your TwoLayerNet regularizes its biases, too. Only W1 and W2 are regularized.",
)
class TwoLayerBiasesRegularized(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        loss += 0.5 * self.reg * sum(np.sum(self.params[name] ** 2) for name in ("b1", "b2"))
        return loss, {name: g + self.reg * self.params[name] * (name[0] == "b") for name, g in grads.items()}


@wrong_inside(
    sentence="Your TwoLayerNet puts a ReLU on the scores. Nothing follows the last affine layer.",
)
class TwoLayerReluOnTheScores(_TwoLayers):
    def last(self, scores):
        return np.maximum(scores, 0), scores > 0


@wrong_inside(
    sentence="Your TwoLayerNet has no ReLU between its two affine layers.",
)
class TwoLayerWithoutRelu(_TwoLayers):
    def hidden(self, x):
        return x, 1.0


@wrong_inside(
    sentence="In your TwoLayerNet the gradient of W1 skips the ReLU. Go back through relu_backward, too.",
)
class TwoLayerGradientSkipsRelu(_TwoLayers):
    def hidden(self, x):
        return np.maximum(x, 0), 1.0


@wrong(
    sentence="Your TwoLayerNet returns probabilities. Without labels it must return the scores, before softmax.",
)
class TwoLayerProbabilitiesForScores(TwoLayerNet):
    def loss(self, X, y=None):
        if y is not None:
            return super().loss(X, y)
        e = np.exp(super().loss(X))
        return e / e.sum(axis=1, keepdims=True)


@wrong(
    sentence="Your TwoLayerNet ignores weight_scale when it draws its weights.",
)
class TwoLayerWeightScaleIgnored(TwoLayerNet):
    def __init__(self, *args, weight_scale=1e-3, **settings):
        super().__init__(*args, **settings)


@wrong(
    sentence="Your TwoLayerNet draws its weights from a uniform distribution. They are normal: np.random.randn.",
)
class TwoLayerUniformWeights(TwoLayerNet):
    def __init__(self, *args, weight_scale=1e-3, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        for name in ("W1", "W2"):
            self.params[name] = weight_scale * np.random.uniform(-1, 1, self.params[name].shape)


@wrong(
    sentence="Your TwoLayerNet scales W1 only. W2 is drawn with standard deviation weight_scale, too.",
)
class TwoLayerSecondWeightsNotScaled(TwoLayerNet):
    def __init__(self, *args, weight_scale=1e-3, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        self.params["W2"] = np.random.randn(*self.params["W2"].shape)


@wrong(
    sentence="Your TwoLayerNet draws its biases at random. They begin at 0.",
)
class TwoLayerBiasesDrawn(TwoLayerNet):
    def __init__(self, *args, weight_scale=1e-3, **settings):
        super().__init__(*args, weight_scale=weight_scale, **settings)
        for name in ("b1", "b2"):
            self.params[name] = weight_scale * np.random.randn(*self.params[name].shape)


@wrong(
    sentence="Your TwoLayerNet subtracts the mean of the batch from its images. The scores of an image then depend "
    "on the others: leave X as it is.",
)
class TwoLayerBatchCentred(TwoLayerNet):
    def loss(self, X, y=None):
        return super().loss(X - X.mean(axis=0), y)


@wrong(
    sentence="Your TwoLayerNet works on X of shape (N, D) only. Images are arrays of four dimensions.",
)
class TwoLayerFlatImagesOnly(TwoLayerNet):
    def loss(self, X, y=None):
        _n, _d = X.shape
        return super().loss(X, y)


@wrong(
    sentence="Your TwoLayerNet multiplies its own weights by reg when it computes the gradients (`*=` works in "
    "place). loss must change no parameter.",
)
class TwoLayerWeightsMultipliedInPlace(TwoLayerNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is not None and self.reg:
            self.params["W1"] *= self.reg
        return result


@wrong(
    sentence="The constructor of your TwoLayerNet fixes NumPy's seed, so every net begins with the same weights.",
)
class TwoLayerSeedFixed(TwoLayerNet):
    def __init__(self, *args, **settings):
        np.random.seed(0)
        super().__init__(*args, **settings)


@wrong(
    sentence="Your TwoLayerNet returns no gradients for its biases.",
)
class TwoLayerBiasGradientsMissing(TwoLayerNet):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        return result if y is None else (result[0], {name: g for name, g in result[1].items() if name[0] == "W"})


@wrong(
    sentence="Your TwoLayerNet makes its weights the wrong way round. W1 is (inputs, hidden), W2 (hidden, classes).",
)
class TwoLayerWeightsTransposed(TwoLayerNet):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        for name in ("W1", "W2"):
            self.params[name] = self.params[name].T.copy()

    def loss(self, X, y=None):
        plain = TwoLayerNet.__new__(TwoLayerNet.__mro__[1])
        plain.reg = self.reg
        plain.params = {name: value.T if name[0] == "W" else value for name, value in self.params.items()}
        result = plain.loss(X, y)
        return result if y is None else (result[0], {n: g.T if n[0] == "W" else g for n, g in result[1].items()})


@wrong(
    sentence="Your TwoLayerNet adds the losses of the images up. The softmax loss is their mean.",
)
class TwoLayerLossesAddedUp(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        reg, self.reg = self.reg, 0.0
        loss, grads = super().loss(X, y)
        self.reg = reg
        loss, grads = loss * len(X), {name: g * len(X) for name, g in grads.items()}
        for name in ("W1", "W2"):
            loss += 0.5 * reg * np.sum(self.params[name] ** 2)
            grads[name] = grads[name] + reg * self.params[name]
        return loss, grads


@wrong(
    sentence="In your TwoLayerNet gradients add up from one call of loss to the next. Make grads anew in every call.",
)
class TwoLayerGradientsAddUp(TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        before = getattr(self, "grads", {})
        self.grads = {name: g + before.get(name, 0) for name, g in grads.items()}
        return loss, dict(self.grads)
