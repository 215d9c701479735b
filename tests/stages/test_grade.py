"""Grading a class: examined side by side, recorded one by one, the same scores by every way in."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.course import Course
from autograder.demo import CHANGES, hand_in, make_course, make_hand_ins
from autograder.errors import CourseError
from autograder.feedback import feedback
from autograder.grade import grade
from autograder.gradebook import auto_scores, database
from autograder.release import release
from datasets import synthetic

QUICK = """data = get_CIFAR10_data(num_training=2000)
model = FullyConnectedNet([30], normalization="batchnorm", dropout_keep_ratio=0.8)
Solver(model, data, update_rule="adam", num_epochs=2, batch_size=100, verbose=False).train()
"""


def with_section(path, code):
    """Put `code` into the cell in which the student trains."""
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "target_solution":
            cell.source = code
        if cell.id == "target_data":
            cell.source = ""
    nbformat.write(book, path)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course on a tiny stand-in, with hand-ins whose training takes a second."""
    course = make_course(Course.find(), tmp_path_factory.mktemp("grade") / "course")
    assignment = course.assignment("deep_nets")
    settings = assignment.folder / "assignment.toml"
    text = re.sub(r"(?m)^cpu_seconds = 10\b", "cpu_seconds = 2", settings.read_text(encoding="utf-8"))
    settings.write_text(re.sub(r"(?m)^cpu_seconds = 1800", "cpu_seconds = 9", text), encoding="utf-8")
    release(course, assignment, archive=False)
    make_hand_ins(assignment)
    for student in ("broken-notebook", "no-notebook", "empty-folder"):
        hand_in(assignment, student, assignment.package, course.root / "source" / "deep_nets")
    for student in ("reference", *CHANGES):
        with_section(course.root / "submitted" / student / "deep_nets" / "Dropout.ipynb", QUICK)
    (course.root / "submitted" / "broken-notebook" / "deep_nets" / "Dropout.ipynb").write_text("{'")
    (course.root / "submitted" / "no-notebook" / "deep_nets" / "Dropout.ipynb").unlink()
    shutil.rmtree(course.root / "submitted" / "empty-folder" / "deep_nets")
    (course.root / "submitted" / "empty-folder" / "deep_nets").mkdir()
    return course


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "cifar-10-batches-py").mkdir()
    synthetic.write(folder / "cifar-10-batches-py", images=1200)
    return folder


@pytest.fixture
def graded(classroom, data, monkeypatch):
    """All hand-ins graded; the second use in this module reads the records."""
    monkeypatch.setenv("CIFAR10_DIR", str(data))
    assignment = classroom.assignment("deep_nets")
    done = list(grade(assignment, workers=2, allow_synthetic=True, console=Console(stderr=True, quiet=True)))
    assert [reason for _, reason in done] == [""] * len(done)
    return {result.student: result for result, _ in done}


def scores(classroom, student):
    return auto_scores(classroom.assignment("deep_nets"), student)


def test_every_hand_in_ends_with_scores_or_a_reason(graded, classroom):
    assert set(graded) == {"reference", "untouched-release", *CHANGES, "broken-notebook", "no-notebook", "empty-folder"}
    failed = {name for name, result in graded.items() if result.state == "failed"}
    assert failed == {"syntax-error", "empty-folder"}
    for result in graded.values():
        for question in result.questions:
            assert question.share == 1 or question.message()


def test_gradebook_holds_what_the_records_say(graded, classroom):
    worth = {question.grade_id: question.points for question in classroom.assignment("deep_nets").auto_questions}
    for student, result in graded.items():
        expected = {question.question: question.score(worth[question.question]) for question in result.questions}
        assert scores(classroom, student) == pytest.approx(expected)


def test_one_hand_in_does_not_change_another(graded, classroom):
    checked = {"dropout_forward": 5.0, "dropout_backward": 3.0, "fc_net_dropout": 5.0}
    for student in ("reference", "broken-notebook", "no-notebook"):
        assert checked.items() <= scores(classroom, student).items()
    assert set(scores(classroom, "empty-folder").values()) == {0.0}
    assert set(scores(classroom, "untouched-release").values()) == {0.0}


def test_missing_or_broken_notebook_costs_the_target_and_says_so(graded):
    assert "not a notebook" in graded["broken-notebook"].question("target").message()
    assert "missing" in graded["no-notebook"].question("target").message()


def test_second_run_examines_nothing_again(graded, classroom, data, monkeypatch):
    records = sorted((classroom.root / "results").rglob("*.json"))
    before = {path: path.stat().st_mtime_ns for path in records}
    monkeypatch.setenv("CIFAR10_DIR", str(data))
    list(grade(classroom.assignment("deep_nets"), allow_synthetic=True, console=Console(quiet=True)))
    assert {path: path.stat().st_mtime_ns for path in records} == before


def recorded_anew(classroom):
    """Who was put into the gradebook by another run of grade."""
    before = {path: path.stat().st_mtime_ns for path in classroom.root.glob("autograded/*/deep_nets/Dropout.ipynb")}
    done = grade(classroom.assignment("deep_nets"), allow_synthetic=True, console=Console(quiet=True))
    assert [reason for _, reason in done if reason] == []
    paths = classroom.root.glob("autograded/*/deep_nets/Dropout.ipynb")
    return {path.parent.parent.name for path in paths if before.get(path) != path.stat().st_mtime_ns}


def test_second_run_records_only_what_is_not_in_the_gradebook_as_it_should_be(graded, classroom, data, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(data))
    assert recorded_anew(classroom) == set()
    notebook = classroom.root / "submitted/reference/deep_nets/BatchNormalization.ipynb"
    notebook.write_bytes(notebook.read_bytes() + b"\n")
    (classroom.root / "autograded/empty-folder/deep_nets/Dropout.ipynb").unlink()
    with Gradebook(database(classroom)) as book:
        cell = book.find_grade("dropout_forward", "Dropout", "deep_nets", "no-notebook")
        held, cell.auto_score = cell.auto_score, 0.25
        book.db.commit()
    assert recorded_anew(classroom) == {"reference", "empty-folder", "no-notebook"}
    assert scores(classroom, "no-notebook")["dropout_forward"] == held
    assert recorded_anew(classroom) == set()


def test_plain_nbgrader_gives_the_same_scores(graded, classroom):
    before = {student: scores(classroom, student) for student in graded}
    (classroom.root / "gradebook.db").unlink()
    shutil.rmtree(classroom.root / "autograded")
    for verb in (["generate_assignment", "deep_nets"], ["autograde", "deep_nets"]):
        command = [sys.executable, "-m", "nbgrader", *verb]
        run = subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-2000:]
    after = {student: scores(classroom, student) for student in graded}
    # Where a notebook is missing nbgrader alone gives its questions nothing.
    assert set(after.pop("empty-folder").values()) == {None}
    for question in classroom.assignment("deep_nets").auto_questions:
        if question.notebook == "Dropout":
            assert not after["no-notebook"].pop(question.grade_id)
            del before["no-notebook"][question.grade_id]
    del before["empty-folder"]
    assert after == before


def test_feedback_shows_reasons_and_nothing_hidden(graded, classroom):
    assert set(feedback(classroom, classroom.assignment("deep_nets")).values()) == {""}
    page = (classroom.root / "feedback" / "wrong-mask" / "deep_nets" / "Dropout.html").read_text(encoding="utf-8")
    assert "probability of keeping" in page
    assert "reversed_comparison" not in page
    for secret in (classroom.secret().decode(), classroom.seed("wrong-mask", "deep_nets"), str(classroom.root)):
        assert secret not in page
    assert "HIDDEN TESTS" not in page


def test_log_names_every_student(graded, classroom):
    text = "".join(path.read_text(encoding="utf-8") for path in (classroom.root / "logs").glob("grade-deep_nets-*.log"))
    assert all(student in text for student in graded)


def test_stand_in_is_refused_unless_allowed(classroom, data, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(data))
    with pytest.raises(CourseError, match="--allow-synthetic"):
        list(grade(classroom.assignment("deep_nets"), console=Console(quiet=True)))


def test_unknown_student_is_named(classroom, data, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(data))
    with pytest.raises(CourseError, match="nobody"):
        list(grade(classroom.assignment("deep_nets"), ["nobody"], allow_synthetic=True, console=Console(quiet=True)))


def examined_with_target(course, student):
    """The points that `autograder examine` takes from a hand-in of the demonstration, by question, and its accuracy."""
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "examine", "--json"]
    folder = course.root / "submitted" / student / "deep_nets"
    run = subprocess.run([*command, str(folder)], cwd=course.root, capture_output=True, text=True, check=False)
    found = json.loads(run.stdout)
    return {row["id"] for row in found["questions"] if row["score"] < row["points"]}, found["target"]["accuracy"]


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    """The demonstration's course as it is, nothing made smaller."""
    course = make_course(Course.find(), tmp_path_factory.mktemp("course") / "course")
    release(course, course.assignment("deep_nets"), archive=False)
    make_hand_ins(course.assignment("deep_nets"))
    return course


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(1500)
def test_reference_reaches_the_target_on_cifar10(demonstration):
    """The reference earns every automatic point, the target trained for real; the wrong mask loses some of both."""
    lost, accuracy = examined_with_target(demonstration, "reference")
    assert (lost, accuracy >= 0.55) == (set(), True)
    lost, accuracy = examined_with_target(demonstration, "wrong-mask")
    assert (lost, accuracy >= 0.55) == ({"dropout_forward", "target"}, False)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_reference_earns_everything_on_the_stand_in(demonstration, tmp_path, monkeypatch):
    """Where CIFAR-10 cannot be fetched, the target works the same way, and the guard finds nothing to object to."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    synthetic.write(folder)
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    lost, accuracy = examined_with_target(demonstration, "reference")
    assert (lost, accuracy >= 0.55) == (set(), True)
