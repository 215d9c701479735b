"""A student's page in other languages: no English of ours is left, and records are read as in English."""

from __future__ import annotations

import re
from html import unescape

import pytest
from page_class import (
    GOOD,
    HOSTILE,
    SENTENCE,
    SYNTAX,
    WORLD,
    WRONG,
    WRONG_FORWARD,
    failed,
    hand_in,
    right,
    text,
    with_target,
)
from small_course import Class

from autograder import wording
from autograder.feedback import write_pages
from autograder.languages import ENGLISH, LANGUAGES, PAGE, catalogue
from autograder.languages.collect import PAGE_TEMPLATES
from autograder.languages.templates import filled, split
from autograder.pages import messages

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
# Two words of a language with spaces and small letters.
TWO_WORDS = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}.{,40}")
# What only the made-up class says.
MADE_UP = (
    SENTENCE,
    GOOD.name,
    WRONG.name,
    *WRONG.message.replace("Hint: ", "").splitlines(),
    "Guard: figures. Labels were looked up.",
    SYNTAX.partition("SyntaxError: ")[2],  # what Python says stays English
    "A small course",
    "Well said",
    "document.title = 'mine'",
    "javascript alert(1)",
    HOSTILE,
)
ANSWER = re.compile(r"The mean of \d+ stays")


def page(classroom: Class, student: str, language: str = ENGLISH) -> str:
    write_pages(classroom.assignment, [student], language)
    return (classroom.course.root / "feedback" / student / "deep_nets" / "index.html").read_text(encoding="utf-8")


def told(html: str) -> str:
    """All that is seen or heard, but for code and what the made-up class says itself."""
    heard = re.findall(r'(?:alt|aria-label|title)="([^"]*)"', html)
    title = re.findall("<title>(.*?)</title>", html)
    found = " | ".join([*map(unescape, [*heard, *title]), text(re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL))])
    for sentence in MADE_UP:
        found = found.replace(sentence, "")
    return ANSWER.sub("", found)


def test_a_page_in_another_language_has_no_english_left(whole: Class) -> None:
    sentences = [*wording.FEEDBACK, *(message for name in PAGE_TEMPLATES for message in messages(name))]
    parts = {part.strip() for one in sentences for part, _ in split(re.sub("<[^>]*>", "{tag}", one))}
    parts = {part for part in parts if TWO_WORDS.search(part)}
    assert len(parts) > 60
    seen = set()
    for student in ("ada", "bob", "cleo", "dan", HOSTILE, WORLD, "fay"):
        english = told(page(whole, student))
        seen |= {part for part in parts if part in english}
        for language in OTHERS:
            html = page(whole, student, language)
            assert f'<html lang="{language}">' in html
            assert not [part for part in parts if part in told(html)], (student, language)
            assert not TWO_WORDS.findall(told(html)), (student, language)
    assert len(seen) > 40, "the class must make the page say most of what it can"


def test_english_is_what_a_page_speaks_by_itself(whole: Class) -> None:
    write_pages(whole.assignment, ["bob"])
    path = whole.course.root / "feedback" / "bob" / "deep_nets" / "index.html"
    assert path.read_text(encoding="utf-8") == page(whole, "bob", ENGLISH)
    assert '<html lang="en">' in path.read_text(encoding="utf-8")


def tags(html: str) -> list[str]:
    """Tags of a page, sorted, because sentences may have another order; without figures and descriptions."""
    body = re.sub(r"<svg.*?</svg>", "", html.partition("<body")[2], flags=re.DOTALL)
    return sorted(re.sub(r'alt="[^"]*"', "", tag) for tag in re.findall(r"<[^>]*>", body))


@pytest.mark.parametrize("language", OTHERS)
def test_records_are_read_in_english_whatever_the_page_speaks(whole: Class, language: str) -> None:
    for student in ("bob", "cleo", "dan"):  # a hint, one reason for all questions, the guard's verdict
        pages = [page(whole, student, each) for each in (ENGLISH, language)]
        assert tags(pages[0]) == tags(pages[1]), student
    assert pages[1].count('<p class="quote note">') == 1


@pytest.mark.parametrize("language", OTHERS)
def test_values_stand_where_the_translation_has_them(classroom: Class, language: str) -> None:
    hand_in(classroom, "ada", right(dropout_forward=WRONG_FORWARD))
    html = page(classroom, "ada", language)
    for english, values in (
        ("Feedback for {who}", {"who": "<bdi>ada</bdi>"}),
        ("{earned} of {most} points", {"earned": "2", "most": "5"}),
        ("{notebook}, section “{heading}”", {"notebook": "<code>Dropout.ipynb</code>", "heading": "Dropout"}),
        ("Check: {names}", {"names": WRONG.name}),
    ):
        assert filled(catalogue(language).text(PAGE, english), values) in html
    assert "Look at the line that scales." in html
    assert "Hint:" not in html


@pytest.mark.parametrize("language", OTHERS)
def test_one_reason_for_checks_and_target_is_said_once_in_every_language(classroom: Class, language: str) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "cleo", failed())
    html = page(classroom, "cleo", language)
    assert html.count("never closed") == 2  # once in what to do next, once in what to mend
