"""Which questions of a hand-in are examined: not those its course does not ask, nor those left as handed out."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.course import Assignment
from autograder.editions import MODULES
from autograder.examiner import looking
from autograder.examiner.detect import Found
from autograder.examiner.finding import FUNCTIONS
from autograder.examiner.looking import NotPython
from autograder.results import State


@dataclass(frozen=True)
class Verdict:
    """Why a question needs no examination: not counted at all, or a state with its reason."""

    counted: bool
    state: State
    reason: str


def verdict(assignment: Assignment, found: Found, question: str) -> Verdict | None:
    """What is known of a question without running anything; None: it has to be examined."""
    edition = found.edition
    asked = question in found.package.asked
    if question in edition.lacks and not asked:
        return Verdict(False, "missing", f"{edition.title} does not ask for it")
    name = _function(assignment, question)
    if name is None:
        return None
    module, _, function = name.partition(".")
    file = found.module(module).rpartition("/")[2]
    source = found.package.sources.get(module)
    optional = question in edition.may_lack and not asked
    if source is None:
        return Verdict(not optional, "missing", f"{file} was not handed in.")
    try:
        node = source.definitions.get(function)
    except NotPython as error:
        return Verdict(True, "failed", f"Not examined: {error}.")
    if node is None:
        if _takes_everything(source.tree):
            return None
        return Verdict(not optional, "missing", f"{function} is not in {file}.")
    if looking.is_stub(node):
        line = getattr(node, "lineno", 0)
        reason = f"{function} is not written yet: {file}, line {line}, is as it was handed out."
        return Verdict(True, "missing", reason)
    layer = question.removeprefix("fc_net_") + "_forward"
    if question.startswith("fc_net_") and f"layers.{layer}" not in found.package.written and not _uses(found, layer):
        return Verdict(True, "missing", f"{layer} is not written yet, and {function} does not use it.")
    return None


def _uses(found: Found, name: str) -> bool:
    """Whether the nets, or the layers they are made of, call a function by that name."""
    sources = [found.package.sources.get(module) for module in ("fc_net", "layer_utils")]
    return any(
        (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)
        for source in sources
        if source is not None and source.readable
        for node in ast.walk(source.tree)
    )


def _function(assignment: Assignment, question: str) -> str | None:
    """The function or class that a question is about."""
    named = assignment.settings.functions.get(question)
    return named[0] if named else next((name for name in FUNCTIONS if name.endswith(f".{question}")), None)


def _takes_everything(tree: ast.Module) -> bool:
    """Whether a module takes names, without naming them, from a module that is not one of the four."""
    return any(
        "*" in each.names and each.level and each.module.rpartition(".")[2] not in MODULES
        for each in looking.imports(tree)
    )


def not_counted(assignment: Assignment, found: Found, questions: Iterable[str]) -> dict[str, str]:
    """Questions that are not counted, and why."""
    verdicts = {question: verdict(assignment, found, question) for question in questions}
    return {question: told.reason for question, told in verdicts.items() if told is not None and not told.counted}
