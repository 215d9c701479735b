"""How pages are made: Jinja2 templates with autoescape, texts of people made harmless, nothing fetched, nothing run."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import mistune
import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder import wording
from autograder.hand_in_notebook import MAX_MARKDOWN
from autograder.languages import ENGLISH, PAGE, catalogue
from autograder.languages.templates import as_jinja, from_jinja
from autograder.safe_outputs import plain_text

# Forbids everything but the style sheet in the page and pictures in the page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_TAGS = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "a", "del", "sub", "sup", "table",
         "thead", "tbody", "tr", "th", "td", "hr"}  # fmt: skip
_LONGEST_NAME = 200
_MARKDOWN = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


def write_page(path: Path, template: str, view: Mapping[str, object], language: str = ENGLISH) -> None:
    """Write the page that a template of autograder/templates makes of a view; what the view says is as it should be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(templates(language).get_template(template).render(view), encoding="utf-8")


def messages(template: str) -> Iterator[str]:
    """The sentences of a template that have translations; of what is counted, both forms."""
    environment = templates()
    source = (Path(__file__).parent / "templates" / template).read_text(encoding="utf-8")
    for _, _, found in environment.extract_translations(source):  # type: ignore[attr-defined]  # the extension adds it
        forms = found if isinstance(found, tuple) else (found,)
        yield from (from_jinja(form) for form in forms if form is not None)


@functools.cache
def templates(language: str = ENGLISH) -> Environment:
    """What makes pages of templates, in a language."""
    known = catalogue(language)

    def gettext(message: str) -> str:
        return as_jinja(known.text(PAGE, from_jinja(message)))

    def ngettext(one: str, many: str, number: int) -> str:
        return gettext(one if number == 1 else many)

    environment = Environment(
        extensions=["jinja2.ext.i18n"],
        loader=PackageLoader("autograder"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # as above
    environment.globals |= {"policy": POLICY, "words": wording, "language": language}
    environment.filters |= {"number": number, "percent": percent, "name": shown_name, "code": code}
    return environment


def number(value: float) -> str:
    """Points as people write them.

    Examples
    --------
    >>> [number(value) for value in (3.0, 2.5, 1 / 3, 99.999)]
    ['3', '2.5', '0.33', '100']
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """A share of 1 in percent.

    Examples
    --------
    >>> percent(0.5678)
    '56.8 %'
    """
    return f"{number(round(100 * share, 1))} %"


def shown_name(name: str) -> str:
    """A student's name, which is the name of a folder, without what would turn a line around or cannot be written.

    Examples
    --------
    >>> shown_name("ada\\u202e\\udcff")
    'ada'
    """
    return plain_text(name, _LONGEST_NAME).replace("\n", " ")


def code(sentence: str) -> Markup:
    """A sentence in which what stands between backquotes is code.

    Examples
    --------
    >>> code("Run `make test` <now>")
    Markup('Run <code>make test</code> &lt;now&gt;')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def markdown(text: str) -> Markup:
    """Text of a student or a grader, in Markdown, as HTML that holds words, lists, code, tables and links only.

    Examples
    --------
    >>> markdown("**so** <b onclick=x> ![c](https://d.example/e.png)").strip()
    Markup('<p><strong>so</strong> &lt;b onclick=x&gt; </p>')
    """
    text = plain_text(text, MAX_MARKDOWN)
    try:
        html = str(_MARKDOWN(text))
    except Exception:  # text that no renderer takes is shown as it is
        html = f"<pre>{escape(text)}</pre>"
    return Markup(nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}))
