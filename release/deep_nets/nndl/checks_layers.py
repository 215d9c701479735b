"""Visible checks of the layers that dropout rests on. Run them with nndl.layer_tests.check.

Every backward pass is compared with central differences in float64, every forward pass with the formula written out.
"""

import numpy as np

from nndl import layers
from nndl.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from nndl.layer_tests import close, holds, remark

_EXACT, _NUMERICAL = 1e-6, 1e-6  # room for float32 in the one, for the step in the other


def affine_forward():
    """Rows for layers.affine_forward."""
    rng = np.random.RandomState(10)
    for shape in ((3, 8), (3, 4, 1, 2)):
        x, w, b = rng.randn(*shape), rng.randn(8, 5), rng.randn(5)
        out, _ = layers.affine_forward(x.copy(), w.copy(), b.copy())
        want = np.array([[sum(row * column) + bias for column, bias in zip(w.T, b, strict=True)] for row in _rows(x)])
        hint = "flatten every example to a row, multiply by w, add b to every row"
        yield close(f"x of shape {shape}: out = x w + b", out, want, _EXACT, hint)


def affine_backward():
    """Rows for layers.affine_backward."""
    rng = np.random.RandomState(11)
    for shape in ((3, 8), (3, 4, 1, 2)):
        inputs, dout = [rng.randn(*shape), rng.randn(8, 5), rng.randn(5)], rng.randn(3, 5)
        _, cache = layers.affine_forward(*[a.copy() for a in inputs])
        got = layers.affine_backward(dout.copy(), cache)
        yield from _against_differences(layers.affine_forward, inputs, got, ("dx", "dw", "db"), dout, f"x {shape}: ")


def relu_forward():
    """Rows for layers.relu_forward."""
    x = np.random.RandomState(12).randn(3, 4, 5)
    out, _ = layers.relu_forward(x.copy())
    yield close("out is x where x > 0, else 0", out, np.where(x > 0, x, 0), _EXACT, "out = max(0, x), value by value")


def relu_backward():
    """Rows for layers.relu_backward."""
    rng = np.random.RandomState(13)
    x, dout = rng.randn(4, 6), rng.randn(4, 6)
    given, (_, cache) = dout.copy(), layers.relu_forward(x.copy())
    dx = np.array(layers.relu_backward(given, cache))
    yield close(
        "dx is dout where x > 0, else 0", dx, np.where(x > 0, dout, 0), _EXACT, "dout goes where x was positive"
    )
    if not np.array_equal(given, dout):
        yield remark("dout was changed", "a layer that changes its input surprises its caller")


def softmax_loss():
    """Rows for layers.softmax_loss."""
    rng = np.random.RandomState(14)
    x, y = rng.randn(6, 4), rng.randint(4, size=6)
    loss, dx = layers.softmax_loss(x.copy(), y.copy())
    want = np.mean([np.log(np.sum(np.exp(row))) - row[c] for row, c in zip(x, y, strict=True)])
    yield close("loss = mean of -log(probability of the right class)", loss, want, 1e-5, "divide by N; natural log")
    numerical = eval_numerical_gradient(lambda x: layers.softmax_loss(x.copy(), y.copy())[0], x)
    yield close("dx is the numerical gradient", dx, numerical, 1e-4, "dx = (probabilities - one hot) / N")
    loss, dx = layers.softmax_loss(x + 1000, y.copy())
    finite = bool(np.isfinite(loss)) and np.isfinite(dx).all()
    yield holds("scores near 1000: loss and dx are finite", finite, "exp(1000) overflows: subtract each row's maximum")


def batchnorm_forward():
    """Rows for layers.batchnorm_forward."""
    rng = np.random.RandomState(15)
    gamma, beta, eps, momentum = rng.rand(4) + 1, rng.randn(4), 0.5, 0.7
    param = {"mode": "train", "eps": eps, "momentum": momentum}
    mean, var = np.zeros(4), np.zeros(4)
    for step in (1, 2):
        x = 3 * rng.randn(9, 4) + 2
        out, _ = layers.batchnorm_forward(x.copy(), gamma.copy(), beta.copy(), param)
        want = gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta
        yield close(f"train mode, step {step}: out", out, want, _EXACT, "var divides by N; eps stands inside the root")
        mean, var = momentum * mean + (1 - momentum) * x.mean(axis=0), momentum * var + (1 - momentum) * x.var(axis=0)
        hint = "momentum * old + (1 - momentum) * this batch, written back to bn_param; the variance without eps"
        yield close(f"running mean after step {step}", param.get("running_mean"), mean, _EXACT, hint)
        yield close(f"running variance after step {step}", param.get("running_var"), var, _EXACT, hint)
    param["mode"], x = "test", rng.randn(5, 4)
    out, _ = layers.batchnorm_forward(x.copy(), gamma.copy(), beta.copy(), param)
    want = gamma * (x - mean) / np.sqrt(var + eps) + beta
    yield close("test mode: out", out, want, _EXACT, "running statistics in place of the batch's; gamma and beta too")
    yield close(
        "test mode leaves the running mean", param["running_mean"], mean, _EXACT, "change it in train mode only"
    )


def batchnorm_backward():
    """Rows for layers.batchnorm_backward."""
    yield from _normalization_backward(layers.batchnorm_forward, layers.batchnorm_backward)


def batchnorm_backward_alt():
    """Rows for layers.batchnorm_backward_alt."""
    yield from _normalization_backward(layers.batchnorm_forward, layers.batchnorm_backward_alt)


def layernorm_forward():
    """Rows for layers.layernorm_forward."""
    rng = np.random.RandomState(16)
    x, gamma, beta = 3 * rng.randn(4, 7) + 2, rng.rand(7) + 1, rng.randn(7)
    out, _ = layers.layernorm_forward(x.copy(), gamma.copy(), beta.copy(), {"eps": 0.5})
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    want = gamma * (x - mean) / np.sqrt(var + 0.5) + beta
    yield close("out", out, want, _EXACT, "mean and variance of every example over its features: axis 1")
    one, _ = layers.layernorm_forward(x[:1].copy(), gamma.copy(), beta.copy(), {"eps": 0.5})
    yield close("one example alone gives the same", one, want[:1], _EXACT, "examples do not touch each other")


def layernorm_backward():
    """Rows for layers.layernorm_backward."""
    yield from _normalization_backward(layers.layernorm_forward, layers.layernorm_backward)


def _normalization_backward(forward, backward):
    rng = np.random.RandomState(17)
    inputs, dout = [3 * rng.randn(5, 6) + 2, rng.rand(6) + 1, rng.randn(6)], rng.randn(5, 6)

    def with_param(x, gamma, beta):
        return forward(x, gamma, beta, {"mode": "train", "eps": 0.1})

    _, cache = with_param(*[a.copy() for a in inputs])
    got = backward(dout.copy(), cache)
    yield from _against_differences(with_param, inputs, got, ("dx", "dgamma", "dbeta"), dout)


def _against_differences(forward, inputs, got, names, dout, prefix=""):
    """A row for each gradient: the answer against central differences of the forward pass."""
    got = [np.array(gradient) for gradient in got]
    for i, name in enumerate(names):

        def f(a, i=i):
            return forward(*[(a if j == i else b).copy() for j, b in enumerate(inputs)])[0]

        numerical = eval_numerical_gradient_array(f, inputs[i], dout)
        hint = f"{name} is not the gradient of the forward pass; follow the formula back, step by step"
        yield close(f"{prefix}{name} is the numerical gradient", got[i], numerical, _NUMERICAL, hint)


def _rows(x):
    return x.reshape(len(x), -1)


CHECKS = {
    check.__name__: check
    for check in (
        affine_forward,
        affine_backward,
        relu_forward,
        relu_backward,
        softmax_loss,
        batchnorm_forward,
        batchnorm_backward,
        batchnorm_backward_alt,
        layernorm_forward,
        layernorm_backward,
    )
}
