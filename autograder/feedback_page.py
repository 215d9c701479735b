"""The page that one student gets: what they scored, what to do next, why, their training curve, words and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autograder import figures, wording
from autograder.course import Assignment, Question
from autograder.editions import CANONICAL
from autograder.examiner.examine import STAND_IN
from autograder.languages import GUIDE, PAGE, Catalogue
from autograder.mending import Mend, mends
from autograder.pages import markdown, percent
from autograder.places import Place
from autograder.results import GUARD, HandInResult, QuestionResult
from autograder.scores import Score, Sheet

MAX_PLOTS = 12  # of one notebook; nbgrader's pages show all
MAX_BYTES = 6_000_000  # of all plots of a page, as they stand in it


@dataclass(frozen=True)
class Row:
    """One question in the table of points."""

    place: Place
    score: Score
    record: QuestionResult | None

    @property
    def question(self) -> Question:
        """The question itself."""
        return self.place.question

    @property
    def share(self) -> float:
        """What was earned, as a share of the points."""
        return min(self.score.points / self.question.points, 1.0) if self.question.points else 0.0

    @property
    def state(self) -> str:
        """A key of `wording.STATES`."""
        if self.question.given or (self.record is not None and self.record.state == "missing" and not self.record.key):
            return "given"
        if self.score.waiting:
            return "waiting"
        if self.score.manual is not None:
            return "by_hand" if self.question.manual or self.score.auto is None else "changed"
        if self.question.manual:
            return "unanswered"
        if self.record is None:
            return "unexamined"
        return self.record.state if self.record.state != "graded" else "full" if self.share >= 1 else "part"

    @property
    def open(self) -> bool:
        """Whether points may still come."""
        return self.state in ("waiting", "unexamined")


@dataclass(frozen=True)
class Part:
    """One notebook in the table of points."""

    notebook: str
    rows: list[Row]
    earned: float
    most: float
    penalty: float


@dataclass
class Notebook:
    """What survives of a student's notebook: answers in words, plots with the heading above them."""

    name: str
    answers: dict[str, str] = field(default_factory=dict)
    plots: list[tuple[str, str]] = field(default_factory=list)  # heading, PNG in base64
    left_out: int = 0


def view(
    assignment: Assignment,
    places: dict[str, Place],
    sheet: Sheet,
    result: HandInResult,
    autograded: Path,
    known: Catalogue,
) -> dict[str, object]:
    """What the template is filled with. Records come in English; what they say is translated here, at the end."""
    rows = [Row(place, sheet.score(place.question), result.question(name)) for name, place in places.items()]
    questions = [row.question for row in rows]
    parts = [_part(name, rows, sheet) for name in dict.fromkeys(question.notebook for question in questions)]
    found = mends(places, result)
    notebooks = list(_notebooks(autograded, [part.notebook for part in parts], known))
    answers = {name: text for notebook in notebooks for name, text in notebook.answers.items()}
    trained = next((question for question in result.questions if question.target is not None), None)
    return {
        "assignment": assignment,
        "title": known.text(GUIDE, f"# {assignment.settings.title}").removeprefix("# "),
        "sheet": sheet,
        "earned": sheet.total(questions),
        "most": sum(question.points for question in questions),
        "parts": parts,
        "waiting": [row for row in rows if row.state == "waiting"],
        "unexamined": [row for row in rows if row.state == "unexamined"],
        "unanswered": [row for row in rows if row.state == "unanswered"],
        "open_points": sum(row.question.points - row.score.points for row in rows if row.open),
        "mends": [mend.told(known.say) for mend in found],
        "points": {mend.anchor: _points_of(mend, rows) for mend in found},
        "good_to_know": list(_good_to_know(result, known)),
        "target": trained and _target(trained, known),
        "words_given": [
            (row, markdown(answers.get(row.question.grade_id, "")), _comment(sheet, row))
            for row in rows
            if row.question.manual
        ],
        "other_comments": [(name, markdown(text)) for name, text in sheet.comments.items() if name not in places],
        "notebooks": notebooks,
        "edition": next((record.edition for record in result.questions), CANONICAL),
    }


def _part(notebook: str, rows: list[Row], sheet: Sheet) -> Part:
    own = [row for row in rows if row.question.notebook == notebook]
    questions = [row.question for row in own]
    most = sum(question.points for question in questions)
    return Part(notebook, own, sheet.of_notebook(notebook, questions), most, sheet.penalties.get(notebook, 0.0))


def _points_of(mend: Mend, rows: list[Row]) -> tuple[float, float]:
    """Points earned, and points that could be, of the questions of one thing to mend."""
    own = [row for row in rows if row.place in mend.places]
    return sum(row.score.points for row in own), sum(row.question.points for row in own)


def _comment(sheet: Sheet, row: Row) -> Markup:
    return markdown(sheet.comments.get(row.question.grade_id, ""))


def _good_to_know(result: HandInResult, known: Catalogue) -> Iterator[tuple[str, str]]:
    """Remarks on questions that lost nothing; those on others stand with what is to be mended."""
    for record in result.questions:
        if record.share >= 1 and record.target is None:
            yield from ((record.question, known.say(remark)) for remark in record.remarks)


def _target(record: QuestionResult, known: Catalogue) -> dict[str, Any]:
    """The section on the training: curve, numbers, the examiner's story, whether it is provisional."""
    target = record.target
    assert target is not None
    curve = None
    if target.history:
        words = {"x": known.text(PAGE, wording.EPOCH), "y": known.text(PAGE, wording.ACCURACY)}
        words["best"] = f"{known.text(PAGE, wording.BEST)}: {percent(max(target.history))}"
        words["target"] = f"{known.text(PAGE, wording.FULL_POINTS)}: {percent(target.required)}"
        words["label"] = known.text(PAGE, wording.CURVE).format(
            epochs=len(target.history),
            best=percent(max(target.history)),
            epoch=target.best_epoch,
            required=percent(target.required),
        )
        curve = figures.training_curve(target.history, target.required, target.best_epoch, words)
    return {
        "record": record,
        "curve": curve,
        "history": list(enumerate(target.history, start=1)),
        "reason": known.say(record.reason),
        "story": [(known.say(line), line.startswith(GUARD)) for line in target.message.splitlines()],
        "objected": target.guard is not None and bool(target.guard.unexplained),
        "provisional": STAND_IN in record.data,
    }


def _notebooks(folder: Path, names: list[str], known: Catalogue) -> Iterator[Notebook]:
    """Answers and plots of the notebooks that `grade` made harmless; a page holds no more than MAX_BYTES of plots."""
    room = MAX_BYTES
    for name in names:
        path = folder / f"{name}.ipynb"
        found = Notebook(name)
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
        heading, texts = "", known.of_notebook(name)
        for cell in cells:
            source = "".join(cell["source"])
            about = cell["metadata"].get("nbgrader", {})
            if about.get("grade") and about.get("solution"):
                found.answers[about["grade_id"]] = source
            elif cell["cell_type"] == "markdown":
                lines = texts.get(source, source).splitlines()
                heading = next((line.lstrip("# ") for line in lines if line.startswith("#")), heading)
            for output in cell.get("outputs", ()):
                if png := "".join(output.get("data", {}).get("image/png", "")).replace("\n", ""):
                    if len(found.plots) == MAX_PLOTS or len(png) > room:
                        found.left_out += 1
                        continue
                    room -= len(png)
                    found.plots.append((heading, png))
        yield found
