"""The one page that says all: scores, what to do next, why, and nothing of anybody or anything hidden."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from page_class import (
    FORMULA,
    HOSTILE,
    SCRIPT,
    SENTENCE,
    SYNTAX,
    UNWRITTEN,
    WORLD,
    WRONG,
    WRONG_FORWARD,
    failed,
    grade_words,
    hand_in,
    result,
    right,
    text,
    trained,
    with_target,
)
from small_course import Class

from autograder import checks
from autograder.course import Course
from autograder.errors import CourseError
from autograder.feedback import feedback, write_pages


def page(classroom: Class, student: str) -> str:
    write_pages(classroom.assignment, [student])
    return (classroom.course.root / "feedback" / student / "deep_nets" / "index.html").read_text(encoding="utf-8")


def test_page_of_a_wrong_hand_in_says_points_reason_place_and_hint(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "bob", right(dropout_forward=WRONG_FORWARD, dropout_backward=UNWRITTEN))
    said = text(page(classroom, "bob"))
    assert "12 of 20 points so far" in said  # 0.4 of 5, 0 of 3, 10 of 10, words not graded
    assert "1 answer in words is waiting for a person (2 points)" in said
    assert f"Recognised: {SENTENCE}" in said
    assert "What is kept leaves the layer as x / p. It is not x / p." in said
    assert "open Dropout.ipynb, section “Dropout” (dropout_forward in nndl/layers.py)" in said
    assert "Look at the line that scales." in said
    assert "Not written yet." in said
    assert "dropout_backward in nndl/layers.py" in said
    assert "56 %" in said


def test_one_reason_for_several_questions_is_said_once(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "cleo", failed())
    html = page(classroom, "cleo")
    assert html.count("could not be imported") == 2  # once in what to do next, once in what to mend
    assert "3 questions could not be examined." in text(html)
    assert SYNTAX in text(html)


def test_wrong_questions_that_say_the_same_are_told_together(classroom: Class) -> None:
    backward = result("dropout_backward", share=0.2, checks=(WRONG,), recognised=(SENTENCE,))
    hand_in(classroom, "bob", right(dropout_forward=WRONG_FORWARD, dropout_backward=backward))
    html = page(classroom, "bob")
    assert text(html).count("Recognised:") == 1
    assert '<h3 id="mend-dropout_forward"><code>dropout_forward</code>, <code>dropout_backward</code>' in html


def test_what_the_examiner_failed_over_is_no_fault_of_the_student(classroom: Class) -> None:
    hand_in(classroom, "fay", right(dropout_backward=result("dropout_backward", state="failed", share=0.0, key="")))
    said = text(page(classroom, "fay"))
    assert "our examiner failed there, not you" in said
    assert "You need not do anything." in said


def test_graded_words_show_points_and_comment_and_their_markup_stays_harmless(classroom: Class) -> None:
    hand_in(classroom, "ada", right())
    grade_words(classroom, "ada", 1.5, f"Well *said*. {SCRIPT} [a](javascript:alert(1)) ![b](https://c.example/d.png)")
    html = page(classroom, "ada")
    assert "19.5 of 20 points" in text(html)
    assert "waiting" not in text(html)
    assert "1.5 of 2 points." in text(html)
    assert "Well <em>said</em>." in html
    assert "&lt;script&gt;document.title" in html
    for bad in ("<script", 'javascript:alert(1)"', 'c.example/d.png">', '<img src="http', "onerror="):
        assert bad not in html


def test_a_score_that_a_person_changed_counts_and_shows_both(classroom: Class) -> None:
    hand_in(classroom, "ada", right(dropout_forward=WRONG_FORWARD))
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        book.find_grade("dropout_forward", "Dropout", "deep_nets", "ada").manual_score = 4.5
        book.db.commit()
    said = text(page(classroom, "ada"))
    assert "17.5 of 20 points so far" in said
    assert "4.5 of 5 changed by a person (automatic: 2)" in said


def test_a_late_hand_in_shows_what_it_lost(classroom: Class) -> None:
    hand_in(classroom, "ada", right())
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        book.find_submission_notebook("Dropout", "deep_nets", "ada").late_submission_penalty = 3.6
        book.db.commit()
    said = text(page(classroom, "ada"))
    assert "handed in late \u22123.6" in said
    assert "14.4 of 20 points so far" in said


def test_the_curve_stands_there_as_figure_and_as_table(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "ada", right(target=trained((0.4, 0.487, 0.53), share=0.91)))
    html = page(classroom, "ada")
    assert 'aria-label="Validation accuracy after each of 3 epochs: the best is 53 %, after epoch 3.' in html
    assert "48.7 %" in text(html)
    assert "Train a better net: 53 % counts, 55 % earns all points." in text(html)


def test_a_target_on_the_stand_in_is_provisional(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, WORLD, right(target=trained((0.3,), data="synthetic stand-in, not CIFAR-10")))
    html = page(classroom, WORLD)
    assert "Provisional: the net was trained on a stand-in for CIFAR-10" in text(html)
    assert f"<bdi>{WORLD}</bdi>" in html


def test_plots_of_the_notebook_are_there_with_a_description(classroom: Class) -> None:
    hand_in(classroom, "ada", right())
    html = page(classroom, "ada")
    assert re.search(r'<img src="data:image/png;base64,[\w+/=]+" alt="Plot 1 of Dropout, under “Dropout”">', html)


def test_a_question_without_a_record_is_not_examined_yet(classroom: Class) -> None:
    hand_in(classroom, "ada", [one for one in right() if one.question != "target"])
    said = text(page(classroom, "ada"))
    assert "Not examined yet: target (10 points)." in said


def test_pages_stand_beside_those_of_nbgrader(classroom: Class) -> None:
    hand_in(classroom, "ada", right())
    for _ in range(2):  # nbgrader empties the folder first
        assert feedback(classroom.course, classroom.assignment) == {"ada": ""}
        folder = classroom.course.root / "feedback" / "ada" / "deep_nets"
        assert sorted(path.name for path in folder.iterdir()) == ["Dropout.html", "index.html"]
    assert 'href="Dropout.html"' in (folder / "index.html").read_text()


def test_a_notebook_called_index_is_refused(classroom: Class) -> None:
    folder = classroom.course.root / "source" / "deep_nets"
    (folder / "Dropout.ipynb").rename(folder / "index.ipynb")
    with pytest.raises(CourseError, match="written over"):
        feedback(classroom.course, Course(classroom.course.root).assignment("deep_nets"))


def test_equal_gradings_give_equal_pages(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "ada", right())
    assert page(classroom, "ada") == page(classroom, "ada")


def code_of_the_checks() -> set[str]:
    """Lines of hidden checks, but for the texts that students are told."""
    lines: set[str] = set()
    for path in Path(checks.__file__).parent.glob("test_*.py"):
        source = path.read_text(encoding="utf-8")
        told = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
        texts = " ".join(part for part in told if isinstance(part, str))
        lines |= {line.strip() for line in source.splitlines() if len(line) > 25 and line.strip() not in texts}
    return lines


def test_nothing_hidden_and_nobody_else_is_on_a_page(whole: Class) -> None:
    course = whole.course
    students = ["ada", "bob", "cleo", "dan", HOSTILE, WORLD, "fay"]
    pages = {student: page(whole, student) for student in students}
    hidden = {course.secret().decode(), str(course.root), str(Path.home()), "a-key-that-nobody-sees", "/tmp/", ".venv"}
    hidden |= {course.seed(student, "deep_nets") for student in students}
    hidden |= {"rerun(", "HIDDEN TESTS", "hidden_recipe", "secret_mask", "model answer", "multiplied_by_p"}
    assert len(hidden_code := code_of_the_checks()) > 500
    for student, html in pages.items():
        said = text(html)
        assert not [word for word in hidden if word in html], student
        assert not [line for line in hidden_code if line in said], student
        for other in [*students, FORMULA, "gus"]:
            if other != student:
                assert not re.search(rf"(?<!\w){re.escape(other)}(?!\w)", said), (student, other)
        assert "<script" not in html
        assert "<img src=x" not in html
