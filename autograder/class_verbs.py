"""Verbs for a whole class: rehearse it before it comes, examine one question again when a check was mended."""

from __future__ import annotations

import contextlib
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from autograder import wall
from autograder.course import Course
from autograder.errors import CourseError
from autograder.showing import err, out

if TYPE_CHECKING:
    from autograder.regrade import Change

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Format(StrEnum):
    """How a made-up class is laid out."""

    folders = "folders"
    canvas = "canvas"


@app.command("simulate-class")
def simulate_class(
    count: Annotated[int, typer.Argument(metavar="N", min=1, help="How many students.")] = 30,
    seed: Annotated[int, typer.Option(help="Where chance begins: equal numbers make equal classes.")] = 1,
    output: Annotated[Path, typer.Option(help="Folder of the rehearsal; made anew.")] = Path("rehearsal"),
    form: Annotated[
        Format, typer.Option("--format", help="folders: as `grade` reads them; canvas: one zip, for `collect`.")
    ] = Format.folders,
    compare: Annotated[
        bool, typer.Option("--compare", help="Write nothing; hold the records in OUTPUT against its truth.json.")
    ] = False,
    assignment: Annotated[str, typer.Option(help="Name of the assignment.")] = "deep_nets",
) -> None:
    """Make a class of N hand-ins of known worth, to rehearse a course before real ones come.

    Some are right, in several styles; some have a misconception or a few, of different questions; some are broken
    (syntax error, missing file, half a notebook, nothing at all); some attack (exit, endless loop, all memory). What
    each must earn is written down from what was planted, never from grading. Nobody in it is real.

    Writes OUTPUT, a course of its own: the sources, submitted/ or else submissions.zip as Canvas gives it (some late,
    some handed in twice, some in nested folders or with renamed notebooks) with roster.csv, and truth.json. For each
    student truth.json says which questions must earn all (full), lose points (less), earn nothing, or go either way,
    and the points that follow, the target left out. Exit codes: 0 made, or all records agree; 1 some disagree; 2 wrong
    usage.

    Example: autograder simulate-class 30 --seed 7, then: cd rehearsal; autograder release; autograder grade
    --no-target; autograder simulate-class --compare --output .
    """
    from autograder.rehearsal.truth import disagreements, read_truth
    from autograder.rehearsal.writing import simulate

    if compare:
        truth = read_truth(output)
        found = disagreements(Course(output.resolve()).assignment(truth.assignment), truth)
        table = Table("student", "question", "what is wrong", "what was done to the hand-in")
        for student, question, told in found:
            due = truth.hand_ins.get(student)
            table.add_row(student, question, told, escape(f"{due.about} ({due.style})" if due else ""))
        if found:
            out.print(table)
        out.print(f"{len(truth.hand_ins)} hand-ins, {len(found)} disagreements", markup=False)
        raise typer.Exit(1 if found else 0)
    truth = simulate(Course.find(), assignment, count, seed, output.resolve(), form.value)
    kinds = [due.kind for due in truth.hand_ins.values()]
    table = Table("what", "hand-ins")
    for kind in dict.fromkeys(sorted(kinds)):
        table.add_row(kind, str(kinds.count(kind)))
    out.print(table)
    out.print(f"class: {output}\ntruth: {output / 'truth.json'}", markup=False)


@app.command()
def regrade(
    question: Annotated[str, typer.Option(help="The question to examine again.")],
    assignment: Annotated[str, typer.Argument(help="Name of the assignment.")] = "deep_nets",
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Hand-ins examined at once; 0: by cores.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler; see docs/scale.md.")] = "",
    allow_synthetic: Annotated[
        bool, typer.Option("--allow-synthetic", help="Record target scores made on the stand-in.")
    ] = False,
    wall_name: Annotated[
        str, typer.Option("--wall", envvar=wall.VARIABLE, help="auto, bubblewrap, landlock or none.")
    ] = wall.AUTO,
) -> None:
    """Examine one question of every graded hand-in again, list what changes, then record it.

    For a check that was mended, or a doubt. Only that question is examined, whatever the records say; the list (old and
    new points, the new reason) is shown before anything is written, and with --dry-run nothing is. Scores and comments
    that a person gave stay. Reads submitted/ and results/; writes results/, autograded/, gradebook.db. Exit codes: 0
    all done, 1 some could not be, 2 wrong usage.

    Example: autograder regrade --question dropout_forward --dry-run
    """
    from autograder import pool
    from autograder.regrade import regrade as run

    if wall_name not in (wall.AUTO, *wall.WALLS):
        raise CourseError(f'no wall "{wall_name}"', fix=f"choose from: {', '.join((wall.AUTO, *wall.WALLS))}")
    os.environ[wall.VARIABLE] = wall_name
    local = contextlib.nullcontext((workers, pool.processes))
    with pool.cluster(scheduler) if scheduler else local as (count, executor):
        failed = run(
            Course.find().assignment(assignment),
            question,
            student or (),
            workers=count,
            executor=executor,
            allow_synthetic=allow_synthetic,
            dry_run=dry_run,
            show=lambda changes: _show_changes(changes, dry_run=dry_run),
            console=err,
        )
    for line in failed:
        err.print(line, markup=False)
    raise typer.Exit(1 if failed else 0)


def _show_changes(changes: list[Change], *, dry_run: bool) -> None:
    table = Table("student", "before", "after", "the new reason")
    matter = [change for change in changes if change.matters]
    for change in matter:
        before, after = ("-" if score is None else f"{score:g}" for score in change.scores)
        reason = change.new.first_reason() if change.new else ""
        held = "" if change.by_hand is None else f" (a person gave {change.by_hand:g}: that counts)"
        table.add_row(change.student, before, after, escape(f"{reason or 'all of it is right'}{held}"))
    if matter:
        out.print(table)
    same = sum(change.new is not None for change in changes) - len(matter)
    told = "nothing is written" if dry_run else "writing"
    out.print(f"{len(matter)} change, {same} stay as they are; {told}", markup=False)
