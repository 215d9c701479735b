"""Verbs for what people see: pages for students, a report for teachers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from autograder import languages
from autograder.course import Course
from autograder.roster import shared
from autograder.showing import err, out

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
Language = Annotated[
    str, typer.Option("--language", help=f"One of {', '.join(languages.LANGUAGES)}; see docs/languages.md.")
]
Name = Annotated[str, typer.Argument(help="Name of the assignment, a folder below assignments/.")]


@app.command()
def feedback(
    assignment: Name = "deep_nets",
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    language: Language = languages.ENGLISH,
) -> None:
    """Write pages for each student: scores, what must hold, what was recognised, how to go on, comments.

    Reads autograded/, results/ and gradebook.db; writes feedback/STUDENT/NAME: index.html says all on one page, and
    beside it stand nbgrader's own pages, one a notebook. Both work without a network. May be run while answers in
    words still wait for a person: the page says so. Exit codes: 0 done, 1 some failed, 2 wrong usage.

    Example: autograder feedback deep_nets
    """
    from autograder.feedback import feedback as run

    course = Course.find()
    done = run(course, course.assignment(assignment), student or None, language=language, console=err)
    failed = {name: why for name, why in done.items() if why}
    for name, why in failed.items():
        err.print(f"{name}: {why}", markup=False)
    out.print(f"feedback: {course.root / 'feedback'}/STUDENT/{assignment}/index.html", markup=False)
    raise typer.Exit(1 if failed else 0)


@app.command()
def report(
    assignment: Name = "deep_nets",
    roster: Annotated[
        Path | None, typer.Option("--roster", help="CSV of the class, as for `collect`: lists who handed in nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON; write no file.")] = False,
) -> None:
    """Write a page on the class and a CSV beside it: who needs a person, what to teach again, scores, the target.

    Reads submitted/, results/ and gradebook.db; examines nothing, so it may be run at any time, also while grading is
    unfinished. Writes report/NAME.html and report/NAME.csv, a row for each student, also for those in the roster or
    the gradebook who handed in nothing. Both name students: they are for teachers. Exit codes: 0 written, 2 wrong
    usage.

    Example: autograder report deep_nets --roster roster.csv
    """
    from autograder.report import overview

    found = overview(Course.find().assignment(assignment), roster)
    if as_json:
        print(json.dumps(found.as_dict(), indent=1))
        return
    page, table = found.write()
    if found.cases:
        needed = Table("hand-ins", "why", "what to do", title="who needs a person")
        for case in found.cases:
            needed.add_row(str(len(case.students)), case.why, case.what_to_do)
        out.print(needed)
    if found.absent:
        out.print(f"{len(found.absent)} handed in nothing: {shared(found.absent)}", markup=False)
    out.print(f"report: {page}\ntable:  {table}", markup=False)
