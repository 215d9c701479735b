"""`autograder prove`: right hand-ins in every style earn everything, every misconception costs its own question only.

What is proved rests on many thousand examinations in this process (examiner/examine_local.py). A sample of them is
repeated behind the wall, and must say the same.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Assignment, Course, derived_seed
from autograder.errors import CourseError
from autograder.examiner.examine_local import LocalExamination, Texts, all_checks, examined_here
from autograder.examiner.lending import layer
from autograder.grade import examined
from autograder.misconceptions import Misconception, all_misconceptions, by_name, misconceptions_of
from autograder.prove_editions import Dress, Worn, dresses, faults_worn, rows, style_worn
from autograder.prove_jobs import Job, Tell, run
from autograder.styles import complete_styles, order, planted, styles_for

SECRETS = 200
STYLES_A_FAULT = 3
BEHIND_THE_WALL = 12  # hand-ins, a third of them right
CHUNK = 20  # secrets a job
NAMED = 3  # secrets under which right hand-ins are shown to the recogniser


@dataclass(frozen=True)
class Planted:
    """One misconception (or two) in one style: what it cost, what it was called, what it is called when unknown."""

    style: str
    faults: tuple[str, ...]
    lost: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    unknown: tuple[str, ...] = ()

    @property
    def caught(self) -> bool:
        """Whether each costs its own question, and they cost nothing else."""
        return set(self.lost) == {question for name in self.faults for question in by_name(name).costs}

    @property
    def right(self) -> int:
        """How many of the faults were named in their questions."""
        return sum(name in self.names.get(by_name(name).question, ()) for name in self.faults)

    @property
    def misnamed(self) -> bool:
        """Whether some question got names of which none is true."""
        return any(not set(self.faults) & set(names) for names in self.names.values() if names)


@dataclass
class Proof:
    """What was found. Lists stand in a fixed order."""

    secrets: int
    questions: tuple[str, ...]
    styles: dict[str, list[str]] = field(default_factory=dict)
    called: dict[str, list[str]] = field(default_factory=dict)  # right style: names that the recogniser gave it
    single: list[Planted] = field(default_factory=list)
    pairs: list[Planted] = field(default_factory=list)
    walled: dict[str, bool] = field(default_factory=dict)  # hand-in: judged alike behind the wall
    worn: list[Worn] = field(default_factory=list)  # in the dress of other courses

    def of(self, name: str) -> list[Planted]:
        """The three hand-ins with a misconception."""
        return [one for one in self.single if one.faults == (name,)]

    @property
    def right_styles(self) -> int:
        """Styles at full points under every secret."""
        return sum(not lost for lost in self.styles.values())

    @property
    def names(self) -> list[str]:
        """The misconceptions that were planted."""
        return list(dict.fromkeys(one.faults[0] for one in self.single))

    @property
    def caught(self) -> int:
        """Misconceptions that cost their own question and no other, in each style."""
        return sum(all(one.caught for one in self.of(name)) for name in self.names)

    def line(self) -> str:
        """The whole in one line."""
        return (
            f"correct styles {self.right_styles}/{len(self.styles)} at full points, "
            f"misconceptions {self.caught}/{len(self.names)} caught, "
            f"recognised {percent(recognised(self.single))}, misnamed {percent(misnamed(self.single))}"
        )

    @property
    def holds(self) -> bool:
        """Whether everything is as it must be."""
        return (
            self.right_styles == len(self.styles)
            and self.caught == len(self.names)
            and recognised(self.single) >= 0.9
            and misnamed(self.single) <= 0.02
            and not any(self.called.values())
            and all(self.walled.values())
            and not any(one.otherwise for one in self.worn)
        )


def recognised(found: Sequence[Planted]) -> float:
    """Share of the planted faults that were named."""
    return sum(one.right for one in found) / max(sum(len(one.faults) for one in found), 1)


def misnamed(found: Sequence[Planted]) -> float:
    """Share of the hand-ins of which something untrue was said."""
    return sum(one.misnamed for one in found) / max(len(found), 1)


def percent(share: float) -> str:
    """0.981 as "98.1 %"."""
    return f"{100 * share:.1f} %"


def held_out(name: str) -> bool:
    """Whether this misconception was not looked at while the recogniser was tuned: a third, by hash."""
    return int(order("held out", name)[:8], 16) % 3 == 0


def partner(wrong: Misconception, known: Sequence[Misconception]) -> Misconception | None:
    """A misconception of another layer or net and another question, to plant together with this one."""
    others = [other for other in known if layer(other.replaces) != layer(wrong.replaces)]
    others = [other for other in others if other.question != wrong.question]
    return min(others, key=lambda other: order("pair", wrong.name, other.name), default=None)


def secret(number: int) -> str:
    """The seed of a hand-in under the secret of this number."""
    return derived_seed("autograder prove", f"secret {number}")


def prove(
    course: Course,
    *,
    secrets: int = SECRETS,
    questions: Sequence[str] = (),
    workers: int = 0,
    tell: Tell | None = None,
    keep: Path | None = None,
) -> Proof:
    """Run the whole matrix, or a part of it.

    Parameters
    ----------
    course : Course
        A clone of the project: the styles lie in its tests.
    secrets : int
        Under how many secrets each right hand-in is examined.
    questions : sequence of str, optional
        Only the checks and the misconceptions of these questions; all by default.
    workers : int
        Processes; 0 for one each core.
    tell : callable, optional
        Told how many jobs are done.
    keep : Path, optional
        A folder for the results of jobs. A proof that was stopped goes on from there, as long as no text has changed.

    Raises
    ------
    CourseError
        If a question has no checks, or tests/styles is not here.
    """
    unknown = [name for name in questions if name not in all_checks()]
    if unknown:
        raise CourseError(f'no checks of "{unknown[0]}"', fix=f"choose from: {', '.join(all_checks())}")
    proof = Proof(secrets, tuple(questions) or tuple(all_checks()))
    styles = list(_styles(course.root))
    faults = [wrong for name in proof.questions for wrong in misconceptions_of(name)]
    jobs: list[Job] = [(_faults_worn, name) for name in proof.questions]  # the longest first
    jobs += [
        (_right, style, range(first, min(first + CHUNK, secrets)), tuple(questions))
        for style in styles
        for first in range(0, secrets, CHUNK)
    ]
    jobs += [(_single, wrong.name) for wrong in faults]
    jobs += [(_pair, wrong.name, other.name) for wrong in faults if (other := partner(wrong, faults))]
    jobs += [(_style_worn, dress, style, tuple(questions)) for dress in dresses() for style in styles]
    found = run(course.root, jobs, workers, tell, keep)
    for style in styles:
        mine = [result for job, result in zip(jobs, found, strict=True) if job[:2] == (_right, style)]
        proof.styles[style] = [text for lost, _ in mine for text in lost]
        proof.called[style] = [text for _, called in mine for text in called]
    for job, result in zip(jobs, found, strict=True):
        if job[0] is _single:
            proof.single += result
        elif job[0] is _pair:
            proof.pairs.append(result)
        elif job[0] in (_style_worn, _faults_worn):
            proof.worn += result
    if not questions:
        proof.walled = _behind_the_wall(course.assignment("deep_nets"), _styles(course.root))
    return proof


@functools.cache
def _styles(root: Path) -> dict[str, Texts]:
    return complete_styles(Course(root).assignment("deep_nets"))


def _right(root: Path, style: str, numbers: range, questions: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Points that a right hand-in lost under these secrets, and names that it was given."""
    lost, called = [], []
    for number in numbers:
        texts = _styles(root)[style]
        outcomes = examined_here(texts, secret(number), questions)
        lost += [f"{question} under secret {number}" for question, found in outcomes.items() if found.share < 1]
        if number < NAMED:
            work = LocalExamination(texts, secret(number))
            names = {question: work.names(question) for question in questions or all_checks()}
            called += [f"{question}: {' or '.join(name)}" for question, name in names.items() if name]
    return lost, called


def _single(root: Path, name: str) -> list[Planted]:
    """One misconception in three styles."""
    wrong, styles = by_name(name), _styles(root)
    found = []
    for style in styles_for(wrong, styles, STYLES_A_FAULT):
        texts = planted(styles[style], wrong)
        unknown = LocalExamination(texts, secret(1)).names(wrong.question, without=[wrong])
        found.append(_planted(style, texts, (name,), unknown))
    return found


def _style_worn(root: Path, dress: Dress, style: str, questions: tuple[str, ...]) -> list[Worn]:
    return [style_worn(dress, style, _styles(root)[style], secret(0), questions)]


def _faults_worn(root: Path, question: str) -> list[Worn]:
    return faults_worn(question, _styles(root), secret(1))


def _pair(root: Path, first: str, second: str) -> Planted:
    """Two misconceptions in one style."""
    faults, styles = (by_name(first), by_name(second)), _styles(root)
    fit = [style for style in styles if all(style in styles_for(wrong, styles, len(styles)) for wrong in faults)]
    style = min(fit, key=lambda style: order(first, second, style))
    return _planted(style, planted(styles[style], *faults), (first, second))


def _planted(style: str, texts: Texts, faults: tuple[str, ...], unknown: tuple[str, ...] = ()) -> Planted:
    outcomes = examined_here(texts, secret(1))
    lost = tuple(question for question, outcome in outcomes.items() if outcome.share < 1)
    return Planted(style, faults, lost, {q: outcome.names for q, outcome in outcomes.items() if q in lost}, unknown)


def _behind_the_wall(assignment: Assignment, styles: dict[str, Texts]) -> dict[str, bool]:
    """Some hand-ins through the real examiner: whether it judges each as it is judged here."""
    right = sorted(styles, key=lambda style: order("wall", style))[: BEHIND_THE_WALL // 3]
    known = [wrong for wrong in all_misconceptions() if wrong.question in all_checks()]
    faults = sorted(known, key=lambda wrong: order("wall", wrong.name))[: BEHIND_THE_WALL - len(right)]
    sample = {style: styles[style] for style in right}
    for wrong in faults:
        style = styles_for(wrong, styles, 1)[0]
        sample[f"{wrong.name} in {style}"] = planted(styles[style], wrong)
    return {name: _alike(assignment, texts) for name, texts in sample.items()}


def _alike(assignment: Assignment, texts: Texts) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="prove-"))
    try:
        (folder / assignment.settings.package).mkdir()
        for name, text in texts.items():
            (folder / assignment.settings.package / f"{name}.py").write_text(text, encoding="utf-8")
        result = examined(assignment, "prove", folder, with_target=False, store=False)
    finally:
        shutil.rmtree(folder)
    here = examined_here(texts, assignment.course.seed("prove", assignment.name))
    sentences = {question: tuple(by_name(name).sentence for name in found.names) for question, found in here.items()}
    return all(
        abs(found.share - here[found.question].share) < 1e-9
        and (found.share == 1 or set(found.recognised) == set(sentences[found.question]))
        for found in result.questions
    )


def as_page(proof: Proof) -> str:
    """The whole as Markdown. Equal findings give equal bytes."""
    return "\n".join(
        [
            *_head(proof),
            *_style_rows(proof),
            *rows(proof.worn),
            *_recognition_rows(proof),
            *_fault_rows(proof),
            proof.line(),
            "",
        ]
    )


def _head(proof: Proof) -> Iterable[str]:
    yield "# What `autograder prove` found"
    yield ""
    yield "Made by `autograder prove`; do not edit. What it does stands in [architecture](architecture.md)."


def _style_rows(proof: Proof) -> Iterable[str]:
    yield ""
    yield "## Right hand-ins"
    yield ""
    yield f"Each was examined under {proof.secrets} secrets; the recogniser saw each under {min(NAMED, proof.secrets)}."
    yield ""
    yield "| hand-in | lost | was called |"
    yield "| --- | --- | --- |"
    for style, lost in proof.styles.items():
        yield f"| {style} | {'; '.join(lost) or 'nothing'} | {'; '.join(proof.called[style]) or 'nothing'} |"
    if proof.walled:
        alike = sum(proof.walled.values())
        yield ""
        yield f"Behind the wall the examiner judged {alike} of {len(proof.walled)} hand-ins as they are judged here:"
        yield f"{', '.join(proof.walled)}."


def _recognition_rows(proof: Proof) -> Iterable[str]:
    kept = [one for one in proof.single if held_out(one.faults[0])]
    seen = [one for one in proof.single if not held_out(one.faults[0])]
    yield ""
    yield "## Recognition"
    yield ""
    yield "| planted | hand-ins | named right | of which something untrue was said |"
    yield "| --- | --- | --- | --- |"
    for what, found in (
        ("one misconception", proof.single),
        ("of these, the two thirds that probes may be tuned on", seen),
        ("of these, the third that is held out", kept),
        ("two misconceptions at once", proof.pairs),
    ):
        yield f"| {what} | {len(found)} | {percent(recognised(found))} | {percent(misnamed(found))} |"
    wrong = sum(bool(one.unknown) for one in proof.single)
    yield f"| one that the recogniser does not know | {len(proof.single)} | | {percent(wrong / len(proof.single))} |"


def _fault_rows(proof: Proof) -> Iterable[str]:
    for question in proof.questions:
        yield ""
        yield f"## {question}"
        yield ""
        yield "| misconception | planted in | costs | named |"
        yield "| --- | --- | --- | --- |"
        for name in [name for name in proof.names if by_name(name).question == question]:
            found = proof.of(name)
            lost = "; ".join(dict.fromkeys(", ".join(one.lost) or "nothing" for one in found))
            named = f"{sum(one.right for one in found)} of {len(found)}{' (held out)' if held_out(name) else ''}"
            yield f"| {name} | {', '.join(one.style for one in found)} | {lost} | {named} |"
    yield ""
