"""The late rule: assignment.toml says it, nbgrader's gradebook, plain commands and our verbs agree on what is lost."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from pydantic import ValidationError
from small_course import Class, cell_of

from autograder.course import LateSettings
from autograder.feedback import feedback
from autograder.late import percent_lost

RULE = """
[late]
due = 2026-11-20T23:59:00+01:00
grace_minutes = 10
percent_per_hour = 10
most_percent = 50
"""
HOUR = datetime.timedelta(hours=1)
EARNED = 5 + 1.5 + 2.5  # what the examiner of these tests gives


def with_rule(classroom: Class, rule: str = RULE) -> None:
    """Put a late rule into the course, after its release."""
    toml = classroom.course.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text() + rule)
    classroom.assignment = classroom.course.assignment("deep_nets")


def hand_in(classroom: Class, student: str, stamp: str) -> None:
    """Hand in the notebook as released, and an answer in words, at a time."""
    nb = classroom.released()
    cell_of(nb, "explain_scaling").source = "Because the expected value then stays."
    folder = classroom.hand_in(student, nb)
    if stamp:
        (folder / "timestamp.txt").write_text(stamp + "\n")


def book(classroom: Class) -> Gradebook:
    return Gradebook(f"sqlite:///{classroom.course.root / 'gradebook.db'}")


def lost(classroom: Class, student: str) -> float:
    """Points lost for being late."""
    with book(classroom) as gradebook:
        return float(gradebook.find_submission("deep_nets", student).late_submission_penalty or 0)


@pytest.mark.parametrize(
    ("stamp", "percent"),
    [
        ("", 0),
        ("2026-11-20 22:59:00.000000 UTC", 0),
        ("2026-11-20 23:09:00.000000 UTC", 0),
        ("2026-11-20 23:09:01.000000 UTC", 10),
        ("2026-11-21 00:59:00.000000 UTC", 20),
        ("2026-12-24 00:00:00.000000 UTC", 50),
    ],
)
def test_penalty_in_the_gradebook_follows_the_rule(stamp: str, percent: float, classroom: Class) -> None:
    with_rule(classroom)
    hand_in(classroom, "ada", stamp)
    assert classroom.record("ada") == ""
    assert lost(classroom, "ada") == pytest.approx(EARNED * percent / 100)
    with book(classroom) as gradebook:
        assert gradebook.find_assignment("deep_nets").duedate == datetime.datetime(2026, 11, 20, 22, 59)


def test_plain_nbgrader_takes_off_the_same(classroom: Class) -> None:
    with_rule(classroom)
    hand_in(classroom, "ada", "2026-11-21 00:30:00 UTC")
    done = classroom.nbgrader("autograde", "deep_nets")
    assert done.returncode == 0, done.stderr
    assert lost(classroom, "ada") == pytest.approx(EARNED * 0.2)


def test_moved_due_date_an_extension_and_no_rule_are_heeded(classroom: Class) -> None:
    with_rule(classroom)
    hand_in(classroom, "ada", "2026-11-21 00:30:00 UTC")
    classroom.record("ada")
    with book(classroom) as gradebook:
        gradebook.find_submission("deep_nets", "ada").extension = HOUR
        gradebook.db.commit()
    classroom.record("ada")
    assert lost(classroom, "ada") == pytest.approx(EARNED * 0.1)
    toml = classroom.course.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text().replace("2026-11-20T", "2026-11-22T"))
    classroom.record("ada")
    assert lost(classroom, "ada") == 0
    toml.write_text(toml.read_text().partition("[late]")[0])
    classroom.record("ada")
    assert lost(classroom, "ada") == 0


def test_a_new_attempt_without_a_time_is_not_late(classroom: Class) -> None:
    with_rule(classroom)
    folder = classroom.course.root / "submitted" / "ada" / "deep_nets"
    hand_in(classroom, "ada", "2026-11-21 00:30:00 UTC")
    assert classroom.record("ada") == ""
    assert lost(classroom, "ada") > 0
    (folder / "timestamp.txt").unlink()
    assert classroom.record("ada") == ""
    assert lost(classroom, "ada") == 0
    with book(classroom) as gradebook:
        assert gradebook.find_submission("deep_nets", "ada").timestamp is None


def test_plain_nbgrader_too_forgets_the_time_of_an_older_attempt(classroom: Class) -> None:
    with_rule(classroom)
    folder = classroom.course.root / "submitted" / "ada" / "deep_nets"
    hand_in(classroom, "ada", "2026-11-21 00:30:00 UTC")
    assert classroom.record("ada") == ""
    (folder / "timestamp.txt").unlink()
    done = classroom.nbgrader("autograde", "deep_nets", "--force")
    assert done.returncode == 0, done.stderr
    assert lost(classroom, "ada") == 0


def test_release_writes_the_due_date(classroom: Class) -> None:
    from autograder.release import release

    with_rule(classroom)
    release(classroom.course, classroom.assignment, archive=False)
    with book(classroom) as gradebook:
        assert gradebook.find_assignment("deep_nets").duedate == datetime.datetime(2026, 11, 20, 22, 59)


def test_points_given_by_hand_are_cut_as_well_once_feedback_is_written(classroom: Class) -> None:
    with_rule(classroom)
    hand_in(classroom, "ada", "2026-11-21 00:30:00 UTC")
    classroom.record("ada")
    with book(classroom) as gradebook:
        gradebook.find_grade("explain_scaling", "Dropout", "deep_nets", "ada").manual_score = 2
        gradebook.db.commit()
    assert feedback(classroom.course, classroom.assignment) == {"ada": ""}
    assert lost(classroom, "ada") == pytest.approx((EARNED + 2) * 0.2)
    pages = Path(classroom.course.root / "feedback" / "ada" / "deep_nets")
    for name in ("Dropout.html", "index.html"):
        assert "8.8" in (pages / name).read_text(encoding="utf-8")


def test_release_check_leaves_the_gradebook_alone(classroom: Class) -> None:
    from autograder.release import release

    with_rule(classroom)
    release(classroom.course, classroom.assignment, check=True)
    with book(classroom) as gradebook:
        assert gradebook.find_assignment("deep_nets").duedate is None


def test_rule_a_day_counts_days_begun() -> None:
    rule = LateSettings(due="2026-11-20T23:59:00Z", percent_per_day=25)
    assert [percent_lost(rule, days * 86_400) for days in (0, 0.01, 1, 1.01, 4, 400)] == [0, 25, 25, 50, 100, 100]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"due": "2026-11-20T23:59:00", "percent_per_day": 5}, "timezone"),
        ({"due": "2026-11-20T23:59:00Z"}, "not both"),
        ({"due": "2026-11-20T23:59:00Z", "percent_per_day": 5, "percent_per_hour": 1}, "not both"),
        ({"due": "2026-11-20T23:59:00Z", "percent_per_day": 101}, "less than or equal to 100"),
        ({"due": "2026-11-20T23:59:00Z", "percent_per_day": 5, "grace": 5}, "not permitted"),
    ],
)
def test_rule_that_is_wrong_is_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        LateSettings.model_validate(settings)
