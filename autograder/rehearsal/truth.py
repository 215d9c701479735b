"""truth.json: what each hand-in of a made-up class must earn, and where the records of a grading disagree with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.records import Records
from autograder.results import Record

Kind = Literal["correct", "misconception", "several", "broken", "hostile"]


class Due(Record):
    """What one hand-in must earn. Every autograded question is in one of the four groups.

    `least` and `most` are points of all questions but the target, whose points chance has a part in; `score` is there
    where the two are one number.
    """

    name: str
    kind: Kind
    about: str  # what was done to it, in words
    style: str
    misconceptions: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    less: tuple[str, ...] = ()  # loses points, by how many the truth does not say
    nothing: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    least: float
    most: float
    score: float | None = None
    late: bool = False
    attempts: int = 1


class Truth(Record):
    """A made-up class: how it was made, and what each student is due."""

    schema_version: int = 1
    assignment: str
    seed: int
    hand_ins: dict[str, Due]


def shares_due(
    assignment: Assignment,
    less: Iterable[str] = (),
    nothing: Iterable[str] = (),
    either: Iterable[str] = (),
) -> dict[str, tuple[str, ...] | float]:
    """The groups and points of a `Due`: what loses nothing earns all; the target may go either way unless it cannot.

    What costs a question its points outweighs what may cost it some.
    """
    settings = assignment.settings.target
    target = settings.question if settings else ""
    gone, reduced, open_ = set(nothing), set(less) - set(nothing), {*either, target} - {*nothing, *less}
    groups: dict[str, list[str]] = {"full": [], "less": [], "nothing": [], "either": []}
    least = most = 0.0
    for question in assignment.auto_questions:
        name, worth = question.grade_id, question.points
        group = "nothing" if name in gone else "less" if name in reduced else "either" if name in open_ else "full"
        groups[group].append(name)
        if name != target:
            least += worth if group == "full" else 0.0
            most += {"full": worth, "less": max(worth - 0.01, 0.0), "either": worth}.get(group, 0.0)
    least, most = round(least, 2), round(most, 2)
    score = {"score": least} if least == most else {}
    return {**{name: tuple(found) for name, found in groups.items()}, "least": least, "most": most, **score}


def read_truth(path: Path) -> Truth:
    """The truth in a file, or in the file truth.json of a folder."""
    path = path / "truth.json" if path.is_dir() else path
    fix = "name the folder that `autograder simulate-class` wrote"
    try:
        return Truth.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise CourseError("there is no such file", where=path, fix=fix) from None
    except ValidationError as error:
        raise CourseError(f"this is no truth of a class: {error.errors()[0]['msg']}", where=path, fix=fix) from None


def disagreements(assignment: Assignment, truth: Truth) -> list[tuple[str, str, str]]:
    """Where records and truth differ: (student, question, what is wrong).

    A question without a record earned nothing; the target without a record was not graded, which is no disagreement.
    """
    results = assignment.course.root / "results" / assignment.name
    graded = {path.name for path in results.iterdir() if path.is_dir()} if results.is_dir() else set()
    if not graded:
        raise CourseError("nothing is graded here", where=results, fix="run `autograder grade --no-target` first")
    found = [(student, "", "is not in truth.json") for student in sorted(graded - set(truth.hand_ins))]
    settings = assignment.settings.target
    for student, due in truth.hand_ins.items():
        if student not in graded and due.most > 0:
            found.append((student, "", f"was not graded, and is due {due.least:g} points at least"))
            continue
        records = Records(results / student)
        kept = {question.grade_id: records.kept(question.grade_id) for question in assignment.auto_questions}
        if settings is not None and kept.get(settings.question) is None:
            kept.pop(settings.question, None)
        shares = {name: record.share if record else 0.0 for name, record in kept.items()}
        found += [(student, name, told) for name, told in _wrong(due, shares).items()]
    return found


def _wrong(due: Due, shares: Mapping[str, float]) -> dict[str, str]:
    told = {name: f"earned {shares[name]:.0%}, due all" for name in due.full if shares.get(name, 1.0) < 1}
    told |= {name: "earned all, due less" for name in due.less if shares.get(name, 0.0) >= 1}
    return told | {name: f"earned {shares[name]:.0%}, due nothing" for name in due.nothing if shares.get(name, 0.0) > 0}
