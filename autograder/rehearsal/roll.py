"""The roll of a made-up class: who hands in what, and what each is due."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Assignment
from autograder.delimiters import HIDDEN, SOLUTION
from autograder.examiner.overlay import only
from autograder.misconceptions import Misconception, all_misconceptions
from autograder.rehearsal.faults import BROKEN, HOSTILE, Change, Files
from autograder.rehearsal.people import students
from autograder.rehearsal.truth import Due, Kind, shares_due

Texts = Mapping[str, str]  # module: source text
REFERENCE = "reference"
ANSWER = "I would say it is as in the lecture, and my plots show it too."

# How a class of 100 is made up; what is left over has one misconception.
SHARES: dict[Kind, int] = {"correct": 30, "several": 20, "broken": 10, "hostile": 5}

# A wrong layer goes in with the reference's other half: what lies in a cache is each hand-in's own choice.
FAMILIES = (
    ("affine_forward", "affine_backward"),
    ("relu_forward", "relu_backward"),
    ("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt"),
    ("layernorm_forward", "layernorm_backward"),
    ("dropout_forward", "dropout_backward"),
)


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
    wrongs, broken, hostile = _endless(all_misconceptions(), draw), _turns(BROKEN), _turns(HOSTILE)
    for (student, name), kind in zip(people.items(), kinds, strict=True):
        due = functools.partial(Due, name=name, kind=kind)
        if kind in ("broken", "hostile"):
            files = _files(assignment, styles[REFERENCE], notebooks)
            yield _faulty(assignment, student, files, next(broken if kind == "broken" else hostile), draw, due)
            continue
        faults = {"correct": 0, "misconception": 1, "several": draw.choice((2, 2, 3))}[kind]
        chosen = _apart([], wrongs, faults)
        style = draw.choice(fitting(styles, chosen))
        files = _files(assignment, planted(assignment, styles[style], chosen), notebooks)
        names = tuple(wrong.name for wrong in chosen)
        about = f"misconceptions: {', '.join(names)}" if names else "right"
        groups = shares_due(assignment, less=_costs(chosen), either=_doubtful(chosen))
        yield HandIn(student, files, due(about=about, style=style, misconceptions=names, **groups))


def styles_of(assignment: Assignment) -> dict[str, Texts]:
    """The reference, and where this is a clone of the project whole packages by others."""
    names = [Path(name).stem for name in assignment.settings.editable]
    places = {REFERENCE: assignment.package}
    second = assignment.course.root / "tests" / "hand_ins" / "second_solution" / assignment.settings.package
    if second.is_dir():
        places["second_solution"] = second
    return {
        style: {name: (place / f"{name}.py").read_text(encoding="utf-8") for name in names}
        for style, place in places.items()
    }


def planted(assignment: Assignment, texts: Texts, faults: list[Misconception]) -> Texts:
    """A right package with misconceptions put at the end of its files."""
    planted = dict(texts)
    for wrong in faults:
        rest = set(_family(wrong)) - {wrong.replaces.partition(".")[2]}
        own = (assignment.package / f"{wrong.module}.py").read_text(encoding="utf-8")
        parts = [planted[wrong.module], *([only(own, rest)] if rest else []), wrong.source()]
        planted[wrong.module] = "\n\n".join(parts)
    return planted


def fitting(styles: dict[str, Texts], faults: list[Misconception]) -> list[str]:
    """The styles that these can be planted in: a wrong net wraps the hand-in's, and needs what the starter's has."""
    nets = any(wrong.module == "fc_net" for wrong in faults)
    return sorted(name for name, texts in styles.items() if not nets or "self.num_layers" in texts["fc_net"])


def _costs(faults: list[Misconception]) -> set[str]:
    return {question for wrong in faults for question in wrong.costs}


def _doubtful(faults: list[Misconception]) -> set[str]:
    """Questions that more than one of these may cost: what each declares, it declares of itself alone."""
    touched = [question for wrong in faults for question in wrong.may_cost]
    return {question for question in touched if touched.count(question) > 1}


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
