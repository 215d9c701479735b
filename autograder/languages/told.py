"""Feedback in another language. Records stay English; their sentences are translated where they are shown."""

from __future__ import annotations

from nbformat.notebooknode import NotebookNode

from autograder.languages import Catalogue
from autograder.results import HINT, Check, HandInResult, QuestionResult, Target


def told(result: HandInResult, known: Catalogue) -> HandInResult:
    """What is said of a hand-in, in the language of a catalogue."""
    questions = tuple(_question(question, known) for question in result.questions)
    changed = {"reason": known.say(result.reason), "remarks": _all(result.remarks, known), "questions": questions}
    return result.model_copy(update=changed)


def translate_shown(nb: NotebookNode, name: str, known: Catalogue) -> None:
    """Replace the texts of a notebook that was handed in, in place, where they are those that were handed out."""
    texts = known.of_notebook(name)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = texts.get(cell.source, cell.source)


def _question(question: QuestionResult, known: Catalogue) -> QuestionResult:
    changed = {
        "reason": known.say(question.reason),
        "recognised": _all(question.recognised, known),
        "remarks": _all(question.remarks, known),
        "checks": tuple(_check(check, known) for check in question.checks),
        "target": question.target and _target(question.target, known),
    }
    return question.model_copy(update=changed)


def _check(check: Check, known: Catalogue) -> Check:
    # Pages know a hint by its first word, so that one is translated where it is shown.
    lines = (
        f"{HINT} {known.say(line.removeprefix(HINT).strip())}" if line.startswith(HINT) else known.say(line)
        for line in check.message.splitlines()
    )
    return check.model_copy(update={"name": known.say(check.name), "message": "\n".join(lines)})


def _target(target: Target, known: Catalogue) -> Target:
    return target.model_copy(update={"message": known.say(target.message)})


def _all(sentences: tuple[str, ...], known: Catalogue) -> tuple[str, ...]:
    return tuple(known.say(sentence) for sentence in sentences)
