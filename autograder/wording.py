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

# All of the above are for students, so they have translations (languages/collect.py); the report is for teachers.
FEEDBACK = (*STATES.values(), EPOCH, ACCURACY, BEST, FULL_POINTS, CURVE)


def count(number: int, one: str, many: str) -> str:
    """A number and its noun.

    Examples
    --------
    >>> count(1, "answer", "answers"), count(3, "answer", "answers")
    ('1 answer', '3 answers')
    """
    return f"{number} {one if number == 1 else many}"


# What became of a hand-in.
HAND_INS = {
    "graded": "graded",
    "failed": "could not be examined",
    "not_graded": "not graded yet",
    "not_recorded": "examined, not recorded",
    "missing": "handed in nothing",
}

# Why a person must look at hand-ins, and what to do, the most urgent first.
CASES = {
    "fault": (
        "The examiner itself failed",
        "Read the newest file in logs/, then run `autograder grade` again: it examines only these questions.",
    ),
    "not_recorded": (
        "Examined, but not in the gradebook",
        "Run `autograder grade` again; it prints the reason.",
    ),
    "not_graded": ("Handed in, but not graded yet", "Run `autograder grade`."),
    "failed": (
        "Nothing could be examined",
        "Send the feedback page; decide whether a mended hand-in is taken, then collect and grade it.",
    ),
    "unread": (
        "A notebook could not be read",
        "Points for code count, and nobody has seen its answers in words. Ask the student for a mended notebook.",
    ),
    "guard": (
        "The guard objects to the accuracy of the target",
        "Read the target section in formgrader and speak with the student. The lower figure counts so far.",
    ),
    "no_wall": (
        "Examined without a wall",
        "The code could have read or changed anything. Grade again where `autograder doctor` finds a wall.",
    ),
    "unexamined": (
        "Some questions were not examined",
        "Run `autograder grade`, without --no-target where the target is missing.",
    ),
    "waiting": (
        "Answers in words wait for a grade",
        "Open formgrader in `jupyter lab`, then run `autograder feedback` again.",
    ),
}
URGENT = (
    "fault",
    "not_recorded",
    "failed",
    "unread",
    "guard",
    "no_wall",
)  # a person decides; the others are a verb away

# Figures of the report.
POINTS, HAND_IN_COUNT, FLOOR, ALL_NOTEBOOKS = "points", "hand-ins", "no points", "all notebooks"
SCORES = (
    "Points of {count} hand-ins, {name}: {lowest} to {highest}, half of them {median} or more. "
    "The table holds the numbers."
)
ACCURACIES = (
    "Accuracy that counts, of {count} nets: {lowest} to {highest}, half of them {median} or more. "
    "{full} reach the {required} that earn all points. The table holds the numbers."
)
