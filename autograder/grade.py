"""Stage `grade`: examine hand-ins side by side, keep their records, do only what is missing."""

from __future__ import annotations

import datetime
import logging
import os
import platform
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from nndl.data_utils import data_name
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder import gradebook
from autograder.course import Assignment, Question
from autograder.cut import not_graded
from autograder.errors import CourseError
from autograder.examiner.examine import STAND_IN, Examination, Say
from autograder.examiner.stage_found import lay_out
from autograder.records import Records
from autograder.results import HandInResult, QuestionResult, Timing

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


def _silent(_: str) -> None: ...


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
    say: Say = _silent,
) -> HandInResult:
    """Examine one hand-in: what an earlier run recorded is read, the rest is done now.

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
    records = Records(assignment.course.root / "results" / assignment.name / student) if store else None
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    staged = lay_out(assignment, folder, edition or assignment.settings.edition, package)
    try:
        work = Examination(assignment, student, folder, staged, say, target_cell)
        given = () if only else not_graded(assignment, student)
        results = _results(work, chosen, records, given)
    finally:
        staged.remove()
    timing = Timing(
        host=platform.node(),
        started=started,
        wall_seconds=round(time.monotonic() - began, 3),
        cpu_seconds=round(work.cpu, 3),
        target_cpu_seconds=round(work.target_cpu, 3),
    )
    if records is not None and work.cpu + work.target_cpu > 0:
        records.write_timing(timing)
    failed = [result for result in results if result.state == "failed"]
    broken = failed if len(failed) == len(results) and results else []
    return HandInResult(
        student=student,
        assignment=assignment.name,
        state="failed" if broken else "graded",
        reason=broken[0].reason if broken else "",
        edition=work.edition,
        wall=work.wall.name,
        data=work.data,
        questions=tuple(results),
        not_counted=tuple(f"{name}: {reason}" for name, reason in work.not_counted().items()),
        evidence=staged.found.evidence if staged.found else (),
        remarks=staged.remarks,
        timing=timing,
    )


def _chosen(assignment: Assignment, only: tuple[str, ...], with_target: bool) -> list[Question]:
    known = {question.grade_id: question for question in assignment.auto_questions}
    for name in only:
        if name not in known:
            raise CourseError(f'no question "{name}"', where=assignment.name, fix=f"choose from: {', '.join(known)}")
    settings = assignment.settings.target
    skipped = {settings.question} if settings is not None and not with_target else set()
    return [question for name, question in known.items() if (not only or name in only) and name not in skipped]


def _results(
    work: Examination, chosen: list[Question], records: Records | None, given: tuple[str, ...]
) -> list[QuestionResult]:
    """The result of each chosen question: from the records where they hold, else examined now and recorded at once.

    What was `given` is not examined: what an earlier hand-in earned with the student's own code stands.
    """
    keys = {question.grade_id: work.key(question.grade_id) for question in chosen}
    kept = {name: (records.kept(name) if records else None) or _given(work, name) for name in keys if name in given}
    keys = {name: key for name, key in keys.items() if name not in given}
    found = {name: old for name, key in keys.items() if records and (old := records.read(name, key))}
    missing = {name: key for name, key in keys.items() if name not in found}
    for result in work.results(missing):
        found[result.question] = result
        if records:
            records.write(result)
    found |= kept
    return [with_what_it_rests_on(found[each.grade_id], found) for each in chosen if each.grade_id in found]


def with_what_it_rests_on(result: QuestionResult, found: dict[str, QuestionResult]) -> QuestionResult:
    """The target trains the student's own code: name the questions it used that lost points."""
    uses = result.target.uses if result.target is not None and result.share < 1 else ()
    broken = [name for name in uses if name in found and found[name].share < 1]
    if not broken:
        return result
    remark = f"It rests on your own {', '.join(broken)}, where hidden checks fail: mend that first."
    return result.model_copy(update={"remarks": (*result.remarks, remark)})


def _given(work: Examination, question: str) -> QuestionResult:
    reason = "Not graded: the course gave you this part solved."
    return QuestionResult(**work.origin(question, ""), state="missing", share=0.0, reason=reason)


def grade(
    assignment: Assignment,
    students: Iterable[str] = (),
    *,
    workers: int = 0,
    allow_synthetic: bool = False,
    console: Console,
) -> Iterator[tuple[HandInResult, str]]:
    """Examine hand-ins side by side, then record each in nbgrader's gradebook; yields (result, why not recorded).

    Raises
    ------
    CourseError
        If there is nothing to grade, or the data is the stand-in and nobody allowed that.
    """
    folders = _hand_ins(assignment, tuple(students))
    if assignment.settings.target is not None:
        _refuse_stand_in(assignment, allow_synthetic)
    log = _log(assignment)
    assignment.course.secret()  # made once, before the pool could make it twice
    with Progress(*_COLUMNS, console=console) as progress, ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        bar = progress.add_task("examining", total=len(folders))
        jobs = {pool.submit(examined, assignment, name, folder): name for name, folder in folders.items()}
        results: dict[str, HandInResult] = {}
        for job in as_completed(jobs):
            name = jobs[job]
            try:
                results[name] = job.result()
                log.info("%s: %s %s", name, results[name].state, results[name].reason)
            except Exception as error:
                log.exception("%s: the examination failed", name)
                told = f"The examiner itself failed ({type(error).__name__}); see the newest file in logs/."
                results[name] = not_examined(assignment, name, told)
                progress.console.print(f"{name}: {results[name].reason}", markup=False)
            progress.advance(bar)
        bar = progress.add_task("recording", total=len(folders))
        for name in folders:
            reason = gradebook.record(assignment.course, assignment, name)
            log.info("%s: recorded%s", name, f", but {reason}" if reason else "")
            progress.advance(bar)
            yield results[name], reason


def _hand_ins(assignment: Assignment, students: tuple[str, ...]) -> dict[str, Path]:
    submitted = assignment.course.root / "submitted"
    found = {path.parent.name: path for path in sorted(submitted.glob(f"*/{assignment.name}")) if path.is_dir()}
    unknown = sorted(set(students) - set(found))
    if unknown or not found:
        what = f"no hand-in of {', '.join(unknown)}" if unknown else "there are no hand-ins"
        fix = f"put them at submitted/<student>/{assignment.name}"
        raise CourseError(what, where=submitted, fix=fix)
    return {name: path for name, path in found.items() if not students or name in students}


def _refuse_stand_in(assignment: Assignment, allowed: bool) -> None:
    try:
        data = data_name(assignment.course.data)
    except FileNotFoundError:
        raise CourseError(
            "CIFAR-10 is not here", where=assignment.course.data, fix="run `bash get_datasets.sh`"
        ) from None
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
    handler = logging.FileHandler(folder / f"grade-{assignment.name}-{moment}.log", encoding="utf-8")
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
