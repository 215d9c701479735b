"""`make messages`: bring every catalogue up to date with the texts.

A new text gets an empty entry. Where an English text has changed, the old translation stays beside it and is marked
fuzzy, so that it does not count until somebody has read it again. What is no longer said is dropped.
"""

from __future__ import annotations

import datetime
import sys
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from autograder.course import Assignment, Course
from autograder.languages import ENGLISH, LANGUAGES, catalogue_path, read_catalogue
from autograder.languages.collect import texts

# One date for ever: equal texts make equal files.
_DATE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def template(assignment: Assignment) -> Catalog:
    """All texts, without translations."""
    catalog = Catalog(project="deep-nets-course-kit", creation_date=_DATE, revision_date=_DATE, fuzzy=False)
    for text in texts(assignment):
        catalog.add(text.english, context=text.context, locations=[(text.place, 1)])
    return catalog


def updated(assignment: Assignment, language: str) -> Catalog:
    """The catalogue of a language with all of today's texts and no others."""
    catalog = read_catalogue(language)
    wanted = template(assignment)
    catalog.update(wanted)
    catalog.fuzzy, catalog.creation_date, catalog.revision_date = False, _DATE, _DATE
    for message in catalog:
        message.flags -= {"python-format", "python-brace-format"}  # Babel guesses them from any % and {
    return catalog


def as_bytes(catalog: Catalog) -> bytes:
    """A catalogue as its file holds it."""
    file = BytesIO()
    write_po(file, catalog, width=0, ignore_obsolete=True, include_previous=True, include_lineno=False)
    return file.getvalue()


def open_entries(catalog: Catalog) -> list[str]:
    """Context and beginning of every text without a translation, or with one older than itself."""
    return [
        f"{message.context}: {str(message.id)[:60]!r} is {'older than its text' if message.fuzzy else 'missing'}"
        for message in catalog
        if message.id and (message.fuzzy or not message.string)
    ]


def main() -> int:
    """Write all catalogues, say what is to be done; 1 if something is."""
    assignment = Course.find().assignment("deep_nets")
    left = 0
    for language in LANGUAGES:
        if language != ENGLISH:
            catalog = updated(assignment, language)
            catalogue_path(language).write_bytes(as_bytes(catalog))
            found = open_entries(catalog)
            print(*found, sep="\n")
            print(f"{language}: {len(catalog)} texts, {len(found)} to be translated")
            left += len(found)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
