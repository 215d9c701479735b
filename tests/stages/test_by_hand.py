"""Points that a person gave stand for the text they were given for: the queue, the report and the export agree."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook
from small_course import FULL, Class, cell_of

from autograder import gradebook
from autograder.by_hand import SaveScores
from autograder.export import grades_of
from autograder.grade import Grading
from autograder.late import DueDate
from autograder.nbgrader_preprocessors import RestoreCells
from autograder.records import Records
from autograder.results import QuestionResult
from autograder.standing import cases, standings

WORDS = ("explain_scaling", "Dropout", "deep_nets", "ada")
CODE = ("dropout_forward", "Dropout", "deep_nets", "ada")
FIRST, SECOND = "Because the mean then stays.", "Because it divides by p."
CHANGED = "explain_scaling: the answer changed since it was graded by hand"
LATE = "\n[late]\ndue = 2026-11-20T23:59:00+01:00\npercent_per_day = 10\n"


def hand_in(classroom: Class, text: str | None) -> None:
    """A new attempt in the old one's place, with this answer; None: without the notebook."""
    shutil.rmtree(classroom.course.root / "submitted" / "ada", ignore_errors=True)
    nb = classroom.released()
    cell_of(nb, "explain_scaling").source = text or ""
    classroom.hand_in("ada", nb if text is not None else None)
    for name, (state, share, reason) in FULL.items():
        origin = {"edition": "canonical", "wall": "bubblewrap", "data": "none", "kit": "0", "key": "0"}
        result = QuestionResult(**origin, question=name, state=state, share=share, reason=reason)
        Records(classroom.course.root / "results" / "deep_nets" / "ada").write(result)


def book(classroom: Class) -> Gradebook:
    return Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db")


def give(classroom: Class, points: float | None, place: tuple[str, str, str, str] = WORDS) -> None:
    """Give points as formgrader does."""
    with book(classroom) as held:
        grade = held.find_grade(*place)
        grade.manual_score, grade.needs_manual_grade = points, points is None and grade.auto_score is None
        held.db.commit()


def waits(classroom: Class) -> tuple[str, ...]:
    """What the export says is not final; queue and report must say the same."""
    [grade] = grades_of(classroom.assignment)
    with book(classroom) as held:
        assert held.find_submission("deep_nets", "ada").needs_manual_grade == bool(grade.waiting)
    kinds = [case.kind for case in cases(classroom.assignment, standings(classroom.assignment))]
    assert kinds == (["waiting"] if grade.waiting else [])
    return grade.waiting


@pytest.fixture
def graded(classroom: Class) -> Class:
    """ada's answer was graded by a person."""
    hand_in(classroom, FIRST)
    assert classroom.record("ada") == ""
    assert waits(classroom) == ("explain_scaling: to be graded by hand",)
    give(classroom, 1.5)
    assert waits(classroom) == ()
    return classroom


def test_points_for_an_answer_stay_final_when_it_is_recorded_again(graded: Class) -> None:
    toml = graded.course.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text() + LATE)
    for _ in range(2):
        assert graded.record("ada") == ""
        assert waits(graded) == ()
    hand_in(graded, FIRST)  # another attempt, with the same answer
    assert graded.record("ada") == ""
    assert waits(graded) == ()


def test_plain_nbgrader_leaves_what_a_person_graded_alone_too(graded: Class) -> None:
    done = graded.nbgrader("autograde", "deep_nets", "--force")
    assert done.returncode == 0, done.stderr
    assert waits(graded) == ()


@pytest.mark.parametrize("text", [SECOND, "", None])
def test_points_for_an_older_answer_are_not_final(graded: Class, text: str | None) -> None:
    hand_in(graded, text)
    for _ in range(2):  # it waits until a person has looked
        assert graded.record("ada") == ""
        assert waits(graded) == (CHANGED,)
    give(graded, 0.5)
    assert waits(graded) == ()
    assert graded.record("ada") == ""
    assert waits(graded) == ()


def test_an_exchanged_picture_is_another_answer(graded: Class) -> None:
    import base64
    import io

    from PIL import Image

    def with_picture(colour: str) -> None:
        hand_in(graded, "![](attachment:a.png)")
        path = graded.course.root / "submitted" / "ada" / "deep_nets" / "Dropout.ipynb"
        raw, nb = io.BytesIO(), nbformat.read(path, as_version=4)
        Image.new("RGB", (20, 20), colour).save(raw, "PNG")
        picture = base64.b64encode(raw.getvalue()).decode()
        cell_of(nb, "explain_scaling").attachments = {"a.png": {"image/png": picture}}
        path.write_text(json.dumps(nb))
        assert graded.record("ada") == ""

    with_picture("red")
    give(graded, 1)
    with_picture("red")
    assert waits(graded) == ()
    with_picture("blue")
    assert waits(graded) == (CHANGED,)


@pytest.mark.parametrize("step", [RestoreCells, SaveScores, DueDate])
def test_a_recording_that_broke_off_hides_no_changed_answer(
    graded: Class, monkeypatch: pytest.MonkeyPatch, step: type
) -> None:
    hand_in(graded, SECOND)

    def killed(self: object, nb: object, resources: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(step, "preprocess", killed)
        assert "killed" in graded.record("ada")
    assert graded.record("ada") == ""
    assert waits(graded) == (CHANGED,)


def test_a_gradebook_from_before_sends_answers_back_once(graded: Class) -> None:
    from sqlalchemy import text

    with book(graded) as held:
        held.db.execute(text("DROP TABLE autograder_answer"))
        held.db.commit()
    assert graded.record("ada") == ""
    assert waits(graded) == (CHANGED,)
    give(graded, 1.5)
    assert graded.record("ada") == ""
    assert waits(graded) == ()


def test_points_that_a_person_gave_for_code_stay_final(graded: Class) -> None:
    give(graded, 4.5, CODE)
    assert graded.record("ada") == ""
    assert waits(graded) == ()
    with book(graded) as held:
        assert held.find_submission("deep_nets", "ada").score == 4.5 + 1.5 + 2.5 + 1.5


def test_a_score_by_hand_makes_nothing_recorded_again(graded: Class) -> None:
    work = Grading(graded.assignment, {"ada": graded.course.root / "submitted" / "ada" / "deep_nets"})
    marks = []
    for points in (1.5, 0.5):
        give(graded, points)
        marks.append(gradebook.mark(graded.assignment, "ada", work.version))
    assert graded.record("ada") == ""
    marks.append(gradebook.mark(graded.assignment, "ada", work.version))
    assert len(set(marks)) == 1
