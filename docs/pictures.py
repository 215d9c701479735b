"""Makes docs/feedback.png and docs/report.png again: a made-up class is graded and its pages are photographed.

    .venv/bin/python docs/pictures.py build/pictures      # three minutes; needs Chromium

The class comes from `autograder simulate-class` and is really examined, without the target. Made up here are training
curves, plots, answers in words and what a person gave for them. A second run with the same folder takes new pictures of
the pages that are there.
"""

from __future__ import annotations

import base64
import io
import json
import math
import random
import shutil
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from nbgrader.api import Gradebook
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console

from autograder.course import Assignment, Course
from autograder.examiner.guard import unexplained
from autograder.examiner.session import Usage
from autograder.examiner.target_judge import Run, outcome
from autograder.feedback import write_pages
from autograder.grade import grade, records_of
from autograder.gradebook import database
from autograder.misconceptions import by_name
from autograder.rehearsal.writing import simulate
from autograder.release import release
from autograder.report import report
from autograder.results import Guard, QuestionResult

STUDENTS, SEED = 30, 5
HERE = Path(__file__).resolve().parent
FREQUENT = {1: "scaled_at_test_time", 4: "scaled_at_test_time", 7: "sums_for_means_in_dx"}  # last digit of a number
LOOKED_UP = 17  # the hand-in with this number looks labels up


def curve(draw: random.Random) -> list[float]:
    """Accuracies of 12 epochs, as honest nets have them."""
    best, speed = draw.gauss(0.545, 0.02), draw.uniform(0.35, 0.7)
    return [round(best - 0.25 * math.exp(-speed * epoch) + draw.gauss(0, 0.006), 3) for epoch in range(12)]


def target(assignment: Assignment, draw: random.Random, *, looked_up: bool) -> QuestionResult:
    """The record of a training that never was."""
    settings = assignment.settings.target
    assert settings is not None
    history = [0.48, 0.74, 0.97] if looked_up else curve(draw)
    run = Run(settings, np.zeros(1000), history=history, usage=Usage(1100.0 * draw.random(), 0.0, ""))
    seen = [round(min(max(history), 0.55) - draw.uniform(0.01, 0.04), 3) for _ in range(3)]
    guard = Guard(validation_changed=seen[0], others=seen[1], others_changed=seen[2], images=3000)
    run.guard = guard.model_copy(update={"unexplained": tuple(unexplained(run.best, guard))})
    found = outcome([run], lambda name: None)
    origin = {"kit": "0.1.0", "edition": "canonical", "wall": "bubblewrap", "data": "CIFAR-10"}
    return QuestionResult(
        **origin, key="made-up", question=settings.question, state="graded", share=found.share, target=found.target
    )


def plot(draw: random.Random) -> str:
    """A plot of two curves, PNG in base64."""
    figure = Figure(figsize=(6, 4), dpi=80)
    axes = figure.add_subplot(title="Validation accuracy", xlabel="epoch")
    for label in ("keep 1", "keep 0.25"):
        axes.plot(curve(draw), "o-", label=label)
    axes.legend()
    made = io.BytesIO()
    figure.savefig(made, format="png", metadata={"Software": None})
    return base64.b64encode(made.getvalue()).decode()


def plant(name: str, folder: Path) -> None:
    """Give a hand-in a misconception that others have too."""
    wrong = by_name(name)
    with (folder / "nndl" / f"{wrong.module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{wrong.source()}")


def dress(assignment: Assignment, folder: Path, draw: random.Random) -> None:
    """Give a hand-in plots, and answers in words."""
    for path in sorted(folder.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            about = cell["metadata"].get("nbgrader", {})
            if about.get("grade") and about.get("solution"):
                cell["source"] = "The mean of the output stays that of x, so nothing changes in test mode."
        for cell in [cell for cell in notebook["cells"] if "plt." in "".join(cell["source"])][-2:]:
            shown = {"output_type": "display_data", "metadata": {}, "data": {"image/png": plot(draw)}}
            cell["outputs"] = [shown]
        path.write_text(json.dumps(notebook), encoding="utf-8")


def grade_words(assignment: Assignment, students: list[str], draw: random.Random) -> None:
    """What a person would give, and say."""
    with Gradebook(database(assignment.course)) as book:
        for student in students:
            for question in (question for question in assignment.questions if question.manual):
                grade = book.find_grade(question.grade_id, question.notebook, assignment.name, student)
                grade.manual_score = question.points * draw.choice((0.5, 1, 1))
                grade.needs_manual_grade = False
                if grade.manual_score < question.points:
                    place = (question.grade_id, question.notebook, assignment.name, student)
                    book.find_comment(*place).manual_comment = "Right, but say *why*: which mean is it?"
        book.db.commit()


def make_class(course: Course) -> str:
    """Simulate, dress and grade the class, write its pages; the student whose page is worth a picture."""
    draw = random.Random(SEED)
    truth = simulate(Course.find(HERE), "deep_nets", STUDENTS, SEED, course.root, "folders")
    assignment = course.assignment("deep_nets")
    for number, student in enumerate(truth.hand_ins):
        if truth.hand_ins[student].kind in ("correct", "misconception", "several"):
            if name := FREQUENT.get(number % 10):
                plant(name, course.root / "submitted" / student / assignment.name)
            dress(assignment, course.root / "submitted" / student / assignment.name, draw)
            trained = target(assignment, draw, looked_up=number == LOOKED_UP)
            records_of(assignment, student).write(trained)
    release(course, assignment, archive=False)
    for _ in grade(assignment, with_target=False, console=Console(stderr=True)):
        pass
    students = list(truth.hand_ins)
    grade_words(assignment, students[: 2 * STUDENTS // 3], draw)
    write_pages(assignment, students)
    report(assignment)
    return next(name for name, due in truth.hand_ins.items() if due.kind == "several")


def photograph(pages: dict[str, Path], folder: Path) -> None:
    """Each page on a desktop and on a phone, light and dark, into `folder`; those for the README into docs/."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, path in pages.items():
            for width, height in ((1280, 900), (375, 812)):
                for scheme in ("light", "dark"):
                    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                    page.goto(path.resolve().as_uri())
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                    page.close()
            page = browser.new_page(viewport={"width": 1000, "height": 1150}, color_scheme="light")
            page.goto(path.resolve().as_uri())
            shot = Image.open(io.BytesIO(page.screenshot()))
            shot.quantize(128).save(HERE / f"{name}.png", optimize=True)
        browser.close()


def main(folder: Path) -> None:
    """Make the class unless it is there, and take the pictures."""
    course = Course(folder.resolve())
    chosen = folder / "chosen.txt"
    if not chosen.is_file():
        chosen.write_text(make_class(course), encoding="utf-8")
    student = chosen.read_text(encoding="utf-8")
    feedback = folder / "feedback" / student / "deep_nets" / "index.html"
    photograph({"feedback": feedback, "report": folder / "report" / "deep_nets.html"}, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures"))
