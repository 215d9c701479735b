"""Texts in other languages: one gettext catalogue a language, `<code>.po` in this folder.

A text is found by its context and its English text. An entry that is empty or marked fuzzy (its English text has changed
since) does not count: the English text stands in for it. docs/languages.md says how to add a language.

`Catalogue.say` translates a sentence that is already made. Records hold English sentences with values in them
("affine_forward is not written yet."); the entry is a template ("{name} is not written yet."), so a sentence is compared
with the templates, and its values are put into the translation.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from autograder.errors import CourseError
from autograder.languages.templates import filled, pattern, split, as_template

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh": "简体中文", "ko": "한국어"}

# The first parts of contexts. A cell's context is that of its notebook: "Dropout.ipynb#intro".
PACKAGE, FEEDBACK, GUIDE = "nndl", "feedback", "README.md"

_SENTENCE_END = re.compile(r"(?<=[.?!:;]) +")
_INNER_END = re.compile(r"[.?!] +[A-Z]")


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
    if language == ENGLISH:
        return Catalogue(language, {})
    entries = {
        (message.context or "", message.id): message.string
        for message in read_catalogue(language)
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string and not message.fuzzy
    }
    return Catalogue(language, entries)


@dataclass(frozen=True)
class Catalogue:
    """The translations into one language; that of English is empty, so every text stays as it is."""

    language: str
    entries: dict[tuple[str, str], str]
    _said: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def text(self, context: str, english: str) -> str:
        """A text as it stands in a source, translated; the English one where there is no translation."""
        return self.entries.get((context, english), english)

    def say(self, english: str, context: str = FEEDBACK) -> str:
        """One or more sentences, as a record holds them, translated; a part that is unknown stays as it is."""
        if self.language == ENGLISH or not english.strip():
            return english
        if context != FEEDBACK:
            return self._sentence(english, context, loose=True) or english
        if english not in self._said:
            self._said[english] = "\n".join(self._line(line) for line in english.split("\n"))
        return self._said[english]

    def _line(self, line: str) -> str:
        """The longest run of sentences from the left that is known, then the next; unknown sentences are kept."""
        body = line.strip()
        ends = [*(match.start() for match in _SENTENCE_END.finditer(body)), len(body)]
        told, start = [], 0
        while start < len(body):
            later = [end for end in ends if end > start]
            for loose in (False, True):
                found = next(((end, text) for end in reversed(later) if (text := self._part(body, start, end, loose))), None)
                if found:
                    break
            end, text = found or (later[0], body[start : later[0]])
            told.append(text)
            start = end + len(body[end:]) - len(body[end:].lstrip())
        return line[: len(line) - len(line.lstrip())] + " ".join(told)

    def _part(self, body: str, start: int, end: int, loose: bool) -> str:
        part = body[start:end]
        mark = part[-1] if part.endswith((";", ":")) else ""
        known = self._sentence(part, FEEDBACK, loose)
        if not known and mark:
            known = self._sentence(part[:-1], FEEDBACK, loose)
            known += mark if known else ""
        return known

    def _sentence(self, english: str, context: str, loose: bool) -> str:
        """The translation of what one entry says; empty where there is none.

        Only with `loose` may a value hold the end of a sentence.
        """
        exact = self.entries.get((context, as_template(english)))
        if exact is not None:
            return filled(exact, {})
        for regex, names, translation in _templates(self, context):
            match = regex.fullmatch(english)
            if match and (loose or not any(_INNER_END.search(value) for value in match.groups())):
                values = [self.say(value) if context == FEEDBACK else value for value in match.groups()]
                return filled(translation, dict(zip(names, values, strict=True)))
        return ""


@functools.lru_cache(maxsize=16)
def _templates_of(language: str, context: str) -> tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]:
    found = []
    for (where, english), translation in catalogue(language).entries.items():
        if where == context and any(name for _, name in split(english)):
            found.append((len("".join(text for text, _ in split(english))), english, translation))
    found.sort(key=lambda entry: (-entry[0], entry[1]))  # the one that says most fits best
    return tuple((*pattern(english), translation) for _, english, translation in found)


def _templates(known: Catalogue, context: str) -> tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]:
    return _templates_of(known.language, context)
