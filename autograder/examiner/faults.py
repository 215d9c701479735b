"""Mistakes that a course's own starter handed out: found in a hand-in's text and mended, so that they cost nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from autograder.examiner.looking import Source


def _bn_param_mode(source: Source) -> Iterable[tuple[int, int, int, str]]:
    """`bn_param[mode] = mode`, for `bn_param["mode"] = mode`: batch normalization never enters test mode."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == "mode":
            for target in node.targets:
                if (
                    isinstance(target, ast.Subscript)
                    and isinstance(target.slice, ast.Name)
                    and target.slice.id == "mode"
                ):
                    key = target.slice
                    yield key.lineno, key.col_offset, key.end_col_offset or key.col_offset, '"mode"'


_Finder = Callable[
    [Source], Iterable[tuple[int, int, int, str]]
]  # line, first and last byte, what stands there instead
FAULTS: dict[str, tuple[_Finder, str]] = {
    "bn_param_mode": (
        _bn_param_mode,
        'bn_param[mode] = mode (for bn_param["mode"]), so batchnorm never enters test mode',
    ),
}


OF_THE_STARTER = "a mistake of the course's own starter"  # in every sentence below


def mended(source: Source, names: Iterable[str], mend: bool) -> tuple[Source, list[str]]:
    """The source without the named faults, and a sentence for each one found; with `mend` off it stays as it is."""
    told = []
    for name in names:
        finder, what = FAULTS[name]
        lines = source.text.split("\n")
        for number, first, last, text in sorted(finder(source), reverse=True):
            line = lines[number - 1].encode()
            lines[number - 1] = (line[:first] + text.encode() + line[last:]).decode()
            done = "It was mended before examining and costs nothing" if mend else "It counts as any other mistake"
            told.append(f"{source.name}, line {number}, holds {OF_THE_STARTER}: {what}. {done}.")
        if mend:
            source = Source(source.name, "\n".join(lines))
    return source, told
