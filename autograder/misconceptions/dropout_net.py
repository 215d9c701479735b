"""Wrong nets: FullyConnectedNets whose own code is at fault in what concerns dropout.

`_Net` is right and has a small method for everything that goes wrong. It is planted together with the class
that changes one of them.
"""

# These classes stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, var-annotated"

import functools

import numpy as np
from nndl import layers as _layers
from nndl.fc_net import FullyConnectedNet

from autograder.misconceptions import misconception


class _Net(FullyConnectedNet):
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
        self.use_dropout = self.wants_dropout(dropout_keep_ratio)
        self.dropout_param = self.first_dropout_param(dropout_keep_ratio, seed) if self.use_dropout else {}
        self.bn_params = [{"mode": "train"} for _ in hidden_dims] if normalization else []
        self.params = {}
        sizes = [input_dim, *hidden_dims, num_classes]
        for i in range(1, self.num_layers + 1):
            self.params[f"W{i}"] = (weight_scale * np.random.randn(sizes[i - 1], sizes[i])).astype(dtype)
            self.params[f"b{i}"] = np.zeros(sizes[i], dtype=dtype)
            if normalization and i < self.num_layers:
                self.params[f"gamma{i}"] = np.ones(sizes[i], dtype=dtype)
                self.params[f"beta{i}"] = np.zeros(sizes[i], dtype=dtype)

    def wants_dropout(self, keep):
        return keep != 1

    def first_dropout_param(self, keep, seed):
        return {"mode": "train", "p": keep} | ({} if seed is None else {"seed": seed})

    def set_dropout_mode(self, mode):
        self.dropout_param["mode"] = mode

    def layers_with_dropout(self):
        return range(1, self.num_layers)

    def order(self):
        return ("norm", "relu", "dropout") if self.normalization else ("relu", "dropout")

    def steps_after(self, i):
        return self.order() if i < self.num_layers else ("dropout",)

    def gradient_passes_dropout(self):
        return True

    def caches_to_read(self, caches):
        return caches

    def forward_step(self, step, x, i):
        if step == "relu":
            return _layers.relu_forward(x)
        if step == "norm":
            norm = _layers.batchnorm_forward if self.normalization == "batchnorm" else _layers.layernorm_forward
            return norm(x, self.params[f"gamma{i}"], self.params[f"beta{i}"], self.bn_params[i - 1])
        if self.use_dropout and i in self.layers_with_dropout():
            return _layers.dropout_forward(x, self.dropout_param)
        return x, None

    def backward_step(self, step, dx, cache, i, grads):
        if step == "relu":
            return _layers.relu_backward(dx, cache)
        if step == "norm":
            norm = _layers.batchnorm_backward if self.normalization == "batchnorm" else _layers.layernorm_backward
            dx, grads[f"gamma{i}"], grads[f"beta{i}"] = norm(dx, cache)
            return dx
        if cache is not None and self.gradient_passes_dropout():
            return _layers.dropout_backward(dx, cache)
        return dx

    def loss(self, X, y=None):
        x = X.reshape(len(X), -1).astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.set_dropout_mode(mode)
        for bn_param in self.bn_params:
            bn_param["mode"] = mode

        last, caches = self.num_layers, []
        x, _ = self.forward_step("dropout", x, 0)
        for i in range(1, last + 1):
            x, cache = _layers.affine_forward(x, self.params[f"W{i}"], self.params[f"b{i}"])
            caches.append(("affine", i, cache))
            for step in self.steps_after(i):
                x, cache = self.forward_step(step, x, i)
                caches.append((step, i, cache))
        caches = self.caches_to_read(caches)
        if y is None:
            return x

        grads = {}
        loss, dx = _layers.softmax_loss(x, y)
        for step, i, cache in reversed(caches):
            if step != "affine":
                dx = self.backward_step(step, dx, cache, i, grads)
                continue
            dx, dw, grads[f"b{i}"] = _layers.affine_backward(dx, cache)
            grads[f"W{i}"] = dw + self.reg * self.params[f"W{i}"]
            loss += 0.5 * self.reg * np.sum(self.params[f"W{i}"] ** 2)
        return loss, grads


BASE = (("", _Net),)
wrong = functools.partial(
    misconception, question="fc_net_dropout", replaces="fc_net.FullyConnectedNet", companions=BASE
)


@wrong(
    sentence="Your net without normalization trains without dropout, whatever its keep ratio is. Every net needs "
    "dropout layers when dropout_keep_ratio is not 1.",
)
class DropoutNeverOn(_Net):
    def wants_dropout(self, keep):
        return keep > 1


@wrong(
    sentence="Your net drops class scores. No dropout follows the last affine layer.",
)
class DropoutOnTheScores(_Net):
    def layers_with_dropout(self):
        return range(1, self.num_layers + 1)


@wrong(
    sentence="The last hidden layer of your net has no dropout. Every hidden layer needs it.",
)
class LastHiddenLayerWithoutDropout(_Net):
    def layers_with_dropout(self):
        return range(1, self.num_layers - 1)


@wrong(
    sentence="Only the first hidden layer of your net has dropout. Every hidden layer needs it.",
)
class FirstHiddenLayerOnly(_Net):
    def layers_with_dropout(self):
        return range(1, 2)


@wrong(
    sentence="Your net drops its input too. Dropout follows a ReLU only.",
)
class DropoutOnTheInput(_Net):
    def layers_with_dropout(self):
        return range(self.num_layers)


@wrong(
    sentence='Your net drops at test time: loss(X) without labels must set dropout_param["mode"] to "test".',
)
class ModeNeverSet(_Net):
    def set_dropout_mode(self, mode):
        pass


@wrong(
    sentence='Your net stops dropping after its first test-time call: set dropout_param["mode"] back to '
    '"train" in every call with labels.',
)
class ModeStaysTest(_Net):
    def set_dropout_mode(self, mode):
        if mode == "test":
            self.dropout_param["mode"] = "test"


@wrong(
    sentence="Your net hands 1 - dropout_keep_ratio to the dropout layers. Their p is the probability of "
    "keeping: hand over dropout_keep_ratio itself.",
)
class DropProbabilityHandedOver(_Net):
    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(1 - keep, seed)


@wrong(
    sentence="Your net drops with p = 0.5 whatever dropout_keep_ratio is.",
)
class KeepRatioIgnored(_Net):
    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(0.5, seed)


@wrong(
    sentence="Your net drops the same outputs in every training step, because it hands a seed to the dropout "
    "layers although it got none.",
)
class SameMaskInEveryStep(_Net):
    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(keep, 0 if seed is None else seed)


@wrong(
    sentence='Your net does not hand its seed to the dropout layers: put it into dropout_param["seed"].',
)
class SeedNotHandedOn(_Net):
    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(keep, None)


@wrong(
    sentence="Your backward pass skips dropout: pass the gradient through dropout_backward before ReLU's.",
)
class GradientSkipsDropout(_Net):
    def steps_after(self, i):
        return self.order() if i < self.num_layers else ("dropout",)

    def gradient_passes_dropout(self):
        return False


@wrong(
    sentence="Your net drops before the normalization. The order is affine, normalization, ReLU, dropout.",
)
class DropoutBeforeNormalization(_Net):
    def order(self):
        return ("dropout", "norm", "relu") if self.normalization else ("relu", "dropout")


@wrong(
    may_cost=("fc_net", "fc_net_batchnorm", "fc_net_layernorm"),  # no net of it is plain
    sentence="With dropout_keep_ratio = 1 your net drops. It must then be the plain net.",
)
class DropsAtKeepRatioOne(_Net):
    def wants_dropout(self, keep):
        return True

    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(keep if keep < 1 else 0.5, seed)


@wrong(
    sentence="Your net hands a seed on with `if seed:`, which leaves the seed 0 out. Write `if seed is not None:`.",
)
class SeedZeroTakenForNone(_Net):
    def first_dropout_param(self, keep, seed):
        return super().first_dropout_param(keep, seed or None)


@wrong(
    sentence="Your backward pass uses the dropout caches of the first call of loss: make the list of caches anew in "
    "every call.",
)
class DropoutCachesOfTheFirstCall(_Net):
    def forward_step(self, step, x, i):
        x, cache = super().forward_step(step, x, i)
        if step != "dropout" or cache is None:
            return x, cache
        self.first_caches = getattr(self, "first_caches", {})
        return x, self.first_caches.setdefault(i, cache)


@wrong(
    sentence="In your net dropout is skipped on the way back where there is a normalization, too. Pass the gradient "
    "through dropout_backward in every net.",
)
class GradientSkipsDropoutBesideNormalization(_Net):
    def gradient_passes_dropout(self):
        return not self.normalization


@wrong(
    sentence='Your net drops at test time where it has a normalization, too: set dropout_param["mode"] in every '
    "net, beside the mode of each bn_param.",
)
class DropsAtTestTimeBesideNormalization(_Net):
    def set_dropout_mode(self, mode):
        if not self.normalization:
            super().set_dropout_mode(mode)


@wrong(
    sentence="With dropout your net does not regularize: reg changes neither the loss nor the gradients.",
)
class WithDropoutNotRegularized(_Net):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.reg *= not self.use_dropout


@wrong(
    sentence="With dropout the gradients of your net lack reg * W. Add it in every net.",
)
class WithDropoutGradientsNotRegularized(_Net):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None or not self.use_dropout:
            return result
        return result[0], {name: g - self.reg * self.params[name] * (name[0] == "W") for name, g in result[1].items()}


@wrong(
    sentence="With dropout your net adds the regularization twice.",
)
class WithDropoutRegularizedTwice(_Net):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.reg *= 1 + self.use_dropout
