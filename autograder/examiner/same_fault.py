"""Whether a question failed by nothing but a fault that another question has paid for.

A net that skips its ReLUs on the way back fails with dropout and with normalization as well, although the fault has
nothing to do with them. The reference, with the same fault planted in it, is then the measure: a hand-in whose nets
answer in every number as that one does has this fault and no other, and what the question asks for is right.

Code can play a fault while it is compared. So the question that is to have paid must have lost every check that the
reference with the fault loses there (`price`); where one of them passed, nothing is excused (`excused`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from itertools import pairwise
from typing import Any

import numpy as np

from autograder.checks.api import Array, CallFailed, Student, checks_of, rel_error
from autograder.misconceptions import Misconception, by_name

EQUAL = 1e-4  # norm-relative; a small number inside the logarithm of the loss changes less

# How the two nets of a question are built. With equal seeds the reference's dropout drops the same values in both nets.
# Keep ratios far from one half: there 1 - p would be p.
KINDS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "fc_net": ({}, {}),
    "fc_net_dropout": ({"dropout_keep_ratio": 0.3, "seed": 17}, {"dropout_keep_ratio": 0.8, "seed": 5}),
    "fc_net_batchnorm": ({"normalization": "batchnorm"}, {"normalization": "batchnorm"}),
    "fc_net_layernorm": ({"normalization": "layernorm"}, {"normalization": "layernorm"}),
}
LENT = (
    *(f"layers.{layer}_forward" for layer in ("affine", "relu", "batchnorm", "layernorm", "dropout")),
    *(f"layers.{layer}_backward" for layer in ("affine", "relu", "batchnorm", "layernorm", "dropout")),
    "layers.batchnorm_backward_alt",
)
MOST = 1000  # numbers that a new net of these sizes may hold beside its weights; it holds 90
_SIZES = ([8, 10, 7, 5], [6, 9, 9, 8, 4])

Answers = dict[str, Array]


def same_fault(student: Student, question: str, wrong: Misconception, rng: np.random.Generator) -> bool:
    """Whether the hand-in's nets answer a question's calls as the reference with `wrong` planted in it does.

    Parameters
    ----------
    student : Student
        The hand-in, with the reference's layers lent to it: LENT.
    question : str
        The question that failed.
    wrong : Misconception
        What was recognised in another question.
    rng : numpy.random.Generator
        Draws parameters and images.
    """
    if question not in KINDS or question not in wrong.may_cost:
        return False
    from autograder.examiner.student_local import LocalStudent  # takes a while to load

    seeds = [int(seed) for seed in rng.integers(2**31, size=len(_SIZES))]
    twin = LocalStudent.of_reference(appended={wrong.module: wrong.source()})
    with np.errstate(all="ignore"):
        return all(
            _equal(_answers(student, kind, sizes, seed), _answers(twin, kind, sizes, seed))
            for kind, sizes, seed in zip(KINDS[question], _SIZES, seeds, strict=True)
        )


def _answers(student: Student, kind: dict[str, object], sizes: list[int], seed: int) -> Answers:
    """What a net answers in training and at test time, also on images; {} where it has no answer to the second batch.

    A fault of caches makes calls fail with batches of another size: what was answered before is then all there is.
    """
    rng = np.random.default_rng(seed)
    found: Answers = {}
    try:
        net = student.fc_net.FullyConnectedNet(
            list(sizes[1:-1]), input_dim=sizes[0], num_classes=sizes[-1], reg=0.3, dtype=np.float64, **kind
        )
        found |= _first(net.params)
        _set(net, sizes, rng)
        for turn, shape in enumerate([(6, sizes[0]), (6, sizes[0]), (5, sizes[0]), (4, 2, sizes[0] // 2, 1)]):
            x, y = rng.standard_normal(shape), rng.integers(sizes[-1], size=shape[0])
            student.seed(seed + turn)
            loss, grads = net.loss(x, y)
            found |= {f"loss {turn}": np.array(loss), f"scores {turn}": net.loss(x)}
            found |= {f"grads {name} {turn}": np.squeeze(grad) for name, grad in grads.items()}
    except CallFailed:
        return found if "scores 1" in found else {}
    return found


def _first(params: Any) -> Answers:
    """What a new net holds beside its weights. CallFailed for more than these nets hold: it is kept in memory."""
    found: Answers = {}
    for name in params:
        if not name.startswith("W"):
            found[f"first {name}"] = np.squeeze(params[name])
        if sum(value.size for value in found.values()) > MOST or len(found) > MOST:
            raise CallFailed("too many or too large parameters")
    return found


def _set(net: Any, sizes: list[int], rng: np.random.Generator) -> None:
    """Random parameters, in an order and of a size that the net's own do not decide."""
    for i, (fan_in, width) in enumerate(pairwise(sizes), start=1):
        values = {"W": rng.standard_normal((fan_in, width)) / np.sqrt(fan_in)}
        values |= {name: rng.uniform(0.5, 1.5, width) * rng.choice([-1.0, 1.0], width) for name in ("b", "beta")}
        values |= {"gamma": rng.uniform(0.5, 1.5, width)}
        own = {name: f"{name}{i}" for name in values}
        net.params.update({own[name]: value for name, value in values.items() if own[name] in net.params})


def _equal(first: Answers, second: Answers) -> bool:
    same = bool(first) and first.keys() == second.keys()
    return same and all(rel_error(first[name], second[name]) < EQUAL for name in first)


def price(wrong: Misconception, seeds: Sequence[Callable[[str], int]]) -> tuple[str, ...]:
    """The checks of its own question that the reference with `wrong` planted in it fails, whatever the seeds.

    Parameters
    ----------
    wrong : Misconception
        What was recognised.
    seeds : sequence of functions
        Each gives a seed for a check by its name. A check that chance lets pass under one of them is left out.
    """
    from autograder.examiner.student_local import LocalStudent  # takes a while to load

    lost = []
    with np.errstate(all="ignore"):
        for check in checks_of(wrong.question):
            for seed in seeds:
                twin = LocalStudent.of_reference(appended={wrong.module: wrong.source()})
                twin.seed(seed(f"{check.__name__} world"))
                try:
                    check(twin, np.random.default_rng(seed(check.__name__)))
                except Exception:  # whatever it raises, it does not pass
                    continue
                break  # it passed
            else:
                lost.append(check.__name__)
    return tuple(lost)


def excused(
    candidates: Mapping[str, Sequence[str]], prices: Mapping[str, Sequence[str]], lost: Mapping[str, Set[str]]
) -> dict[str, str]:
    """Questions that a fault fails which another question has paid for, and that fault's name.

    Whoever pays is not excused itself, and whoever is excused pays for nobody.

    Parameters
    ----------
    candidates : mapping of str to sequence of str
        For each question that fails: misconceptions that explain all of it.
    prices : mapping of str to sequence of str
        For each misconception: the checks of its own question that it must have lost.
    lost : mapping of str to set of str
        For each question: the checks that it has lost in the end.

    Examples
    --------
    >>> excused({"fc_net_dropout": ["gradient_skips_relu"]}, {"gradient_skips_relu": ["a"]}, {"fc_net": {"a", "b"}})
    {'fc_net_dropout': 'gradient_skips_relu'}
    >>> excused({"fc_net_dropout": ["gradient_skips_relu"]}, {"gradient_skips_relu": ["a"]}, {"fc_net": {"b"}})
    {}
    """
    found: dict[str, str] = {}
    payers: set[str] = set()
    for question in sorted(candidates):
        for name in candidates[question]:
            payer, cost = by_name(name).question, set(prices.get(name, ()))
            if question in payers or payer in found or not cost or not cost <= lost.get(payer, set()):
                continue
            found[question] = name
            payers.add(payer)
            break
    return found
