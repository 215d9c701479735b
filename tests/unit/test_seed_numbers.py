"""The numbers that the course's published notebooks print come out again.

`seed_000` ... `seed_004` name the answered notebooks this project started from: 000 Stanford CS231n 2021, 001 UCLA
2025, 003 ECNU daseCV (2018-2020 text), 004 UCLA 2018. Numbers that the CS231n notebooks print in every year are named
`cs231n`. A `fingerprint` is what a known mistake prints.

Two peculiarities of the originals are played back by hand here, because our layers do not share them:

- a seeded dropout layer there reseeds NumPy's GLOBAL generator, so that the weights drawn after it depend on it.
  `_as_left_by_a_seeded_net` sets the generator to where it stood;
- some numbers were printed by wrong code. Their tests plant that code and so prove where the number came from.
"""

import numpy as np
import pytest
from nndl import layers, optim
from nndl.fc_net import FullyConnectedNet, TwoLayerNet
from nndl.gradient_check import eval_numerical_gradient_array

# A few units in the last place: another BLAS kernel may add in another order.
ULPS = 1e-15
REG = 3.14


def _printed(value, digits=10):
    """What a notebook shows with `digits` significant digits, to half a unit of the last one."""
    last_place = 10.0 ** (np.floor(np.log10(value)) - digits + 1)
    return pytest.approx(value, rel=0, abs=0.500001 * last_place)


def _largest_relative_error(a, b):
    """The error measure of the course's notebooks: largest |a - b| / (|a| + |b|) of all elements."""
    return np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b)))


def _line(start, stop):
    """Evenly spaced numbers in the 4 x 5 array of the course's optimizer checks."""
    return np.linspace(start, stop, num=20).reshape(4, 5)


def _draw_batch():
    return np.random.randn(2, 15), np.random.randint(10, size=(2,))


def _small_net(keep=1, **options):
    return FullyConnectedNet(
        [20, 30],
        input_dim=15,
        num_classes=10,
        weight_scale=5e-2,
        dtype=np.float64,
        dropout_keep_ratio=keep,
        seed=123,
        **options,
    )


def _as_left_by_a_seeded_net():
    """Set the global generator as the originals' last seeded dropout layer, of shape (2, 30), left it."""
    np.random.seed(123)
    np.random.rand(2, 30)


def _as_left_by_the_backward_cell():
    """Set the global generator as the originals' seeded dropout on a 10 x 10 array left it."""
    np.random.seed(123)
    np.random.rand(10, 10)


def _wrong_dropout(draw_mask):
    """dropout_forward with another mask, for numbers that wrong code printed."""

    def dropout_forward(x, dropout_param):
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        uniform = np.random.RandomState(dropout_param["seed"]).rand(*x.shape)
        mask = draw_mask(uniform, dropout_param["p"])
        return x * mask, (dropout_param, mask)

    return dropout_forward


# ---- dropout layer


def test_seed_000_003_dropout_means_and_zero_fractions():
    printed = [
        (0.25, 10.014059116977283, 0.749784),
        (0.4, 9.977917658761159, 0.600796),
        (0.7, 9.987811912159426, 0.30074),
    ]
    np.random.seed(231)
    x = np.random.randn(500, 500) + 10
    assert x.mean() == pytest.approx(10.000207878477502, rel=ULPS)
    for p, mean, zeros in printed:
        out, _ = layers.dropout_forward(x, {"mode": "train", "p": p})
        # A draw in test mode would move the generator, and the next p would print other numbers.
        out_test, _ = layers.dropout_forward(x, {"mode": "test", "p": p})
        assert out.mean() == pytest.approx(mean, rel=ULPS)
        assert (out == 0).mean() == zeros
        assert out_test.mean() == x.mean()
        assert (out_test == 0).mean() == 0


def _dropout_cell():
    np.random.seed(231)
    return np.random.randn(10, 10) + 10, np.random.randn(10, 10), {"mode": "train", "p": 0.2, "seed": 123}


def test_seed_000_dropout_gradient_error():
    x, dout, dropout_param = _dropout_cell()
    _, cache = layers.dropout_forward(x, dropout_param)
    numeric = eval_numerical_gradient_array(lambda x: layers.dropout_forward(x, dropout_param)[0], x, dout)
    error = _largest_relative_error(layers.dropout_backward(dout, cache), numeric)
    assert error == pytest.approx(5.44560814873387e-11, rel=1e-9)


def test_seed_003_dropout_gradient_error_is_that_of_a_mask_without_scale():
    x, dout, dropout_param = _dropout_cell()
    dropout_forward = _wrong_dropout(lambda uniform, p: uniform < p)
    _, (_, mask) = dropout_forward(x, dropout_param)
    numeric = eval_numerical_gradient_array(lambda x: dropout_forward(x, dropout_param)[0], x, dout)
    assert _largest_relative_error(dout * mask, numeric) == pytest.approx(1.892896954038074e-11, rel=1e-9)


def test_seed_003_small_mask():
    out, _ = layers.dropout_forward(np.ones((2, 3)), {"mode": "train", "p": 0.8, "seed": 231})
    np.testing.assert_array_equal(out, [[1.25, 1.25, 1.25], [1.25, 0, 0]])


def test_seed_004_dropout_means_are_those_of_a_mask_with_the_drop_probability():
    # Unseeded there, so only near: the wrong mask keeps 1 - p of the values and divides by p.
    dropout_forward = _wrong_dropout(lambda uniform, p: (uniform > p) / p)
    for p, mean in [(0.3, 23.311412482547), (0.6, 6.652111061656034), (0.75, 3.3289192472660556)]:
        out, _ = dropout_forward(np.full((500, 500), 10.0), {"mode": "train", "p": p, "seed": 0})
        assert out.mean() == pytest.approx(mean, rel=0.01)


# ---- nets with dropout


def test_seed_000_net_losses_with_dropout():
    np.random.seed(231)
    X, y = _draw_batch()
    assert _small_net(1).loss(X, y)[0] == pytest.approx(2.300479089768492, rel=ULPS)
    assert _small_net(0.75).loss(X, y)[0] == pytest.approx(2.302371489704412, rel=ULPS)
    generator = np.random.get_state()
    _as_left_by_a_seeded_net()
    assert _small_net(0.5).loss(X, y)[0] == pytest.approx(2.30427592207859, rel=ULPS)
    # Without that reseeding the third net gets other weights.
    np.random.set_state(generator)
    assert _small_net(0.5).loss(X, y)[0] == pytest.approx(2.298294504947024, rel=ULPS)


def test_seed_001_net_losses_with_dropout():
    _as_left_by_the_backward_cell()
    X, y = _draw_batch()
    assert _small_net(0.5).loss(X, y)[0] == pytest.approx(2.309771209610118, rel=ULPS)
    _as_left_by_a_seeded_net()
    assert _small_net(0.75).loss(X, y)[0] == pytest.approx(2.306133548427975, rel=ULPS)
    _as_left_by_a_seeded_net()
    assert _small_net(1).loss(X, y)[0] == pytest.approx(2.3053332250963194, rel=ULPS)


def test_seed_003_net_losses_are_those_of_a_mask_without_scale(monkeypatch):
    monkeypatch.setattr(layers, "dropout_forward", _wrong_dropout(lambda uniform, p: uniform < p))
    np.random.seed(231)
    X, y = _draw_batch()
    assert _small_net(1).loss(X, y)[0] == pytest.approx(2.3004790897684924, rel=ULPS)
    assert _small_net(0.75).loss(X, y)[0] == pytest.approx(2.302454105929313, rel=ULPS)
    _as_left_by_a_seeded_net()
    assert _small_net(0.5).loss(X, y)[0] == pytest.approx(2.3030067920900876, rel=ULPS)


def test_seed_004_net_losses_are_those_of_a_mask_with_the_drop_probability(monkeypatch):
    monkeypatch.setattr(layers, "dropout_forward", _wrong_dropout(lambda uniform, p: (uniform > p) / p))
    _as_left_by_the_backward_cell()
    # The printed cell is number 24, the backward cell 21: twice before, a run ended once X, y and a net were drawn.
    for _ in range(2):
        _draw_batch()
        _small_net()
    X, y = _draw_batch()
    assert _small_net(1).loss(X, y)[0] == pytest.approx(2.298949958544263, rel=ULPS)
    assert _small_net(0.25).loss(X, y)[0] == pytest.approx(2.2597611820017107, rel=ULPS)
    _as_left_by_a_seeded_net()
    assert _small_net(0.5).loss(X, y)[0] == pytest.approx(2.298135001122367, rel=ULPS)


# ---- nets without dropout


@pytest.mark.parametrize(
    ("normalization", "plain_loss", "regularized_loss"),
    [
        (None, 2.3004790898, 7.0521147765),
        ("batchnorm", 2.2611955101, 6.9965332201),
        ("layernorm", 2.2378310041, 7.1021378273),
    ],
)
def test_cs231n_net_losses(normalization, plain_loss, regularized_loss):
    np.random.seed(231)
    X, y = _draw_batch()
    # The second net is drawn right after the first, without reseeding.
    assert _small_net(normalization=normalization).loss(X, y)[0] == _printed(plain_loss, 11)
    assert _small_net(normalization=normalization, reg=REG).loss(X, y)[0] == _printed(regularized_loss, 11)


def _squares(net, *names):
    return [np.sum(net.params[name] ** 2) for name in names or ("W1", "W2", "W3")]


@pytest.mark.parametrize(
    ("mistake", "printed", "digits"),
    [
        (lambda net, loss: loss + 0.5 * REG * sum(_squares(net, "W1", "W2")), 5.9404114854, 11),
        (lambda net, loss: loss + REG * sum(_squares(net)), 11.8025813, 9),
        (lambda net, loss: loss + 0.5 * REG * sum(_squares(net, "W1")), 3.5327526, 8),
        (lambda net, loss: loss, 2.3016482, 8),
    ],
    ids=["last W not regularized", "factor 0.5 missing", "only W1 regularized", "no regularization"],
)
def test_fingerprint_of_a_wrong_regularization(mistake, printed, digits):
    np.random.seed(231)
    X, y = _draw_batch()
    _small_net()
    net = _small_net(reg=0)
    assert mistake(net, net.loss(X, y)[0]) == _printed(printed, digits)


def test_fingerprint_of_a_relu_on_the_scores():
    np.random.seed(231)
    X, y = _draw_batch()
    net = _small_net()
    assert layers.softmax_loss(np.maximum(net.loss(X), 0), y)[0] == _printed(2.3030596983, 11)


def test_cs231n_two_layer_net_losses():
    N, D, H, C = 3, 5, 50, 7
    net = TwoLayerNet(input_dim=D, hidden_dim=H, num_classes=C)
    net.params["W1"] = np.linspace(-0.7, 0.3, num=D * H).reshape(D, H)
    net.params["b1"] = np.linspace(-0.1, 0.9, num=H)
    net.params["W2"] = np.linspace(-0.3, 0.4, num=H * C).reshape(H, C)
    net.params["b2"] = np.linspace(-0.9, 0.1, num=C)
    X = np.linspace(-5.5, 4.5, num=N * D).reshape(D, N).T
    y = np.array([0, 5, 1])
    assert net.loss(X, y)[0] == _printed(3.4702243556, 11)
    net.reg = 1.0
    assert net.loss(X, y)[0] == _printed(26.5948426952, 12)


# ---- affine, ReLU, batch normalization


def test_seed_004_affine_error():
    x = np.linspace(-0.1, 0.5, num=2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
    w = np.linspace(-0.2, 0.3, num=4 * 5 * 6 * 3).reshape(120, 3)
    b = np.linspace(-0.3, 0.1, num=3)
    out, _ = layers.affine_forward(x, w, b)
    published = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    # Its sixth digit depends on the order of addition.
    assert _largest_relative_error(out, np.array(published)) == _printed(9.7698e-10, 5)


def test_seed_004_relu_error():
    out, _ = layers.relu_forward(np.linspace(-0.5, 0.5, num=12).reshape(3, 4))
    assert _largest_relative_error(out, out.round(8)) == _printed(4.99999979802e-08, 10)


def _batchnorm_test_time(forward):
    """Fifty training steps and one test pass, as in the CS231n notebook on batch normalization."""
    np.random.seed(231)
    W1, W2 = np.random.randn(50, 60), np.random.randn(60, 3)
    bn_param = {"mode": "train"}
    for _ in range(50):
        a = np.maximum(0, np.random.randn(200, 50) @ W1) @ W2
        forward(a, np.ones(3), np.zeros(3), bn_param)
    bn_param["mode"] = "test"
    a = np.maximum(0, np.random.randn(200, 50) @ W1) @ W2
    return forward(a, np.ones(3), np.zeros(3), bn_param)[0]


def _plain_batchnorm(eps_outside=False, ddof=0, momentum=0.9):
    """Batch normalization with one mistake, for the numbers that it prints."""

    def forward(x, gamma, beta, bn_param):
        running = bn_param.setdefault("running", [0.0, 0.0])
        if bn_param["mode"] == "train":
            for i, value in enumerate([x.mean(axis=0), x.var(axis=0, ddof=ddof)]):
                running[i] = momentum * running[i] + (1 - momentum) * value
        mean, var = running
        std = np.sqrt(var) + 1e-5 if eps_outside else np.sqrt(var + 1e-5)
        return gamma * (x - mean) / std + beta, None

    return forward


def test_cs231n_batchnorm_test_time_means_and_stds():
    out = _batchnorm_test_time(layers.batchnorm_forward)
    np.testing.assert_allclose(out.mean(axis=0), [-0.03927354, -0.04349152, -0.10452688], rtol=0, atol=0.51e-8)
    np.testing.assert_allclose(out.std(axis=0), [1.01531428, 1.01238373, 0.97819988], rtol=0, atol=0.51e-8)


@pytest.mark.parametrize(
    ("mistake", "first_std"),
    [({"eps_outside": True}, 1.01531399), ({"ddof": 1}, 1.01277281), ({"momentum": 0.1}, 1.06419105)],
    ids=["eps outside the root", "divided by N - 1", "momentum flipped"],
)
def test_fingerprint_of_a_wrong_batchnorm(mistake, first_std):
    # The plain version is right but for the mistake.
    np.testing.assert_allclose(
        _batchnorm_test_time(_plain_batchnorm()), _batchnorm_test_time(layers.batchnorm_forward), rtol=1e-10
    )
    out = _batchnorm_test_time(_plain_batchnorm(**mistake))
    assert out.std(axis=0)[0] == pytest.approx(first_std, abs=1.01e-8)


# ---- update rules: the published tables are the exact answers, rounded to 8 digits after the point


def test_seed_004_momentum_errors():
    config = {"learning_rate": 1e-3, "velocity": _line(0.6, 0.9)}
    next_w, config = optim.sgd_momentum(_line(-0.4, 0.6), _line(-0.6, 0.4), config)
    assert _largest_relative_error(next_w, _line(0.1406, 1.4096).round(8)) == _printed(8.88234703351e-09, 7)
    assert _largest_relative_error(config["velocity"], _line(0.5406, 0.8096).round(8)) == _printed(4.26928774328e-09, 7)


def test_seed_004_nesterov_errors():
    config = {"learning_rate": 1e-3, "velocity": _line(0.6, 0.9)}
    next_w, config = optim.sgd_nesterov_momentum(_line(-0.4, 0.6), _line(-0.6, 0.4), config)
    assert _largest_relative_error(next_w, _line(0.08714, 1.32824).round(8)) == _printed(1.08751868451e-08, 7)
    assert _largest_relative_error(config["velocity"], _line(0.5406, 0.8096).round(8)) == _printed(4.26928774328e-09, 7)


def test_fingerprint_of_plain_momentum_in_place_of_nesterov():
    config = {"learning_rate": 1e-3, "velocity": _line(0.6, 0.9)}
    next_w, _ = optim.sgd_momentum(_line(-0.4, 0.6), _line(-0.6, 0.4), config)
    assert _largest_relative_error(next_w, _line(0.08714, 1.32824).round(8)) == _printed(0.2347, 4)


def test_fingerprint_of_a_velocity_that_is_not_stored():
    assert _largest_relative_error(_line(0.6, 0.9), _line(0.5406, 0.8096)) == _printed(0.0529, 3)


RMSPROP_FIRST_AND_LAST_W = (-0.39223849, 0.59576619)


def _plain_rmsprop(root=np.sqrt, old_cache=False, eps_inside=False):
    """One step with the published check's settings: next_w and the cache."""
    w, dw, cache = _line(-0.4, 0.6), _line(-0.6, 0.4), _line(0.6, 0.9)
    new_cache = 0.99 * cache + 0.01 * dw * dw
    used = cache if old_cache else new_cache
    divisor = root(used + 1e-8) if eps_inside else root(used) + 1e-8
    return w - 1e-2 * dw / divisor, new_cache


def test_seed_004_rmsprop_errors():
    config = {"learning_rate": 1e-2, "cache": _line(0.6, 0.9)}
    next_w, config = optim.rmsprop(_line(-0.4, 0.6), _line(-0.6, 0.4), config)
    assert (next_w.flat[0], next_w.flat[-1]) == pytest.approx(RMSPROP_FIRST_AND_LAST_W, abs=0.5e-8)
    expected_w, expected_cache = _plain_rmsprop()
    assert _largest_relative_error(config["cache"], expected_cache.round(8)) == _printed(2.64779558072e-09, 7)
    # 004's author had epsilon inside the root; the standard form differs in the fourth digit of this error.
    assert _largest_relative_error(next_w, expected_w.round(8)) == _printed(9.52468751e-08, 8)
    eps_inside, _ = _plain_rmsprop(eps_inside=True)
    assert _largest_relative_error(eps_inside, expected_w.round(8)) == _printed(9.50264522989e-08, 7)


@pytest.mark.parametrize(
    ("mistake", "printed", "digits"),
    [({"root": lambda value: value}, 9.27e-03, 3), ({"old_cache": True}, 2.2e-04, 2)],
    ids=["no root", "old cache"],
)
def test_fingerprint_of_a_wrong_rmsprop(mistake, printed, digits):
    assert _largest_relative_error(_plain_rmsprop()[0], _plain_rmsprop(**mistake)[0]) == _printed(printed, digits)


ADAM_FIRST_AND_LAST_W = (-0.40094747, 0.59801459)


def _plain_adam(t=6, correct_m=True, correct_v=True):
    """One step with the published check's settings (five steps done): next_w, m, v."""
    w, dw = _line(-0.4, 0.6), _line(-0.6, 0.4)
    m = 0.9 * _line(0.6, 0.9) + 0.1 * dw
    v = 0.999 * _line(0.7, 0.5) + 0.001 * dw * dw
    mhat = m / (1 - 0.9**t) if correct_m else m
    vhat = v / (1 - 0.999**t) if correct_v else v
    return w - 1e-2 * mhat / (np.sqrt(vhat) + 1e-8), m, v


def test_seed_004_adam_errors():
    config = {"learning_rate": 1e-2, "m": _line(0.6, 0.9), "v": _line(0.7, 0.5), "t": 5}
    next_w, config = optim.adam(_line(-0.4, 0.6), _line(-0.6, 0.4), config)
    assert config["t"] == 6
    assert (next_w.flat[0], next_w.flat[-1]) == pytest.approx(ADAM_FIRST_AND_LAST_W, abs=0.5e-8)
    expected_w, expected_m, expected_v = _plain_adam()
    assert _largest_relative_error(next_w, expected_w.round(8)) == _printed(1.13956917985e-07, 7)
    assert _largest_relative_error(config["v"], expected_v.round(8)) == _printed(4.20831403811e-09, 7)
    assert _largest_relative_error(config["m"], expected_m.round(8)) == _printed(4.21496319311e-09, 7)


@pytest.mark.parametrize(
    ("mistake", "printed", "digits"),
    [
        ({"t": 5}, 1.52e-03, 3),
        ({"correct_m": False, "correct_v": False}, 0.2072, 4),
        ({"correct_v": False}, 0.680, 3),
        ({"correct_m": False}, 0.0177, 3),
    ],
    ids=["t not counted up", "no bias correction", "only m corrected", "only v corrected"],
)
def test_fingerprint_of_a_wrong_adam(mistake, printed, digits):
    assert _largest_relative_error(_plain_adam()[0], _plain_adam(**mistake)[0]) == _printed(printed, digits)
