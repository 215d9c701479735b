"""The gradebook in a PostgreSQL server, started here: the same scores as in SQLite, and all verbs that read it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from rich.console import Console
from traitlets.config import Config

from autograder.course import Course
from autograder.demo import make_course, make_hand_ins
from autograder.feedback import feedback
from autograder.grade import grade
from autograder.gradebook import auto_scores, database, record
from autograder.regrade import regrade
from autograder.release import release

STUDENTS = ("reference", "wrong-mask", "syntax-error")
QUIET = Console(stderr=True, quiet=True)


def programs():
    """The folder of PostgreSQL's server programs, or None."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


@pytest.fixture(scope="module")
def server():
    """The URL of an empty database of a server that listens on a socket file only."""
    pytest.importorskip("psycopg", reason="the extra `postgresql` is not installed")
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server here; on Debian: apt install postgresql")
    home = Path(tempfile.mkdtemp(prefix="gradebook-"))
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:
        shutil.chown(home, user)

    def run(program, *options):
        as_user = {"user": user, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run([folder / program, *options], cwd=home, capture_output=True, text=True, **as_user)
        assert done.returncode == 0, done.stdout + done.stderr

    run("initdb", "--pgdata", home / "data", "--username", "grader", "--auth", "trust", "--no-sync")
    listen = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    run("pg_ctl", "start", "--wait", "--pgdata", home / "data", "--options", listen, "--log", home / "log")
    try:
        run("createdb", "--host", home, "--username", "grader", "gradebook")
        yield f"postgresql+psycopg://grader@/gradebook?host={home}"
    finally:
        run("pg_ctl", "stop", "--wait", "--mode", "immediate", "--pgdata", home / "data")
        shutil.rmtree(home)


def classroom(root, url=""):
    course = make_course(Course.find(), root)
    if url:
        config = course.root / "nbgrader_config.py"
        config.write_text(config.read_text() + f'c.CourseDirectory.db_url = "{url}"\n')
    work = course.assignment("deep_nets")
    release(course, work, archive=False)
    make_hand_ins(work)
    for folder in (course.root / "submitted").iterdir():
        if folder.name not in STUDENTS:
            shutil.rmtree(folder)
    return work


def words(work):
    """The answers in words of `reference` that wait for a person."""
    with Gradebook(database(work.course)) as book:
        notebooks = book.find_submission("deep_nets", "reference").notebooks
        return {grade.name for notebook in notebooks for grade in notebook.grades if grade.needs_manual_grade}


def recorded():
    """Settings under which recording examines nothing."""
    settings = Config()
    settings.ExaminerScores.examine = "autograder.grade.recorded"
    return settings


def graded(work):
    """Reasons why a hand-in was not recorded, by student."""
    return {result.student: reason for result, reason in grade(work, workers=2, with_target=False, console=QUIET)}


def test_gradebook_in_postgresql_holds_the_scores_that_sqlite_holds(server, tmp_path):
    work = classroom(tmp_path / "server", server)
    assert database(work.course) == server
    assert graded(work) == dict.fromkeys(STUDENTS, "")
    assert not (work.course.root / "gradebook.db").exists()
    scores = {student: auto_scores(work, student) for student in STUDENTS}
    assert scores["reference"]["dropout_forward"] == 5.0
    assert scores["wrong-mask"]["dropout_forward"] < 5.0

    plain = classroom(tmp_path / "file")
    shutil.copyfile(work.course.root / ".course_secret", plain.course.root / ".course_secret")
    assert graded(plain) == dict.fromkeys(STUDENTS, "")
    assert {student: auto_scores(plain, student) for student in STUDENTS} == scores

    waited = words(work)
    with Gradebook(server) as book:
        for question in work.questions:
            if question.grade_id in waited:
                grade_of = book.find_grade(question.grade_id, question.notebook, "deep_nets", "reference")
                grade_of.manual_score, grade_of.needs_manual_grade = question.points, False
        book.db.commit()
    assert record(work.course, work, "reference", settings=recorded()) == ""
    assert waited
    assert words(work) == set()

    assert set(feedback(work.course, work).values()) == {""}
    assert (work.course.root / "feedback" / "reference" / "deep_nets" / "Dropout.html").is_file()

    shown = []
    assert regrade(work, "dropout_forward", dry_run=True, show=shown.extend, workers=2, console=QUIET) == []
    assert {change.student: change.scores for change in shown} == {
        student: (scores[student]["dropout_forward"],) * 2 for student in STUDENTS
    }
