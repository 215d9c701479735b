"""A class whose records are written by hand, so that pages of every kind of hand-in can be looked at."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from PIL import Image
from small_course import Class, cell_of
from traitlets.config import Config

from autograder.grade import records_of
from autograder.gradebook import record
from autograder.results import Check, Guard, QuestionResult, Target, Timing

TARGET = """
[target]
question = "target"
notebook = "Dropout"
section = "target_section"
setup = "setup"
"""
ORIGIN = {"kit": "0.1.0", "edition": "canonical", "wall": "bubblewrap", "data": "none", "key": "a-key-that-nobody-sees"}
SYNTAX = (
    "Your package could not be imported. Python or your code, not the course, says: "
    "\"SyntaxError: '(' was never closed\" (layers.py, line 3)"
)
SENTENCE = "You multiply what is kept by p. Divide by p."
SCRIPT = "<script>document.title = 'mine'</script>"
HOSTILE = "<img src=x onerror=alert(1)>"
FORMULA = "=HYPERLINK(1)"
WORLD = "Zoë 李雷 محمد"

GOOD = Check(name="keeps with probability p", passed=True)
WRONG = Check(
    name="divides by p",
    passed=False,
    weight=3.0,
    message="What is kept leaves the layer as x / p.\nIt is not x / p.\nHint: Look at the line that scales.",
    misconception="multiplied_by_p",
)


def result(question: str, **more: object) -> QuestionResult:
    """A record; right, if nothing else is said."""
    usual = {**ORIGIN, "question": question, "state": "graded", "share": 1.0, "checks": (GOOD,)}
    return QuestionResult(**{**usual, **more})


def trained(history: tuple[float, ...], *, guard: Guard | None = None, data: str = "CIFAR-10", share: float = 1.0):
    """The record of a training."""
    best = max(history)
    story = f"Validation accuracy {best:.1%} at epoch {history.index(best) + 1} of {len(history)} that were run."
    story += "\nGuard: figures. Labels were looked up." if guard else ""
    target = Target(
        accuracy=best,
        counts=0.5 if guard else best,
        guard=guard,
        runs=1,
        epochs=len(history),
        best_epoch=history.index(best) + 1,
        history=history,
        required=0.55,
        message=story,
    )
    return result("target", share=share, checks=(), target=target, data=data)


def right(**other: QuestionResult) -> list[QuestionResult]:
    """Records of a right hand-in, some replaced."""
    found = {name: result(name) for name in ("dropout_forward", "dropout_backward")}
    return list({**found, "target": trained((0.4, 0.5, 0.56, 0.55)), **other}.values())


def failed(reason: str = SYNTAX, **more: object) -> list[QuestionResult]:
    """Records of a hand-in of which nothing could be examined."""
    told = dict.fromkeys(("dropout_forward", "dropout_backward", "target"), reason)
    told["target"] = f"Not trained: {reason}"
    return [result(name, state="failed", share=0.0, checks=(), reason=told[name], **more) for name in told]


WRONG_FORWARD = result("dropout_forward", share=0.4, checks=(GOOD, WRONG), recognised=(SENTENCE,))
UNWRITTEN = result(
    "dropout_backward", state="missing", share=0.0, checks=(), reason="layers.dropout_backward is not written yet."
)
GUARD = Guard(
    validation_changed=0.5, others=0.5, others_changed=0.5, images=3000, unexplained=("It knows the images.",)
)


def plot(colour: str) -> str:
    """A picture, PNG in base64."""
    made = io.BytesIO()
    Image.new("RGB", (320, 200), colour).save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def hand_in(classroom: Class, student: str, records: list[QuestionResult], *, recorded: bool = True) -> None:
    """Hand in a notebook with a plot and an answer, keep records of it, and put it into the gradebook."""
    nb = classroom.released()
    shown = new_output("display_data", data={"image/png": plot("teal"), "text/html": SCRIPT})
    nb.cells.insert(-1, new_code_cell("plot_curves()", outputs=[shown], id="curves"))
    cell_of(nb, "explain_scaling").source = f"The *mean* of {len(student)} stays. {SCRIPT} [x](javascript:alert(1))"
    classroom.hand_in(student, nb)
    for one in records:
        records_of(classroom.assignment, student).write(one)
    records_of(classroom.assignment, student).write_timing(Timing(cpu_seconds=2.0, target_cpu_seconds=600.0))
    if recorded:
        settings = Config()
        settings.ExaminerScores.examine = "autograder.grade.recorded"
        assert record(classroom.course, classroom.assignment, student, settings=settings) == ""


def grade_words(classroom: Class, student: str, points: float, comment: str, *, name: str = "") -> None:
    """What a person does in formgrader."""
    place = ("explain_scaling", "Dropout", "deep_nets", student)
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        grade = book.find_grade(*place)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment(*place).manual_comment = comment
        book.find_student(student).first_name = name
        book.db.commit()


def with_target(classroom: Class) -> Class:
    """The same course, with a target."""
    path = classroom.assignment.folder / "assignment.toml"
    path.write_text(path.read_text() + TARGET)
    return Class(classroom.course.root)


def whole_class(classroom: Class) -> Class:
    """One hand-in of every kind."""
    made = with_target(classroom)
    hand_in(made, "ada", right())
    grade_words(made, "ada", 1.5, f"Well *said*. {SCRIPT}", name="Ada")
    hand_in(made, "bob", right(dropout_forward=WRONG_FORWARD, dropout_backward=UNWRITTEN))
    hand_in(made, "cleo", failed())
    hand_in(made, "dan", right(target=trained((0.4, 1.0), guard=GUARD, share=0.78)))
    hand_in(made, HOSTILE, right(dropout_forward=WRONG_FORWARD))
    hand_in(made, WORLD, right(target=trained((0.3, 0.35), data="synthetic stand-in, not CIFAR-10", share=0.13)))
    hand_in(made, "fay", right(dropout_backward=result("dropout_backward", state="failed", share=0.0, key="")))
    hand_in(made, FORMULA, right(), recorded=False)
    hand_in(made, "gus", [], recorded=False)
    return made


def text(html: str) -> str:
    """What a reader sees, spaces evened out."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(" " if tag in ("br", "li", "p", "summary", "td", "th", "tr") else "")

        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html.partition("</head>")[2])
    return re.sub(r"\s+", " ", "".join(found))
