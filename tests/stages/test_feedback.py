"""The page that a student gets: scores and reasons, no hidden test, nothing of another's doing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from small_course import FULL, Class, cell_of

from autograder.errors import CourseError
from autograder.feedback import feedback


def page(classroom: Class, student: str) -> str:
    return (classroom.course.root / "feedback" / student / "deep_nets" / "Dropout.html").read_text()


def test_feedback_shows_scores_and_messages_and_no_hidden_test(classroom: Class) -> None:
    nb = classroom.released()
    nb.cells.append(new_code_cell("print('mine')", outputs=[new_output("stream", text="printed by me\n")], id="mine"))
    classroom.hand_in("ada", nb)
    classroom.record("ada")
    assert feedback(classroom.course, classroom.assignment) == {"ada": ""}
    html = page(classroom, "ada")
    for _, _, message in FULL.values():
        assert message in html
    assert "(Score: 9.0 / 20.0)" in html
    assert "printed by me" in html
    for hidden in ("rerun", "HIDDEN", "Traceback (most", "secret_mask", "hidden_recipe", "model answer"):
        assert hidden not in html


def test_feedback_of_a_missing_and_of_a_broken_notebook_says_so(classroom: Class) -> None:
    classroom.hand_in("dan", None)
    classroom.hand_in("bob", b"{")
    for student in ("dan", "bob"):
        assert classroom.record(student) == ""
    assert feedback(classroom.course, classroom.assignment) == {"bob": "", "dan": ""}
    assert "Dropout.ipynb was not handed in" in page(classroom, "dan")
    assert "Dropout.ipynb could not be read" in page(classroom, "bob")


def test_feedback_escapes_what_the_examiner_says(classroom: Class) -> None:
    said = {"questions": {"target": ["graded", 0.5, "<script>alert(1)</script> & \x1b[31mred\x1b[0m"]}}
    classroom.hand_in("eve", classroom.released(), **said)
    classroom.record("eve")
    feedback(classroom.course, classroom.assignment, ["eve"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; red" in page(classroom, "eve")
    assert "<script>alert(1)" not in page(classroom, "eve")


def test_feedback_of_one_student_leaves_others_alone(classroom: Class) -> None:
    for student in ("ada", "bob"):
        classroom.hand_in(student, classroom.released())
        classroom.record(student)
    feedback(classroom.course, classroom.assignment, ["bob"])
    assert not (classroom.course.root / "feedback" / "ada").exists()
    names = sorted(path.name for path in (classroom.course.root / "feedback" / "bob").rglob("*.*"))
    assert names == ["Dropout.html", "index.html"]


def test_feedback_cannot_be_stopped_by_a_picture_that_is_not_there(classroom: Class) -> None:
    nb = classroom.released()
    nb.cells.append(new_markdown_cell("![plot](attachment:plot.png)", id="plot"))
    cell_of(nb, "explain_scaling").source = "![a](attach&#109;ent:a.png) " + "[" * 2000 + ">" * 2000
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert feedback(classroom.course, classroom.assignment) == {"eve": ""}


def test_feedback_before_grading_says_what_to_do_first(classroom: Class) -> None:
    with pytest.raises(CourseError, match="no hand-in was recorded"):
        feedback(classroom.course, classroom.assignment)
    classroom.hand_in("ada", classroom.released())
    classroom.record("ada")
    with pytest.raises(CourseError, match="nothing recorded for bob"):
        feedback(classroom.course, classroom.assignment, ["bob"])


def test_plain_nbgrader_writes_the_same_page(classroom: Class) -> None:
    classroom.hand_in("ada", classroom.released())
    classroom.record("ada")
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "deep_nets"]
    subprocess.run(command, cwd=classroom.course.root, check=True, capture_output=True, timeout=120)
    plain = page(classroom, "ada")
    feedback(classroom.course, classroom.assignment)
    assert page(classroom, "ada") == plain
