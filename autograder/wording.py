"""Sentences of the pages that are chosen in Python; all others stand in the templates."""

from __future__ import annotations

# What became of a question, in the table of points.
STATES = {
    "full": "all right",
    "part": "see what to mend",
    "failed": "could not be examined",
    "missing": "not written yet",
    "unexamined": "not examined yet",
    "given": "given solved, not graded",
    "waiting": "waiting for a person",
    "by_hand": "graded by a person",
    "changed": "changed by a person",
    "unanswered": "no answer",
}

# The training curve.
EPOCH, ACCURACY, BEST, FULL_POINTS = "epoch", "validation accuracy", "best", "full points"
CURVE = (
    "Validation accuracy after each of {epochs} epochs: the best is {best}, after epoch {epoch}. "
    "Full points begin at {required}. The table below holds every number."
)


def count(number: int, one: str, many: str) -> str:
    """A number and its noun.

    Examples
    --------
    >>> count(1, "answer", "answers"), count(3, "answer", "answers")
    ('1 answer', '3 answers')
    """
    return f"{number} {one if number == 1 else many}"
