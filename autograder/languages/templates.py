"""Sentences with values in them, as templates: `{name} is not written yet.`

A template is the text of an f-string: what stands in braces is the value's name there, an expression and perhaps its
format, and doubled braces are braces. A translation holds the same braces, in any order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(r"import \S+( as \w+)?$|from \S+ import |\n\w+ = |\w+ = \w+\(\)$")
# What these are called with is no sentence, or nobody reads it outside of the instructor's terminal.
_NOT_READ = frozenset(
    {"namedtuple", "CourseError", "RuntimeError", "UsageError", "ExaminerFault", "addoption", "addinivalue_line"}
    | {"Dict", "List", "Unicode"}
)


def split(template: str) -> list[tuple[str, str]]:
    """Pairs (text before a value, the value's name); the last name is empty.

    Examples
    --------
    >>> split("{name} raised {{}}: {error}.")
    [('', 'name'), (' raised {}: ', 'error'), ('.', '')]
    """
    pairs, text, position = [], "", 0
    for match in _PIECE.finditer(template):
        text += template[position : match.start()]
        position = match.end()
        if match[1] is None:
            text += match[0][0]
        else:
            pairs.append((text, match[1]))
            text = ""
    return [*pairs, (text + template[position:], "")]


def as_template(text: str) -> str:
    """A template that says just this text: braces doubled."""
    return text.replace("{", "{{").replace("}", "}}")


def names(template: str) -> list[str]:
    """The values' names, sorted.

    Examples
    --------
    >>> names("{b} of {a}")
    ['a', 'b']
    """
    return sorted(name for _, name in split(template) if name)


def from_jinja(message: str) -> str:
    """A message as Jinja2's i18n extension hands it over, which writes values as %(name)s, as a template.

    Examples
    --------
    >>> from_jinja("%(count)s more, 5 %%")
    '{count} more, 5 %'
    """
    return re.sub(r"%\((\w+)\)s|%%", lambda match: f"{{{match[1]}}}" if match[1] else "%", as_template(message))


def as_jinja(template: str) -> str:
    """What `from_jinja` was made from.

    Examples
    --------
    >>> as_jinja("{count} more, 5 %")
    '%(count)s more, 5 %%'
    """
    return "".join(text.replace("%", "%%") + (f"%({name})s" if name else "") for text, name in split(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The sentence with its values.

    Examples
    --------
    >>> filled("{{x}} is {what}", {"what": "right"})
    '{x} is right'
    """
    return "".join(text + (values[name] if name else "") for text, name in split(template))


def pattern(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A regular expression that fits the finished sentence, and the names of its groups in order."""
    pairs = split(template)
    regex = "".join(re.escape(text) + ("(.*?)" if name else "") for text, name in pairs)
    return re.compile(regex, re.DOTALL), tuple(name for _, name in pairs if name)


def is_sentence(template: str) -> bool:
    """Whether a text is made of words: two of them at least, one in small letters. Code is none.

    Examples
    --------
    >>> is_sentence("no dropout"), is_sentence("YOUR ANSWER HERE"), is_sentence("{a} b"), is_sentence("import time")
    (True, False, False, False)
    """
    text = "\0".join(text for text, _ in split(template))
    words = _WORD.findall(text)
    return len(words) > 1 and " " in text and any(word.islower() for word in words) and not _CODE.match(text)


def literals(tree: ast.AST) -> Iterator[tuple[ast.Constant | ast.JoinedStr, str]]:
    """Every text of a module that somebody may read, with its template, in the order of lines; no docstrings."""
    skipped = set[int]()
    found: list[tuple[ast.Constant | ast.JoinedStr, str]] = []
    for node in ast.walk(tree):  # outer nodes first
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.Call) and _called(node) in _NOT_READ:
            skipped |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr):
            if id(node) not in skipped:
                found.append((node, template_of(node)))
            skipped |= {id(inner) for value in node.values for inner in ast.walk(value)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            found.append((node, template_of(node)))
    found = [(node, text) for node, text in found if id(node) not in skipped and is_sentence(text)]
    yield from sorted(found, key=lambda pair: (pair[0].lineno, pair[0].col_offset))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def template_of(node: ast.Constant | ast.JoinedStr) -> str:
    """The template of a literal."""
    if isinstance(node, ast.Constant):
        return as_template(str(node.value))
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += as_template(str(value.value))
        elif isinstance(value, ast.FormattedValue):
            text += "{" + _inside(value) + "}"
    return text


def _inside(value: ast.FormattedValue) -> str:
    """What stands in the braces, written in one way whatever the source's."""
    text = ast.unparse(value.value)
    if value.conversion != -1:
        text += f"!{chr(value.conversion)}"
    if isinstance(value.format_spec, ast.JoinedStr):
        text += ":" + "".join(str(part.value) for part in value.format_spec.values if isinstance(part, ast.Constant))
    return text


def literal_of(template: str) -> str:
    """A Python literal of a template: an f-string in double quotes where it has values."""
    pairs = split(template)
    if len(pairs) == 1:
        return '"' + _escaped(pairs[0][0]) + '"'
    doubled = ((_escaped(as_template(text)), name) for text, name in pairs)
    return 'f"' + "".join(text + (f"{{{name}}}" if name else "") for text, name in doubled) + '"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
