"""How results look: tables for people, a dict for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.course import Assignment
from autograder.results import HandInResult

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False)


def safe(text: str) -> str:
    """A text with parts that hand-ins chose, such as names of files, without what a terminal would obey.

    Examples
    --------
    >>> safe("layers\\x1b[2J.py")
    'layers?[2J.py'
    """
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def points(assignment: Assignment, result: HandInResult) -> tuple[float, float]:
    """Points earned and points that could be, over the questions examined."""
    worth = {question.grade_id: question.points for question in assignment.auto_questions}
    earned = sum(question.score(worth[question.question]) for question in result.questions)
    return round(earned, 2), sum(worth[question.question] for question in result.questions)


def summary(result: HandInResult) -> str:
    """The first reason of each question that lost points, in a line each."""
    if result.state == "failed":
        return result.reason
    unwritten = [question.question for question in result.questions if question.reason.endswith(" is not written yet.")]
    lines = [f"not written yet: {', '.join(unwritten)}"] if unwritten else []
    for question in result.questions:
        if question.share < 1 and question.question not in unwritten:
            lines.append(f"{question.question}: {question.first_reason()}")
    return "\n".join(lines)


def as_dict(assignment: Assignment, result: HandInResult) -> dict[str, Any]:
    """A result in the form that `--json` prints; times stand in a field of their own."""
    worth = {question.grade_id: question.points for question in assignment.auto_questions}
    fields = {"name", "passed", "message", "misconception"}
    target = next((question for question in result.questions if question.target is not None), None)
    return {
        "schema": 1,
        "student": result.student,
        "assignment": result.assignment,
        "state": result.state,
        "reason": result.reason,
        "edition": result.edition,
        "evidence": list(result.evidence),
        "remarks": list(result.remarks),
        "not_counted": list(result.not_counted),
        "wall": result.wall,
        "data": result.data,
        "questions": [
            {
                "id": question.question,
                "state": question.state,
                "points": worth[question.question],
                "score": question.score(worth[question.question]),
                "reason": question.reason,
                "checks": [check.model_dump(include=fields) for check in question.checks],
                "remarks": list(question.remarks),
            }
            for question in result.questions
        ],
        "target": None
        if target is None or target.target is None
        else {
            **target.target.model_dump(mode="json", exclude={"message", "uses", "best_epoch", "required"}),
            "points": worth[target.question],
            "score": target.score(worth[target.question]),
        },
        "timing": result.timing.model_dump(),
    }


def show_all(
    assignment: Assignment, done: list[tuple[HandInResult, str]], notes: Mapping[str, str] | None = None
) -> None:
    """Print a line for each hand-in; `notes` are more to say, by student."""
    table = Table("student", "state", "points", "reasons", title=f"{assignment.name}: {assignment.settings.title}")
    foreign = any(result.evidence for result, _ in done)
    if foreign:
        table.add_column("edition")
    for result, reason in sorted(done, key=lambda pair: pair[0].student):
        earned, most = points(assignment, result)
        row = [
            escape(safe(result.student)),
            result.state,
            f"{earned:g} / {most:g}",
            escape(safe("\n".join(filter(None, (reason or summary(result), (notes or {}).get(result.student)))))),
        ]
        table.add_row(*row, *([result.edition] if foreign else []))
    out.print(table)
    if done:
        out.print(f"wall: {done[0][0].wall}; data: {done[0][0].data}", markup=False)


def show_notebooks(assignment: Assignment, results: list[HandInResult]) -> None:
    """Print the automatic points of each notebook."""
    worth: dict[str, dict[str, float]] = {}
    for question in assignment.auto_questions:
        worth.setdefault(question.notebook, {})[question.grade_id] = question.points
    table = Table(title="automatic points, notebook by notebook")
    for name in ("student", *worth):
        table.add_column(name, overflow="fold")
    for result in sorted(results, key=lambda result: result.student):
        shares = {question.question: question for question in result.questions}
        earned = [sum(shares[name].score(most) for name, most in own.items()) for own in worth.values()]
        table.add_row(result.student, *(f"{sum_:g}" for sum_ in earned))
    table.add_row("of", *(f"{sum(own.values()):g}" for own in worth.values()))
    out.print(table)


def show(assignment: Assignment, result: HandInResult) -> None:
    """Print the questions of one hand-in."""
    worth = {question.grade_id: question.points for question in assignment.auto_questions}
    table = Table("question", "state", "score", "why")
    for question in result.questions:
        most = worth[question.question]
        table.add_row(
            question.question, question.state, f"{question.score(most):g} / {most:g}", escape(safe(question.message()))
        )
    out.print(table)
    if result.reason and not result.questions:
        out.print(safe(result.reason), markup=False)
    earned, most = points(assignment, result)
    out.print(
        f"{result.student}: {result.state}, {earned:g} of {most:g} automatic points; "
        f"wall: {result.wall}; data: {result.data}; edition: {result.edition}",
        markup=False,
    )
    for title, lines in (
        (f"why {result.edition}", result.evidence),
        ("remarks", result.remarks),
        ("not counted", result.not_counted),
    ):
        if lines:
            out.print(safe("\n  ".join([f"{title}:", *lines])), markup=False)
