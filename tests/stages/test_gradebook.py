"""From the examiner's results to nbgrader's gradebook, whatever the notebook of a hand-in holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial

import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from rich.console import Console
from small_course import FULL, Class, cell_of
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.grade import grade, not_examined
from autograder.nbgrader_preprocessors import RestoreCells
from autograder.regrade import regrade
from autograder.results import HandInResult

SCORES = {"dropout_forward": 5.0, "dropout_backward": 1.5, "target": 2.5}


def test_record_writes_score_and_message_into_every_autograded_cell(classroom: Class) -> None:
    classroom.hand_in("ada", classroom.released())
    assert classroom.record("ada") == ""
    assert classroom.scores("ada") == SCORES
    nb = classroom.autograded("ada")
    for name, score in SCORES.items():
        stream, result = cell_of(nb, name).outputs
        assert FULL[name][2] in stream.text
        assert result.data["text/plain"] == repr(score)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": 3}',
        b"[" * 100_000,
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [null, 3, {"cell_type": "code"}]}',
        b'{"nbformat": 99, "cells": []}',
        b'{"nbformat": "x", "cells": []}',
    ],
)
def test_record_takes_a_broken_notebook_and_still_gives_the_examiners_scores(classroom: Class, content: bytes) -> None:
    classroom.hand_in("bob", content)
    assert classroom.record("bob") == ""
    assert classroom.scores("bob") == SCORES


def test_record_gives_the_examiners_scores_where_the_notebook_is_missing(classroom: Class) -> None:
    classroom.hand_in("dan", None)
    assert classroom.record("dan") == ""
    assert classroom.scores("dan") == SCORES
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        assert not book.find_submission("deep_nets", "dan").needs_manual_grade


@pytest.mark.parametrize(
    "said",
    [
        {"state": "failed", "reason": "layers.py: line 3 is not valid Python.", "questions": FULL},
        {"state": "failed", "reason": "layers.py: line 3 is not valid Python.", "questions": {}},
        {"state": "graded", "questions": {name: ["failed", 1.0, "It hung, so it was stopped."] for name in FULL}},
        {"state": "graded", "questions": {}},
    ],
)
def test_record_gives_zero_with_a_reason_where_nothing_could_be_examined(classroom: Class, said: dict) -> None:
    classroom.hand_in("kim", classroom.released(), **said)
    assert classroom.record("kim") == ""
    assert classroom.scores("kim") == dict.fromkeys(SCORES, 0.0)
    for name in SCORES:
        assert len(cell_of(classroom.autograded("kim"), name).outputs[0].text) > 10


def test_record_of_a_failing_examiner_gives_no_points_and_leaves_others_alone(classroom: Class) -> None:
    classroom.hand_in("ada", classroom.released())
    classroom.hand_in("zoe", classroom.released(), questions={"target": ["graded", 7, "a share above 1"]})
    assert "ValidationError" in classroom.record("zoe")
    assert classroom.record("ada") == ""
    assert classroom.scores("ada") == SCORES
    assert set(classroom.scores("zoe").values()) == {None}


def test_plain_autograde_and_record_give_the_same_scores_and_copies(classroom: Class) -> None:
    nb = classroom.released()
    cell_of(nb, "target").metadata.nbgrader.points = 1000
    students = {"ada": classroom.released(), "bob": b"{", "eve": nb}
    for student, content in students.items():
        classroom.hand_in(student, content)
    done = classroom.nbgrader("autograde", "deep_nets")
    assert done.returncode == 0, done.stderr
    plain = {student: (classroom.scores(student), classroom.autograded(student)) for student in students}
    for student in students:
        assert classroom.record(student) == ""
        assert (classroom.scores(student), classroom.autograded(student)) == plain[student]
        assert plain[student][0] == SCORES


def test_answers_in_words_wait_for_a_person_only_if_there_is_an_answer(classroom: Class) -> None:
    answered, unchanged, moved = classroom.released(), classroom.released(), classroom.released()
    cell_of(answered, "explain_scaling").source = "Because $E[x]$ would shrink."
    moved.cells.remove(cell_of(moved, "explain_scaling"))
    waiting = {}
    for student, nb in {"ada": answered, "bob": unchanged, "cyd": moved}.items():
        classroom.hand_in(student, nb)
        assert classroom.record(student) == ""
        with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
            grade = book.find_grade("explain_scaling", "Dropout", "deep_nets", student)
            waiting[student] = (grade.needs_manual_grade, grade.auto_score)
    assert waiting == {"ada": (True, None), "bob": (False, 0.0), "cyd": (True, None)}


def test_the_changed_one_of_two_copies_of_an_answer_counts(classroom: Class) -> None:
    nb = classroom.released()
    cell = cell_of(nb, "explain_scaling")
    nb.cells.append(NotebookNode(json.loads(json.dumps(cell)), id="copy"))
    cell.source = "Because $E[x]$ would shrink."
    classroom.hand_in("ada", nb)
    assert classroom.record("ada") == ""
    assert cell_of(classroom.autograded("ada"), "explain_scaling").source == "Because $E[x]$ would shrink."


def test_a_manual_grade_survives_recording_again(classroom: Class) -> None:
    nb = classroom.released()
    cell_of(nb, "explain_scaling").source = "Because $E[x]$ would shrink."
    classroom.hand_in("ada", nb)
    classroom.record("ada")
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        book.find_grade("explain_scaling", "Dropout", "deep_nets", "ada").manual_score = 1.5
        book.db.commit()
    assert classroom.record("ada") == ""
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        assert book.find_submission("deep_nets", "ada").score == 9.0 + 1.5


def test_record_of_equal_hand_ins_gives_equal_bytes(classroom: Class) -> None:
    nb = classroom.released()
    nb.cells.remove(cell_of(nb, "target"))
    for student in ("ada", "bob"):
        classroom.hand_in(student, nb)
        classroom.record(student)
    folder = classroom.course.root / "autograded"
    ada, bob = ((folder / name / "deep_nets" / "Dropout.ipynb").read_bytes() for name in ("ada", "bob"))
    assert ada == bob


def test_record_keeps_the_students_plots_for_whoever_reads_the_answers(classroom: Class) -> None:
    import base64
    import io

    from PIL import Image

    plot = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(plot, "PNG")
    nb = classroom.released()
    shown = new_output("display_data", data={"image/png": base64.b64encode(plot.getvalue()).decode()})
    nb.cells.insert(3, new_code_cell("plot()", outputs=[shown], id="plot"))
    cell_of(nb, "target_solution").outputs = [shown]
    classroom.hand_in("ada", nb)
    classroom.record("ada")
    kept = classroom.autograded("ada")
    shown = [output for cell in kept.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2


@pytest.mark.parametrize("student", ["o'neil", "name with space", "ü*"])
def test_record_takes_students_with_unusual_names(classroom: Class, student: str) -> None:
    classroom.hand_in(student, classroom.released())
    assert classroom.record(student) == ""
    assert classroom.scores(student) == SCORES


def test_record_refuses_a_gradebook_that_does_not_fit_the_sources(classroom: Class) -> None:
    path = classroom.course.root / "source" / "deep_nets" / "Dropout.ipynb"
    path.write_text(path.read_text().replace('"points": 10', '"points": 12'))
    classroom.hand_in("ada", classroom.released())
    with pytest.raises(CourseError, match="differ in target"):
        classroom.record("ada")


def test_record_leaves_the_working_folder_alone(classroom: Class) -> None:
    before = os.getcwd()
    classroom.hand_in("ada", b"{")
    classroom.record("ada")
    assert os.getcwd() == before


def test_record_says_that_nbgrader_cannot_take_a_name_with_brackets(classroom: Class) -> None:
    for name in ("a[b]c", "a\nb"):
        classroom.hand_in(name, classroom.released())
        assert "brackets" in classroom.record(name)


@pytest.mark.parametrize("where", [(RestoreCells, "preprocess"), (Autograde, "start")])
def test_ctrl_c_is_no_fault_of_a_hand_in(
    classroom: Class, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    classroom.hand_in("ada", classroom.released())
    with monkeypatch.context() as patch:
        patch.setattr(*where, stopped)
        with pytest.raises(KeyboardInterrupt):
            classroom.record("ada")
    assert classroom.record("ada") == ""


def test_a_run_that_is_stopped_counts_what_is_recorded(classroom: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(work: Assignment, *_: object, **__: object) -> Iterator[tuple[HandInResult, str]]:
        for student, reason in {"ada": "", "bob": "", "cleo": "nbgrader could not record it"}.items():
            yield not_examined(work, student, "no code"), reason
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.grade.grade", stopped)
    monkeypatch.chdir(classroom.course.root)
    done = CliRunner().invoke(app, ["grade"])
    assert done.exit_code == 130
    assert "stopped; hand-ins recorded: 2." in done.stderr


@pytest.mark.parametrize("gradebook", [True, False])
def test_grade_before_a_release_says_so_before_it_examines(
    course: Course, monkeypatch: pytest.MonkeyPatch, gradebook: bool
) -> None:
    def examined(*_: object) -> None:
        pytest.fail("something was examined")

    monkeypatch.setattr("autograder.pool.run", examined)
    (course.root / "submitted" / "ada" / "deep_nets").mkdir(parents=True)
    if not gradebook:
        (course.root / "gradebook.db").unlink()
    for verb in (grade, partial(regrade, question="dropout_forward", show=print)):
        with pytest.raises(CourseError, match="not released yet"):
            list(verb(course.assignment("deep_nets"), console=Console(quiet=True)))
    assert (course.root / "gradebook.db").exists() == gradebook


def test_record_says_that_there_is_no_hand_in(classroom: Class) -> None:
    assert "no submitted/nobody" in classroom.record("nobody")
