"""Stage `regrade`: one question of a class is examined again; what would change is known before it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from autograder import gradebook, node, pool
from autograder.course import Assignment, Question
from autograder.cut import not_graded
from autograder.grade import COLUMNS, Grading, alone, hand_ins, records_of, refuse_stand_in
from autograder.results import QuestionResult
from autograder.wall import places


@dataclass(frozen=True)
class Change:
    """One question of one student: the record that stands, the result that was found now, or why there is none.

    `held` is its automatic score in the gradebook, `by_hand` the score that a person gave: it stays, and it counts.
    """

    student: str
    points: float
    old: QuestionResult | None
    new: QuestionResult | None
    reason: str = ""
    held: float | None = None
    by_hand: float | None = None

    @property
    def scores(self) -> tuple[float | None, float | None]:
        """Points before and after."""
        before, after = (None if result is None else result.score(self.points) for result in (self.old, self.new))
        return before, after

    @property
    def matters(self) -> bool:
        """Whether the student's points or what the student reads would change."""
        if self.new is None or self.old is None:
            return self.new is not None
        return self.scores[0] != self.scores[1] or self.old.message() != self.new.message()


def regrade(
    assignment: Assignment,
    question: str,
    students: Iterable[str] = (),
    *,
    workers: int = 0,
    executor: pool.Open = pool.processes,
    allow_synthetic: bool = False,
    dry_run: bool = False,
    show: Callable[[list[Change]], None],
    console: Console,
) -> list[str]:
    """Examine one question of graded hand-ins again, whatever their records say, and record what is found.

    Parameters
    ----------
    assignment : Assignment
    question : str
        An autograded question.
    students : iterable of str, optional
        Whose hand-ins; all that were graded by default.
    workers, executor, allow_synthetic, console
        As for `grade`.
    dry_run : bool
        Write nothing.
    show : callable
        Told all changes, sorted by student, before the first of them is written.

    Returns
    -------
    list of str
        What could not be done, a line each. Where the examiner itself failed, the old record stands.

    Raises
    ------
    CourseError
        If there is no such question or hand-in, the assignment was not released, the data is the stand-in and nobody
        allowed that, or somebody else is grading.
    """
    folders = hand_ins(assignment, tuple(students))
    if not dry_run:
        gradebook.check_released(assignment)
    settings = assignment.settings.target
    with alone(assignment):
        work = Grading(assignment, folders, only=(question,), anew=True)
        [asked] = work.chosen
        trains = settings is not None and question == settings.question
        if trains:
            refuse_stand_in(assignment, allow_synthetic)
        places.sweep()
        with Progress(*COLUMNS, console=console) as progress:
            bar = progress.add_task(f"examining {question}", total=len(folders))
            changes = []
            for change in _examined(work, asked, workers or pool.at_once(with_target=trains), executor):
                progress.advance(bar)
                changes.append(change)
        changes.sort(key=lambda change: change.student)
        show(changes)
        failed = [f"{change.student}: {change.reason}" for change in changes if change.reason]
        return failed if dry_run else [*failed, *_written(work, changes)]


def _examined(work: Grading, asked: Question, workers: int, executor: pool.Open) -> Iterator[Change]:
    """The change of each student, as they come."""
    left: list[Change] = []
    book = gradebook.database(work.assignment.course)
    known = {name: records_of(work.assignment, name).kept(asked.grade_id) for name in work.folders}

    def change(student: str, new: QuestionResult | None, reason: str = "") -> Change:
        scores = gradebook.scores_of(work.assignment, student, asked, book)
        return Change(student, asked.points, known[student], new, reason, *scores)

    def jobs() -> Iterator[tuple[str, node.Job]]:
        for student in work.folders:
            if reason := _why_not(work.assignment, student, asked.grade_id):
                left.append(change(student, None, reason))
                continue
            job = work.job(student)
            if job is not None:
                yield student, job
            else:
                reason = work.plans[student].fault or "this course does not ask that question"
                left.append(change(student, None, reason))

    with contextlib.closing(pool.run(node.examine, jobs(), workers, executor)) as answers:
        for student, future in answers:
            told = work.take(student, future)
            new = None if told else work.plans[student].result().question(asked.grade_id)
            yield change(student, new, told)
    yield from left


def _why_not(assignment: Assignment, student: str, question: str) -> str:
    if not any(records_of(assignment, student).folder.glob("*.json")):
        return "not graded yet; run `autograder grade`"
    return "was given this question solved" if question in not_graded(assignment, student) else ""


def _written(work: Grading, changes: list[Change]) -> Iterator[str]:
    """Write records, and into the gradebook what it does not hold yet; yields what could not be recorded."""
    for change in changes:
        if change.new is None:
            continue
        records_of(work.assignment, change.student).write(change.new)
        if change.matters or change.held != change.scores[1]:
            _, reason = work.record(change.student)
            if reason:
                yield f"{change.student}: {reason}"
