"""Named wrong answers. Each proves that a check bites, can be planted into a hand-in, and is recognised in feedback.

A misconception is a small function (or class) that uses NumPy only, or, for a net, the layers of the package it is
planted in. Register it with `@misconception(...)` in a module of this package; `all_misconceptions()` finds it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from autograder.errors import CourseError

# What a planted source begins with: the hand-in's file may import these under other names, or not at all.
_HEAD = "import numpy as np\n"
_HEADS = {"fc_net": f"{_HEAD}from . import layers as _layers\n"}


@dataclass(frozen=True)
class Misconception:
    """One wrong answer.

    Attributes
    ----------
    name : str
        Its name in results and tests.
    question : str
        The question it is a wrong answer to.
    replaces : str
        The function it stands for, such as "layers.dropout_forward".
    costs : tuple of str
        Questions that lose points by it.
    may_cost : tuple of str
        Questions that fail too, and get their points back: when they are examined with the reference's layers, or
        because they have this fault and no other.
    sentence : str
        What the student is told, in plain words.
    implementation : function or class
        The wrong answer itself.
    companions : tuple of (str, object)
        What is planted before it: pairs of the name it replaces ("" keeps its own name) and the function or class.
    """

    name: str
    question: str
    replaces: str
    costs: tuple[str, ...]
    may_cost: tuple[str, ...]
    sentence: str
    implementation: Any
    companions: tuple[tuple[str, Any], ...] = ()

    @property
    def module(self) -> str:
        """The module that it is planted into, such as "layers"."""
        return self.replaces.partition(".")[0]

    def source(self) -> str:
        """Source text that plants it, put at the end of that module of any hand-in.

        Examples
        --------
        >>> print(by_name("mask_outside_the_cache").source().splitlines()[-4])
            dropout_param, _ = cache
        """
        parts = [*self.companions, (self.replaces, self.implementation)]
        text = "\n\n".join(_bare_source(implementation) for _, implementation in parts)
        for name, implementation in parts:
            if name:
                text = re.sub(rf"\b{implementation.__name__}\b", name.partition(".")[2], text)
        return f"{_HEADS.get(self.module, _HEAD)}\n{text}"


_REGISTRY: dict[str, Misconception] = {}
Wrong = TypeVar("Wrong", bound=Callable[..., Any])


def misconception(
    *,
    question: str,
    replaces: str,
    costs: tuple[str, ...] | None = None,
    may_cost: tuple[str, ...] = (),
    sentence: str,
    companions: tuple[tuple[str, Any], ...] = (),
) -> Callable[[Wrong], Wrong]:
    """Register a wrong function or class.

    Parameters
    ----------
    question, replaces, costs, may_cost, sentence
        As in `Misconception`; `costs` is the question alone if left out.
    companions : tuple of (str, object)
        What is planted before it: pairs of the name it replaces ("" keeps its own name) and the function or class.
    """

    def register(wrong: Wrong) -> Wrong:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wrong.__name__).lower()
        if name in _REGISTRY:
            raise CourseError("two misconceptions have one name", where=name, fix="give the second another name")
        _REGISTRY[name] = Misconception(
            name, question, replaces, (question,) if costs is None else costs, may_cost, sentence, wrong, companions
        )
        return wrong

    return register


@functools.cache
def all_misconceptions() -> tuple[Misconception, ...]:
    """Every registered misconception, in the order of modules and lines."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        importlib.import_module(f"{__name__}.{found.name}")
    return tuple(_REGISTRY.values())


def by_name(name: str) -> Misconception:
    """The misconception of that name; KeyError if there is none."""
    all_misconceptions()
    return _REGISTRY[name]


def misconceptions_of(question: str) -> tuple[Misconception, ...]:
    """The wrong answers to one question."""
    return tuple(wrong for wrong in all_misconceptions() if wrong.question == question)


def _bare_source(implementation: Any) -> str:
    """The source without its decorator."""
    lines = inspect.getsource(implementation).splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith(("def ", "class ")))
    return "".join(lines[start:])
