"""Pages in headless Chromium: nothing runs, nothing is fetched, nothing overflows, axe-core finds nothing.

    SHOTS=folder pytest tests/stages/test_pages_in_browser.py

keeps a picture of each page.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import axe
import pytest
from page_class import HOSTILE, WORLD
from small_course import Class

from autograder.course import Course
from autograder.feedback import write_pages
from autograder.report import report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SCHEMES = ("light", "dark")
LOOKS = [
    pytest.param(375, "light", id="phone-light"),
    pytest.param(1280, "dark", id="desktop-dark"),
    pytest.param(375, "dark", id="phone-dark", marks=pytest.mark.slow),
    pytest.param(1280, "light", id="desktop-light", marks=pytest.mark.slow),
]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def pages(whole_template: Path, released_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of every kind of hand-in, and of their class."""
    root = tmp_path_factory.mktemp("pages") / "course"
    shutil.copytree(whole_template, root)
    made = Class(root)
    students = {"right": "ada", "wrong": "bob", "failed": "cleo", "guard": "dan", "hostile": HOSTILE, "world": WORLD}
    write_pages(made.assignment, students.values())
    found = {kind: root / "feedback" / name / "deep_nets" / "index.html" for kind, name in students.items()}
    empty = Course(root.with_name("empty"))
    shutil.copytree(released_template, empty.root)
    return {
        **found,
        "report": report(made.assignment)[0],
        "empty": report(empty.assignment("deep_nets"))[0],
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe_script() -> str:
    try:
        return axe.script()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_fit_act_on_nothing_and_fetch_nothing(
    browser: sync_api.Browser, pages: dict[str, Path], width: int, scheme: str
) -> None:
    for kind, path in pages.items():
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        asked, told = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, told=told: told.append(message.text))
        page.on("dialog", lambda dialog, told=told: told.append(dialog.message))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, kind
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{kind}, all open"
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == [], kind
        assert told == [], kind
        assert page.title() != "mine"
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=Path(folder) / f"{kind}-{width}-{scheme}.png", full_page=True)
        page.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing(
    browser: sync_api.Browser, pages: dict[str, Path], axe_script: str, width: int, scheme: str
) -> None:
    for kind, path in pages.items():
        # axe is a script, which the page's own policy forbids: here, and only here, that is switched off.
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.evaluate(axe_script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [(one["id"], one["impact"], one["nodes"][0]["html"][:150]) for one in found["violations"]]
        assert bad == [], kind
        page.close()


def test_axe_sees_a_fault_where_there_is_one(browser: sync_api.Browser, axe_script: str) -> None:
    page = browser.new_page()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main>")
    page.evaluate(axe_script)
    found = page.evaluate("axe.run()")
    assert "image-alt" in [one["id"] for one in found["violations"]]
    page.close()


def test_a_policy_stands_that_no_script_passes(browser: sync_api.Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["right"].as_uri())
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 2'}))")
    page.wait_for_timeout(100)
    assert page.title() not in ("1", "2")
    page.close()


def test_headings_come_in_order_and_tables_have_captions_and_scopes(
    browser: sync_api.Browser, pages: dict[str, Path]
) -> None:
    page = browser.new_page()
    for kind, path in pages.items():
        page.goto(path.as_uri())
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), (kind, levels)
        assert page.evaluate("[...document.querySelectorAll('table')].every(one => one.caption)"), kind
        assert page.evaluate("[...document.querySelectorAll('th')].every(one => one.scope)"), kind
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids)), kind
        links = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map(one => one.hash.slice(1))")
        assert set(links) <= set(ids), kind
    page.close()


def test_figures_are_read_in_light_and_dark(browser: sync_api.Browser, pages: dict[str, Path]) -> None:
    """Every letter in a figure stands out from the page: a contrast of at least 4.5."""
    for kind in ("right", "report"):
        for scheme in SCHEMES:
            page = browser.new_page(color_scheme=scheme)
            page.goto(pages[kind].as_uri())
            inks = page.evaluate("[...document.querySelectorAll('svg text')].map(one => getComputedStyle(one).fill)")
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert inks
            assert min(contrast(ink, paper) for ink in inks) >= 4.5, (kind, scheme)
            page.close()


def contrast(first: str, second: str) -> float:
    """The ratio of two colours as WCAG 2.1 defines it."""
    bright = sorted(luminance(colour) for colour in (first, second))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
