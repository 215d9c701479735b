"""Texts in other languages: one gettext catalogue a language, `<code>.po` in this folder.

A text is found by its context and its English text. An entry that is empty or marked fuzzy (its English text has
changed since) does not count: the English text stands in for it. docs/languages.md says how to add a language.

`Catalogue.say` translates a sentence that is already made. Records hold English sentences with values in them
("affine_forward is not written yet."); the entry is a template ("{name} is not written yet."), so a sentence is
compared with the templates, and its values are put into the translation.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from autograder.errors import CourseError
from autograder.languages.templates import as_template, filled, names, pattern, split

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh": "简体中文", "ko": "한국어"}

# The first parts of contexts. A cell's context is that of its notebook: "Dropout.ipynb#intro".
PACKAGE, FEEDBACK, PAGE, GUIDE = "nndl", "feedback", "page", "README.md"

_SENTENCE_END = re.compile(r"(?<=[.?!:;]) +")
# A value that holds such an end swallows a sentence; one that begins a sentence swallows what a semicolon ends, too.
_INNER_END, _FIRST_INNER_END = re.compile(r"[.?!] +[A-Z]"), re.compile(r"[.?!;] ")


def catalogue_path(language: str) -> Path:
    """The file of a language."""
    return Path(__file__).parent / f"{language}.po"


def read_catalogue(language: str) -> Catalog:
    """The file of a language as Babel reads it; an empty catalogue where there is no file."""
    path = catalogue_path(language)
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8", abort_invalid=True)


@functools.cache
def catalogue(language: str) -> Catalogue:
    """The translations into one language.

    Raises
    ------
    CourseError
        If there is no such language.
    """
    if language not in LANGUAGES:
        raise CourseError(f'no language "{language}"', fix=f"choose from: {', '.join(LANGUAGES)}")
    found = [
        message
        for message in (() if language == ENGLISH else read_catalogue(language))
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string and not message.fuzzy
    ]
    return Catalogue(language, {(message.context or "", str(message.id)): str(message.string) for message in found})


@dataclass(frozen=True)
class Template:
    """An entry with values in it, as something that a finished sentence can be compared with."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    translation: str


class Catalogue:
    """The translations into one language; that of English is empty, so every text stays as it is.

    Parameters
    ----------
    language : str
    entries : dict
        (context, English text) -> translation.
    """

    def __init__(self, language: str, entries: dict[tuple[str, str], str]) -> None:
        self.language = language
        self._entries = entries
        self._templates: dict[str, list[Template]] = {}

    def text(self, context: str, english: str) -> str:
        """A text as it stands in a source, translated; the English one where there is no translation."""
        return self._entries.get((context, english), english)

    def of_notebook(self, name: str) -> dict[str, str]:
        """English text -> translation, of all cells of a notebook."""
        return {english: told for (where, english), told in self._entries.items() if where.startswith(f"{name}.ipynb#")}

    def say(self, english: str, context: str = FEEDBACK) -> str:
        """What a record or a guide holds, line by line, translated; a part that is unknown stays as it is."""
        if not self._entries:
            return english
        return "\n".join(self._line(line, context) for line in english.split("\n"))

    def _line(self, line: str, context: str) -> str:
        """The longest run of sentences from the left that is known, then the next."""
        body = line.strip()
        told, start = [], 0
        while start < len(body):
            ends = [match.start() for match in _SENTENCE_END.finditer(body, start + 1)] + [len(body)]
            known = (
                (end, self._part(body[start:end], context, loose)) for loose in (False, True) for end in ends[::-1]
            )
            end, part = next((pair for pair in known if pair[1]), (ends[0], body[start : ends[0]]))
            told.append(part)
            start = end + 1
        return line[: len(line) - len(line.lstrip())] + " ".join(told)

    def _part(self, english: str, context: str, loose: bool) -> str:
        """The translation of what one entry says; empty where there is none.

        Only with `loose` may a value hold the end of a sentence.
        """
        mark = english[-1] if english.endswith((";", ":")) else ""
        exact = self._entries.get((context, as_template(english)))
        if exact is not None:
            return filled(exact, {})
        for template in self._all_templates(context):
            match = template.pattern.fullmatch(english)
            if match and (loose or not _swallows(match)):
                values = (self.say(value, context) for value in match.groups())
                return filled(template.translation, dict(zip(template.names, values, strict=True)))
        part = self._part(english[:-1], context, loose) if mark else ""
        return part and part + mark

    def _all_templates(self, context: str) -> list[Template]:
        """Those with values, the one that says most first: it fits best."""
        if context not in self._templates:
            found = [
                (english, told)
                for (where, english), told in self._entries.items()
                if where == context and names(english)
            ]
            found.sort(key=lambda pair: (-sum(len(text) for text, _ in split(pair[0])), pair[0]))
            self._templates[context] = [Template(*pattern(english), told) for english, told in found]
        return self._templates[context]


def _swallows(match: re.Match[str]) -> bool:
    return any(
        (_INNER_END if match.start(number) else _FIRST_INNER_END).search(value)
        for number, value in enumerate(match.groups(), start=1)
    )
