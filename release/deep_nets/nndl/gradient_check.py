"""Check an analytic gradient against central differences.

    df/dx_i  ~  (f(x + h e_i) - f(x - h e_i)) / (2 h)

Use float64 arrays: with float32 the rounding of f is larger than the difference that is looked for. The functions
change one element of ``x`` at a time and put it back, also when ``f`` raises.

Source: CS231n course notes, "Gradient checks".
"""

import random

import numpy as np


def rel_error(a, b):
    """Norm-relative error of two arrays, a number from 0 (equal) to 2.

    error = ||a - b|| / max(||a||, ||b||), with the Euclidean norm over all elements; 0 when both are zero.

    One tiny element cannot spoil it, as it does the largest of the element-wise errors. For a correct gradient in
    float64 it is about 1e-8 or less; above 1e-4 the gradient is almost surely wrong.

    Parameters
    ----------
    a, b : array_like
        Two arrays of one shape.

    Returns
    -------
    float
        The error; nan when one of the arrays holds nan.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide a mistake).

    Examples
    --------
    >>> round(rel_error([[3.0, 4.0, 0.0]], [[3.0, 4.0, 0.5]]), 4)
    0.0995
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(
            f"rel_error compares arrays of one shape, got {a.shape} and {b.shape}; fix: reshape one of them"
        )
    scale = max(np.linalg.norm(a.ravel()), np.linalg.norm(b.ravel()))
    if scale == 0:
        return 0.0
    return float(np.linalg.norm((a - b).ravel()) / scale)


def _require_float(x):
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.floating):
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"x must be a floating point array, got {kind}; fix: x = np.asarray(x, dtype=np.float64)")


def _both_sides(f, x, index, h):
    """f(x + h e_index) and f(x - h e_index); x is as before afterwards, whatever f does."""
    old = x[index]
    try:
        x[index] = old + h
        above = np.array(f(x), dtype=np.float64)  # a copy: f may return x itself
        x[index] = old - h
        below = np.array(f(x), dtype=np.float64)
    finally:
        x[index] = old
    return above, below


def eval_numerical_gradient(f, x, verbose=False, h=1e-5):
    """Numerical gradient of a function that returns one number.

    Parameters
    ----------
    f : callable
        Takes an array like ``x``, returns a number (a loss).
    x : ndarray of float, any shape
        Where to take the gradient. It is changed and put back, element by element.
    verbose : bool
        Print every element of the gradient.
    h : float
        Step.

    Returns
    -------
    ndarray, the shape of x
        df/dx, float64.

    Raises
    ------
    TypeError
        If ``x`` is not a floating point array (adding h to an integer would do nothing).

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> eval_numerical_gradient(lambda x: np.sum(x**2), x).round(6)
    array([[2., 4., 6.]])
    """
    _require_float(x)
    grad = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above, below = _both_sides(f, x, index, h)
        grad[index] = (above - below) / (2 * h)
        if verbose:
            print(index, grad[index])
    return grad


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """Numerical gradient of a function that returns an array, given the gradient of its output.

    dx_i = sum((f(x + h e_i) - f(x - h e_i)) * df) / (2 h)

    Parameters
    ----------
    f : callable
        Takes an array like ``x``, returns an array of df's shape.
    x : ndarray of float, any shape
        Where to take the gradient. It is changed and put back, element by element.
    df : ndarray
        Upstream gradient: the gradient of a loss with respect to f(x).
    h : float
        Step.

    Returns
    -------
    ndarray, the shape of x
        Gradient of the loss with respect to x, float64.

    Raises
    ------
    TypeError
        If ``x`` is not a floating point array.

    Examples
    --------
    >>> x, w = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, 4.0], [0.0, 2.0, 1.0]])
    >>> eval_numerical_gradient_array(lambda x: x @ w, x, np.ones((1, 3))).round(6)
    array([[5., 3.]])
    """
    _require_float(x)
    grad = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above, below = _both_sides(f, x, index, h)
        grad[index] = np.sum((above - below) * df) / (2 * h)
    return grad


def grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-5):
    """Compare a gradient with central differences in a few elements, for arrays too large to check in full.

    error = |numerical - analytic| / (|numerical| + |analytic|), one element at a time

    Parameters
    ----------
    f : callable
        Takes an array like ``x``, returns a number.
    x : ndarray of float, any shape
        Where to take the gradient. It is changed and put back.
    analytic_grad : ndarray, the shape of x
        The gradient under test.
    num_checks : int
        Number of elements, drawn with Python's ``random`` (NumPy's generator is left alone).
    h : float
        Step.

    Returns
    -------
    float
        The largest of the errors that were printed.

    Raises
    ------
    TypeError
        If ``x`` is not a floating point array.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> grad_check_sparse(lambda x: np.sum(x**2), x, 2 * x, num_checks=1) < 1e-8  # doctest: +ELLIPSIS
    numerical: ... analytic: ... relative error: ...
    True
    """
    _require_float(x)
    worst = 0.0
    for _ in range(num_checks):
        index = tuple(random.randrange(size) for size in x.shape)
        above, below = _both_sides(f, x, index, h)
        numerical, analytic = float((above - below) / (2 * h)), float(analytic_grad[index])
        size = abs(numerical) + abs(analytic)
        error = abs(numerical - analytic) / size if size else 0.0
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")
        worst = max(worst, error)
    return worst
