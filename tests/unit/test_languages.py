"""Catalogues: complete, not older than their texts, with the same markup, and what is said at run time is found."""

import re
from collections import Counter

import pytest
from markdown_it import MarkdownIt

from autograder.course import Course
from autograder.languages import ENGLISH, FEEDBACK, GUIDE, LANGUAGES, PACKAGE, catalogue_path, read_catalogue
from autograder.languages.templates import names
from autograder.languages.update import as_bytes, open_entries, updated

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
MATH = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
WORDS_IN_MATH = re.compile(r"\\text\{[^{}]*\}")


def assignment():
    return Course.find().assignment("deep_nets")


def entries(language):
    return [message for message in read_catalogue(language) if message.id]


def math(text):
    return Counter(WORDS_IN_MATH.sub(r"\\text{}", " ".join(formula.split())) for formula in MATH.findall(text))


def markup(text):
    """Everything of a Markdown text but its words: headings, lists, rows, emphasis, code, links."""
    found = Counter()
    todo = MarkdownIt("commonmark").enable("table").parse(MATH.sub("MATH", text))
    while todo:
        token = todo.pop()
        if token.type not in ("text", "inline", "softbreak", "hardbreak") and not token.type.endswith("_close"):
            mark = token.content.strip() if token.type.startswith("code") else token.attrGet("href") or ""
            found[token.type, token.tag, mark] += 1
        todo += token.children or []
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_a_translation_as_new_as_itself(language):
    found = open_entries(updated(assignment(), language))
    assert not found, "run `make messages`, then translate what it names"


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_is_as_make_messages_writes_it(language):
    assert as_bytes(updated(assignment(), language)) == catalogue_path(language).read_bytes()


def test_a_changed_text_makes_its_translation_stale(tmp_path, monkeypatch):
    from autograder.languages import update

    known = read_catalogue("zh")
    first = next(message for message in known if message.id and "#" in message.context)
    changed = update.template(assignment())
    changed.delete(first.id, context=first.context)
    changed.add(first.id + " One more sentence.", context=first.context)
    monkeypatch.setattr(update, "template", lambda _: changed)
    assert [line.split(":")[0] for line in open_entries(updated(assignment(), "zh"))] == [first.context]


@pytest.mark.parametrize("language", OTHERS)
def test_formulas_and_markup_are_those_of_the_english_text(language):
    for message in entries(language):
        told = f"{message.context}: {message.id[:50]!r}"
        assert math(message.string) == math(message.id), told
        if message.context not in (PACKAGE, FEEDBACK):
            assert markup(message.string) == markup(message.id), told


@pytest.mark.parametrize("language", OTHERS)
def test_placeholders_are_those_of_the_english_sentence(language):
    for message in entries(language):
        if message.context in (PACKAGE, FEEDBACK, GUIDE):
            assert names(message.string) == names(message.id), message.id
            assert Counter(re.findall("`[^`]+`", message.string)) == Counter(re.findall("`[^`]+`", message.id))
