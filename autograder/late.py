"""The rule for late hand-ins: what `[late]` of assignment.toml says, through nbgrader's own due date and plugin."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import parse_utc

from autograder.course import Course, LateSettings


def percent_lost(rule: LateSettings, seconds_late: float) -> float:
    """How many percent of its points a hand-in loses: nothing within the grace, then so much an hour or day begun.

    Parameters
    ----------
    rule : LateSettings
    seconds_late : float
        Since the due date, an extension of that student included.

    Examples
    --------
    >>> rule = LateSettings(due="2026-11-20T23:59:00+01:00", grace_minutes=10, percent_per_day=20, most_percent=50)
    >>> [percent_lost(rule, seconds) for seconds in (600, 601, 86_400, 86_401, 864_000)]
    [0.0, 20.0, 20.0, 40.0, 50.0]
    """
    if seconds_late <= 60 * rule.grace_minutes:
        return 0.0
    hourly = rule.percent_per_hour is not None
    rate, unit = (rule.percent_per_hour or 0.0, 3600) if hourly else (rule.percent_per_day or 0.0, 86_400)
    return float(min(rule.most_percent, rate * math.ceil(seconds_late / unit)))


class LatePenalty(LateSubmissionPlugin):  # type: ignore[misc] # nbgrader ships no types
    """nbgrader's plugin point: what a notebook loses. Without `[late]`, nbgrader's own choice holds."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Points lost of `score`, by the rule of the assignment that is being processed; None for nothing."""
        step = self.parent
        rule = _rule(step.parent.parent.coursedir, step.assignment_id)
        if rule is None:
            penalty: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
            return penalty
        return round(score * percent_lost(rule, total_seconds_late) / 100, 2) or None


class DueDate(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """Writes the due date of assignment.toml into the gradebook, where it is new or was changed."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Keep the gradebook's due date true; the notebook stays as it is."""
        about, converter = resources["nbgrader"], self.parent.parent
        rule = _rule(converter.coursedir, about["assignment"])
        if rule is not None and not getattr(converter, "no_database", False):
            due = parse_utc(rule.due)
            with Gradebook(about["db_url"], converter.coursedir.course_id) as book:
                if book.find_assignment(about["assignment"]).duedate != due:
                    book.update_or_create_assignment(about["assignment"], duedate=due)
        return nb, resources


class ForgetOldTime(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """Takes out of the gradebook the time of an older attempt, where this one has none: nbgrader alone keeps it."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Keep the gradebook's time true; the notebook stays as it is."""
        about, course = resources["nbgrader"], self.parent.parent.coursedir
        handed_in = course.format_path(course.submitted_directory, about["student"], about["assignment"])
        if course.get_existing_timestamp(handed_in) is None:
            with Gradebook(about["db_url"], course.course_id) as book:
                submission = book.find_submission(about["assignment"], about["student"])
                if submission.timestamp is not None:
                    submission.timestamp = None
                    book.db.commit()
        return nb, resources


def _rule(coursedir: Any, assignment: str) -> LateSettings | None:
    return Course(Path(coursedir.root)).assignment(assignment).settings.late
