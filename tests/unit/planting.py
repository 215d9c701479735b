"""What the tests of hidden checks share: running a check, planting a misconception, laying the reference under it.

A planted fault is in one or two functions, and most checks never call them: they do what they do with the reference. So
`entered` remembers what a check calls of the reference, and only those that call what was replaced are run again.
"""

import ast
import functools
import sys
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


class Planted(LocalStudent):
    """The reference with something appended to a file; `changed` are the names that it defines anew."""

    changed = frozenset()


def failures(student, checks, seeds):
    """Names of the checks that some seed makes fail."""
    return {check.__name__ for check in checks if not all(stands(check, student, seed) for seed in seeds)}


def planted(wrong):
    """The reference with a misconception planted in it."""
    student = Planted.of_reference(appended={wrong.module: wrong.source()})
    student.changed = defined(wrong.source(), wrong.module)
    return student


def failed_questions(student, questions, seeds):
    """The questions of which some check fails."""
    return {
        question
        for question in questions
        if not all(stands(check, student, seed) for check in checks_of(question) for seed in seeds)
    }


def stands(check, student, seed):
    """What `passes` says, without a run where the run would be the reference's, line for line."""
    if isinstance(student, Planted) and student.changed and not student.changed & entered(check, seed):
        return True
    return passes(check, student, seed)


def defined(source, module):
    """The functions and classes that a text defines or imports; none if it does anything else, which may do anything.

    They must be functions and classes of the reference too, or nothing of it: what else it holds is not seen called.
    """
    reference = LocalStudent.of_reference().modules[module]
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif not isinstance(node, ast.Import) or ast.unparse(node) != "import numpy as np":
            return frozenset()
    there = [getattr(reference, name) for name in names if hasattr(reference, name)]
    if not all(callable(found) and found.__qualname__ in names for found in there):
        return frozenset()
    return frozenset(names)


@functools.cache
def entered(check, seed):
    """The functions and classes of the reference whose code a check calls, which it must pass."""
    names, files = set(), {f"nndl/{module}.py" for module in reference_texts()}

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename in files:
            names.add(frame.f_code.co_qualname.partition(".")[0])

    student = LocalStudent.of_reference()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        passed = passes(check, student, seed)
    finally:
        sys.setprofile(before)
    assert passed, f"{check.__name__} fails the reference with seed {seed}"
    return frozenset(names)


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
