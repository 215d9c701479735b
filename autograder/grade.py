"""Stage `grade`: examine hand-ins side by side, keep their records, do only what is missing."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

from filelock import FileLock, Timeout
from nndl.data_utils import data_name
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from traitlets.config import Config

from autograder import gradebook, node, pool, travel
from autograder.course import Assignment, Question
from autograder.cut import not_graded
from autograder.errors import CourseError
from autograder.examiner.examine import STAND_IN, Examination, Say, silent
from autograder.examiner.stage_found import lay_out
from autograder.plan import Plan, given_solved
from autograder.records import Records
from autograder.results import HandInResult, QuestionResult, Timing
from autograder.wall import AUTO, VARIABLE, places

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


def examined(
    assignment: Assignment,
    student: str,
    folder: Path,
    *,
    only: Iterable[str] = (),
    with_target: bool = True,
    store: bool = True,
    edition: str = "",
    package: Path | None = None,
    target_cell: int | None = None,
    say: Say = silent,
) -> HandInResult:
    """Examine one hand-in in this process: what an earlier run recorded is read, the rest is done now.

    Parameters
    ----------
    assignment : Assignment
        What it answers.
    student : str
        Whose it is; the seeds and the place of the records follow from it.
    folder : Path
        The hand-in: notebooks and the package.
    only : iterable of str, optional
        Questions to examine; all by default.
    with_target : bool
        Whether to train the target section too.
    store : bool
        Whether to read and write records below results/.
    edition : str, optional
        Whose dialect it is: an edition's name, "auto", or "" for what assignment.toml says.
    package : Path, optional
        The package's folder below `folder`, where it is not to be looked for.
    target_cell : int, optional
        The code cell to train, counted from 1, in a notebook that is not ours.
    say : callable, optional
        Told about progress, one line at a time.

    Returns
    -------
    HandInResult
        Questions in the order of the notebooks. A bad hand-in gives reasons, never an exception.
    """
    chosen = _chosen(assignment, tuple(only), with_target)
    plan = Plan(assignment, student, chosen, records_of(assignment, student) if store else None)
    staged = lay_out(assignment, folder, edition or assignment.settings.edition, package)
    try:
        seed = assignment.course.seed(student, assignment.name)
        work = Examination(assignment, seed, folder, staged, say, target_cell)
        plan.look(work, () if only else not_graded(assignment, student))
        if plan.missing:
            plan.take(*node.timed(work, plan.missing))
    finally:
        staged.remove()
    return plan.result()


def recorded(assignment: Assignment, student: str, folder: Path) -> HandInResult:
    """What the records say of one hand-in; nothing is examined. For nbgrader, after `grade` has examined it."""
    plan = Plan(assignment, student, list(assignment.auto_questions), records_of(assignment, student))
    for name in (question.grade_id for question in plan.chosen):
        if kept := plan.records and plan.records.kept(name):
            plan.known[name] = kept
        elif name in not_graded(assignment, student):
            plan.known[name] = given_solved(assignment, name)
    return plan.result()


def records_of(assignment: Assignment, student: str) -> Records:
    """The records of one student."""
    return Records(assignment.course.root / "results" / assignment.name / student)


def _chosen(assignment: Assignment, only: tuple[str, ...], with_target: bool) -> list[Question]:
    known = {question.grade_id: question for question in assignment.auto_questions}
    for name in only:
        if name not in known:
            raise CourseError(f'no question "{name}"', where=assignment.name, fix=f"choose from: {', '.join(known)}")
    settings = assignment.settings.target
    skipped = {settings.question} if settings is not None and not with_target else set()
    return [question for name, question in known.items() if (not only or name in only) and name not in skipped]


class Grading:
    """Grading a class: plans, jobs for those that need one, their answers into records and gradebook.

    With `anew` no record is read or written.
    """

    def __init__(
        self,
        assignment: Assignment,
        folders: dict[str, Path],
        *,
        with_target: bool = True,
        only: tuple[str, ...] = (),
        anew: bool = False,
    ) -> None:
        self.assignment, self.folders, self.anew = assignment, folders, anew
        self.chosen = _chosen(assignment, only, with_target)
        self.plans: dict[str, Plan] = {}
        self.version = node.version(assignment)
        self.log = _log(assignment)

    def seed(self, student: str) -> str:
        """The seed of a student's hand-in."""
        return self.assignment.course.seed(student, self.assignment.name)

    def plan(self, student: str) -> Plan:
        """What is to be done for a student; records that still hold are read."""
        assignment = self.assignment
        plan = Plan(assignment, student, self.chosen, None if self.anew else records_of(assignment, student))
        try:
            staged = lay_out(assignment, self.folders[student], assignment.settings.edition)
            try:
                seed = assignment.course.seed(student, assignment.name)
                work = Examination(assignment, seed, self.folders[student], staged)
                return plan.look(work, not_graded(assignment, student))
            finally:
                staged.remove()
        except CourseError:
            raise
        except Exception as error:  # a hand-in may hold what nobody thought of; it stops no other
            asked = [question.grade_id for question in self.chosen]
            plan.missing = dict.fromkeys(set(asked) - set(not_graded(assignment, student)), "")
            plan.fault = self._lost(plan, error, type(error).__name__)
            plan.missing = {}
            return plan

    def _lost(self, plan: Plan, error: Exception, told: str) -> str:
        """Note that the examiner failed on what was missing; what to tell the grader."""
        self.log.exception("%s: the examination failed", plan.student, exc_info=error)
        reason = f"The examiner itself failed ({told}). A person must look; see the newest file in logs/."
        origin = {"kit": "", "edition": self.assignment.settings.edition, "wall": "", "data": "none"}
        failed = [
            QuestionResult(**origin, question=name, state="failed", share=0.0, reason=reason) for name in plan.missing
        ]
        what = f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode()  # halves of letters
        plan.take(failed, Timing(faults=(what,)))
        return reason

    def job(self, student: str) -> node.Job | None:
        """What is to be done for a student, as it travels; None where there is nothing, or it cannot be packed."""
        course, plan = self.assignment.course, self.plan(student)
        self.plans[student] = plan
        if not plan.missing:
            return None
        try:
            files = travel.pack(self.folders[student])
        except Exception as error:  # as in `plan`
            plan.fault = self._lost(plan, error, type(error).__name__)
            plan.missing = {}
            return None
        return node.Job(
            course=str(course.root),
            assignment=self.assignment.name,
            seed=self.seed(student),
            keys=plan.missing,
            version=self.version,
            data=_data(self.assignment),
            wall=os.environ.get(VARIABLE) or AUTO,
            files=files,
        )

    def take(self, student: str, future: Future[str]) -> str:
        """Keep the answer to a job; what to tell the grader, if it failed."""
        plan = self.plans[student]
        try:
            answer = json.loads(future.result())
            results = [QuestionResult.model_validate(row) for row in answer["questions"]]
            plan.take(results, Timing.model_validate(answer["timing"]))
        except CourseError:
            raise
        except Exception as error:
            lost = isinstance(error, BrokenExecutor)
            killed = "its process was killed, perhaps for want of memory"
            return self._lost(plan, error, killed if lost else type(error).__name__)
        for fault in plan.timing.faults:
            self.log.error("%s: %s", student, fault)
        return "The examiner itself failed on a question; see the newest file in logs/." if plan.timing.faults else ""

    def record(self, student: str) -> tuple[HandInResult, str]:
        """Put a hand-in into the gradebook: its result, and why that could not be done.

        Where it was recorded before, and nothing has changed since, nothing is done.
        """
        settings = Config()
        settings.ExaminerScores.examine = "autograder.grade.recorded"
        result, records = self.plans[student].result(), records_of(self.assignment, student)
        try:
            if records.mark == gradebook.mark(self.assignment, student, self.version):
                self.log.info("%s: recorded already", student)
                return result, ""
            reason = gradebook.record(self.assignment.course, self.assignment, student, settings=settings)
            if not reason:
                records.write_mark(gradebook.mark(self.assignment, student, self.version))
        except CourseError:
            raise
        except Exception as error:  # as in `plan`
            self.log.exception("%s: could not be recorded", student, exc_info=error)
            reason = f"{type(error).__name__}; a person must look, see the newest file in logs/"
        self.log.info("%s: %s %s", student, result.state, f"not recorded: {reason}" if reason else result.reason)
        return result, reason


def grade(
    assignment: Assignment,
    students: Iterable[str] = (),
    *,
    workers: int = 0,
    executor: pool.Open = pool.processes,
    with_target: bool = True,
    allow_synthetic: bool = False,
    console: Console,
) -> Iterator[tuple[HandInResult, str]]:
    """Examine hand-ins side by side and record each in nbgrader's gradebook; yields (result, why not recorded).

    Parameters
    ----------
    assignment : Assignment
    students : iterable of str, optional
        Whose hand-ins; everybody's by default.
    workers : int
        Hand-ins examined at once; 0: as many as `pool.at_once` says.
    executor : callable, optional
        Makes a `concurrent.futures.Executor` of so many workers: processes of this machine, or a cluster's.
    with_target : bool
        Whether to train the target sections.
    allow_synthetic : bool
        Whether target scores made on the stand-in may be recorded.
    console : Console
        Where progress and failures are shown.

    Raises
    ------
    CourseError
        If there is nothing to grade, the assignment was not released, the data is the stand-in and nobody allowed
        that, or somebody else is grading.
    """
    folders = hand_ins(assignment, tuple(students))
    gradebook.check_released(assignment)
    if assignment.settings.target is not None and with_target:
        refuse_stand_in(assignment, allow_synthetic)
    with alone(assignment), Progress(*COLUMNS, console=console) as progress:
        places.sweep()
        assignment.course.secret()
        work = Grading(assignment, folders, with_target=with_target)
        bar = progress.add_task("grading", total=len(folders))
        ready: list[str] = []

        def jobs() -> Iterator[tuple[str, node.Job]]:
            for student in folders:
                job = work.job(student)
                if job is not None:
                    yield student, job
                else:
                    ready.append(student)

        def done(student: str) -> tuple[HandInResult, str]:
            progress.advance(bar)
            return work.record(student)

        workers = workers or pool.at_once(with_target=with_target and assignment.settings.target is not None)
        with contextlib.closing(pool.run(node.examine, jobs(), workers, executor)) as answers:
            for student, future in answers:
                if told := work.take(student, future):
                    progress.console.print(f"{student}: {told}", markup=False)
                yield done(student)
                while ready:
                    yield done(ready.pop())
        while ready:
            yield done(ready.pop())


@contextlib.contextmanager
def alone(assignment: Assignment) -> Iterator[None]:
    """Keep a second grader out of this course folder: two would write the same gradebook."""
    path = assignment.course.root / ".grading.lock"
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        what = "somebody else is grading in this course folder"
        raise CourseError(what, where=path.parent, fix="wait until that run of `autograder grade` has ended") from None


def hand_ins(assignment: Assignment, students: tuple[str, ...]) -> dict[str, Path]:
    """Student and folder of each hand-in, or of those of `students`; CourseError where there is none."""
    submitted = assignment.course.root / "submitted"
    found = {path.parent.name: path for path in sorted(submitted.glob(f"*/{assignment.name}")) if path.is_dir()}
    unknown = sorted(set(students) - set(found))
    if unknown or not found:
        what = f"no hand-in of {', '.join(unknown)}" if unknown else "there are no hand-ins"
        fix = f"put them at submitted/<student>/{assignment.name}"
        raise CourseError(what, where=submitted, fix=fix)
    return {name: path for name, path in found.items() if not students or name in students}


def _data(assignment: Assignment) -> str:
    try:
        return str(data_name(assignment.course.data))
    except FileNotFoundError:
        return "none"


def refuse_stand_in(assignment: Assignment, allowed: bool) -> None:
    """Raise CourseError where there is no data to train the target on, or the stand-in and nobody allowed that."""
    data = _data(assignment)
    if data == "none":
        raise CourseError("CIFAR-10 is not here", where=assignment.course.data, fix="run `bash get_datasets.sh`")
    if STAND_IN in data and not allowed:
        raise CourseError(
            f"the data is a {data}: target scores made on it are provisional",
            where=assignment.course.data,
            fix="run `bash get_datasets.sh`, or say --allow-synthetic",
        )


def _log(assignment: Assignment) -> logging.Logger:
    """A log file of this run below logs/."""
    folder = assignment.course.root / "logs"
    folder.mkdir(exist_ok=True)
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    path = folder / f"grade-{assignment.name}-{moment}.log"
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.Logger(f"autograder.grade.{moment}", logging.INFO)
    log.addHandler(handler)
    return log


def not_examined(assignment: Assignment, student: str, reason: str) -> HandInResult:
    """The result of a hand-in that could not even be opened, or over which the examiner itself failed."""
    return HandInResult(
        student=student,
        assignment=assignment.name,
        state="failed",
        reason=reason,
        edition=assignment.settings.edition,
        wall="",
        data="",
        questions=(),
    )
