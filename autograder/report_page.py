"""The page on a class: who needs a person, what to teach again, scores, questions, the target, how it was graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
from markupsafe import Markup

from autograder import figures, wording
from autograder.course import Assignment, Question
from autograder.examiner.examine import STAND_IN
from autograder.pages import number, percent
from autograder.places import Place, places
from autograder.standing import Case, Standing

PAGE = "index.html"  # of the feedback


@dataclass(frozen=True)
class Histogram:
    """A figure and the same as numbers: (from, to, how many)."""

    title: str
    figure: Markup
    table: list[tuple[str, str, int]]


@dataclass(frozen=True)
class Misconception:
    """What several hand-ins behave like: the sentence that their students were told."""

    place: Place
    sentences: tuple[str, ...]
    students: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """How the class did on one question. Shares are of the points, `checks` are (name, passed, of how many)."""

    place: Place
    shares: tuple[float, ...]
    waiting: int
    states: Counter[str]
    checks: tuple[tuple[str, int, int], ...]

    @property
    def question(self) -> Question:
        """The question itself."""
        return self.place.question

    @property
    def mean(self) -> float:
        """The mean share of the points of those who have a score; 0 where nobody has."""
        return mean(self.shares) if self.shares else 0.0

    @property
    def full(self) -> int:
        """How many have all points."""
        return sum(share >= 1 for share in self.shares)

    @property
    def worst(self) -> float:
        """The share that passes the hardest check."""
        return min((passed / of for _, passed, of in self.checks), default=1.0)

    @property
    def none(self) -> int:
        """How many have no point."""
        return sum(share <= 0 for share in self.shares)


def view(assignment: Assignment, class_: Sequence[Standing], cases: list[Case]) -> dict[str, object]:
    """What the template is filled with."""
    known = places(assignment)
    questions = [place.question for place in known.values()]
    graded = [standing for standing in class_ if standing.sheet is not None]
    totals = [standing.sheet.total(questions) for standing in graded if standing.sheet]
    feedback = assignment.course.root / "feedback"
    return {
        "assignment": assignment,
        "class_": class_,
        "absent": sum(standing.absent for standing in class_),
        "graded": graded,
        "most": sum(question.points for question in questions),
        "median": median(totals) if totals else None,
        "questions": questions,
        "cases": cases,
        "people": {student for case in cases if case.kind in wording.URGENT for student in case.students},
        "waiting": sum(len(standing.sheet.waiting(questions)) for standing in graded if standing.sheet),
        "misconceptions": _misconceptions(known, class_),
        "scores": list(_scores(questions, graded)) if graded else [],
        "asked": [_asked(place, graded) for place in known.values()],
        "target": _target(assignment, class_),
        "how": _how(class_),
        "notebooks": list(dict.fromkeys(question.notebook for question in questions)),
        "pages": {
            standing.student for standing in class_ if (feedback / standing.student / assignment.name / PAGE).is_file()
        },
    }


def _misconceptions(known: dict[str, Place], class_: Iterable[Standing]) -> list[Misconception]:
    """What was recognised, the most frequent first."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for standing in class_:
        for record in standing.result.questions:
            if record.recognised:
                found.setdefault((record.question, record.recognised), []).append(standing.student)
    order = list(known)
    told = [Misconception(known[name], said, tuple(students)) for (name, said), students in found.items()]
    return sorted(told, key=lambda one: (-len(one.students), order.index(one.place.question.grade_id), one.sentences))


def _scores(questions: list[Question], graded: list[Standing]) -> Iterable[Histogram]:
    """The histogram of all points, then one of each notebook."""
    sheets = [standing.sheet for standing in graded if standing.sheet is not None]
    yield _points("", [sheet.total(questions) for sheet in sheets], sum(question.points for question in questions))
    for name in dict.fromkeys(question.notebook for question in questions):
        own = [question for question in questions if question.notebook == name]
        most = sum(question.points for question in own)
        yield _points(name, [sheet.of_notebook(name, own) for sheet in sheets], most)


def _points(name: str, values: list[float], most: float) -> Histogram:
    words = {"x": wording.POINTS, "y": wording.HAND_IN_COUNT}
    words["label"] = wording.SCORES.format(
        count=len(values),
        name=name or wording.ALL_NOTEBOOKS,
        **{key: number(function(values)) for key, function in _SPREAD.items()},
    )
    return _histogram(name, values, (0.0, most or 1.0), 20 if not name else 10, words, number, small=bool(name))


_SPREAD: dict[str, Callable[[list[float]], float]] = {"lowest": min, "highest": max, "median": median}


def _histogram(
    name: str,
    values: Sequence[float],
    span: tuple[float, float],
    bins: int,
    words: dict[str, str],
    shown: Callable[[float], str],
    *,
    marks: Sequence[tuple[float, str]] = (),
    small: bool = False,
) -> Histogram:
    """A histogram over `span`; what lies outside counts at its ends."""
    counts, edges = np.histogram(np.clip(values, *span), bins, span)
    figure = figures.histogram(
        counts.tolist(), edges.tolist(), words, name=name or "all", marks=marks, percent=shown is percent, small=small
    )
    told = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    return Histogram(name, figure, [(shown(left), shown(right), count) for left, right, count in told if count])


def _asked(place: Place, graded: Iterable[Standing]) -> Asked:
    question = place.question
    shares, waiting, states, checks = [], 0, Counter[str](), dict[str, list[bool]]()
    for standing in graded:
        score = standing.sheet.score(question) if standing.sheet else None
        record = standing.result.question(question.grade_id)
        if score is None or score.waiting:
            waiting += 1
        elif question.points and (record is not None or score.manual is not None or question.manual):
            shares.append(min(score.points / question.points, 1.0))
        if record is not None:
            states[record.state] += 1
            for check in record.checks:
                checks.setdefault(check.name, []).append(check.passed)
    passed = tuple((name, sum(found), len(found)) for name, found in checks.items())
    return Asked(place, tuple(shares), waiting, states, passed)


def _target(assignment: Assignment, class_: Iterable[Standing]) -> dict[str, object] | None:
    """Accuracies that count; None where the assignment has no target."""
    settings = assignment.settings.target
    if settings is None:
        return None
    records = [standing.target for standing in class_ if standing.target is not None]
    values = [standing.accuracy for standing in class_ if standing.accuracy is not None]
    full = sum(value >= settings.accuracy for value in values)
    histogram = None
    if values:
        words = {"x": wording.ACCURACY, "y": wording.HAND_IN_COUNT}
        words["label"] = wording.ACCURACIES.format(
            count=len(values),
            full=full,
            required=percent(settings.accuracy),
            **{key: percent(function(values)) for key, function in _SPREAD.items()},
        )
        low, high = min(*values, settings.floor), max(*values, settings.accuracy)
        span = (np.floor(low * 20) / 20, np.ceil((high + 0.001) * 20) / 20)
        marks = [(settings.floor, wording.FLOOR), (settings.accuracy, wording.FULL_POINTS)]
        bins = round(100 * (span[1] - span[0]) / 2.5)
        histogram = _histogram("target", values, span, bins, words, percent, marks=marks)
    return {
        "trained": len(records),
        "counted": len(values),
        "full": full,
        "settings": settings,
        "histogram": histogram,
        "provisional": any(STAND_IN in record.data for record in records),
        "data": sorted({record.data for record in records}),
    }


def _how(class_: Iterable[Standing]) -> dict[str, object]:
    """Walls, editions, kits and times."""
    examined = [standing for standing in class_ if standing.result.questions]
    kits = {record.kit for standing in examined for record in standing.result.questions if record.kit}
    return {
        "walls": Counter(standing.result.wall for standing in examined).most_common(),
        "editions": Counter(standing.edition for standing in examined).most_common(),
        "kits": sorted(kits),
        "checks": _times(standing.timing.cpu_seconds for standing in examined),
        "targets": _times(standing.timing.target_cpu_seconds for standing in examined),
    }


def _times(seconds: Iterable[float]) -> tuple[float, float] | None:
    """Minutes in all and the median in seconds of what took time; None where nothing did."""
    spent = [one for one in seconds if one]
    return (sum(spent) / 60, median(spent)) if spent else None
