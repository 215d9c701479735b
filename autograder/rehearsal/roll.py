"""The roll of a made-up class: who hands in what, and what each is due."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.checks.api import spec_of
from autograder.course import Assignment
from autograder.delimiters import HIDDEN, SOLUTION
from autograder.examiner.examine_local import Texts, all_checks
from autograder.misconceptions import Misconception, all_misconceptions
from autograder.rehearsal.faults import BROKEN, HOSTILE, Change, Files
from autograder.rehearsal.people import students
from autograder.rehearsal.truth import Due, Kind, shares_due
from autograder.styles import FAMILIES, REFERENCE, complete_styles, planted, styles_for

ANSWER = "I would say it is as in the lecture, and my plots show it too."

# How a class of 100 is made up; what is left over has one misconception.
SHARES: dict[Kind, int] = {"correct": 30, "several": 20, "broken": 10, "hostile": 5}


@dataclass(frozen=True)
class HandIn:
    """One made-up hand-in: its files, and what it must earn."""

    student: str
    files: Files
    due: Due


def roll(assignment: Assignment, count: int, seed: int, styles: dict[str, Texts]) -> Iterator[HandIn]:
    """Make a class. Equal arguments make equal classes.

    Parameters
    ----------
    assignment : Assignment
        What they answer.
    count, seed : int
        How many, and where chance begins.
    styles : dict
        Complete right packages; the reference is among them.
    """
    draw = random.Random(f"{seed} {count}")
    notebooks = {path.name: _filled_in(path.read_text(encoding="utf-8")) for path in assignment.notebooks}
    people = students(count, draw)
    kinds = _kinds(count, draw)
    known = tuple(wrong for wrong in all_misconceptions() if wrong.question in all_checks())
    wrongs, broken, hostile = _endless(known, draw), _turns(BROKEN), _turns(HOSTILE)
    for (student, name), kind in zip(people.items(), kinds, strict=True):
        due = functools.partial(Due, name=name, kind=kind)
        if kind in ("broken", "hostile"):
            files = _files(assignment, styles[REFERENCE], notebooks)
            yield _faulty(assignment, student, files, next(broken if kind == "broken" else hostile), draw, due)
            continue
        faults = {"correct": 0, "misconception": 1, "several": draw.choice((2, 2, 3))}[kind]
        chosen = _apart([], wrongs, faults)
        style = draw.choice(fitting(styles, chosen))
        files = _files(assignment, planted(styles[style], *chosen), notebooks)
        names = tuple(wrong.name for wrong in chosen)
        about = f"misconceptions: {', '.join(names)}" if names else "right"
        less, either = lost(chosen)
        groups = shares_due(assignment, less=less, either=either)
        yield HandIn(student, files, due(about=about, style=style, misconceptions=names, **groups))


def styles_of(assignment: Assignment) -> dict[str, Texts]:
    """Complete right packages: the reference, and in a clone of the project all those in tests/."""
    if (assignment.course.root / "tests" / "styles").is_dir():
        return complete_styles(assignment)
    paths = [assignment.package / name for name in assignment.settings.editable]
    return {REFERENCE: {path.stem: path.read_text(encoding="utf-8") for path in paths}}


def fitting(styles: dict[str, Texts], faults: list[Misconception]) -> list[str]:
    """The styles that all of these can be planted in."""
    fit = set(styles)
    for wrong in faults:
        fit &= {REFERENCE, *styles_for(wrong, styles, len(styles))}
    return sorted(fit)


def lost(faults: list[Misconception]) -> tuple[set[str], set[str]]:
    """Questions that lose points by these misconceptions together, and questions that may go either way.

    What a misconception declares, it declares of itself alone. So where two may cost a question, or one costs it and
    another replaces what it rests on (a wrong layer may hide a wrong net), nothing is known.
    """
    costs = {question for wrong in faults for question in wrong.costs}
    touched = [question for wrong in faults for question in wrong.may_cost]
    doubtful = {question for question in touched if touched.count(question) > 1} - costs
    hidden = {
        question
        for wrong in faults
        for question in wrong.costs
        if any(other is not wrong and other.replaces in _rests_on(question) for other in faults)
    }
    return costs - hidden, doubtful | hidden


def _rests_on(question: str) -> set[str]:
    return {function for check in all_checks()[question] for function in spec_of(check).rests_on}


def _family(wrong: Misconception) -> tuple[str, ...]:
    function = wrong.replaces.partition(".")[2]
    return next((names for names in FAMILIES if function in names), (function,))


def _apart(chosen: list[Misconception], more: Iterator[Misconception], count: int) -> list[Misconception]:
    """So many misconceptions, no two of one question or of functions that share a cache."""
    while len(chosen) < count:
        wrong = next(more)
        families = {_family(other) for other in chosen}
        if _family(wrong) not in families and wrong.question not in {other.question for other in chosen}:
            chosen = [*chosen, wrong]
    return chosen


def _endless(known: tuple[Misconception, ...], draw: random.Random) -> Iterator[Misconception]:
    """All misconceptions, in a new order each time round."""
    while True:
        yield from draw.sample(known, len(known))


def _turns(changes: dict[str, Change]) -> Iterator[Change]:
    while True:
        yield from changes.values()


def _kinds(count: int, draw: random.Random) -> list[Kind]:
    kinds: list[Kind] = [kind for kind, share in SHARES.items() for _ in range(round(count * share / 100))]
    kinds += ["misconception"] * (count - len(kinds))
    draw.shuffle(kinds)
    return kinds


def _faulty(
    assignment: Assignment,
    student: str,
    files: Files,
    change: Change,
    draw: random.Random,
    due: Callable[..., Due],
) -> HandIn:
    settings = assignment.settings
    fault = change(files, draw, settings.package, settings.target.question if settings.target else "")
    every = tuple(question.grade_id for question in assignment.auto_questions)
    groups = shares_due(assignment, nothing=every if fault.nothing is None else fault.nothing)
    return HandIn(student, files, due(about=fault.about, style=REFERENCE, **groups))


def _files(assignment: Assignment, texts: Texts, notebooks: Files) -> Files:
    return {**{f"{assignment.settings.package}/{name}.py": text for name, text in texts.items()}, **notebooks}


def _filled_in(notebook: str) -> str:
    """A source notebook as a student has it: no hidden tests, code between the markers, words of one's own."""
    book = json.loads(notebook)
    for cell in book["cells"]:
        lines = "".join(cell["source"]).split("\n")
        if cell["cell_type"] == "markdown" and f"### BEGIN {SOLUTION}" in lines:
            lines = [ANSWER]
        kept, hidden = [], False
        for line in lines:
            hidden = line == f"### BEGIN {HIDDEN}" or (hidden and line != f"### END {HIDDEN}")
            if not hidden and line.strip() not in (f"### END {HIDDEN}", f"### BEGIN {SOLUTION}", f"### END {SOLUTION}"):
                kept.append(line)
        cell["source"] = "\n".join(kept).splitlines(keepends=True)
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"
