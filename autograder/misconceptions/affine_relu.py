"""Wrong affine and ReLU layers. The affine cache is (x, w, b) and ReLU's is x, as students are told."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import functools

import numpy as np

from autograder.misconceptions import misconception

NETS = ("two_layer_net", "fc_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm")
wrong = functools.partial(misconception, question="affine_forward", replaces="layers.affine_forward")


@wrong(
    may_cost=NETS,
    sentence="Your affine layer does not add b. The output is x w + b.",
)
def bias_left_out(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)


@wrong(
    may_cost=NETS,
    sentence="Your affine layer subtracts b. The output is x w + b.",
)
def bias_subtracted(x, w, b):
    return x.reshape(len(x), -1) @ w - b, (x, w, b)


@wrong(
    may_cost=("affine_backward", "two_layer_net", "fc_net"),
    sentence="Your affine layer works on x of shape (N, D) only. Flatten every example to a row first, whatever "
    "the shape of x.",
)
def no_flattening(x, w, b):
    _n, _d = x.shape
    return x.dot(w) + b, (x, w, b)


@wrong(
    may_cost=("two_layer_net", "fc_net"),
    sentence="Your affine layer mixes the examples when it flattens x. Every example is one row: x.reshape(N, -1).",
)
def examples_mixed_by_flattening(x, w, b):
    flat = x if x.ndim == 2 else x.reshape(-1, len(x)).T
    return flat @ w + b, (x, w, b)


@wrong(
    may_cost=("two_layer_net", "fc_net"),
    sentence="Your affine layer flattens an example from its last axis to its first. Use NumPy's own order: "
    "x.reshape(N, -1).",
)
def flattened_in_another_order(x, w, b):
    return x.reshape(len(x), -1, order="F") @ w + b, (x, w, b)


@wrong(
    may_cost=("two_layer_net", "fc_net", "fc_net_batchnorm", "fc_net_layernorm"),
    sentence="Your affine layer ends with a ReLU. It is x w + b and nothing more: ReLU is a layer of its own.",
)
def relu_in_the_affine_layer(x, w, b):
    return np.maximum(x.reshape(len(x), -1) @ w + b, 0), (x, w, b)


@wrong(
    may_cost=NETS,
    sentence="Your affine layer divides by the number of examples. Each example is answered on its own.",
)
def product_divided_by_n(x, w, b):
    return x.reshape(len(x), -1) @ w / len(x) + b, (x, w, b)


@wrong(
    may_cost=NETS,
    sentence="Your affine layer rounds its output to float32. Do not cast: numeric gradients need float64.",
)
def affine_cast_to_float32(x, w, b):
    return (x.reshape(len(x), -1) @ w + b).astype(np.float32), (x, w, b)


wrong = functools.partial(misconception, question="affine_backward", replaces="layers.affine_backward")


@wrong(
    sentence="Your dx has the shape (N, D), not the shape of x. Reshape it at the end.",
)
def dx_left_flat(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return dout @ w.T, flat.T @ dout, dout.sum(axis=0)


@wrong(
    may_cost=NETS,
    sentence="You average db over the examples. b is added to every example, so its gradient is the sum.",
)
def db_averaged(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), flat.T @ dout, dout.mean(axis=0)


@wrong(
    may_cost=NETS,
    sentence="Your db is a single number. Every element of b has its own gradient: dout.sum(axis=0), over the examples "
    "only.",
)
def db_is_a_single_number(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), flat.T @ dout, np.sum(dout)


@wrong(
    may_cost=NETS,
    sentence="Your db has one number for each example. b is added to every example, so sum over the examples: "
    "dout.sum(axis=0).",
)
def db_summed_over_the_outputs(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), flat.T @ dout, dout.sum(axis=1)


@wrong(
    may_cost=NETS,
    sentence="You average dw over the examples. The mean is taken in the loss already: here the gradients of all "
    "examples are added.",
)
def dw_averaged(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), flat.T @ dout / len(x), dout.sum(axis=0)


@wrong(
    may_cost=NETS,
    sentence="Your db is a vector of ones, or of N. The gradient of b is dout added up over the examples.",
)
def db_without_dout(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), flat.T @ dout, np.full(w.shape[1], float(len(x)))


@wrong(
    may_cost=("two_layer_net",),
    sentence="Your affine_backward works on x of shape (N, D) only. Flatten x to rows first, as forward does.",
)
def affine_gradient_in_two_dimensions_only(dout, cache):
    x, w, _ = cache
    _n, _d = x.shape
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


@wrong(
    sentence="Your dw mixes the examples when it flattens x. Every example is one row: x.reshape(N, -1).",
)
def dw_from_mixed_examples(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1) if x.ndim == 2 else x.reshape(-1, len(x)).T
    return (dout @ w.T).reshape(x.shape), flat.T @ dout, dout.sum(axis=0)


@wrong(
    may_cost=("fc_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm", "two_layer_net"),
    sentence="Your dx does not use w. By the chain rule dx = dout w^T.",
)
def dx_without_w(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ np.ones_like(w).T).reshape(x.shape), flat.T @ dout, dout.sum(axis=0)


@wrong(
    may_cost=NETS,
    sentence="Your dw has the wrong sign.",
)
def dw_negative(dout, cache):
    x, w, _ = cache
    flat = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), -flat.T @ dout, dout.sum(axis=0)


def _remembering_affine(x, w, b):
    _remembering_affine.last = x
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


@wrong(
    may_cost=NETS,
    companions=(("layers.affine_forward", _remembering_affine),),
    sentence="You keep x outside the cache, so every call overwrites it. A net calls the layer more than once "
    "before it goes backward: take x from the cache.",
)
def input_outside_the_cache(dout, cache):
    x, w, _ = cache
    last = _remembering_affine.last
    return (dout @ w.T).reshape(x.shape), last.reshape(len(last), -1).T @ dout, dout.sum(axis=0)


wrong = functools.partial(misconception, question="relu_forward", replaces="layers.relu_forward")


@wrong(
    may_cost=NETS,
    sentence="Your ReLU rounds its output to float32. Do not cast: numeric gradients need float64.",
)
def relu_cast_to_float32(x):
    return np.maximum(x, 0).astype(np.float32), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU returns the absolute value. Negative values become 0.",
)
def absolute_value(x):
    return np.abs(x), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU keeps the negative values and sets the others to 0. It must be the other way round.",
)
def negative_part(x):
    return np.minimum(x, 0), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU returns 1 where x is positive. It must return x there.",
)
def step_for_relu(x):
    return 1.0 * (x > 0), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU lets a small share of negative values through (a leaky ReLU). They must become 0.",
)
def leaky_relu(x):
    return np.where(x > 0, x, 0.01 * x), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU is cut off above. Positive values pass unchanged, large ones too.",
)
def relu_cut_off_above(x):
    return np.clip(x, 0, 1), x


@wrong(
    may_cost=NETS,
    sentence="Your ReLU changes nothing. Negative values become 0.",
)
def relu_does_nothing(x):
    return x, x


@wrong(
    may_cost=("relu_backward",),
    sentence="Your ReLU works on two-dimensional x only. Work on the whole array at once: np.maximum(0, x).",
)
def relu_in_two_dimensions_only(x):
    out = x.copy()
    n, d = x.shape
    for i in range(n):
        for j in range(d):
            out[i, j] = max(0, x[i, j])
    return out, x


wrong = functools.partial(misconception, question="relu_backward", replaces="layers.relu_backward")


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward looks at the sign of dout. x decides: dout passes where x was positive.",
)
def gradient_by_the_sign_of_dout(dout, cache):
    return np.maximum(dout, 0)


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward passes positive gradients only. Where x was positive dout passes, whatever its sign.",
)
def gradient_by_both_signs(dout, cache):
    return np.maximum(dout, 0) * (cache > 0)


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward multiplies by x. The slope of ReLU is 1 where x is positive, not x.",
)
def gradient_times_the_output(dout, cache):
    return dout * np.maximum(cache, 0)


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward returns 1 where x was positive. The chain rule asks for dout there.",
)
def relu_gradient_without_dout(dout, cache):
    return 1.0 * (cache > 0)


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward lets dout pass where x was negative. It passes where x was positive.",
)
def relu_gradient_reversed(dout, cache):
    return dout * (cache < 0)


@wrong(
    may_cost=NETS,
    sentence="Your relu_backward returns dout as it is. Where x was negative the gradient is 0.",
)
def relu_gradient_ignores_x(dout, cache):
    return dout


@wrong(
    sentence="Your relu_backward divides by x, which gives nan where x is 0. Compare x with 0 instead.",
)
def relu_gradient_divided_by_x(dout, cache):
    return dout * np.maximum(cache, 0) / cache


@wrong(
    sentence="Your relu_backward works on two-dimensional arrays only. Work on the whole array at once.",
)
def relu_gradient_in_two_dimensions_only(dout, cache):
    _n, _d = cache.shape
    return dout * (cache > 0)


@wrong(
    may_cost=("fc_net_batchnorm", "fc_net_layernorm"),
    sentence="Your relu_backward lets dout pass only where x is above a number that is not 0. Compare x with 0.",
)
def relu_gradient_from_a_tenth_on(dout, cache):
    return dout * (cache > 0.1)


def _remembering_relu(x):
    _remembering_relu.last = x
    return np.maximum(x, 0), x


@wrong(
    may_cost=("fc_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm"),
    companions=(("layers.relu_forward", _remembering_relu),),
    sentence="Your ReLU keeps x outside the cache, so every call overwrites it. Take x from the cache.",
)
def relu_input_outside_the_cache(dout, cache):
    return dout * (_remembering_relu.last > 0)
