"""What the tests of hidden checks share: running a check, planting a misconception, laying the reference under it."""

from pathlib import Path

import numpy as np

from autograder.checks.api import CheckFailed, check_modules, checks_of, spec_of
from autograder.examiner.examine_local import examined_here
from autograder.examiner.student import StudentError
from autograder.examiner.student_local import LocalStudent, reference_texts

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
    return {check.__name__ for check in checks if not all(passes(check, student, seed) for seed in seeds)}


def planted(wrong):
    """The reference with a misconception planted in it."""
    return LocalStudent.of_reference(appended={wrong.module: wrong.source()})


def failed_questions(student, questions, seeds):
    """The questions of which some check fails."""
    return {
        question
        for question in questions
        if not all(passes(check, student, seed) for check in checks_of(question) for seed in seeds)
    }


def paid_questions(wrong, questions, seeds):
    """The questions that lose points in the end: with layers lent, and a fault that shows in several counted once."""
    texts = dict(reference_texts())
    texts[wrong.module] += f"\n\n{wrong.source()}"
    asked = {wrong.question, *questions}
    return {
        question
        for seed in seeds
        for question, found in examined_here(texts, f"seed {seed}", asked).items()
        if found.share < 1
    }
