"""Visible checks of dropout and of the net with dropout. Run them with nndl.layer_tests.check.

p is the probability of KEEPING a value. No check compares masks: they test what every right mask has in common.
"""

import numpy as np

from nndl import fc_net, layers
from nndl.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from nndl.layer_tests import close, holds, remark, share, tolerance_of_mean, within

_TRAIN_P = (0.25, 0.4, 0.7, 0.95)  # both sides of one half, and near one

# Room for the 1e-7 that many add inside the log of the loss; a wrong gradient is off by 1e-2 and more.
_GRADIENT_TOLERANCE = 1e-4


def dropout_forward():
    """Rows for layers.dropout_forward."""
    rng = np.random.RandomState(231)
    x = rng.uniform(5, 15, (500, 400))  # no zeros, so that a zero in out is a dropped value
    before = x.copy()
    result = layers.dropout_forward(x, {"mode": "train", "p": 0.5})
    pair = isinstance(result, (tuple, list)) and len(result) == 2
    yield holds("returns (out, cache)", pair, "end with `return out, cache`")
    right_shape = pair and np.shape(result[0]) == x.shape
    yield holds("out has x's shape", right_shape, "every value of x has a value of out; is out set in this mode?")
    if not right_shape:
        return
    if not np.array_equal(x, before):
        yield remark("x was changed", "a layer that changes its input surprises its caller")
    for p in _TRAIN_P:
        yield from _mean_and_zeros(before, p)
    yield from _independence(before)
    yield from _any_rank(rng)
    yield from _test_mode(rng)
    yield from _seed(before)


def _mean_and_zeros(x, p):
    out = np.asarray(layers.dropout_forward(x.copy(), {"mode": "train", "p": p})[0])
    zeros = out == 0
    yield share(f"p = {p}: share of zeros", zeros, 1 - p, _hint_for_zeros(float(zeros.mean()), p))
    ratio = out.mean() / x.mean()
    # The mean of n values x_i * keep_i / p, each in [0, x_i / p]: Hoeffding with the root mean square of the ranges.
    tolerance = tolerance_of_mean(x.size, spread=np.sqrt(np.mean(x**2)) / p / x.mean())
    hint = "the mean must stay as it is: the values that are kept must make up for those that are dropped"
    yield within(f"p = {p}: mean of out / mean of x", ratio, 1.0, tolerance, hint)
    if not zeros.all():
        hint = "a value that is kept must be scaled by 1 / p in the forward pass"
        yield close(f"p = {p}: kept values are x / p", out[~zeros], x[~zeros] / p, 1e-6, hint)


def _hint_for_zeros(seen, p):
    if abs(seen - p) < 0.03 < abs(p - 0.5):
        return (
            f"about p of the values became 0; here p is the probability of KEEPING, so 1 - p = {1 - p:g} of them should"
        )
    if seen == 0:
        return "nothing was dropped; look at the order of operations where the mask is made"
    if seen == 1:
        return "everything was dropped"
    return "draw from the uniform distribution on [0, 1): a draw is below p with probability p"


def _independence(x):
    p, hint = 0.5, "draw one random number for every value of x, not one for a row or a column"
    zeros = np.asarray(layers.dropout_forward(x.copy(), {"mode": "train", "p": p})[0]) == 0
    furthest_of = ("share of zeros in the column furthest from 1/2", "share of zeros in the row furthest from 1/2")
    for axis, what in enumerate(furthest_of):
        shares = zeros.mean(axis=axis)
        tolerance = tolerance_of_mean(x.shape[axis], looks=len(shares))
        furthest = shares[np.argmax(abs(shares - p))]
        yield within(what, furthest, p, tolerance, hint)


def _any_rank(rng):
    x = rng.uniform(5, 15, (6, 5, 8, 60))
    out = np.asarray(layers.dropout_forward(x.copy(), {"mode": "train", "p": 0.5})[0])
    yield holds("x of four dimensions: out has x's shape", out.shape == x.shape, "use x.shape, whatever its length")
    if out.shape != x.shape:
        return
    for axis in range(4):
        first, second = np.take(out == 0, 0, axis), np.take(out == 0, 1, axis)
        hint = f"the mask repeats itself along axis {axis}: draw one number for every value of x"
        yield share(f"x of four dimensions: masks agree along axis {axis}", first == second, 0.5, hint)


def _test_mode(rng):
    for shape in ((7, 5), (2, 3, 4, 5)):
        x = rng.uniform(5, 15, shape)
        out = layers.dropout_forward(x.copy(), {"mode": "test", "p": 0.3})[0]
        hint = "at test time nothing is dropped and nothing is scaled: out is x"
        yield close(f"test mode, {len(shape)} dimensions: out = x", out, x, 1e-12, hint)


def _seed(x):
    def draw(**more):
        return np.asarray(layers.dropout_forward(x.copy(), {"mode": "train", "p": 0.5, **more})[0]) == 0

    hint = 'draw from a generator made with dropout_param["seed"] when there is one'
    yield holds("one seed: the same mask twice", np.array_equal(draw(seed=7), draw(seed=7)), hint)
    hint = "without a seed every call must draw a new mask"
    yield holds("no seed: two masks differ", not np.array_equal(draw(), draw()), hint)


def dropout_backward():
    """Rows for layers.dropout_backward."""
    rng = np.random.RandomState(231)
    for p, shape in ((0.25, (60, 50)), (0.8, (60, 50)), (0.5, (4, 3, 5, 6))):
        x, dout = rng.uniform(5, 15, shape), rng.randn(*shape)
        out, cache = layers.dropout_forward(x.copy(), {"mode": "train", "p": p})
        other = layers.dropout_forward(x.copy(), {"mode": "train", "p": p})  # must not disturb the first one's cache
        given = dout.copy()
        dx = layers.dropout_backward(given, cache)
        hint = "the mask of the forward pass, with its scaling, belongs to dout too"
        yield close(f"p = {p}, {len(shape)} dimensions: dx = dout * out / x", dx, dout * out / x, 1e-6, hint)
        if not np.array_equal(given, dout):
            yield remark("dout was changed", "a layer that changes its input surprises its caller")
        del other
    yield from _backward_numerically(rng)
    x, dout = rng.randn(5, 7), rng.randn(5, 7)
    _, cache = layers.dropout_forward(x.copy(), {"mode": "test", "p": 0.3})
    dx = layers.dropout_backward(dout.copy(), cache)
    yield close("test mode: dx = dout", dx, dout, 1e-12, "in test mode out is x, so dx is dout")


def _backward_numerically(rng):
    x, dout = rng.randn(6, 4) + 10, rng.randn(6, 4)
    param = {"mode": "train", "p": 0.4, "seed": 123}

    def forward(x):
        return layers.dropout_forward(x, dict(param))[0]

    if not np.array_equal(forward(x.copy()), forward(x.copy())):
        return  # no numerical gradient of a function that is another one at each call; dropout_forward's check says it
    _, cache = layers.dropout_forward(x.copy(), dict(param))
    dx = layers.dropout_backward(dout.copy(), cache)
    # Dropout is linear in x, so a large step is exact, also for code that computes in float32.
    numerical = eval_numerical_gradient_array(forward, x, dout, h=0.1)
    yield close("p = 0.4: dx is the numerical gradient", dx, numerical, 1e-4, "dx = dout * (d out / d x)")


def fc_net_dropout():
    """Rows for the dropout of fc_net.FullyConnectedNet."""
    for keep in (1, 0.75, 0.5):
        yield from _loss_and_gradients(keep)
    yield from _plain_net()
    yield from _where_it_drops()
    yield from _output_layer()


def _net(hidden_dims, rng, like=None, D=9, C=4, bias=0.3, **settings):
    """A net whose every parameter is set here: random biases, or the values of another net."""
    net = fc_net.FullyConnectedNet(
        list(hidden_dims), input_dim=D, num_classes=C, weight_scale=0.5, dtype=np.float64, **settings
    )
    for name, w in net.params.items():
        if like is not None:
            net.params[name] = like.params[name].copy()
        else:
            # With biases of 0 a unit whose inputs are all dropped sits on ReLU's kink, where no gradient exists.
            scale = bias if name.startswith("b") else 1 / np.sqrt(len(w))
            net.params[name] = scale * rng.randn(*w.shape)
    return net


def _loss_and_gradients(keep):
    name = f"keep ratio {keep}"
    for attempt in range(3):  # a draw that hits a kink by chance spoils a right gradient, three draws do not
        rng = np.random.RandomState(1000 + attempt)
        net = _net([8, 7], rng, dropout_keep_ratio=keep, seed=123)
        X, y = rng.randn(5, 9), rng.randint(4, size=5)
        loss, grads = net.loss(X.copy(), y.copy())
        if attempt == 0:
            finite = np.size(loss) == 1 and bool(np.isfinite(loss))
            yield holds(f"{name}: the loss is a finite number", finite, f"got {loss!r}"[:80])
            missing = sorted(set(net.params) ^ set(grads))
            hint = f"missing or too many: {', '.join(missing)}"
            yield holds(f"{name}: grads has the keys of params", not missing, hint)
            again = net.loss(X.copy(), y.copy())[0]
            hint = "hand `seed` to the dropout layers (dropout_param), and draw from it there"
            yield holds(f"{name}: one seed, the same loss twice", np.array_equal(loss, again), hint)
            if missing or not finite or not np.array_equal(loss, again):
                return
        grads = {key: np.array(grad) for key, grad in grads.items()}  # the net may use its memory again
        rows = [_gradient_row(name, key, net, X, y, grads[key]) for key in sorted(net.params)]
        failed = [row for row in rows if not row.passed]
        if not failed:
            yield rows[0]._replace(what=f"{name}: gradients of {', '.join(sorted(net.params))}", value="each close")
            return
    yield from failed


def _gradient_row(name, key, net, X, y, grad):
    numerical = eval_numerical_gradient(lambda _: net.loss(X.copy(), y.copy())[0], net.params[key], h=1e-6)
    hint = "in the backward pass the layers come in the opposite order, each with its own cache"
    return close(f"{name}: gradient of {key}", grad, numerical, _GRADIENT_TOLERANCE, hint)


def _plain_net():
    rng = np.random.RandomState(77)
    plain = _net([30, 20], rng)
    one = _net([30, 20], rng, like=plain, dropout_keep_ratio=1)
    half = _net([30, 20], rng, like=plain, dropout_keep_ratio=0.5)
    X, y = rng.randn(6, 9), rng.randint(4, size=6)
    want, scores = plain.loss(X.copy(), y.copy())[0], plain.loss(X.copy())
    hint = "a keep ratio of 1 means no dropout layer"
    yield close("keep ratio 1: loss of the plain net", one.loss(X.copy(), y.copy())[0], want, 1e-10, hint)
    acts = not np.isclose(half.loss(X.copy(), y.copy())[0], want, rtol=1e-9)
    yield holds(
        "keep ratio 0.5: dropout acts at train time", acts, "the loss is the plain net's: is dropout ever called?"
    )
    hint = 'dropout must be in mode "test" when y is None'
    yield close("keep ratio 0.5: test scores are the plain net's", half.loss(X.copy()), scores, 1e-10, hint)
    acts = not np.isclose(half.loss(X.copy(), y.copy())[0], want, rtol=1e-9)
    yield holds("keep ratio 0.5: acts again after a test call", acts, 'set the mode back to "train" when y is given')


def _where_it_drops():
    """With one image and every ReLU open, row d of dW is 0 exactly where input d of that layer was dropped."""
    keep, widths = 0.75, (600, 500)
    rng = np.random.RandomState(78)
    net = _net(widths, rng, dropout_keep_ratio=keep)
    for name, w in net.params.items():
        if name in ("b1", "b2"):
            net.params[name] = 0 * w + 30.0  # far above what the weights add, so every ReLU is open
        elif name in ("W2", "W3"):
            net.params[name] = 0.01 * w
    X, y = rng.uniform(0.5, 1, (1, 9)), np.array([2])
    passes = [net.loss(X.copy(), y)[1] for _ in range(10)]  # one pass has 9 inputs, and may well drop none of them
    dropped = [[np.all(np.asarray(grads[f"W{i}"]) == 0, axis=1) for i in (1, 2, 3)] for grads in passes]
    hint = "dropout comes after each ReLU, not before the first layer"
    yield holds("no dropout on the input", not np.any([first for first, _, _ in dropped]), hint)
    for i in (1, 2):
        seen = float(dropped[0][i].mean())
        hint = _hint_for_zeros(seen, keep) if seen else f"hidden layer {i} has no dropout after its ReLU"
        yield share(f"keep ratio {keep}: dropped units of hidden layer {i}", dropped[0][i], 1 - keep, hint)


def _output_layer():
    """With the last weights at 0 the scores are the last biases, whatever the hidden layers drop."""
    rng = np.random.RandomState(79)
    net = _net([20, 20], rng, C=12, dropout_keep_ratio=0.5)
    net.params["W3"] = np.zeros_like(net.params["W3"])
    biases = rng.randn(12)
    net.params["b3"] = biases.reshape(net.params["b3"].shape).copy()
    X, y = rng.randn(8, 9), rng.randint(12, size=8)
    want = float(np.mean(np.log(np.sum(np.exp(biases))) - biases[y]))
    hint = "the scores are the output of the last affine layer: no dropout and no ReLU after it"
    yield close("no dropout on the scores: loss", net.loss(X, y)[0], want, 1e-4, hint)


CHECKS = {
    "dropout_forward": dropout_forward,
    "dropout_backward": dropout_backward,
    "fc_net_dropout": fc_net_dropout,
}
