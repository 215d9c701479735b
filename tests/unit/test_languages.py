"""Catalogues: complete, not older than their texts, with the same markup, and what is said at run time is found."""

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from jinja2 import nodes
from markdown_it import MarkdownIt

from autograder import pages
from autograder.course import Course
from autograder.editions import READINGS, editions
from autograder.examiner.dialect import Dialect
from autograder.examiner.faults import FAULTS, mended
from autograder.examiner.looking import Source
from autograder.languages import (
    ENGLISH,
    FEEDBACK,
    GUIDE,
    LANGUAGES,
    PACKAGE,
    PAGE,
    catalogue,
    catalogue_path,
    read_catalogue,
)
from autograder.languages.collect import PAGE_TEMPLATES
from autograder.languages.templates import filled, names
from autograder.languages.told import told
from autograder.languages.update import as_bytes, open_entries, updated
from autograder.misconceptions import by_name
from autograder.pages import templates
from autograder.results import GUARD, Check, HandInResult, QuestionResult

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
        if message.context not in (PACKAGE, FEEDBACK, PAGE):
            assert markup(message.string) == markup(message.id), told


@pytest.mark.parametrize("language", OTHERS)
def test_placeholders_are_those_of_the_english_sentence(language):
    for message in entries(language):
        if message.context in (PACKAGE, FEEDBACK, PAGE, GUIDE):
            assert names(message.string) == names(message.id), message.id
            assert Counter(re.findall("`[^`]+`", message.string)) == Counter(re.findall("`[^`]+`", message.id))


@pytest.mark.parametrize("language", OTHERS)
def test_tags_of_the_page_are_those_of_the_english_sentence(language):
    for message in entries(language):
        if message.context == PAGE:
            assert Counter(re.findall(r"<[^<>]*>", message.string)) == Counter(re.findall(r"<[^<>]*>", message.id))
            rest = re.sub(r"<[^<>]*>", "", message.string)
            assert not set('<>"&') & set(rest), f"{message.string}: neither a tag nor a letter of a text"


def outside_of_translations(source):
    """The HTML of a template without what stands in {% trans %}; what is put into it is a 0."""
    html, inside, first = "", False, False
    for _, kind, value in templates().lex(source):
        if kind == "data":
            html += "" if inside else value
        elif kind == "name" and first:
            inside = value in ("trans", "pluralize") or (inside and value != "endtrans")
        elif kind == "variable_begin":
            html += "0"
        first = kind == "block_begin" or (first and kind == "whitespace")
    return html


@pytest.mark.parametrize("template", PAGE_TEMPLATES)
def test_no_words_of_the_page_stand_outside_of_what_is_translated(template):
    source = (Path(pages.__file__).parent / "templates" / template).read_text(encoding="utf-8")
    html = outside_of_translations(source)
    heard = re.findall(r'(?:alt|title|aria-label)="([^"]*)"', html)
    seen = re.sub(r"<code>.*?</code>|<[^>]*>", "", html).replace("narrow", "")  # a class of the style sheet
    assert not re.findall("[A-Za-z]{2,}", seen + " ".join(heard)), "put it into {% trans %}"
    chosen = [
        arm for either in templates().parse(source).find_all(nodes.CondExpr) for arm in (either.expr1, either.expr2)
    ]
    assert not [arm.value for arm in chosen if isinstance(arm, nodes.Const) and re.search("[A-Za-z]", str(arm.value))]


def test_words_outside_of_what_is_translated_are_found():
    source = '<p alt="{{ x }} bad">{% trans x=1 -%}good{% pluralize %}good{% endtrans +%} ill {{ "a" }}</p>'
    assert outside_of_translations(source) == '<p alt="0 bad"> ill 0</p>'


@pytest.mark.parametrize("language", OTHERS)
def test_a_made_sentence_finds_its_template(language):
    known = catalogue(language)
    for message in entries(language):
        if message.context == FEEDBACK and names(message.id):
            values = {name: f"X{number}" for number, name in enumerate(names(message.id))}
            assert known.say(filled(message.id, values).strip()) == filled(message.string, values).strip(), message.id


def test_sentences_in_a_row_and_values_that_are_sentences_are_translated():
    known = catalogue("ko")
    told = known.say("Not examined: layers.py is missing; optim.py is missing.")
    assert told == "검사하지 않음: layers.py이(가) 없습니다; optim.py이(가) 없습니다."
    two = "dropout did not return within 10 seconds. Look for a loop that never ends."
    assert known.say(two) == "dropout이(가) 10초 안에 돌아오지 않았습니다. 끝나지 않는 반복문을 찾아보십시오."
    lines = "dx is not the gradient.\nNobody has said this before."
    assert known.say(lines) == "dx가 기울기가 아닙니다.\nNobody has said this before."


def words_of_other_courses():
    """Every sentence that a record holds about the words of another course, and about its starter."""
    for each, reading in itertools.product(editions(), READINGS):
        for question in (question.grade_id for question in assignment().questions):
            words = Dialect(each, reading).words(question)
            if words:
                yield f"In your course's words: {words}."
    for mend in (True, False):
        yield from mended(Source("fc_net.py", "bn_param[mode] = mode\n"), FAULTS, mend)[1]
    yield "Dropout.ipynb, code cell 12, was trained, with what it needs of earlier cells."
    yield "Not examined: layers.py, line 3, is Python 2 only (a print statement); this course runs Python 3."
    yield "affine_backward must return an array of real numbers as dx; it returned a value of type float."


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_about_another_course_stays_english(language):
    seen = 0
    for english in words_of_other_courses():
        told = catalogue(language).say(english)
        names = r"\w+\[.*?\]|\S+\.(?:py|ipynb)|\w+=\S+|\w+_\w+|\"\w+\"|Python|print|dropout|float|dx|mode"
        assert not re.findall("[A-Za-z]{2,}", re.sub(names, "", told)), told
        seen += 1
    assert seen > 30


def test_english_is_left_alone():
    assert catalogue(ENGLISH).say("dx is not the gradient.") == "dx is not the gradient."


def test_told_record_keeps_everything_but_its_sentences():
    wrong = by_name("mask_not_scaled")
    origin = {"kit": "0", "edition": "canonical", "wall": "none", "data": "CIFAR-10", "state": "graded"}
    check = Check(name="two calls", passed=False, message="The output is not x.\nHint: Use the mask in the cache.")
    question = QuestionResult(
        **origin, question="dropout_forward", share=0.5, checks=(check,), recognised=(wrong.sentence,)
    )
    hand_in = HandInResult(student="ada", assignment="deep_nets", questions=(question,), **_without(origin, "kit"))
    shown = told(hand_in, catalogue("ko"))
    message = shown.questions[0].message(catalogue("ko").say)
    assert "출력이 x가 아닙니다." in message
    assert "힌트: 캐시에 있는 마스크를 사용하십시오." in message
    assert wrong.sentence not in message
    assert "알아본 것:" in message
    assert (shown.questions[0].share, shown.questions[0].checks[0].passed) == (0.5, False)


def _without(items, key):
    return {name: value for name, value in items.items() if name != key}


def test_the_guards_line_begins_as_pages_know_it():
    template = next(message.id for message in entries("zh") if "of the validation images slightly" in message.id)
    assert template.startswith(f"{GUARD} ")
