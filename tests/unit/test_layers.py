"""The layers of nndl against hand-worked examples, central differences, slow versions and invariances."""

import numpy as np
import pytest
from nndl import layer_utils, layers
from nndl.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array, rel_error

TOLERANCE = 1e-7


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def _as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


def _check_gradients(forward, backward, arrays, shape_of_out, rng):
    """Compare backward's gradients with central differences of forward, array by array."""
    dout = rng.standard_normal(shape_of_out)
    _, cache = forward(*arrays)
    gradients = _as_tuple(backward(dout, cache))
    for i, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):

        def as_function_of_one(value, i=i):
            return forward(*arrays[:i], value, *arrays[i + 1 :])[0]

        numeric = eval_numerical_gradient_array(as_function_of_one, array, dout)
        assert gradient.shape == array.shape
        # A bias before batchnorm does nothing: both gradients are rounding errors.
        assert rel_error(gradient, numeric) < TOLERANCE or np.abs([gradient, numeric]).max() < 1e-9


# ---- affine and ReLU


def test_affine_forward_by_hand():
    out, _ = layers.affine_forward(
        np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0], [0, 10], [2, 1]]), np.array([0.5, -1])
    )
    np.testing.assert_array_equal(out, [[7.5, 22.0]])


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3), (4, 3, 2, 1)])
def test_affine_gradients_for_inputs_of_any_rank(shape, rng):
    arrays = [rng.standard_normal(shape), rng.standard_normal((6, 5)), rng.standard_normal(5)]
    _check_gradients(layers.affine_forward, layers.affine_backward, arrays, (4, 5), rng)


def test_affine_forward_flattens_each_example(rng):
    x, w, b = rng.standard_normal((2, 3, 2, 2)), rng.standard_normal((12, 4)), rng.standard_normal(4)
    slow = [[sum(x[n].ravel()[d] * w[d, m] for d in range(12)) + b[m] for m in range(4)] for n in range(2)]
    np.testing.assert_allclose(layers.affine_forward(x, w, b)[0], slow, rtol=1e-12)


def test_relu_by_hand():
    x = np.array([[-3.0, -0.1, 0.0, 0.1, 3.0]])
    out, cache = layers.relu_forward(x)
    np.testing.assert_array_equal(out, [[0, 0, 0, 0.1, 3.0]])
    dx = layers.relu_backward(np.full_like(x, 7.0), cache)
    np.testing.assert_array_equal(np.delete(dx, 2), [0, 0, 7, 7])


def test_relu_gradient_on_4d_input(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    x[np.abs(x) < 0.01] = 0.5  # a central difference across the kink means nothing
    _check_gradients(layers.relu_forward, layers.relu_backward, [x], x.shape, rng)


def test_affine_relu_gradients(rng):
    arrays = [rng.standard_normal((3, 2, 2)), rng.standard_normal((4, 5)), rng.standard_normal(5)]
    _check_gradients(layer_utils.affine_relu_forward, layer_utils.affine_relu_backward, arrays, (3, 5), rng)


# ---- batch and layer normalization


def _slow_normalize(row, eps):
    """One feature's (or example's) numbers with mean 0 and variance 1, in plain Python."""
    mean = sum(row) / len(row)
    var = sum((value - mean) ** 2 for value in row) / len(row)
    return [(value - mean) / (var + eps) ** 0.5 for value in row]


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_batchnorm_train_against_a_slow_version(eps, rng):
    x, gamma, beta = 3 * rng.standard_normal((5, 4)) + 2, rng.standard_normal(4), rng.standard_normal(4)
    out, _ = layers.batchnorm_forward(x, gamma, beta, {"mode": "train", "eps": eps})
    slow = np.array([_slow_normalize(list(feature), eps) for feature in x.T]).T
    np.testing.assert_allclose(out, gamma * slow + beta, rtol=1e-10)


def test_batchnorm_running_statistics_after_one_and_two_steps_by_hand():
    bn_param = {"mode": "train", "momentum": 0.7}
    first = np.array([[1.0, 10.0, 4.0], [3.0, 30.0, 4.0]])  # means 2, 20, 4; variances 1, 100, 0
    second = np.array([[0.0, 0.0, 8.0], [4.0, 2.0, 8.0]])  # means 2, 1, 8; variances 4, 1, 0
    layers.batchnorm_forward(first, np.ones(3), np.zeros(3), bn_param)
    np.testing.assert_allclose(bn_param["running_mean"], [0.6, 6.0, 1.2], rtol=1e-12)
    np.testing.assert_allclose(bn_param["running_var"], [0.3, 30.0, 0.0], rtol=1e-12)
    layers.batchnorm_forward(second, np.ones(3), np.zeros(3), bn_param)
    np.testing.assert_allclose(bn_param["running_mean"], [1.02, 4.5, 3.24], rtol=1e-12)
    np.testing.assert_allclose(bn_param["running_var"], [1.41, 21.3, 0.0], rtol=1e-12)


def test_batchnorm_test_mode_by_hand():
    bn_param = {"mode": "test", "eps": 0.5, "running_mean": np.array([2.0, -1.0]), "running_var": np.array([3.5, 15.5])}
    out, _ = layers.batchnorm_forward(np.array([[4.0, 3.0]]), np.array([3.0, 2.0]), np.array([1.0, -1.0]), bn_param)
    np.testing.assert_allclose(out, [[4.0, 1.0]], rtol=1e-12)


def test_batchnorm_test_mode_leaves_bn_param_alone(rng):
    bn_param = {"mode": "train"}
    x = rng.standard_normal((6, 3))
    layers.batchnorm_forward(x, np.ones(3), np.zeros(3), bn_param)
    bn_param["mode"] = "test"
    before = {name: np.copy(value) for name, value in bn_param.items()}
    layers.batchnorm_forward(x + 5, np.ones(3), np.zeros(3), bn_param)
    assert bn_param.keys() == before.keys()
    for name in before:
        np.testing.assert_array_equal(bn_param[name], before[name])


def test_batchnorm_test_mode_answers_each_example_on_its_own(rng):
    bn_param = {"mode": "test", "running_mean": rng.standard_normal(3), "running_var": np.array([0.5, 1.0, 2.0])}
    x, gamma, beta = rng.standard_normal((6, 3)), rng.standard_normal(3), rng.standard_normal(3)
    together = layers.batchnorm_forward(x, gamma, beta, bn_param)[0]
    alone = [layers.batchnorm_forward(row[np.newaxis], gamma, beta, bn_param)[0][0] for row in x]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def _batchnorm(x, gamma, beta, eps=0.5):
    return layers.batchnorm_forward(x, gamma, beta, {"mode": "train", "eps": eps})


def _layernorm(x, gamma, beta, eps=0.5):
    return layers.layernorm_forward(x, gamma, beta, {"eps": eps})


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (_batchnorm, layers.batchnorm_backward),
        (_batchnorm, layers.batchnorm_backward_alt),
        (_layernorm, layers.layernorm_backward),
    ],
    ids=["batchnorm", "batchnorm_alt", "layernorm"],
)
def test_normalization_gradients(forward, backward, rng):
    arrays = [5 * rng.standard_normal((4, 7)) + 12, rng.standard_normal(7), rng.standard_normal(7)]
    _check_gradients(forward, backward, arrays, (4, 7), rng)


def test_batchnorm_backward_and_its_simplified_form_agree(rng):
    x, dout = 5 * rng.standard_normal((50, 20)) + 12, rng.standard_normal((50, 20))
    _, cache = layers.batchnorm_forward(x, rng.standard_normal(20), rng.standard_normal(20), {"mode": "train"})
    for a, b in zip(layers.batchnorm_backward(dout, cache), layers.batchnorm_backward_alt(dout, cache), strict=True):
        assert rel_error(a, b) < 1e-12


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_layernorm_against_a_slow_version(eps, rng):
    x, gamma, beta = 3 * rng.standard_normal((5, 4)) + 2, rng.standard_normal(4), rng.standard_normal(4)
    out, _ = layers.layernorm_forward(x, gamma, beta, {"eps": eps})
    slow = np.array([_slow_normalize(list(example), eps) for example in x])
    np.testing.assert_allclose(out, gamma * slow + beta, rtol=1e-10)


def test_layernorm_is_batchnorm_of_the_transposed_input(rng):
    x = rng.standard_normal((3, 5))
    by_layer = layers.layernorm_forward(x, np.ones(5), np.zeros(5), {})[0]
    by_batch = layers.batchnorm_forward(x.T, np.ones(3), np.zeros(3), {"mode": "train"})[0]
    np.testing.assert_allclose(by_layer, by_batch.T, rtol=1e-12)


def test_batchnorm_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match=r"unknown mode 'training'; set .* to \"train\" or \"test\""):
        layers.batchnorm_forward(np.ones((2, 3)), np.ones(3), np.zeros(3), {"mode": "training"})


# ---- dropout


@pytest.mark.parametrize("p", [0.1, 0.3, 0.6, 0.75, 0.95])
def test_dropout_keeps_a_share_p_and_divides_by_it(p):
    x = np.full((400, 500), 3.0)
    out, _ = layers.dropout_forward(x, {"mode": "train", "p": p, "seed": 5})
    # Ten standard deviations of the share of kept values: a fixed seed, so this passes always or never.
    assert abs((out != 0).mean() - p) < 10 * np.sqrt(p * (1 - p) / x.size)
    np.testing.assert_allclose(out[out != 0], 3.0 / p, rtol=1e-12)


def test_dropout_drops_each_element_on_its_own():
    mask = layers.dropout_forward(np.ones((300, 200)), {"mode": "train", "p": 0.5, "seed": 5})[0] != 0
    for axis in (0, 1):
        share = mask.mean(axis=axis)
        # Independent elements give shares near .5 but not equal; a mask per row or column gives 0 and 1.
        assert 0.3 < share.min() < share.max() < 0.7
        assert share.std() == pytest.approx(0.5 / np.sqrt(mask.shape[axis]), rel=0.25)


def test_dropout_with_p_1_is_the_identity_and_near_1_it_is_almost(rng):
    x = rng.standard_normal((100, 100)) + 10
    np.testing.assert_array_equal(layers.dropout_forward(x, {"mode": "train", "p": 1})[0], x)
    out, _ = layers.dropout_forward(x, {"mode": "train", "p": 0.999, "seed": 1})
    assert 0 < (out == 0).sum() < 50


def test_dropout_in_test_mode_returns_x_and_draws_nothing(rng):
    x = rng.standard_normal((3, 4))
    before = np.random.get_state()[2]
    out, (_, mask) = layers.dropout_forward(x, {"mode": "test", "p": 0.3})
    assert np.random.get_state()[2] == before
    np.testing.assert_array_equal(out, x)
    assert mask is None


def test_dropout_gradient_on_4d_input(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    param = {"mode": "train", "p": 0.8, "seed": 123}
    _check_gradients(lambda x: layers.dropout_forward(x, param), layers.dropout_backward, [x], x.shape, rng)


def test_dropout_backward_uses_the_mask_of_the_forward_pass(rng):
    x, dout = rng.standard_normal((20, 30)) + 10, rng.standard_normal((20, 30))
    out, cache = layers.dropout_forward(x, {"mode": "train", "p": 0.4})
    np.testing.assert_allclose(layers.dropout_backward(dout, cache), dout * out / x, rtol=1e-12)


def test_dropout_backward_in_test_mode_passes_the_gradient_on(rng):
    dout = rng.standard_normal((2, 3))
    _, cache = layers.dropout_forward(np.ones((2, 3)), {"mode": "test", "p": 0.4})
    np.testing.assert_array_equal(layers.dropout_backward(dout, cache), dout)


def test_dropout_with_a_seed_repeats_itself_and_leaves_the_global_generator_alone():
    x = np.ones((20, 30))
    param = {"mode": "train", "p": 0.5, "seed": 3}
    np.random.seed(0)
    first = layers.dropout_forward(x, param)[0]
    after = np.random.rand()
    np.testing.assert_array_equal(first, layers.dropout_forward(x, param)[0])
    np.random.seed(0)
    assert after == np.random.rand()


def test_dropout_without_a_seed_draws_from_the_global_generator():
    x = np.ones((20, 30))
    np.random.seed(3)
    first = layers.dropout_forward(x, {"mode": "train", "p": 0.5})[0]
    second = layers.dropout_forward(x, {"mode": "train", "p": 0.5})[0]
    assert (first != second).any()
    np.testing.assert_array_equal(first, layers.dropout_forward(x, {"mode": "train", "p": 0.5, "seed": 3})[0])


@pytest.mark.parametrize("p", [0, -0.5, 1.01, 50, float("nan")])
@pytest.mark.parametrize("mode", ["train", "test"])
def test_dropout_refuses_a_p_that_is_no_probability_of_keeping(p, mode):
    with pytest.raises(ValueError, match=r"probability of keeping .* set dropout_param\[\"p\"\]"):
        layers.dropout_forward(np.ones((2, 3)), {"mode": mode, "p": p})


def test_dropout_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="unknown mode 'training'"):
        layers.dropout_forward(np.ones((2, 3)), {"mode": "training", "p": 0.5})
    with pytest.raises(ValueError, match="unknown mode 'training'"):
        layers.dropout_backward(np.ones((2, 3)), ({"mode": "training", "p": 0.5}, None))


# ---- losses


def test_softmax_loss_by_hand():
    # Probabilities 1/6, 2/6, 3/6 and 1/4, 1/4, 2/4.
    x = np.log(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 2.0]]))
    loss, dx = layers.softmax_loss(x, np.array([2, 0]))
    assert loss == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-12)
    np.testing.assert_allclose(dx, [[1 / 12, 1 / 6, -1 / 4], [-3 / 8, 1 / 8, 1 / 4]], rtol=1e-12)


@pytest.mark.parametrize("loss_function", [layers.softmax_loss, layers.svm_loss])
def test_loss_gradients(loss_function, rng):
    x, y = 3 * rng.standard_normal((6, 5)), rng.integers(5, size=6)
    numeric = eval_numerical_gradient(lambda x: loss_function(x, y)[0], x)
    assert rel_error(loss_function(x, y)[1], numeric) < TOLERANCE


def test_softmax_loss_does_not_change_when_a_number_is_added_to_all_scores(rng):
    x, y = rng.standard_normal((6, 5)), rng.integers(5, size=6)
    assert layers.softmax_loss(x + 1000, y)[0] == pytest.approx(layers.softmax_loss(x, y)[0], rel=1e-10)


def test_softmax_loss_stays_finite_for_scores_far_apart():
    for dtype in (np.float32, np.float64):
        loss, dx = layers.softmax_loss(np.array([[0.0, 5000.0, -5000.0]], dtype=dtype), np.array([0]))
        assert np.isfinite(loss)
        np.testing.assert_array_equal(dx, [[-1, 1, 0]])


def test_svm_loss_against_a_slow_version(rng):
    x, y = 2 * rng.standard_normal((6, 5)), rng.integers(5, size=6)
    slow = sum(max(0, x[n, c] - x[n, y[n]] + 1) for n in range(6) for c in range(5) if c != y[n]) / 6
    assert layers.svm_loss(x, y)[0] == pytest.approx(slow, rel=1e-12)


# ---- sandwich layers


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
@pytest.mark.parametrize("dropout_param", [None, {"mode": "train", "p": 0.7, "seed": 3}])
def test_hidden_layer_gradients(normalization, dropout_param, rng):
    x = rng.standard_normal((5, 2, 3))
    weights = [rng.standard_normal((6, 4)), rng.standard_normal(4)]
    if normalization:
        weights += [rng.standard_normal(4), rng.standard_normal(4)]

    def forward(x, *weights):
        return layer_utils.hidden_layer_forward(x, weights, normalization, {"mode": "train", "eps": 0.5}, dropout_param)

    _check_gradients(forward, layer_utils.hidden_layer_backward, [x, *weights], (5, 4), rng)


def test_hidden_layer_backward_of_the_first_layer_leaves_out_only_dx(rng):
    weights = [rng.standard_normal((6, 4)), rng.standard_normal(4), rng.standard_normal(4), rng.standard_normal(4)]
    _, cache = layer_utils.hidden_layer_forward(rng.standard_normal((5, 2, 3)), weights, "layernorm", {})
    dout = rng.standard_normal((5, 4))
    dx, *gradients = layer_utils.hidden_layer_backward(dout, cache, first=True)
    assert dx is None
    for gradient, full in zip(gradients, layer_utils.hidden_layer_backward(dout, cache)[1:], strict=True):
        np.testing.assert_array_equal(gradient, full)


# ---- types and inputs


def _pairs(dtype):
    """Name -> (forward, its arrays, backward) for each layer, in `dtype`."""
    rng = np.random.default_rng(2)
    x, gamma, beta = (rng.standard_normal(shape).astype(dtype) for shape in [(6, 4), 4, 4])
    w = rng.standard_normal((4, 4)).astype(dtype)
    dropout_param = {"mode": "train", "p": np.float64(0.7)}
    return {
        "affine": (layers.affine_forward, [x, w, beta], layers.affine_backward),
        "relu": (layers.relu_forward, [x], layers.relu_backward),
        "batchnorm": (_batchnorm, [x, gamma, beta], layers.batchnorm_backward),
        "batchnorm_alt": (_batchnorm, [x, gamma, beta], layers.batchnorm_backward_alt),
        "layernorm": (_layernorm, [x, gamma, beta], layers.layernorm_backward),
        "dropout": (lambda x: layers.dropout_forward(x, dropout_param), [x], layers.dropout_backward),
        "affine_relu": (layer_utils.affine_relu_forward, [x, w, beta], layer_utils.affine_relu_backward),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(_pairs(np.float64)))
def test_layer_keeps_its_type_and_its_inputs(name, dtype):
    forward, arrays, backward = _pairs(dtype)[name]
    before = [array.copy() for array in arrays]
    out, cache = forward(*arrays)
    dout = np.ones_like(out)
    gradients = _as_tuple(backward(dout, cache))
    assert [array.dtype for array in (out, *gradients)] == [dtype] * (1 + len(gradients))
    np.testing.assert_array_equal(dout, 1)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("loss_function", [layers.softmax_loss, layers.svm_loss])
def test_loss_keeps_float32_and_its_inputs(loss_function, rng):
    x, y = rng.standard_normal((6, 5)).astype(np.float32), rng.integers(5, size=6)
    before = x.copy()
    loss, dx = loss_function(x, y)
    assert dx.dtype == loss.dtype == np.float32
    np.testing.assert_array_equal(x, before)


def test_batchnorm_running_statistics_stay_float32():
    bn_param = {"mode": "train"}
    layers.batchnorm_forward(*_pairs(np.float32)["batchnorm"][1], bn_param)
    assert bn_param["running_mean"].dtype == bn_param["running_var"].dtype == np.float32
