"""A made-up class is graded and held against its truth; then one question of it is examined again."""

import re
from concurrent.futures import Executor, Future

import pytest
from nbgrader.api import Gradebook
from platform_rules import canvas_grades
from rich.console import Console

from autograder.course import Course
from autograder.errors import CourseError
from autograder.export import Choices, export, grades_of
from autograder.grade import grade
from autograder.gradebook import auto_scores
from autograder.records import Records
from autograder.regrade import regrade
from autograder.rehearsal.truth import disagreements
from autograder.rehearsal.writing import simulate
from autograder.release import release

QUIET = Console(stderr=True, quiet=True)
QUESTION = "adam"


@pytest.fixture(scope="module")
def class_(tmp_path_factory):
    """Course, assignment and truth of eight hand-ins, graded without the target."""
    course = Course(tmp_path_factory.mktemp("rehearsal") / "course")
    truth = simulate(Course.find(), "deep_nets", 8, 4, course.root, "folders")
    work = course.assignment("deep_nets")
    release(course, work, archive=False)
    done = list(grade(work, workers=2, with_target=False, console=QUIET))
    assert [reason for _, reason in done] == [""] * 8
    return course, work, truth


def records_of(course, student):
    return Records(course.root / "results" / "deep_nets" / student)


def written(course):
    """Moments at which every record was written."""
    return {path: path.stat().st_mtime_ns for path in (course.root / "results").rglob("*.json")}


def spoil(course, student):
    """A record as a check that errs would have left it: its key still holds."""
    records = records_of(course, student)
    kept = records.kept(QUESTION)
    records.write(kept.model_copy(update={"share": 0.25, "reason": "A check that errs."}))
    return kept


def right_students(truth):
    return [student for student, due in truth.hand_ins.items() if due.kind == "correct"]


def again(work, **options):
    """What `regrade` showed, and what it could not do."""
    shown = []
    failed = regrade(work, QUESTION, show=shown.extend, workers=2, console=QUIET, **options)
    return {change.student: change for change in shown}, failed


def test_records_of_a_graded_class_agree_with_its_truth(class_):
    _, work, truth = class_
    assert {due.kind for due in truth.hand_ins.values()} >= {"correct", "misconception", "several", "broken"}
    assert disagreements(work, truth) == []


def test_exported_canvas_file_holds_the_records_points_of_every_student(class_):
    course, work, truth = class_
    done = export(work, "canvas", grades_of(work), choices=Choices(unfinished="partial"))
    _, grades = canvas_grades(done.place.read_text(encoding="utf-8"), work.settings.title)
    assert set(grades) == set(truth.hand_ins)
    for student, cell in grades.items():
        kept = [(records_of(course, student).kept(question.grade_id), question) for question in work.auto_questions]
        assert float(cell) == pytest.approx(sum(record.score(question.points) for record, question in kept if record))
    assert {waits for row in done.grades for waits in row.waiting} >= {"target: not examined"}


def test_regrade_lists_all_changes_before_one_is_written(class_):
    course, work, truth = class_
    ada, bob = right_students(truth)[:2]
    kept = spoil(course, ada)
    list(grade(work, [ada], with_target=False, console=QUIET))
    assert auto_scores(work, ada)[QUESTION] == 1.25  # the record's key holds, so it is believed
    before = written(course)

    shown, failed = again(work, dry_run=True)
    assert failed == []
    assert set(shown) == set(truth.hand_ins)
    assert {student for student, change in shown.items() if change.matters} == {ada}
    assert shown[ada].scores == (1.25, 5.0)
    assert written(course) == before

    during = []
    regrade(work, QUESTION, [ada, bob], show=lambda _: during.append(written(course)), workers=2, console=QUIET)
    assert during == [before]
    changed = {path for path, moment in written(course).items() if before[path] != moment}
    assert {path.name for path in changed} == {f"{QUESTION}.json"}
    assert records_of(course, ada).kept(QUESTION) == kept
    assert auto_scores(work, ada)[QUESTION] == auto_scores(work, bob)[QUESTION] == 5.0


def test_regrade_says_the_new_reason_and_leaves_what_a_person_gave(class_):
    course, work, truth = class_
    ada = right_students(truth)[0]
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as book:
        for question in work.questions:
            if question.grade_id in (QUESTION, "explain_scaling"):
                book.find_grade(question.grade_id, question.notebook, "deep_nets", ada).manual_score = 0.5
        book.db.commit()
    package = course.root / "submitted" / ada / "deep_nets" / "nndl" / "optim.py"
    own = package.read_text(encoding="utf-8")
    package.write_text(re.sub(r"\bdef adam\(", "def adam_too(", own), encoding="utf-8")
    shown, failed = again(work, students=[ada])
    assert failed == []
    assert shown[ada].scores == (5.0, 0.0)
    assert "adam" in shown[ada].new.first_reason()
    assert shown[ada].by_hand == 0.5
    assert auto_scores(work, ada)[QUESTION] == 0.0
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as book:
        assert book.find_grade(QUESTION, "Optimization", "deep_nets", ada).manual_score == 0.5
        assert book.find_grade("explain_scaling", "Dropout", "deep_nets", ada).manual_score == 0.5
    package.write_text(own, encoding="utf-8")
    again(work, students=[ada])
    assert auto_scores(work, ada)[QUESTION] == 5.0


class Broken(Executor):
    """Nothing that is given to it is ever done."""

    def submit(self, call, /, *arguments, **named):
        lost = Future()
        lost.set_exception(MemoryError("no room"))
        return lost


def test_old_record_stands_where_the_examiner_itself_failed(class_):
    course, work, truth = class_
    before = written(course)
    shown, failed = again(work, executor=lambda _: Broken())
    assert len(failed) == len(truth.hand_ins)
    assert all("MemoryError" in line for line in failed)
    assert not any(change.matters for change in shown.values())
    assert written(course) == before


def test_ungraded_and_unknown_are_named(class_):
    course, work, truth = class_
    ada = right_students(truth)[0]
    kept = course.root / "results" / "deep_nets" / ada
    kept.rename(kept.with_name("elsewhere"))
    _, failed = again(work, students=[ada])
    kept.with_name("elsewhere").rename(kept)
    assert failed == [f"{ada}: not graded yet; run `autograder grade`"]
    with pytest.raises(CourseError, match="no hand-in of nobody"):
        again(work, students=["nobody"])
    with pytest.raises(CourseError, match="no question"):
        regrade(work, "explain_scaling", show=print, console=QUIET)
