"""Visible checks of the nets without dropout. Run them with nndl.layer_tests.check."""

from itertools import pairwise

import numpy as np

from nndl import fc_net
from nndl.gradient_check import eval_numerical_gradient
from nndl.layer_tests import close, holds

_D, _HIDDEN, _C = 9, (8, 6, 7), 4
_GRADIENT_TOLERANCE = 1e-4  # room for the 1e-7 that many add inside the log of the loss


def two_layer_net():
    """Rows for fc_net.TwoLayerNet."""

    def build(**settings):
        return fc_net.TwoLayerNet(input_dim=_D, hidden_dim=6, num_classes=_C, **settings)

    yield from _shapes(build(), [_D, 6, _C])
    yield from _net_rows(build)


def fc_net_plain():
    """Rows for fc_net.FullyConnectedNet without normalization and without dropout."""
    yield from _shapes(_deep(None)(), [_D, *_HIDDEN, _C])
    yield from _net_rows(_deep(None))


def fc_net_batchnorm():
    """Rows for fc_net.FullyConnectedNet with batch normalization."""
    yield _has_gamma_and_beta(_deep("batchnorm")())
    # A bias before batch normalization changes nothing: its gradient is 0 up to rounding, so there is no error to take.
    yield from _net_rows(_deep("batchnorm"), without=("b1", "b2", "b3"))


def fc_net_layernorm():
    """Rows for fc_net.FullyConnectedNet with layer normalization."""
    yield _has_gamma_and_beta(_deep("layernorm")())
    yield from _net_rows(_deep("layernorm"))


def _deep(normalization):
    def build(**settings):
        return fc_net.FullyConnectedNet(
            list(_HIDDEN),
            input_dim=_D,
            num_classes=_C,
            normalization=normalization,
            weight_scale=0.1,
            dtype=np.float64,
            **settings,
        )

    return build


def _shapes(net, sizes):
    want = {f"W{i}": pair for i, pair in enumerate(pairwise(sizes), start=1)}
    want |= {f"b{i}": (size,) for i, size in enumerate(sizes[1:], start=1)}
    got = {name: np.shape(w) for name, w in net.params.items()}
    yield holds("params has a W and a b for every layer", set(got) == set(want), f"expected {sorted(want)}")
    same = all(got.get(name) in (shape, (1, *shape)) for name, shape in want.items())
    yield holds("every W is (inputs, outputs), every b (outputs,)", same, f"got {got}")


def _has_gamma_and_beta(net):
    want = {f"{name}{i}" for name in ("gamma", "beta") for i in range(1, len(_HIDDEN) + 1)}
    got = {name for name in net.params if name.startswith(("gamma", "beta"))}
    hint = f"expected {sorted(want)}, got {sorted(got)}: one pair for every hidden layer, none for the last layer"
    return holds("params has gamma and beta", got == want, hint)


def _net_rows(build, without=()):
    rng = np.random.RandomState(31)
    X, y = rng.randn(7, _D), rng.randint(_C, size=7)
    plain, reg = build(reg=0.0), build(reg=0.7)
    _set(plain, rng)
    reg.params.update({name: w.copy() for name, w in plain.params.items()})
    scores = np.asarray(plain.loss(X.copy()))
    hint = "without y, loss returns the scores of every image for every class"
    yield holds("scores have shape (N, C)", scores.shape == (7, _C), hint)
    base, with_reg = plain.loss(X.copy(), y.copy())[0], reg.loss(X.copy(), y.copy())[0]
    penalty = 0.5 * 0.7 * sum(np.sum(w**2) for name, w in plain.params.items() if name.startswith("W"))
    hint = "0.5 * reg * sum(W^2) over every W, the last one too, and over nothing else"
    yield close("what reg adds to the loss", with_reg - base, penalty, 1e-6, hint)
    yield from _last_layer(build(reg=0.0), rng, X, y)
    yield from _gradients(reg, X, y, without)


def _set(net, rng):
    for name, w in net.params.items():
        scale = 1 / np.sqrt(len(w)) if name.startswith("W") else 0.3
        net.params[name] = scale * rng.randn(*w.shape) + (1.0 if name.startswith("gamma") else 0.0)


def _last_layer(net, rng, X, y):
    """With the last weights at 0 the scores are the last biases."""
    _set(net, rng)
    last = max(name for name in net.params if name.startswith("W"))
    net.params[last] = np.zeros_like(net.params[last])
    biases = np.array([1.0, -2.0, 0.5, -0.5])
    bias_name = last.replace("W", "b")
    net.params[bias_name] = biases.reshape(net.params[bias_name].shape).copy()
    want = float(np.mean(np.log(np.sum(np.exp(biases))) - biases[y]))
    hint = "the scores are the output of the last affine layer: no ReLU and no normalization after it"
    yield close("softmax loss when the scores are known", net.loss(X.copy(), y.copy())[0], want, 1e-4, hint)


def _gradients(net, X, y, without):
    grads = net.loss(X.copy(), y.copy())[1]
    grads = {name: np.array(grad) for name, grad in grads.items()}
    odd = sorted(set(grads) ^ set(net.params))
    yield holds("grads has the keys of params", not odd, f"missing or too many: {', '.join(odd)}")
    for name in sorted(set(net.params) - set(odd) - set(without)):
        numerical = eval_numerical_gradient(lambda _: net.loss(X.copy(), y.copy())[0], net.params[name], h=1e-6)
        hint = "go back through the layers in the opposite order; reg * W belongs to every dW"
        yield close(f"gradient of {name}", grads[name], numerical, _GRADIENT_TOLERANCE, hint)


CHECKS = {
    "two_layer_net": two_layer_net,
    "fc_net": fc_net_plain,
    "fc_net_batchnorm": fc_net_batchnorm,
    "fc_net_layernorm": fc_net_layernorm,
}
