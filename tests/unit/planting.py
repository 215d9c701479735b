"""What the tests of hidden checks share: running a check, planting a misconception, laying the reference under it."""

from pathlib import Path

import numpy as np

from autograder.checks.api import CheckFailed, check_modules, checks_of, spec_of
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent

STYLES = Path(__file__).parents[1] / "styles"


def questions_with_checks():
    """The ids of all questions that have hidden checks, in the order of modules and lines."""
    found = [value for module in check_modules() for value in vars(module).values() if hasattr(value, "question_spec")]
    return tuple(dict.fromkeys(spec_of(check).grade_id for check in found))


def checks_of_all(questions):
    """The checks of several questions."""
    return [check for question in questions for check in checks_of(question)]


def passes(check, student, seed):
    """Whether a check passes, with the generators seeded as an examination seeds them."""
    np.random.seed(seed)
    try:
        with np.errstate(all="ignore"):
            check(student, np.random.default_rng(seed))
    except (CheckFailed, StudentError):
        return False
    return True


def failures(student, checks, seeds):
    """Names of the checks that some seed makes fail."""
    return {check.__name__ for check in checks for seed in seeds if not passes(check, student, seed)}


def planted(wrong):
    """The reference with a misconception planted in it."""
    return LocalStudent.of_reference(appended={wrong.module: wrong.source()})


def restored(wrong, rests_on):
    """The hand-in with a misconception, with the reference's functions under what `rests_on` names."""
    reference = LocalStudent.of_reference().modules
    student = planted(wrong)
    for name in rests_on:
        module, _, function = name.partition(".")
        setattr(student.modules[module], function, getattr(reference[module], function))
    return student


def failed_questions(student, questions, seeds):
    """The questions of which some check fails."""
    return {question for question in questions if failures(student, checks_of(question), seeds)}


def paid_questions(wrong, questions, seeds):
    """The questions that fail although every check has the reference under what it rests on."""
    students = {}

    def fails(check):
        rests_on = spec_of(check).rests_on
        if rests_on not in students:
            students[rests_on] = restored(wrong, rests_on)
        return bool(failures(students[rests_on], [check], seeds))

    return {question for question in questions if any(fails(check) for check in checks_of(question))}
