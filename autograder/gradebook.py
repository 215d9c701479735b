"""gradebook: the examiner's scores into nbgrader's gradebook, one hand-in at a time.

nbgrader's own `autograde` does it, in this process, with the steps of nbgrader_config.py; `nbgrader autograde` and
formgrader's button use the same steps. Added here: where a notebook is missing an empty one stands in for it, so that
the code that was handed in still gets its score (nbgrader alone records nothing then); only notebooks are taken from a
hand-in, and what was recorded is read back.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.api import Assignment as AssignmentRow
from nbgrader.api import BaseCell, Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.utils import parse_utc
from traitlets.config import Config

from autograder.course import Assignment, Course, Question
from autograder.errors import CourseError
from autograder.hand_in_notebook import MAX_BYTES, empty_notebook, why_unread
from autograder.nbgrader_app import nbgrader_api, run


def record(course: Course, assignment: Assignment, student: str, *, settings: Config | None = None) -> str:
    """Put one hand-in's scores into the gradebook and its notebooks, harmless and with messages, into autograded/.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    student : str
        The hand-in lies in submitted/<student>/<assignment>.
    settings : Config, optional
        nbgrader settings over those of nbgrader_config.py.

    Returns
    -------
    str
        Why it could not be recorded; empty if it was.

    Raises
    ------
    CourseError
        If the gradebook does not fit the sources, which no hand-in can help.
    """
    hand_in = course.root / "submitted" / student / assignment.name
    if not hand_in.is_dir():
        return f"no hand-in: there is no submitted/{student}/{assignment.name}"
    if set(student) & set("[]") or not student.isprintable():
        return "nbgrader cannot take brackets or line breaks in a student's name; rename the folder below submitted/"
    with tempfile.TemporaryDirectory(prefix="autograder-") as temporary:
        config = Config()
        config.merge(settings or Config())
        config.CourseDirectory.submitted_directory = temporary
        missing, refused = _stage(assignment, hand_in, Path(temporary) / student / assignment.name)
        config.HandInExporter.missing, config.HandInExporter.unread = missing, refused
        api = nbgrader_api(course, config)
        with Gradebook(api.coursedir.db_url) as book:
            check_release(assignment, book)
        ok, errors, log = run(api, "autograde", assignment.name, glob.escape(student))
    if not ok:
        reasons = [f"{type(error).__name__}: {error}" for error in errors[:1]] or [log.strip()[-500:]]
        return f"nbgrader could not record it: {reasons[0]}"
    unscored = [name for name, score in auto_scores(assignment, student, api.coursedir.db_url).items() if score is None]
    return f"no score was recorded for {', '.join(unscored)}" if unscored else ""


def auto_scores(assignment: Assignment, student: str, db_url: str | None = None) -> dict[str, float | None]:
    """What the gradebook holds for the autograded questions of one student; None where it holds nothing."""
    with Gradebook(db_url or database(assignment.course)) as book:
        query = (
            book.db.query(BaseCell.name, Grade.auto_score)
            .select_from(Grade)
            .join(BaseCell, Grade.cell_id == BaseCell.id)
            .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
            .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(AssignmentRow, SubmittedAssignment.assignment_id == AssignmentRow.id)
            .filter(AssignmentRow.name == assignment.name, SubmittedAssignment.student_id == student)
        )
        held: dict[str, float | None] = dict(query.all())
    return {question.grade_id: held.get(question.grade_id) for question in assignment.auto_questions}


def mark(assignment: Assignment, student: str, version: str) -> str:
    """SHA-256 over all that recording a hand-in rests on and makes: with an equal mark it need not be done again.

    Parameters
    ----------
    assignment : Assignment
    student : str
    version : str
        That of the course and of this kit; see `autograder.node.version`.

    Returns
    -------
    str
        A hash over version, configuration, release, hand-in, records, autograded notebooks, and what the gradebook
        holds: scores of the hidden checks, and by how much the hand-in is late.
    """
    root, name = assignment.course.root, assignment.name
    hand_in, autograded = (root / place / student / name for place in ("submitted", "autograded"))
    folders = (hand_in, autograded, root / "release" / name)
    paths = [root / "nbgrader_config.py", hand_in / "timestamp.txt"]
    paths += [folder / path.name for path in assignment.notebooks for folder in folders]
    paths += sorted(path for path in (root / "results" / name / student).glob("*.json") if path.stem != "timing")
    total = hashlib.sha256(version.encode())
    for path in paths:
        there = path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_BYTES
        total.update(f"\0{path.name} {there}\0".encode() + (path.read_bytes() if there else b""))
    url = database(assignment.course)
    late = None
    with Gradebook(url) as book, contextlib.suppress(MissingEntry):
        late = book.find_submission(name, student).total_seconds_late
    total.update(repr((auto_scores(assignment, student, url), late)).encode())
    return total.hexdigest()


def unread(assignment: Assignment, student: str) -> dict[str, str]:
    """Notebooks of a recorded hand-in that were there and could not be read, each with the reason."""
    folder = assignment.course.root / "autograded" / student / assignment.name
    told = {path.name: why_unread(folder / path.name) for path in assignment.notebooks}
    return {name: why for name, why in told.items() if why}


def database(course: Course) -> str:
    """The URL of the gradebook, as nbgrader_config.py has it."""
    return str(nbgrader_api(course, Config()).coursedir.db_url)


def is_not_made_yet(db_url: str) -> bool:
    """Whether there is no gradebook; opening it would make one."""
    kind, _, path = db_url.partition(":///")
    return kind == "sqlite" and not Path(path).is_file()


def scores_of(
    assignment: Assignment, student: str, question: Question, db_url: str
) -> tuple[float | None, float | None]:
    """A question in the gradebook: the automatic score, and the one that a person gave; None where there is none."""
    if is_not_made_yet(db_url):
        return None, None
    with Gradebook(db_url) as book, contextlib.suppress(MissingEntry):
        grade = book.find_grade(question.grade_id, question.notebook, assignment.name, student)
        return grade.auto_score, grade.manual_score
    return None, None


def _stage(assignment: Assignment, hand_in: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Copy a hand-in's notebooks, and its time stamp if it has a valid one.

    Returns the notebooks that are missing, and those that are not opened, each with the reason.
    """
    folder.mkdir(parents=True)
    missing, refused = [], {}
    for name in [path.name for path in assignment.notebooks]:
        path, copy = hand_in / name, folder / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_BYTES:
            shutil.copyfile(path, copy)
            continue
        nbformat.write(empty_notebook(""), copy)  # nbgrader looks for a file
        if not (path.exists() or path.is_symlink()):
            missing.append(path.stem)
        else:
            large = path.is_file() and not path.is_symlink()
            refused[path.stem] = f"it is larger than {MAX_BYTES // 1_000_000} MB" if large else "it is no ordinary file"
    stamp = hand_in / "timestamp.txt"
    if stamp.is_file() and not stamp.is_symlink() and stamp.stat().st_size < 100:
        text = stamp.read_bytes().decode("utf-8", "replace").strip()
        try:
            parse_utc(text)
        except (ValueError, ArithmeticError):  # dateutil raises what the digits lead it to
            return missing, refused
        (folder / stamp.name).write_text(text + "\n", encoding="utf-8")
    return missing, refused


def check_released(assignment: Assignment) -> None:
    """`check_release`, before there is anything to record."""
    url = database(assignment.course)
    if is_not_made_yet(url):
        raise _not_released(assignment)
    with Gradebook(url) as book:
        check_release(assignment, book)


def check_release(assignment: Assignment, book: Gradebook) -> None:
    """The gradebook knows this assignment, with the points that the notebooks name; CourseError if not."""
    want = {question.grade_id: question.points for question in assignment.questions}
    try:
        notebooks = book.find_assignment(assignment.name).notebooks
    except MissingEntry:
        raise _not_released(assignment) from None
    have = {cell.name: float(cell.max_score) for notebook in notebooks for cell in notebook.grade_cells}
    if want != have:
        changed = sorted(name for name in want.keys() | have.keys() if want.get(name) != have.get(name))
        raise CourseError(
            f"gradebook and notebooks differ in {', '.join(changed)}",
            where=f"source/{assignment.name}",
            fix=f"run `autograder release {assignment.name}`",
        )


def _not_released(assignment: Assignment) -> CourseError:
    fix = f"run `autograder release {assignment.name}`"
    return CourseError("the assignment was not released yet", where=assignment.name, fix=fix)
