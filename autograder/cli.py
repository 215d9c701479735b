"""The command `autograder`: one verb a stage. It parses and prints; the stages do the work."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from autograder import class_verbs, editions, export_verb, languages, people_verbs, wall
from autograder.course import Course
from autograder.errors import CourseError
from autograder.results import HandInResult
from autograder.showing import as_dict, err, out, show, show_all, show_notebooks

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120},  # 80 columns cut the list of verbs short
)
app.add_typer(class_verbs.app)
app.add_typer(people_verbs.app)
app.add_typer(export_verb.app)

WallOption = Annotated[
    str,
    typer.Option("--wall", envvar=wall.VARIABLE, help="auto (the strongest that holds), bubblewrap, landlock or none."),
]
Name = Annotated[str, typer.Argument(help="Name of the assignment, a folder below assignments/.")]


def _version(asked: bool) -> None:
    if asked:
        out.print(f"autograder {version('deep-nets-course-kit')}", highlight=False)
        raise typer.Exit


@app.callback()
def _about(
    told: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version of this kit.")
    ] = False,
) -> None:
    """Turn a folder of hand-ins into scores with reasons.

    \b
    source/, assignments/  --release-->  release/
    DOWNLOAD  --collect-->  submitted/  --grade-->  results/, gradebook.db
    results/, gradebook.db  --feedback-->  feedback/   --report-->  report/   --export-->  export/

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
    edition: Annotated[
        str, typer.Option("--edition", help="Write it in another course's names, below --output; docs/editions.md.")
    ] = "",
    language: people_verbs.Language = languages.ENGLISH,
) -> None:
    """Make what students get: release/NAME and release/NAME.zip, without solutions and hidden tests.

    Reads source/NAME and assignments/NAME. With --check it generates into a folder of its own, with the options that
    the release was made with, and compares, imports every module, and looks for solution lines. Questions that are
    given solved carry no points in the release; for a copy made with --output, name its students under [given] in
    assignment.toml. With --edition the package, its modules, arguments and keys are called as that course calls them,
    and everything is proved once more. Exit codes: 0 released or fresh, 1 not fresh, 2 wrong usage.

    Example: autograder release deep_nets --notebook Dropout --solved affine_forward,relu_forward --output copies
    """
    from autograder.release import release as run

    course = Course.find()
    names = [name.strip() for name in solved.split(",") if name.strip()]
    done = run(
        course,
        course.assignment(assignment),
        check=check,
        notebooks=notebook or (),
        solved=names,
        output=output,
        edition=edition,
        language=language,
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
    workers: Annotated[int, typer.Option(min=0, help="Hand-ins examined at once; 0: by cores.")] = 0,
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
        show_all(work, [(result, "") for result in results])
    else:
        show(work, results[0])
    raise typer.Exit(0 if all(result.state == "graded" for result in results) else 1)


@app.command()
def collect(
    download: Annotated[Path, typer.Argument(help="Zip or folder that the learning platform gave.")],
    assignment: Annotated[str, typer.Option(help="Name of the assignment.")] = "deep_nets",
    roster: Annotated[
        Path | None, typer.Option("--roster", help="CSV that says whose an id is; see docs/grader.md.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False,
) -> None:
    """Lay down the newest hand-in of each student where `grade` looks for it.

    Knows downloads of Canvas, Moodle, Gradescope and nbgrader's exchange, and folders with a folder or zip a student.
    Writes submitted/STUDENT/NAME, where it is new or has changed; never an older hand-in over a newer one. The table
    says what was skipped and who is missing. Exit codes: 0 all taken, 1 some could not be opened, or nobody can tell
    whose they are, 2 wrong usage.

    Example: autograder collect submissions.zip --roster roster.csv
    """
    from autograder.collect import collect as run

    work = Course.find().assignment(assignment)
    done = run(work, download, roster=roster, dry_run=dry_run)
    if as_json:
        print(json.dumps(done.as_dict(), indent=1))
    else:
        out.print(done.table())
        counts = Counter(line.state for line in done.lines)
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        out.print(f"{done.kind}: {told}{'; nothing was changed (--dry-run)' if dry_run else ''}", markup=False)
    raise typer.Exit(1 if done.not_taken else 0)


@app.command()
def grade(
    assignment: Name = "deep_nets",
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Hand-ins examined at once; 0: by cores.")] = 0,
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
    from autograder.standing import unread_notes

    _use(wall_name)
    work = Course.find().assignment(assignment)
    done: list[tuple[HandInResult, str]] = []
    local = contextlib.nullcontext((workers, pool.processes))
    try:
        with pool.cluster(scheduler) if scheduler else local as (at_once, executor):
            done.extend(
                run(
                    work,
                    student or (),
                    workers=at_once,
                    executor=executor,
                    with_target=target,
                    allow_synthetic=allow_synthetic,
                    console=err,
                )
            )
    except KeyboardInterrupt:
        show_all(work, done)
        count = sum(not reason for _, reason in done)
        err.print(f"stopped; hand-ins recorded: {count}. The same command does the rest.", markup=False)
        raise typer.Exit(130) from None
    show_all(work, done, unread_notes(work, (result for result, _ in done)))
    raise typer.Exit(0 if all(result.state == "graded" and not reason for result, reason in done) else 1)


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
    show_all(work, done)
    show_notebooks(work, [result for result, _ in done])
    err.print("3 of 3: writing feedback")
    write_feedback(course, work)
    out.print(
        f"gradebook:  {output}/gradebook.db (see it with `jupyter lab` inside {output}/, menu Nbgrader, Formgrader)\n"
        f"feedback:   {output}/feedback/<student>/{work.name}/index.html\n"
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


@app.command()
def prove(
    secrets: Annotated[int, typer.Option(min=1, help="Examine each right hand-in under so many secrets.")] = 200,
    question: Annotated[
        list[str] | None, typer.Option("--question", help="Only this question's checks and faults; may be repeated.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one for each core.")] = 0,
) -> None:
    """Prove the hidden checks: right hand-ins in every style earn all, each known mistake costs its own question only.

    Reads tests/styles of a clone and the misconceptions; prints the matrix, and writes it to docs/prove.md when nothing
    was left out (200 secrets, all questions). What is done lies in build/prove: a run that was stopped goes on from
    there, until some text of the kit or of the styles changes.

    Exit codes: 0 proved, 1 something does not hold, 2 wrong usage.

    Example: autograder prove --secrets 20 --question adam
    """
    from rich.markdown import Markdown
    from rich.progress import Progress

    from autograder import prove as proofs
    from autograder.grade import COLUMNS

    course = Course.find()
    with Progress(*COLUMNS, console=err) as progress:
        bar = progress.add_task("proving", total=None)
        found = proofs.prove(
            course,
            secrets=secrets,
            questions=question or (),
            workers=workers,
            tell=lambda done, total: progress.update(bar, completed=done, total=total),
            keep=course.root / "build" / "prove",
        )
    page = proofs.as_page(found)
    out.print(Markdown(page.removesuffix(f"{found.line()}\n")))
    if secrets == proofs.SECRETS and not question:
        (course.root / "docs" / "prove.md").write_text(page, encoding="utf-8")
    out.print(found.line(), markup=False)
    raise typer.Exit(0 if found.holds else 1)


def _use(wall_name: str) -> None:
    """Hand the choice of a wall on to every process that this one starts."""
    if wall_name not in (wall.AUTO, *wall.WALLS):
        raise CourseError(f'no wall "{wall_name}"', fix=f"choose from: {', '.join((wall.AUTO, *wall.WALLS))}")
    os.environ[wall.VARIABLE] = wall_name
    if wall_name == "none":
        err.print(
            "NO WALL: student code can read, send and remove whatever your user can. Results say so.", style="bold red"
        )


def main() -> None:
    """Entry point. A CourseError is printed without a traceback; everything else is a bug and keeps its own."""
    try:
        app()
    except CourseError as error:
        err.print(f"autograder: {error}", markup=False)
        sys.exit(error.exit_code)
