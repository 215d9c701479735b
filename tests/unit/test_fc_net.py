"""The nets: gradients, layout, regularization, modes, saving and loading."""

import numpy as np
import pytest
from nndl import layers
from nndl.fc_net import FullyConnectedNet, TwoLayerNet
from nndl.gradient_check import eval_numerical_gradient, rel_error


def _batch(N=6, D=15, C=4):
    rng = np.random.default_rng(1)
    return rng.standard_normal((N, D)), rng.integers(C, size=N)


def _net(keep=1, normalization=None, hidden=(8, 7), seed=11, **options):
    """A small float64 net with random biases.

    With biases of 0, dropout puts inputs of a ReLU exactly on its kink, where a central difference is wrong.
    """
    rng = np.random.RandomState(5)
    np.random.seed(5)
    options = {"weight_scale": 0.5, "dtype": np.float64} | options
    net = FullyConnectedNet(list(hidden), 15, 4, keep, normalization, seed=seed, **options)
    for name, array in net.params.items():
        if name[0] in "bg":  # b, beta, gamma
            net.params[name] = (array + 0.3 * rng.randn(*array.shape)).astype(array.dtype)
    return net


def _check_gradients(net, X, y):
    _, grads = net.loss(X, y)
    assert grads.keys() == net.params.keys()
    for name, array in net.params.items():
        numeric = eval_numerical_gradient(lambda _: net.loss(X, y)[0], array)
        assert grads[name].shape == array.shape
        if np.linalg.norm(numeric) < 1e-7:  # a bias before batchnorm does nothing
            assert np.linalg.norm(grads[name]) < 1e-7
        else:
            assert rel_error(grads[name], numeric) < 1e-6, name


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
@pytest.mark.parametrize("keep", [1, 0.75, 0.3])
def test_net_gradients(normalization, keep):
    _check_gradients(_net(keep, normalization, reg=0.7), *_batch())


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4, 6, 3)])
def test_net_gradients_for_any_number_of_layers(hidden):
    _check_gradients(_net(hidden=hidden, reg=0.1), *_batch())


def test_two_layer_net_gradients():
    np.random.seed(2)
    net = TwoLayerNet(input_dim=15, hidden_dim=8, num_classes=4, weight_scale=0.3, reg=0.7)
    _check_gradients(net, *_batch())


def test_net_layout():
    net = FullyConnectedNet([20, 30], input_dim=15, num_classes=4, normalization="batchnorm", weight_scale=0.05)
    assert {name: array.shape for name, array in net.params.items()} == {
        "W1": (15, 20),
        "b1": (20,),
        "gamma1": (20,),
        "beta1": (20,),
        "W2": (20, 30),
        "b2": (30,),
        "gamma2": (30,),
        "beta2": (30,),
        "W3": (30, 4),
        "b3": (4,),
    }
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float32)}
    assert not any(net.params[name].any() for name in ("b1", "b2", "b3", "beta1", "beta2"))
    assert (net.params["gamma1"] == 1).all()


@pytest.mark.parametrize(
    "make", [lambda: TwoLayerNet(weight_scale=0.02), lambda: FullyConnectedNet([100], weight_scale=0.02)]
)
def test_net_draws_weights_from_the_global_generator_in_layer_order(make):
    np.random.seed(4)
    net = make()
    np.random.seed(4)
    for name, shape in [("W1", (3072, 100)), ("W2", (100, 10))]:
        np.testing.assert_allclose(net.params[name], 0.02 * np.random.randn(*shape), rtol=1e-6)


def test_net_takes_its_width_list_as_it_is():
    hidden = [5, 4]
    FullyConnectedNet(hidden, input_dim=6)
    assert hidden == [5, 4]
    assert FullyConnectedNet((5, 4), input_dim=6).params["W2"].shape == (5, 4)


def _slow_scores(net, X):
    """Scores of a net without normalization and dropout, by loops."""
    scores = []
    for x in X:
        for i in range(1, net.num_layers + 1):
            w, b = net.params[f"W{i}"], net.params[f"b{i}"]
            x = [sum(x[d] * w[d, m] for d in range(len(x))) + b[m] for m in range(len(b))]
            if i < net.num_layers:
                x = [max(0, value) for value in x]
        scores.append(x)
    return scores


def test_net_scores_against_loops_and_nothing_follows_the_last_layer():
    net, (X, _) = _net(), _batch()
    scores = net.loss(X)
    np.testing.assert_allclose(scores, _slow_scores(net, X), rtol=1e-10)
    assert (scores < 0).any()  # a ReLU at the end would cut these


def test_net_regularizes_every_weight_and_nothing_else():
    X, y = _batch()
    plain, regularized = _net(normalization="layernorm"), _net(normalization="layernorm", reg=0.5)
    weights = ["W1", "W2", "W3"]
    expected = plain.loss(X, y)[0] + 0.5 * 0.5 * sum((plain.params[name] ** 2).sum() for name in weights)
    loss, grads = regularized.loss(X, y)
    assert loss == pytest.approx(expected, rel=1e-12)
    for name, gradient in plain.loss(X, y)[1].items():
        extra = 0.5 * plain.params[name] if name in weights else 0
        np.testing.assert_allclose(grads[name], gradient + extra, rtol=1e-10, atol=1e-12)


def test_net_flattens_images():
    net, (X, y) = _net(0.5, "batchnorm"), _batch()
    assert net.loss(X.reshape(6, 3, 5, 1), y)[0] == net.loss(X, y)[0]


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
def test_net_in_test_mode_answers_each_example_on_its_own(normalization):
    net, (X, y) = _net(0.5, normalization, seed=None), _batch()
    net.loss(X, y)
    together = net.loss(X)
    alone = np.concatenate([net.loss(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(together, alone, rtol=1e-10)


def test_net_drops_after_every_hidden_layer_with_the_keep_ratio(monkeypatch):
    calls = []

    def watched(x, dropout_param):
        calls.append((x.shape, dropout_param["p"], dropout_param["mode"], bool((x >= 0).all())))
        return original(x, dropout_param)

    original = layers.dropout_forward
    monkeypatch.setattr(layers, "dropout_forward", watched)
    X, y = _batch()
    net = _net(0.4, "batchnorm")
    net.loss(X, y)
    net.loss(X)
    # Not negative, so it comes after the ReLU.
    assert calls == [(shape, 0.4, mode, True) for mode in ("train", "test") for shape in ((6, 8), (6, 7))]
    calls.clear()
    _net(1).loss(X, y)
    assert calls == []


def test_net_with_a_seed_repeats_its_masks_and_without_it_does_not():
    X, y = _batch()
    seeded, free = _net(0.5), _net(0.5, seed=None)
    assert seeded.loss(X, y)[0] == seeded.loss(X, y)[0]
    assert free.loss(X, y)[0] != free.loss(X, y)[0]


def test_net_keeps_running_statistics_of_each_layer_apart():
    net, (X, y) = _net(normalization="batchnorm"), _batch()
    net.loss(X, y)
    first, second = net.bn_params
    before = X @ net.params["W1"] + net.params["b1"]
    np.testing.assert_allclose(first["running_mean"], 0.1 * before.mean(axis=0), rtol=1e-10)
    assert second["running_mean"].shape == (7,)


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
def test_float32_net_computes_in_float32(normalization):
    X, y = _batch()
    net = _net(0.5, normalization, reg=0.1, dtype=np.float32)
    loss, grads = net.loss(X, y)  # X is float64
    assert {array.dtype for array in grads.values()} | {loss.dtype, net.loss(X).dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("keep", [0, -0.1, 1.5, float("nan")])
def test_net_refuses_a_keep_ratio_that_is_no_probability(keep):
    with pytest.raises(ValueError, match=r"probability of keeping.*above 0 and at most 1"):
        FullyConnectedNet([5], dropout_keep_ratio=keep)


def test_net_refuses_an_unknown_normalization():
    with pytest.raises(ValueError, match=r"unknown normalization 'batch'; give None, \"batchnorm\" or \"layernorm\""):
        FullyConnectedNet([5], normalization="batch")


# ---- save and load


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
@pytest.mark.parametrize("name", ["net.npz", "net"])
def test_net_loaded_gives_the_scores_of_the_saved_one(normalization, name, tmp_path):
    X, y = _batch()
    saved, loaded = _net(0.5, normalization), _net(0.5, normalization, weight_scale=0.1)
    saved.loss(X, y)  # moves the running statistics
    saved.save(tmp_path / name)
    assert (saved.loss(X) != loaded.loss(X)).any()
    loaded.load(tmp_path / name)
    np.testing.assert_array_equal(saved.loss(X), loaded.loss(X))
    assert loaded.loss(X, y)[0] == saved.loss(X, y)[0]


def test_untrained_batchnorm_net_can_be_saved_and_loaded(tmp_path):
    net, (X, _) = _net(normalization="batchnorm"), _batch()
    net.save(tmp_path / "net.npz")
    before = net.loss(X)
    net.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(net.loss(X), before)


def test_two_layer_net_round_trip(tmp_path):
    saved, loaded = TwoLayerNet(6, 5, 3), TwoLayerNet(6, 5, 3)
    saved.save(tmp_path / "net.npz")
    loaded.load(tmp_path / "net.npz")
    X = np.ones((2, 6))
    np.testing.assert_array_equal(saved.loss(X), loaded.loss(X))


def test_load_takes_the_type_of_the_net(tmp_path):
    _net().save(tmp_path / "net.npz")
    net = _net(dtype=np.float32)
    net.load(tmp_path / "net.npz")
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"hidden": (8, 6)}, r"W2 must be float numbers of shape \(8, 7\), got float64 of shape \(8, 6\); build"),
        ({"hidden": (8,)}, r"missing \['W3', 'b3'\], unknown \[\]; build"),
        ({"normalization": "layernorm"}, r"missing \[\], unknown \['beta1'.*; build"),
    ],
)
def test_load_refuses_another_net_and_leaves_this_one_alone(other, message, tmp_path):
    _net(**other).save(tmp_path / "net.npz")
    net, (X, _) = _net(), _batch()
    before = net.loss(X)
    with pytest.raises(ValueError, match=message):
        net.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(net.loss(X), before)


def test_load_refuses_a_batchnorm_net_without_statistics(tmp_path):
    net = _net(normalization="batchnorm")
    np.savez(tmp_path / "net.npz", **net.params)
    with pytest.raises(ValueError, match=r"missing.*running_mean1"):
        net.load(tmp_path / "net.npz")


def test_load_refuses_pickled_objects(tmp_path):
    net = _net()
    arrays = dict(net.params) | {"W1": np.array([{"a": 1}], dtype=object)}
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(ValueError, match="not a file written by save"):
        net.load(tmp_path / "net.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short", b"\x93NUMPY\x01\x00"])
def test_load_refuses_a_file_that_is_no_archive(content, tmp_path):
    (tmp_path / "net.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"net.npz: not a file written by save; name one that was"):
        _net().load(tmp_path / "net.npz")


def test_load_refuses_a_single_array_and_numbers_that_are_not_floats(tmp_path):
    net = _net()
    np.save(tmp_path / "array.npy", np.ones(3))
    with pytest.raises(ValueError, match="not a file written by save"):
        net.load(tmp_path / "array.npy")
    np.savez(tmp_path / "net.npz", **(net.params | {"b1": np.full(8, "x")}))
    with pytest.raises(ValueError, match="b1 must be float numbers"):
        net.load(tmp_path / "net.npz")


def test_load_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.npz"):
        _net().load(tmp_path / "nowhere.npz")
