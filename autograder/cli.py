"""The command `autograder`: one verb a stage. It parses and prints; the stages do the work."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder import class_verbs, editions, wall
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.results import HandInResult

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(class_verbs.app)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False)

WallOption = Annotated[
    str,
    typer.Option("--wall", envvar=wall.VARIABLE, help="auto (the strongest that holds), bubblewrap, landlock or none."),
]
Name = Annotated[str, typer.Argument(help="Name of the assignment, a folder below assignments/.")]


@app.callback()
def _about() -> None:
    """Turn a folder of hand-ins into scores with reasons.

    source/ and assignments/ --release--> release/ ... submitted/ --grade--> gradebook.db --feedback--> feedback/

    Exit codes: 0 all done, 1 some could not be done, 2 wrong usage.
    """


@app.command()
def release(
    assignment: Name = "deep_nets",
    check: Annotated[bool, typer.Option("--check", help="Write nothing; prove the committed release fresh.")] = False,
    notebook: Annotated[
        list[str] | None, typer.Option("--notebook", help="Release this notebook only; may be repeated.")
    ] = None,
    solved: Annotated[
        str, typer.Option("--solved", help="Functions or questions to give solved, with commas; not graded then.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", help="Write OUTPUT/NAME, for single students; release/ stays.")
    ] = None,
) -> None:
    """Make what students get: release/NAME and release/NAME.zip, without solutions and hidden tests.

    Reads source/NAME and assignments/NAME. With --check it generates into a folder of its own, with the options that
    the release was made with, and compares, imports every module, and looks for solution lines. Questions that are
    given solved carry no points in the release; for a copy made with --output, name its students under [given] in
    assignment.toml. Exit codes: 0 released or fresh, 1 not fresh, 2 wrong usage.

    Example: autograder release deep_nets --notebook Dropout --solved affine_forward,relu_forward --output copies
    """
    from autograder.release import release as run

    course = Course.find()
    names = [name.strip() for name in solved.split(",") if name.strip()]
    done = run(
        course, course.assignment(assignment), check=check, notebooks=notebook or (), solved=names, output=output
    )
    out.print(f"{done.folder} is fresh" if check else f"released: {done}", markup=False)
    if done.cut is not None and done.cut.functions and not check:
        out.print(f"given solved: {', '.join(done.cut.functions)}", markup=False)
        out.print(f"not graded: {', '.join(done.cut.questions) or 'no whole question'}", markup=False)
        if output is not None:
            out.print("name whoever gets this copy under [given] in assignment.toml, before grading", markup=False)


@app.command()
def examine(
    folders: Annotated[
        list[Path], typer.Argument(help="Hand-ins: folders with the notebooks and the package, or zips of them.")
    ],
    assignment: Annotated[str, typer.Option(help="Name of the assignment.")] = "deep_nets",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Examine this question only; may be repeated.")
    ] = None,
    target: Annotated[bool, typer.Option(help="Train the target section too (minutes).")] = True,
    edition: Annotated[str, typer.Option(help="Whose dialect it is: auto, or a name from docs/editions.md.")] = "",
    package: Annotated[
        Path | None, typer.Option(help="The package's folder below FOLDER, where it is not to be looked for.")
    ] = None,
    target_cell: Annotated[
        int | None, typer.Option(min=1, help="The code cell to train, counted from 1, in a notebook that is not ours.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Hand-ins examined at once; 0: one for each core.")] = 0,
    wall_name: WallOption = wall.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False,
) -> None:
    """Examine hand-ins and print their scores with reasons: one in full, several in a line each. Nothing is recorded.

    Reads FOLDERS; writes nothing. With --edition it examines hand-ins of other courses as they are; `auto` finds the
    package and its dialect by itself and says why. With --json several hand-ins give a list. Exit codes: 0 all graded,
    1 some could not be, 2 wrong usage.

    Example: autograder examine hand-ins/* --edition auto --no-target --workers 2
    """
    from autograder.examining import Options, examine_all
    from autograder.examining import examine as run

    _use(wall_name)
    if edition not in ("", editions.AUTO):
        editions.edition(edition)
    work = Course.find().assignment(assignment)
    options = Options(tuple(only or ()), target, edition, package, target_cell)
    if len(folders) == 1:
        if not folders[0].exists():
            fix = "give the folder that holds the hand-in's notebooks"
            raise CourseError("no such folder or zip", where=folders[0], fix=fix)
        with err.status("examining") as status:
            results = [run(work, folders[0], options, lambda line: status.update(escape(line)))]
    else:
        results = []
        with err.status(f"examining 1 of {len(folders)}") as status:
            for result in examine_all(work, folders, options, workers):
                results.append(result)
                status.update(f"examining {min(len(results) + 1, len(folders))} of {len(folders)}")
    if as_json:
        found = [as_dict(work, result) for result in results]
        print(json.dumps(found if len(folders) > 1 else found[0], indent=1))
    elif len(folders) > 1:
        _show_all(work, [(result, "") for result in results])
    else:
        _show(work, results[0])
    raise typer.Exit(0 if all(result.state == "graded" for result in results) else 1)


@app.command()
def grade(
    assignment: Name = "deep_nets",
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Hand-ins examined at once; 0: one for each core.")] = 0,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler (tcp://...): examine on its workers; see docs/scale.md.")
    ] = "",
    target: Annotated[bool, typer.Option(help="Train the target sections too (minutes each).")] = True,
    allow_synthetic: Annotated[
        bool,
        typer.Option("--allow-synthetic", help="Record target scores made on the stand-in, which is not CIFAR-10."),
    ] = False,
    wall_name: WallOption = wall.AUTO,
) -> None:
    """Examine every hand-in and record the scores in nbgrader's gradebook.

    Reads submitted/*/NAME; writes results/, autograded/, gradebook.db and a log below logs/. What an earlier run has
    done is not done again, so a run that was stopped (Ctrl-C) or killed is taken up by the same command. Exit codes:
    0 all graded, 1 some could not be, 2 wrong usage, 130 stopped.

    Example: autograder grade deep_nets --workers 2
    """
    from autograder import pool
    from autograder.grade import grade as run

    _use(wall_name)
    work = Course.find().assignment(assignment)
    done: list[tuple[HandInResult, str]] = []
    local = contextlib.nullcontext((workers, pool.processes))
    try:
        with pool.cluster(scheduler) if scheduler else local as (count, executor):
            done.extend(
                run(
                    work,
                    student or (),
                    workers=count,
                    executor=executor,
                    with_target=target,
                    allow_synthetic=allow_synthetic,
                    console=err,
                )
            )
    except KeyboardInterrupt:
        _show_all(work, done)
        err.print(f"stopped; {len(done)} hand-ins are recorded. The same command does the rest.", markup=False)
        raise typer.Exit(130) from None
    _show_all(work, done)
    raise typer.Exit(0 if all(result.state == "graded" and not reason for result, reason in done) else 1)


@app.command()
def feedback(
    assignment: Name = "deep_nets",
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
) -> None:
    """Write a page for each student: scores, what must hold, what was recognised, comments.

    Reads autograded/ and gradebook.db; writes feedback/STUDENT/NAME. Exit codes: 0 done, 1 some failed, 2 wrong usage.

    Example: autograder feedback deep_nets
    """
    from autograder.feedback import feedback as run

    course = Course.find()
    failed = {name: why for name, why in run(course, course.assignment(assignment), student or None).items() if why}
    for name, why in failed.items():
        err.print(f"{name}: {why}", markup=False)
    out.print(f"feedback: {course.root / 'feedback'}", markup=False)
    raise typer.Exit(1 if failed else 0)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the demonstration; made anew.")] = Path("demo"),
) -> None:
    """Grade five hand-ins made on the spot, in a course of their own: release, grade, feedback.

    Writes the folder --output. On the stand-in for CIFAR-10 the target's scores are provisional. Exit codes: 0 done,
    2 wrong usage.

    Example: autograder demo
    """
    from autograder import demo as demonstration
    from autograder.feedback import feedback as write_feedback
    from autograder.grade import grade as run
    from autograder.release import release as make_release

    here = Course.find()
    os.environ["CIFAR10_DIR"] = str(here.data.resolve())
    os.environ.setdefault(wall.places.VARIABLE, str(wall.places.shared(here.root)))
    course = demonstration.make_course(here, output.resolve())
    work = course.assignment("deep_nets")
    err.print("1 of 3: making the release")
    make_release(course, work, archive=False)
    names = demonstration.make_hand_ins(work)
    err.print(f"2 of 3: grading {', '.join(names)} (a few minutes: the target is trained for real)")
    done = list(run(work, allow_synthetic=True, console=err))
    _show_all(work, done)
    _show_notebooks(work, [result for result, _ in done])
    err.print("3 of 3: writing feedback")
    write_feedback(course, work)
    out.print(
        f"gradebook:  {output}/gradebook.db (see it with `nbgrader formgrader` inside {output}/)\n"
        f"feedback:   {output}/feedback/<student>/{work.name}/\n"
        f"records:    {output}/results/{work.name}/<student>/\nlog:        {output}/logs/",
        markup=False,
    )


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False) -> None:
    """Say what works on this machine, what does not, and the fix: walls, runtime, data, nbgrader, secret, disk.

    Reads the course; writes nothing but the worker's runtime. Exit codes: 0 a hand-in can be graded behind a wall,
    1 something stands in the way, 2 wrong usage.

    Example: autograder doctor
    """
    from autograder.doctor import examine_machine

    findings = examine_machine(Course.find())
    if as_json:
        print(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        table = Table("what", "state", "found", "fix")
        for finding in findings:
            table.add_row(finding.what, finding.state, escape(finding.found), escape(finding.fix))
        out.print(table)
    raise typer.Exit(1 if any(finding.state == "bad" for finding in findings) else 0)


def _use(wall_name: str) -> None:
    """Hand the choice of a wall on to every process that this one starts."""
    if wall_name not in (wall.AUTO, *wall.WALLS):
        raise CourseError(f'no wall "{wall_name}"', fix=f"choose from: {', '.join((wall.AUTO, *wall.WALLS))}")
    os.environ[wall.VARIABLE] = wall_name
    if wall_name == "none":
        err.print(
            "NO WALL: student code can read, send and remove whatever your user can. Results say so.", style="bold red"
        )


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
            "accuracy": target.target.accuracy,
            "points": worth[target.question],
            "score": target.score(worth[target.question]),
            "epochs": target.target.epochs,
            "history": list(target.target.history),
        },
        "timing": result.timing.model_dump(),
    }


def _show_all(assignment: Assignment, done: list[tuple[HandInResult, str]]) -> None:
    table = Table("student", "state", "points", "reasons", title=f"{assignment.name}: {assignment.settings.title}")
    foreign = any(result.evidence for result, _ in done)
    if foreign:
        table.add_column("edition")
    for result, reason in sorted(done, key=lambda pair: pair[0].student):
        earned, most = points(assignment, result)
        row = [result.student, result.state, f"{earned:g} / {most:g}", escape(reason or summary(result))]
        table.add_row(*row, *([result.edition] if foreign else []))
    out.print(table)
    if done:
        out.print(f"wall: {done[0][0].wall}; data: {done[0][0].data}", markup=False)


def _show_notebooks(assignment: Assignment, results: list[HandInResult]) -> None:
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


def _show(assignment: Assignment, result: HandInResult) -> None:
    worth = {question.grade_id: question.points for question in assignment.auto_questions}
    table = Table("question", "state", "score", "why")
    for question in result.questions:
        most = worth[question.question]
        table.add_row(
            question.question, question.state, f"{question.score(most):g} / {most:g}", escape(question.message())
        )
    out.print(table)
    if result.reason and not result.questions:
        out.print(result.reason, markup=False)
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
            out.print("\n  ".join([f"{title}:", *lines]), markup=False)


def main() -> None:
    """Entry point. A CourseError is printed without a traceback; everything else is a bug and keeps its own."""
    try:
        app()
    except CourseError as error:
        err.print(f"autograder: {error}", markup=False)
        sys.exit(2)
