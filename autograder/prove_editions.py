"""The part of `autograder prove` that hands everything in again in the dress of each other course.

A hand-in must be judged alike in every dress: right styles earn everything, a misconception costs the same share of its
question and is called by the same names. What is proved is the translation (examiner/dialect.py), both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.editions import Reading, edition, editions
from autograder.examiner.dialect import PLAIN, Dialect
from autograder.examiner.examine_local import Texts, all_checks, examined_here
from autograder.misconceptions import misconceptions_of
from autograder.styles import planted, styles_for

Dress = tuple[str, Reading]


@dataclass(frozen=True)
class Worn:
    """What was handed in in one dress, and what was judged otherwise than in our own."""

    dress: Dress
    hand_ins: int
    otherwise: tuple[str, ...]


def dresses() -> list[Dress]:
    """Every edition but our own, with each meaning that p may have in it."""
    return [(each.name, reading) for each in editions() if not each.canonical for reading in each.dropout.readings]


def dialect_of(dress: Dress) -> Dialect:
    """How checks speak to a hand-in in this dress."""
    return Dialect(edition(dress[0]), dress[1])


def asked(dress: Dress, questions: Sequence[str] = ()) -> list[str]:
    """The questions that this course asks, of all or of these."""
    return [name for name in questions or tuple(all_checks()) if name not in edition(dress[0]).lacks]


def style_worn(dress: Dress, style: str, texts: Texts, seed: str, questions: Sequence[str] = ()) -> Worn:
    """One right hand-in in one dress: what it lost."""
    names = asked(dress, questions)
    outcomes = examined_here(texts, seed, names, dialect_of(dress)) if names else {}
    lost = tuple(f"{style}: {question}" for question, outcome in outcomes.items() if outcome.share < 1)
    return Worn(dress, 1, lost)


def faults_worn(question: str, styles: dict[str, Texts], seed: str) -> list[Worn]:
    """Each misconception of one question, in one style, in every dress that asks it."""
    otherwise: dict[Dress, list[str]] = {dress: [] for dress in dresses() if question in asked(dress)}
    faults = misconceptions_of(question)
    for wrong in faults:
        texts = planted(styles[styles_for(wrong, styles, 1)[0]], wrong)
        expected = examined_here(texts, seed, [question], PLAIN)[question]
        for dress, told in otherwise.items():
            found = examined_here(texts, seed, [question], dialect_of(dress))[question]
            if found != expected:
                told.append(f"{wrong.name}: {question}")
    return [Worn(dress, len(faults), tuple(told)) for dress, told in otherwise.items()]


def rows(worn: Iterable[Worn]) -> Iterable[str]:
    """The table of the page."""
    found = list(worn)
    yield ""
    yield "## In the dress of other courses"
    yield ""
    yield "Every right style, and every misconception in one style, under one secret."
    yield ""
    yield "| in the dress of | p is read as | hand-ins | judged otherwise |"
    yield "| --- | --- | --- | --- |"
    for dress in dresses():
        mine = [one for one in found if one.dress == dress]
        wrong = "; ".join(text for one in mine for text in one.otherwise) or "none"
        yield f"| `{dress[0]}` | {dress[1]} | {sum(one.hand_ins for one in mine)} | {wrong} |"
