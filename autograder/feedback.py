"""feedback: a page for each student, made by nbgrader from autograded/ and the gradebook."""

from __future__ import annotations

import glob
from collections.abc import Iterable

from traitlets.config import Config

from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.languages import ENGLISH, catalogue
from autograder.nbgrader_app import nbgrader_api, run


def feedback(
    course: Course, assignment: Assignment, students: Iterable[str] | None = None, *, language: str = ENGLISH
) -> dict[str, str]:
    """Write feedback/<student>/<assignment>/*.html.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    students : iterable of str, optional
        All whose hand-ins were recorded, by default.
    language : str
        Its language, one of `autograder.languages.LANGUAGES`.

    Returns
    -------
    dict
        For each student why there is no page; empty text where there is one.

    Raises
    ------
    CourseError
        If nothing was recorded yet, or not for one of the students named.
    """
    recorded = sorted(
        path.parent.name
        for path in (course.root / "autograded").glob(f"*/{assignment.name}")
        if any(path.glob("*.ipynb"))
    )
    chosen = recorded if students is None else list(students)
    unknown = sorted(set(chosen) - set(recorded))
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
    for student in chosen:
        ok, errors, log = run(api, "generate_feedback", assignment.name, glob.escape(student))
        reason = f"{type(errors[0]).__name__}: {errors[0]}" if errors else log.strip()[-500:]
        outcome[student] = "" if ok else f"nbgrader could not write the page: {reason}"
    return outcome
