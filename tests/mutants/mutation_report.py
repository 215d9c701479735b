"""What a mutation test found: figures, what is left to do, and the page docs/mutants.md."""

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from judge import questions_of

INTRODUCTION = """# Mutation test of the hidden checks

Made by `make mutants`; do not edit.

A mutant is the reference with one small change in a solution: `+` becomes `-`, an argument is left out, a 0 becomes
a 1. All those that [mutmut](https://mutmut.readthedocs.io) {mutmut} makes of the solution regions are taken. The
examiner's checks judge each, in one process and under one secret: first those of the function's own questions, then
those of questions that rest on it. The first check that fails kills the mutant. A mutant that no check fails is
explained in `tests/mutants/equivalent.toml`, or it calls for a better check.
"""


@dataclass
class Report:
    """Mutants with what killed them.

    Parameters
    ----------
    judged : list of (Mutant, Kill or None)
    reasons : {key: why that mutant is no fault}
    known : keys of all mutants there are; a reason for any other is out of date
    """

    judged: list
    reasons: dict
    known: set

    @property
    def passed(self):
        """The mutants that no check fails."""
        return [mutant for mutant, kill in self.judged if kill is None]

    @property
    def explained(self):
        """Those of them that are no fault."""
        return [mutant for mutant in self.passed if mutant.key in self.reasons]

    def complaints(self):
        """What somebody must look at, a line each."""
        for mutant in self.passed:
            if mutant.key not in self.reasons:
                yield f"survived: {mutant.function}\n    {mutant.line}\n    {mutant.becomes}"
        killed = {mutant.key: kill for mutant, kill in self.judged if kill is not None}
        for key in self.reasons:
            text = f"{key[0]}\n    {key[1]}\n    {key[2]}"
            if key not in self.known:
                yield f"equivalent.toml explains a mutant that there is no more: {text}"
            elif key in killed:
                yield f"equivalent.toml calls this no fault, and {killed[key].check} fails it: {text}"

    def line(self):
        """The figures in one line."""
        made, passed = len(self.judged), len(self.passed)
        return (
            f"mutants {made}, killed {made - passed} ({percent(made - passed, made)}), "
            f"no fault {len(self.explained)} ({percent(len(self.explained), made)}), "
            f"survived {passed - len(self.explained)}"
        )


def percent(part, whole):
    """12 of 96 as "12.5 %"."""
    return f"{100 * part / max(whole, 1):.1f} %"


def as_page(report, settings):
    """The whole as Markdown. Equal findings give equal bytes."""
    return "\n".join([*_head(report), *_functions(report, settings), *_questions(report), *_left(report), ""])


def _head(report):
    yield INTRODUCTION.format(mutmut=version("mutmut"))
    yield f"{report.line()}. NumPy {version('numpy')}."


def _functions(report, settings):
    yield ""
    yield "## By function"
    yield ""
    yield "| function | mutants | killed | no fault | survived | killed by the checks of |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for function in dict.fromkeys(mutant.function for mutant, _ in report.judged):
        mine = [(mutant, kill) for mutant, kill in report.judged if mutant.function == function]
        part = Report(mine, report.reasons, report.known)
        by = Counter(kill.question or kill.code for _, kill in mine if kill is not None)
        own, _ = questions_of(function, settings)
        order = sorted(by, key=lambda name: (name not in own, -by[name], name))
        names = ", ".join(f"{name} {by[name]}" + ("" if name in own else " (rests on it)") for name in order)
        killed, explained = len(mine) - len(part.passed), len(part.explained)
        yield f"| {function} | {len(mine)} | {killed} | {explained} | {len(part.passed) - explained} | {names} |"


def _questions(report):
    yield ""
    yield "## By check"
    yield ""
    yield "How many mutants each check was the first to fail. What the others are for, [prove.md](prove.md) says."
    yield ""
    yield "| question | check | mutants |"
    yield "| --- | --- | --- |"
    first = Counter((kill.question, kill.check) for _, kill in report.judged if kill is not None and kill.check)
    for (question, check), count in first.items():
        yield f"| {question} | {check} | {count} |"


def _left(report):
    yield ""
    yield "## No fault"
    for reason in dict.fromkeys(report.reasons.values()):
        yield ""
        yield reason
        yield ""
        yield "| function | line | becomes |"
        yield "| --- | --- | --- |"
        for mutant in report.explained:
            if report.reasons[mutant.key] == reason:
                yield f"| {mutant.function} | `{mutant.line}` | `{mutant.becomes}` |"
