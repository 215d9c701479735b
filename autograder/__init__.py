"""Turn a folder of hand-ins into scores with reasons."""

from __future__ import annotations

from autograder import lazy_parsers

lazy_parsers.put_off()


def rerun(question: str) -> None:
    """Run the hidden checks of a question on the reference package; the last line of every autograded source cell.

    nbgrader strips that line from what students get. A grader never executes it: hand-ins are examined outside the
    notebook. The target is not trained twice when an instructor runs a notebook, so here it is only named.

    Raises
    ------
    AssertionError
        If the reference does not earn full points.
    """
    from autograder.course import Course
    from autograder.grade import examined

    course = Course.find()
    known = [course.assignment(name) for name in course.assignments()]
    [assignment] = [one for one in known if any(asked.grade_id == question for asked in one.questions)]
    if assignment.settings.target is not None and question == assignment.settings.target.question:
        print(f"{question}: trained again when a hand-in is graded")
        return
    result = examined(assignment, "reference", assignment.folder, only=[question], store=False).questions[0]
    print(f"{question}: {sum(check.passed for check in result.checks)} of {len(result.checks)} hidden checks passed")
    assert result.share == 1.0, result.message()
