"""Texts in another course's names: docstrings, Markdown, and code cells with their magics."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from autograder.translate.names import NORM, Names

_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)  # also a block between fences
_INDENTED = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
_EXAMPLE = re.compile(r"^(\s*(?:>>>|\.\.\.) )(.*)$")
_ENTRY = re.compile(r"^(\s*)(\w+(?:, \w+)*) : (.*)$")
_ASIDE = re.compile(r"__magic_(\d+)__")
_MAGIC = re.compile(r"^([ \t]*)([%!?].*|[^#\n]*\?)$", re.MULTILINE)


def markdown(text: str, names: Names) -> str:
    """Markdown with the names in its code translated: in code spans and in code blocks; prose stays as it is."""
    text = _SPAN.sub(lambda found: found[1] + names.text(found[2]) + found[1], text)
    return _INDENTED.sub(lambda found: names.text(found[0]), text)


def with_magics(source: str, translate: Callable[[str], str], names: Names) -> str:
    """A code cell, translated as Python; IPython's own lines stand aside meanwhile.

    A cell with a magic for all of it may be in any language: only what it mentions is translated.
    """
    if source.startswith("%%"):
        return names.text(source)
    lines = [] if _parses(source) else _MAGIC.findall(source)
    return _ASIDE.sub(lambda found: names.text(lines[int(found[1])][1]), translate(bare(source)))


def bare(source: str) -> str:
    """A code cell as Python: a name stands for each of IPython's own lines.

    Examples
    --------
    >>> bare("%matplotlib inline\\nx = 1")
    '__magic_0__\\nx = 1'
    """
    if source.startswith("%%"):
        return ""
    if _parses(source):
        return source
    number = itertools.count()
    return _MAGIC.sub(lambda found: f"{found[1]}__magic_{next(number)}__", source)


def _parses(source: str) -> bool:
    try:
        compile(source, "cell", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def docstring(text: str, names: Names, table: dict[str, str], translate: Callable[[str], str]) -> str:
    """A docstring: its examples are code, its entries name arguments and keys.

    Where an entry has another name, the name that the formulas have stays beside it.

    Parameters
    ----------
    text : str
        The literal.
    names : Names
        The dialect.
    table : dict of str to str
        The arguments of the net, or the keys of the update rule, that it belongs to.
    translate : callable
        Translates code.
    """
    return "\n".join(_line(line, names, table, translate) for line in text.split("\n"))


def _line(line: str, names: Names, table: dict[str, str], translate: Callable[[str], str]) -> str:
    example, entry = _EXAMPLE.match(line), _ENTRY.match(line)
    if example and _parses(example[2]):
        return example[1] + translate(example[2])
    if entry is None:
        return names.text(line)
    ours = entry[2].split(", ")
    if table.get(NORM) and ours == [NORM]:
        return f"{entry[1]}{table[NORM]} : True or False; at most one of them is True"
    own = [table.get(name, name) for name in ours]
    known = f"{' and '.join(ours)} in the formulas; " if own != ours and set(ours) <= names.keys.keys() else ""
    return f"{entry[1]}{', '.join(own)} : {known}{names.text(entry[3])}"
