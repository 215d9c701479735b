import numpy as np
import pytest
from nndl.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    grad_check_sparse,
    rel_error,
)


def test_rel_error_divides_the_distance_by_the_larger_norm():
    assert rel_error([3.0, 4.0], [3.0, 4.0 + 1.0]) == pytest.approx(1 / np.sqrt(34), rel=1e-12)
    assert rel_error([1.0, 0.0], [-1.0, 0.0]) == 2.0


def test_rel_error_is_zero_for_zeros_and_nan_for_nan():
    assert rel_error(np.zeros((2, 3)), np.zeros((2, 3))) == 0.0
    assert np.isnan(rel_error([np.nan, 1.0], [1.0, 1.0]))


def test_rel_error_is_not_spoiled_by_one_tiny_element():
    # The largest element-wise error of this pair is 1, the error as a whole is 1e-9.
    assert rel_error([1.0, 1e-9], [1.0, 0.0]) < 1e-8


def test_rel_error_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(3,\) and \(3, 1\)"):
        rel_error(np.ones(3), np.ones((3, 1)))


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3)])
def test_numerical_gradient_agrees_with_the_formula_by_hand(shape):
    x = np.asarray(np.random.RandomState(0).randn(*shape))
    grad = eval_numerical_gradient(lambda x: np.sum(np.sin(x)), x)
    assert grad.shape == x.shape
    assert rel_error(grad, np.cos(x)) < 1e-9


def test_array_gradient_agrees_with_the_formula_by_hand():
    rng = np.random.RandomState(1)
    x, w, df = rng.randn(3, 2), rng.randn(2, 4), rng.randn(3, 4)
    assert rel_error(eval_numerical_gradient_array(lambda x: x @ w, x, df), df @ w.T) < 1e-9


def test_array_gradient_is_right_when_f_returns_its_own_input():
    x, df = np.random.RandomState(2).randn(2, 3), np.random.RandomState(3).randn(2, 3)
    assert rel_error(eval_numerical_gradient_array(lambda x: x, x, df), df) < 1e-9


def test_numerical_gradient_works_on_a_view_with_strides():
    x = np.random.RandomState(4).randn(3, 8)[:, ::-2]
    assert rel_error(eval_numerical_gradient(lambda x: np.sum(x**2), x), 2 * x) < 1e-9


@pytest.mark.parametrize("gradient", [eval_numerical_gradient, lambda f, x: eval_numerical_gradient_array(f, x, 1.0)])
@pytest.mark.parametrize("calls_before_failure", [0, 1, 4, 1000])
def test_gradient_leaves_x_as_it_was_also_when_f_raises(gradient, calls_before_failure):
    x = np.random.RandomState(5).randn(2, 3)
    before, calls = x.copy(), 0

    def f(x):
        nonlocal calls
        calls += 1
        if calls > calls_before_failure:
            raise RuntimeError("f failed")
        return np.sum(x**3)

    try:
        gradient(f, x)
    except RuntimeError:
        assert calls_before_failure < 1000
    assert np.array_equal(x, before)


@pytest.mark.parametrize("x", [np.arange(3), [1.0, 2.0], np.ones(2, dtype=bool)])
def test_gradient_refuses_what_has_no_small_step(x):
    with pytest.raises(TypeError, match="floating point array"):
        eval_numerical_gradient(np.sum, x)


def test_verbose_prints_every_element(capsys):
    eval_numerical_gradient(np.sum, np.ones((2, 3)), verbose=True)
    assert capsys.readouterr().out.count("\n") == 6


def test_sparse_check_tells_a_wrong_gradient_from_a_right_one(capsys):
    x = np.random.RandomState(6).rand(20, 30) + 0.5
    before, state = x.copy(), np.random.get_state()[1].copy()
    assert grad_check_sparse(lambda x: np.sum(x**2), x, 2 * x, num_checks=5) < 1e-5
    assert grad_check_sparse(lambda x: np.sum(x**2), x, 3 * x, num_checks=5) == pytest.approx(0.2, rel=1e-3)
    assert capsys.readouterr().out.count("relative error") == 10
    assert np.array_equal(x, before)
    assert np.array_equal(np.random.get_state()[1], state)
