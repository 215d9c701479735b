"""Examines one hand-in inside Gradescope's container, and always leaves a valid results.json.

The first thing written is the verdict on a run that never ends. It is replaced when the hidden checks are done, and
again when the target is trained, so that whatever ends this process leaves the best that is known.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError

from autograder import wall
from autograder.collect import entries_of_folder
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.grade import examined
from autograder.gradescope.packing import ORDERS, Orders
from autograder.gradescope.results import as_text, results, tests_of
from autograder.hand_in_layout import lay_down
from autograder.late import percent_lost
from autograder.records import write_atomically
from autograder.results import HandInResult
from autograder.wall.runtime import runtime

HOME = Path("/autograder")
SPARE = 30  # seconds before Gradescope's limit at which this process gives up by itself
_MOST_METADATA = 50_000_000  # bytes: it holds the results of all earlier attempts

Results = dict[str, Any]


class OutOfTime(BaseException):
    """The time limit is near. No handler of ordinary errors takes it for a fault of the hand-in."""


class _Times(BaseModel):
    due_date: AwareDatetime | None = None


class _User(BaseModel):
    id: int | str = ""
    assignment: _Times = _Times()  # with this person's extension


class Metadata(BaseModel):
    """What of submission_metadata.json is used; the rest is not read."""

    id: int | str = ""
    created_at: AwareDatetime | None = None
    assignment: _Times = _Times()
    users: tuple[_User, ...] = ()

    @property
    def student(self) -> str:
        """A name to draw seeds for: the same in every attempt of the same people."""
        return "gradescope-" + "-".join(sorted(str(user.id) for user in self.users) or [str(self.id)])

    def seconds_late(self, due: datetime.datetime) -> float:
        """How late it is: by Gradescope's due date, an extension included, else by `due`; 0 where no time is known."""
        dates = [user.assignment.due_date for user in self.users] or [None]
        latest = max((date or self.assignment.due_date or due for date in dates), default=due)
        return max(0.0, (self.created_at - latest).total_seconds()) if self.created_at else 0.0


def run(home: Path = HOME) -> None:
    """Examine what lies in `home`/submission; results.json in `home`/results says what came of it."""
    why = "the examiner did not come to an end, for want of time or memory"
    _write(home, _unexamined(why))
    done = False
    try:
        orders = Orders.model_validate_json((home / "source" / ORDERS).read_bytes())
        with _limited(60 * orders.minutes - SPARE):
            for content in _verdicts(home, orders):
                _write(home, content)
                done = True
        return
    except CourseError as error:
        print(error)
        why = error.what
    except OutOfTime:
        why = "there was no time for it"
    except BaseException as error:  # whatever it is, a student waits for an answer
        traceback.print_exc()
        why = f"the examiner itself failed ({type(error).__name__})"
    if not done:
        _write(home, _unexamined(why))


def _write(home: Path, content: Results) -> None:
    """Write results.json in one step, readable by Gradescope whoever that is."""
    place = home / "results" / "results.json"
    write_atomically(place, as_text(content))
    place.chmod(0o644)


def prepare(home: Path = HOME) -> None:
    """While the image is built: make the worker's runtime, and say in the log which walls hold there."""
    course = Course(home / "source" / "kit")
    print(f"runtime: {runtime(wall.places.shared(course.root)).folder}")
    for name in ("bubblewrap", "landlock"):
        print(f"wall {name}, while the image is built: {wall.failures(name, course.root) or 'it holds'}")


def _unexamined(why: str) -> Results:
    told = f"This hand-in was not examined: {why}. This says nothing about your work. Your instructor must look."
    return results(0.0, told, extra={"state": "unexamined"})


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in here after so many seconds, and again while something swallows it."""

    def ring(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _verdicts(home: Path, orders: Orders) -> Iterator[Results]:
    """results.json after the checks, and once more after the target."""
    course = Course(home / "source" / "kit")
    assignment = course.assignment(orders.assignment)
    os.environ[wall.VARIABLE] = _wall(course, allow_none=orders.allow_no_wall)
    metadata = _metadata(home / "submission_metadata.json")
    shutil.rmtree(course.root / "results", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="submission-") as temporary:
        scratch, folder = Path(temporary) / "scratch", Path(temporary) / assignment.name
        scratch.mkdir()
        laid = lay_down(assignment, entries_of_folder(home / "submission"), scratch, folder)
        if laid.reason:
            yield results(0.0, f"Nothing could be examined: {laid.reason}.", extra={"state": "failed"})
            return
        trains = orders.target and assignment.settings.target is not None
        for with_target in (False, True) if trains else (False,):
            found = examined(assignment, metadata.student, folder, with_target=with_target)
            told = [f"Remark: {remark}" for remark in (*laid.remarks, *found.remarks)]
            if trains and not with_target:
                told.append("The target section was not trained to its end here. Your instructor must look.")
            yield _verdict(assignment, metadata, found, told)


def _verdict(assignment: Assignment, metadata: Metadata, found: HandInResult, told: list[str]) -> Results:
    tests, lines = tests_of(assignment, found.questions), [found.reason] if found.reason else []
    score, rule = sum(test["score"] for test in tests), assignment.settings.late
    percent = percent_lost(rule, metadata.seconds_late(rule.due)) if rule is not None else 0.0
    if percent:
        lines.append(f"Late: {percent:g} percent of the points are taken off.")
    failed = [result.question for result in found.questions if result.state == "failed" and not result.key]
    if failed:
        lines.append(f"The examiner itself failed on {', '.join(failed)}. Your instructor must look.")
    lines += [f"Not counted: {line}" for line in found.not_counted]
    about = {"state": found.state, "wall": found.wall, "data": found.data, "edition": found.edition}
    print(f"wall: {found.wall}; faults: {'; '.join(found.timing.faults) or 'none'}")
    return results(score - round(score * percent / 100, 2), "\n".join([*lines, *told]), tests, about)


def _wall(course: Course, *, allow_none: bool) -> str:
    """The strongest wall that holds in this container; `none` only if the instructor chose so."""
    try:
        return wall.choose(course.root, wall.AUTO).name
    except CourseError:
        if not allow_none:
            raise
        print("NO WALL: --allow-no-wall was given at export")
        return "none"


def _metadata(path: Path) -> Metadata:
    """What Gradescope says of this attempt; nothing where it cannot be read."""
    try:
        if path.stat().st_size <= _MOST_METADATA:
            return Metadata.model_validate_json(path.read_bytes())
        print("submission_metadata.json is too large, and was not read")
    except (OSError, ValidationError) as error:
        print(f"submission_metadata.json cannot be read: {error}")
    return Metadata()
