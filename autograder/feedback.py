"""feedback: pages for each student, nbgrader's own and one beside them that says all in short."""

from __future__ import annotations

import glob
from collections.abc import Iterable

from rich.console import Console
from rich.progress import Progress
from traitlets.config import Config

from autograder import feedback_page
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.grade import COLUMNS, recorded
from autograder.languages import ENGLISH, catalogue
from autograder.nbgrader_app import nbgrader_api, run
from autograder.pages import write_page
from autograder.places import places
from autograder.scores import sheets

PAGE = "index"


def feedback(
    course: Course,
    assignment: Assignment,
    students: Iterable[str] | None = None,
    *,
    language: str = ENGLISH,
    console: Console | None = None,
) -> dict[str, str]:
    """Write feedback/<student>/<assignment>/*.html: a page for each notebook by nbgrader, and index.html by us.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    students : iterable of str, optional
        All whose hand-ins were recorded, by default.
    language : str
        Its language, one of `autograder.languages.LANGUAGES`.
    console : Console, optional
        Where progress is shown.

    Returns
    -------
    dict
        For each student why there is no page; empty text where there is one.

    Raises
    ------
    CourseError
        If nothing was recorded yet, or not for one of the students named, or a notebook is called "index".
    """
    if PAGE in (path.stem for path in assignment.notebooks):
        where = f"source/{assignment.name}/{PAGE}.ipynb"
        raise CourseError(f"its page would be written over by {PAGE}.html", where=where, fix="rename the notebook")
    graded = sorted(
        path.parent.name
        for path in (course.root / "autograded").glob(f"*/{assignment.name}")
        if any(path.glob("*.ipynb"))
    )
    chosen = graded if students is None else list(students)
    unknown = sorted(set(chosen) - set(graded))
    if unknown or not chosen:
        raise CourseError(
            f"nothing recorded for {', '.join(unknown)}" if unknown else "no hand-in was recorded yet",
            where="autograded",
            fix=f"run `autograder grade {assignment.name}` first",
        )
    catalogue(language)
    settings = Config()
    settings.TranslateFeedback.language = language
    api = nbgrader_api(course, settings)
    outcome = {}
    with Progress(*COLUMNS, console=console, disable=console is None) as progress:
        for student in progress.track(chosen, description="nbgrader's pages"):
            ok, errors, log = run(api, "generate_feedback", assignment.name, glob.escape(student))
            reason = f"{type(errors[0]).__name__}: {errors[0]}" if errors else log.strip()[-500:]
            outcome[student] = "" if ok else f"nbgrader could not write its pages: {reason}"
        write_pages(assignment, progress.track(chosen, description="pages"), language)
    return outcome


def write_pages(assignment: Assignment, students: Iterable[str], language: str = ENGLISH) -> None:
    """Write feedback/<student>/<assignment>/index.html for students whose hand-ins were recorded.

    It comes after nbgrader's pages: making those works out anew what being late costs, and empties the folder.
    """
    root, found, known = assignment.course.root, sheets(assignment), places(assignment, language)
    for student in students:
        if student in found:
            result = recorded(assignment, student, root / "submitted" / student / assignment.name)
            graded = root / "autograded" / student / assignment.name
            view = feedback_page.view(assignment, known, found[student], result, graded, catalogue(language))
            write_page(root / "feedback" / student / assignment.name / f"{PAGE}.html", "feedback.html", view, language)
