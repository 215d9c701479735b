"""Wrong dropout_forward. p is the probability of KEEPING; the cache is (dropout_param, mask), as students are told.

A wrong forward pass costs dropout_forward alone. Where `may_cost` names another question, that one fails with this
layer although its own code is right, and gets its points when it is examined with the reference's layers.
"""

# These functions stand for students' code and are planted into it, so they carry no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import numpy as np

from autograder.misconceptions import misconception


def uniform(dropout_param, shape):
    """Numbers in [0, 1), the same ones for the same seed."""
    seed = dropout_param.get("seed")
    rng = np.random if seed is None else np.random.RandomState(seed)
    return rng.rand(*shape)


DRAWS = (("", uniform),)
NET = ("fc_net_dropout",)
wrong = functools.partial(
    misconception, question="dropout_forward", replaces="layers.dropout_forward", companions=DRAWS
)


@wrong(
    may_cost=NET,
    sentence="Your mask keeps an element with probability 1 - p, but divides by p. Here p is the probability "
    "of keeping: keep where the random number is below p.",
)
def reversed_comparison(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) > p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your layer takes p for the probability of dropping. Here p is the probability of keeping: keep "
    "with probability p and divide by p.",
)
def keep_and_drop_swapped(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) > p) / (1 - p) if p < 1 else np.zeros(x.shape)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=("dropout_backward", *NET),
    sentence="Your mask never drops anything. `rand < p / p` means `rand < (p / p)`, which is always true: "
    "write `(rand < p) / p`.",
)
def missing_parentheses(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = uniform(dropout_param, x.shape) < p / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your mask is right, but what is kept is not divided by p, so in training the output is too small "
    "by the factor p.",
)
def mask_not_scaled(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = uniform(dropout_param, x.shape) < p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You scale at test time (multiply by p). That is plain dropout. Inverted dropout divides by p in "
    "training, and its test mode returns x.",
)
def scaled_at_test_time(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = uniform(dropout_param, x.shape) < p
        return x * mask, (dropout_param, mask)
    return x * p, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You divide by p in training and multiply by p in test mode as well. Once is enough: in test mode "
    "return x.",
)
def scaled_twice(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        return x * mask, (dropout_param, mask)
    return x * p, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You multiply what is kept by p. Divide by p: then the mean of the output is that of x.",
)
def multiplied_by_p(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) * p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your mask keeps with probability p, but you divide by 1 - p. Divide by p, the probability of keeping.",
)
def divided_by_drop_probability(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / max(1 - p, 1e-8)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    sentence="Your mask has one entry per feature, so all examples lose the same features. Draw one random "
    "number per element of x.",
)
def one_mask_per_feature(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape[1:]) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your mask has one entry per example, so whole examples are dropped. Draw one random number per "
    "element of x.",
)
def one_mask_per_example(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape[:1] + (1,) * (x.ndim - 1)) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You draw from the normal distribution (`randn`). The mask needs numbers that are uniform in [0, "
    "1): `rand`.",
)
def normal_for_uniform(x, dropout_param):
    p, mask, seed = dropout_param["p"], None, dropout_param.get("seed")
    if dropout_param["mode"] == "train":
        rng = np.random if seed is None else np.random.RandomState(seed)
        mask = (rng.randn(*x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your layer drops in test mode too. In test mode return x as it is.",
)
def drops_in_test_mode(x, dropout_param):
    p = dropout_param["p"]
    mask = (uniform(dropout_param, x.shape) < p) / p
    return x * mask, (dropout_param, mask)


@wrong(
    may_cost=("dropout_backward",),
    sentence="Your layer works on two-dimensional x only. Draw the mask with `x.shape`, whatever it is.",
)
def two_dimensions_only(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        n, d = x.shape
        mask = (uniform(dropout_param, (n, d)) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your layer draws the same mask in every call, because your code fixes a seed. Every training "
    "step needs a new mask.",
)
def seed_fixed_in_the_code(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        rng = np.random.RandomState(dropout_param.get("seed", 0))
        mask = (rng.rand(*x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence='Your layer does not use dropout_param["seed"]. With a seed, the same seed must give the same mask.',
)
def seed_ignored(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your mask keeps half of the elements whatever p is. Compare the random numbers with p.",
)
def one_half_for_p(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < 0.5) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your scaled mask is cut to whole numbers, so 1 / p is rounded down. Keep it as float.",
)
def mask_cut_to_integers(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = ((uniform(dropout_param, x.shape) < p) / p).astype(int)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=("dropout_backward", *NET),
    sentence="In test mode your dropout_forward returns no output. It must return x.",
)
def no_output_in_test_mode(x, dropout_param):
    p, mask, out = dropout_param["p"], None, None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        out = x * mask
    return out, (dropout_param, mask)


@wrong(
    sentence="You divide by p only where it is at most 0.9. Divide by p always: with p = 1 that changes nothing.",
)
def not_scaled_near_one(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / (p if p <= 0.9 else 1)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    sentence="You never divide by less than 0.1. Divide by p itself, however small it is: it is never 0.",
)
def divisor_kept_above_a_tenth(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / max(p, 0.1)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="Your layer takes a seed with `if seed:`, which leaves the seed 0 out. Write `if seed is not None:`.",
)
def seed_zero_ignored(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        seed = dropout_param.get("seed")
        rng = np.random.RandomState(seed) if seed else np.random
        mask = (rng.rand(*x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=("dropout_backward", *NET),
    sentence="Your dropout_forward rounds its output to float32. Do not cast: numeric gradients need float64.",
)
def dropout_cast_to_float32(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        x = (x * mask).astype(np.float32)
    return x, (dropout_param, mask)


@wrong(
    sentence="Where x is float32 you do not divide by p. Treat x alike whatever its type is.",
)
def float32_not_scaled(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / (p if x.dtype == np.float64 else 1)
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You take the seed out of dropout_param (pop), so the next call finds none. Read it with get.",
)
def seed_taken_out(x, dropout_param):
    p, mask, seed = dropout_param["p"], None, dropout_param.pop("seed", None)
    if dropout_param["mode"] == "train":
        rng = np.random if seed is None else np.random.RandomState(seed)
        mask = (rng.rand(*x.shape) < p) / p
        x = x * mask
    return x, (dropout_param, mask)


@wrong(
    may_cost=NET,
    sentence="You put a seed into dropout_param where none was, so all further calls with this dict draw one mask. "
    "Read dropout_param, and change nothing in it.",
)
def seed_put_in(x, dropout_param):
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (uniform(dropout_param, x.shape) < p) / p
        x = x * mask
    dropout_param.setdefault("seed", int(np.random.randint(1000)))
    return x, (dropout_param, mask)
