"""The verb `export`: grades into files for learning platforms, and the zip of a Gradescope autograder."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from autograder.course import Assignment, Course
from autograder.roster import shared
from autograder.showing import err, out

if TYPE_CHECKING:
    from autograder.export import Exported, Form

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Format(StrEnum):
    """For which platform."""

    canvas = "canvas"
    gradescope = "gradescope"
    moodle = "moodle"
    csv = "csv"
    gradescope_autograder = "gradescope-autograder"


class Missing(StrEnum):
    """What stands for whoever handed in nothing."""

    blank = "blank"
    zero = "zero"


class Unfinished(StrEnum):
    """What is done about a grade that is not final."""

    refuse = "refuse"
    blank = "blank"
    partial = "partial"


@app.command()
def export(
    assignment: Annotated[str, typer.Argument(help="Name of the assignment.")] = "deep_nets",
    form: Annotated[Format, typer.Option("--format", help="For which platform; see docs/export.md.")] = Format.csv,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write, or a folder for it. Default: below export/.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option("--roster", help="CSV that says who is who on the platform; as for `collect`.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="Table that Canvas or Moodle exported: fill one column of it.")
    ] = None,
    column: Annotated[str, typer.Option(help="Heading of the column of grades; else the assignment's title.")] = "",
    missing: Annotated[
        Missing, typer.Option(help="Who is in the roster and handed in nothing: an empty cell, or 0 points.")
    ] = Missing.blank,
    unfinished: Annotated[
        Unfinished,
        typer.Option(help="Grades that are not final: refuse to export, an empty cell, or the points so far."),
    ] = Unfinished.refuse,
    long: Annotated[bool, typer.Option("--long", help="csv: a row for each question, with the reason.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the grades as JSON; write no file.")] = False,
    target: Annotated[bool, typer.Option(help="gradescope-autograder: train the target section, too.")] = True,
    minutes: Annotated[
        int, typer.Option(min=2, max=40, help="gradescope-autograder: the time limit that is set on Gradescope.")
    ] = 10,
    allow_no_wall: Annotated[
        bool, typer.Option("--allow-no-wall", help="gradescope-autograder: run student code even where no wall works.")
    ] = False,
) -> None:
    """Write grades into a file that Canvas, Moodle or Gradescope takes, or any spreadsheet.

    Reads gradebook.db (automatic points, points that people gave, lateness) and results/; writes OUTPUT. A grade is not
    final while an answer waits for a person, or a question was not examined: these are named, and by default nothing
    is written then.

    --format gradescope-autograder writes a zip from which Gradescope builds an autograder of this assignment. It holds
    the solutions and the hidden checks: never share it.

    Exit codes: 0 all written, 1 some were left out, 2 wrong usage, or not final.

    Example: autograder export deep_nets --format canvas --roster roster.csv --template from-canvas.csv
    """
    work = Course.find().assignment(assignment)
    if form is Format.gradescope_autograder:
        _export_autograder(work, output, target=target, minutes=minutes, allow_no_wall=allow_no_wall)
        return
    from autograder.export import Choices, Table, grades_of
    from autograder.export import export as run

    grades = grades_of(work, roster)
    if as_json:
        points = sum(question.points for question in work.questions)
        shown = {"schema": 1, "assignment": work.name, "points": points}
        print(json.dumps({**shown, "grades": [grade.as_dict() for grade in grades]}, indent=1))
        return
    choices = Choices(missing.value, unfinished.value)
    done = run(work, cast("Form", form.value), grades, output, choices=choices, table=Table(template, column, long))
    _show(done, choices.missing, choices.unfinished)
    raise typer.Exit(1 if done.left_out else 0)


def _show(done: Exported, missing: str, unfinished: str) -> None:
    out.print(f"{done.place}: {done.count} grades", markup=False)
    for state, choice in (("missing", missing), ("unfinished", unfinished)):
        names = [grade.student for grade in done.of(state)]
        if names:
            out.print(f"{len(names)} {state} ({choice}): {shared(names)}", markup=False)
    if done.untouched:
        out.print(f"{len(done.untouched)} rows stay as they were: {shared(done.untouched)}", markup=False)
    for student, why in done.left_out.items():
        err.print(f"left out: {student} {why}", markup=False)


def _export_autograder(
    work: Assignment, output: Path | None, *, target: bool, minutes: int, allow_no_wall: bool
) -> None:
    from autograder.gradescope.packing import Options, pack

    options = Options(target=target, minutes=minutes, allow_no_wall=allow_no_wall)
    packed = pack(work, output, options)
    out.print(f"{packed.place}: {packed.files} files\npoints of the autograder: {packed.points:g}", markup=False)
    for line in packed.remarks:
        err.print(line, markup=False)
    err.print("It holds the solutions and the hidden checks. Give it to Gradescope, and to nobody else.", markup=False)
