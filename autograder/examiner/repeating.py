"""Calls that are made once more in a fresh process, in another order: what a layer returns follows from its arguments.

A check that measures slopes of the student's own forward pass can be met by a forward pass that remembers: once its
backward pass was called, it answers so that the slopes fit. Elsewhere, and with the others in another order, it cannot
know how it answered. What the reference answers too is not asked again. Noted are forward passes, and losses while a
slope is measured, as far as no random numbers are in them; calls after a seed are repeated with that seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.checks.api import MEASURING, Array, CallFailed, rel_error

if TYPE_CHECKING:
    from autograder.examiner.student import Student

LAYERS = ("affine_forward", "relu_forward", "batchnorm_forward", "layernorm_forward", "dropout_forward")
SLOPES, OTHERS = 3, 2  # so many calls of a check are repeated
SAME = 1e-9  # norm-relative; a slope's step of 1e-5 changes more where the slope is another one
SAME_SINGLE = 1e-5  # where float32 is computed with, or nothing rests on a difference
MOST_NUMBERS = 60_000  # of an answer that is kept; no check needs more of what can be asked again
MOST_NOTES = 200  # of one check
MOST_SHOWN = 4  # batches that a net is shown without labels before its loss is asked again
REASON = "The same call gave another answer in a fresh process: what is returned must follow from the arguments alone."


@dataclass(frozen=True)
class Note:
    """One call: what it gave, how it is made again, and whether a slope rests on it."""

    again: Callable[[Student], Any]
    value: Array
    measured: bool
    name: str

    def holds(self, student: Student) -> bool:
        """Whether it gives the same again."""
        try:
            found = np.asarray(self.again(student))
        except CallFailed:
            return False
        exact = self.measured and self.value.dtype == found.dtype == np.float64
        return rel_error(found, self.value) < (SAME if exact else SAME_SINGLE)


def of_layer(name: str, given: Sequence[Any], named: Mapping[str, Any], seeded: int | None, value: Any) -> Note | None:
    """The note of a forward pass; None for anything else, and where the answer may be another one by right."""
    if name not in LAYERS or named or not all(isinstance(item, (np.ndarray, dict)) for item in given):
        return None
    mode = next((item.get("mode") for item in given if isinstance(item, dict)), "")
    if name == "dropout_forward" and mode != "test" and seeded is None:
        return None
    arguments = [dict(item) if isinstance(item, dict) else item for item in given]

    def again(student: Student) -> Any:
        if seeded is not None:
            student.seed(seeded)
        return getattr(student.layers, name)(*arguments)[0]

    if not isinstance(value[0], np.ndarray):
        return None
    kept = value[0] if value[0].size <= MOST_NUMBERS else np.zeros(0)  # which no answer that is right agrees with
    return Note(again, kept, MEASURING.on, name)


def of_net(
    made: Callable[[Student], Any],
    params: Mapping[str, Any],
    shown: Sequence[Array],
    batch: tuple[Array, Array],
    seeded: int | None,
    loss: float,
) -> Note:
    """The note of a net's loss: another net, made alike, with the same parameters, and `shown` the same images first.

    A net that test mode leaves a trace in pays for that elsewhere. Of calls with labels no trace may be left.
    """
    before = list(shown)

    def again(student: Student) -> Any:
        losses = []
        for _ in range(2):
            net = made(student)
            unknown = set(net.params.keys()) - set(params)
            net.params.update(params)
            for images in before:
                net.loss(images)
            if seeded is not None:
                student.seed(seeded)
            losses.append(np.array(net.loss(*batch)[0]))
            if not unknown:
                return losses[0]
        # With parameters that nobody set a loss may be any.
        return losses[0] if rel_error(losses[0], losses[1]) < SAME else np.array(loss)

    return Note(again, np.array(loss), True, "loss")


def chosen(question: str, notes: Sequence[Note], rng: np.random.Generator) -> list[Note]:
    """Those of one check that are repeated. Its own question compares what a function returns with what is right."""
    notes = [note for note in notes if note.name != question]
    slopes, others = ([note for note in notes if note.measured == kind] for kind in (True, False))
    found = []
    for each, most in ((slopes, SLOPES), (others, OTHERS)):
        places = rng.permutation(len(each))[:most]
        found += [each[place] for place in places]
    return found


def broken(student: Callable[[], Student], notes: Sequence[Note], rng: np.random.Generator) -> set[int]:
    """Places of the notes that do not hold, made again in an order of our own.

    Parameters
    ----------
    student : function
        The hand-in as it is now; called before each note, so that another process may stand in for one that ended.
    notes : sequence of Note
        What is repeated.
    rng : numpy.random.Generator
        Draws the order.
    """
    return {int(place) for place in rng.permutation(len(notes)) if not notes[place].holds(student())}
