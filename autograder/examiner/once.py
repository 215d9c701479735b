"""One mistake is punished once: what counts of several runs of the hidden checks over one hand-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autograder.examiner.lending import lent
from autograder.examiner.same_fault import excused
from autograder.misconceptions import by_name
from autograder.results import QuestionResult

Run = dict[str, Any]  # what one process of hidden checks found


def better(
    result: QuestionResult, overlaid: QuestionResult, run: Run, suspected: Sequence[str], failed: set[str]
) -> QuestionResult:
    """The result of a question, or what it is over the reference's layers, where that is better."""
    question = result.question
    if overlaid.share > result.share:
        remark = _lent_remark(question, run["outcomes"], suspected, failed)
        result = overlaid.model_copy(update={"remarks": (*overlaid.remarks, remark)})
    elif overlaid.recognised and not result.recognised:  # with its own layers the fault could not be told
        result = result.model_copy(update={"recognised": overlaid.recognised})
    return result


def paid(results: Mapping[str, QuestionResult], runs: Iterable[Run]) -> dict[str, QuestionResult]:
    """The results, where a fault that has cost in one question what it must costs nothing in the others."""
    candidates: dict[str, list[str]] = {}
    prices: dict[str, list[str]] = {}
    for run in runs:
        prices |= run["prices"]
        for question, names in run["same_faults"].items():
            if results[question].share < 1:
                candidates.setdefault(question, []).extend(names)
    lost = {name: {check.name for check in each.checks if not check.passed} for name, each in results.items()}
    found = dict(results)
    for question, fault in excused(candidates, prices, lost).items():
        paid = by_name(fault).question
        remark = f"The fault here cost points in {paid} already."
        result = results[question]
        found[question] = result.model_copy(update={"share": 1.0, "remarks": (*result.remarks, remark)})
    return found


def _lent_remark(question: str, outcomes: list[dict[str, Any]], suspected: Sequence[str], failed: set[str]) -> str:
    """Which functions of the course stood in for the student's; of these, the ones that fail their own question."""
    rests_on = [row["rests_on"] for row in outcomes if row["question"] == question]
    given = {name.partition(".")[2] for names in rests_on for name in lent(question, names, suspected)}
    names = sorted(given & failed) or sorted(given)
    return (
        f"Examined with the course's {', '.join(names)} in place of yours: with your own, fewer checks pass here. "
        "That mistake costs its own question only."
    )
