"""Which functions of the reference are lent when a question is examined again: those whose own questions failed.

Functions that share a cache go together (batchnorm's forward and backward passes). What passed its own question stays
the hand-in's own, so that its caches and helpers meet nothing foreign. A function without a question, as the loss of a
net, is lent to every question that names it; the one question that does not name it pays for it. What was excused and
fails even so is lent too, when those that rest on it are examined once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set

Rests = tuple[str, ...]  # names such as "layers.dropout_forward"


def layer(function: str) -> str:
    """The layer that a function belongs to: "batchnorm" of "layers.batchnorm_backward_alt"."""
    return re.sub(r"_(forward|backward|backward_alt)$", "", function.rpartition(".")[2])


def rests_of(checks: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Rests]:
    """What each question rests on: all that its checks name."""
    found: dict[str, dict[str, None]] = {}
    for question, names in checks:
        found.setdefault(question, {}).update(dict.fromkeys(names))
    return {question: tuple(names) for question, names in found.items()}


def suspects(checks: Iterable[tuple[str, Sequence[str]]], failed: Set[str]) -> tuple[str, ...]:
    """Functions that may be wrong: those whose own question failed, and those that were not examined or have none.

    One that rests on another layer that failed is not suspected: it may fail for that reason alone.

    Parameters
    ----------
    checks : iterable of (str, sequence of str)
        The question of every check that was made, and what the check rests on.
    failed : set of str
        Questions that lost points.
    """
    rests_on = {question: {name.rpartition(".")[2] for name in names} for question, names in rests_of(checks).items()}
    bad = {layer(question) for question in failed}
    excused = {question for question, below in rests_on.items() if (bad & set(map(layer, below))) - {layer(question)}}
    return tuple(sorted((set(failed) - excused) | (set().union(*rests_on.values()) - rests_on.keys())))


def lent(question: str, rests_on: Rests, suspected: Iterable[str]) -> Rests:
    """Of what a question rests on, the layers that hold a suspect other than the question itself.

    Examples
    --------
    >>> pair = ("layers.relu_forward", "layers.relu_backward", "layers.affine_forward")
    >>> lent("fc_net", pair, ["relu_backward", "adam"])
    ('layers.relu_forward', 'layers.relu_backward')
    """
    wrong = {layer(name) for name in suspected if name != question}
    return tuple(name for name in rests_on if layer(name) in wrong)


def once_more(
    rests: Mapping[str, Rests], suspected: Sequence[str], failed: Iterable[str]
) -> tuple[tuple[str, ...], list[str]]:
    """After a run over lent layers: who is suspected now, and which questions that `failed` in it get more lent so.

    Examples
    --------
    >>> rests = {"layernorm_backward": ("layers.batchnorm_backward",), "fc_net": ("layers.layernorm_backward",)}
    >>> once_more(rests, ["batchnorm_backward"], ["fc_net", "layernorm_backward"])
    (('batchnorm_backward', 'fc_net', 'layernorm_backward'), ['fc_net'])
    """
    failed = sorted(failed)
    now = tuple(sorted({*suspected, *failed}))
    return now, [name for name in failed if lent(name, rests[name], now) != lent(name, rests[name], suspected)]
