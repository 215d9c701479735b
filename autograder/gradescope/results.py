"""results.json: what Gradescope shows a student. All text is plain: nothing in it becomes markup or a colour."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from autograder.course import Assignment, Question
from autograder.grades import Grade, record_of
from autograder.results import QuestionResult
from autograder.safe_outputs import plain_text

MOST_OUTPUT = 20_000  # letters of one text


def results(
    score: float, output: str, tests: Iterable[dict[str, Any]] = (), extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A whole results.json. There is no leaderboard: it would show one student's score to another."""
    return {
        "score": round(max(0.0, score), 2),
        "output": plain_text(output, MOST_OUTPUT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": extra or {},
        "tests": list(tests),
    }


def as_text(content: dict[str, Any]) -> str:
    """The text of the file; equal results give equal bytes."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def numbers(questions: Iterable[Question]) -> dict[str, str]:
    """`2.3` for the third question of the second notebook, by the question's name."""
    found: dict[str, str] = {}
    notebooks: dict[str, int] = {}
    for question in questions:
        notebooks[question.notebook] = notebooks.get(question.notebook, 0) + 1
        found[question.grade_id] = f"{list(notebooks).index(question.notebook) + 1}.{notebooks[question.notebook]}"
    return found


def test(question: Question, number: str, earned: float, output: str, extra: dict[str, Any]) -> dict[str, Any]:
    """One question, as Gradescope's test case."""
    return {
        "name": question.grade_id,
        "number": number,
        "score": round(earned, 2),
        "max_score": question.points,
        "status": "passed" if earned >= question.points else "failed",
        "output": plain_text(output, MOST_OUTPUT),
        "output_format": "text",
        "name_format": "text",
        "visibility": "visible",
        "extra_data": extra,
    }


def tests_of(assignment: Assignment, found: Iterable[QuestionResult]) -> list[dict[str, Any]]:
    """Test cases of one examination. Questions without points are left out."""
    known, order = {result.question: result for result in found}, numbers(assignment.questions)
    return [
        test(
            question,
            order[question.grade_id],
            known[question.grade_id].score(question.points),
            known[question.grade_id].message(),
            {"state": known[question.grade_id].state},
        )
        for question in assignment.auto_questions
        if question.grade_id in known and question.points
    ]


def of_grade(assignment: Assignment, grade: Grade, total: float | None) -> dict[str, Any]:
    """What the gradebook holds of one student, answers that a person graded included."""
    order, earned = numbers(assignment.questions), {score.question: score for score in grade.scores}
    tests = []
    for question in assignment.questions:
        score = earned.get(question.grade_id)
        if score is not None and question.points:
            record = None if score.by_hand else record_of(assignment, grade.student, question.grade_id)
            lines = [record.message() if record is not None else "", score.comment]
            by = {"by": "a person" if score.by_hand else "checks"}
            tests.append(test(question, order[question.grade_id], score.earned, "\n".join(filter(None, lines)), by))
    told = [f"Late: {grade.penalty:g} points off."] if grade.penalty else []
    told += ["Nothing was handed in."] if grade.state == "missing" else []
    told += ["This is not final yet.", *grade.waiting] if grade.waiting else []
    about = {"assignment": assignment.name, "state": grade.state}
    return results(total or 0.0, "\n".join(told), tests, about)
