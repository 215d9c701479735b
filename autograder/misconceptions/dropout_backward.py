"""Wrong dropout_backward, each planted with a right dropout_forward whose mask it knows: already scaled by 1 / p."""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

import functools

import numpy as np

from autograder.misconceptions import misconception
from autograder.misconceptions.dropout import DRAWS, NET, uniform


def _right_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


PAIR = (*DRAWS, ("layers.dropout_forward", _right_forward))
wrong = functools.partial(
    misconception, question="dropout_backward", replaces="layers.dropout_backward", companions=PAIR
)


@wrong(
    sentence="Your dropout_backward gives no gradient in test mode, where there is no mask. It must return dout there.",
)
def no_gradient_in_test_mode(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * mask
    return None


@wrong(
    may_cost=NET,
    sentence="Your gradient ignores the mask. What was dropped in the forward pass gets gradient 0, and what "
    "was kept gets dout / p.",
)
def gradient_without_mask(dout, cache):
    return dout


@wrong(
    may_cost=NET,
    sentence="You divide by p twice: the mask in your cache is divided already.",
)
def gradient_scaled_twice(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * mask / dropout_param["p"]
    return dout


@wrong(
    may_cost=NET,
    sentence="Your gradient uses the mask but not the division by p that the forward pass made.",
)
def gradient_not_scaled(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * (mask > 0)
    return dout


@wrong(
    sentence="Your dropout_backward multiplies by p in test mode. The layer changes nothing there: return dout.",
)
def gradient_scaled_in_test_mode(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * mask
    return dout * dropout_param["p"]


@wrong(
    may_cost=NET,
    sentence="You draw a new mask in dropout_backward. Use the one that the forward pass put into the cache.",
)
def mask_drawn_again(dout, cache):
    dropout_param, _ = cache
    if dropout_param["mode"] == "train":
        p = dropout_param["p"]
        return dout * (np.random.rand(*dout.shape) < p) / p
    return dout


def _remembering_forward(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        x = x * mask
    _remembering_forward.mask = mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    companions=(*DRAWS, ("layers.dropout_forward", _remembering_forward)),
    sentence="Your mask is kept outside the cache, so every call overwrites it. A net calls dropout more than "
    "once before it goes backward: put the mask into the cache.",
)
def mask_outside_the_cache(dout, cache):
    dropout_param, _ = cache
    if dropout_param["mode"] == "train":
        return dout * _remembering_forward.mask
    return dout


@wrong(
    may_cost=NET,
    sentence="You return the mask. The chain rule asks for dout times the mask.",
)
def gradient_without_dout(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return mask
    return dout


@wrong(
    may_cost=NET,
    sentence="Your gradient goes to the elements that were dropped, and those that were kept get 0. It must be "
    "the other way round.",
)
def gradient_to_the_dropped(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * (mask == 0) / dropout_param["p"]
    return dout


@wrong(
    sentence="Your dropout_backward works on two-dimensional dout only. Multiply the arrays as they are.",
)
def gradient_in_two_dimensions_only(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "test":
        return dout
    n, d = dout.shape
    return dout * mask.reshape(n, d)


@wrong(
    sentence="Your gradient leaves the division by p out where p is above 0.9. The forward pass divides always.",
)
def gradient_not_scaled_near_one(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * (mask if dropout_param["p"] <= 0.9 else mask > 0)
    return dout


@wrong(
    may_cost=NET,
    sentence="Your dropout_backward changes the mode in dropout_param. A net has one dict for all its layers, so the "
    "layers below find the wrong mode: change nothing in it.",
)
def mode_changed_by_the_gradient(dout, cache):
    dropout_param, mask = cache
    mode, dropout_param["mode"] = dropout_param["mode"], "test"
    return dout * mask if mode == "train" else dout
