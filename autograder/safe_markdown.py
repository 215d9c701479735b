"""Markdown of a hand-in, which nbgrader's pages render without sanitising it.

formgrader and feedback have templates of their own, in which nbconvert's `sanitize_html` does not reach Markdown
cells. So the text itself is made harmless before it is stored, and proved so by rendering it as those pages do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from nbconvert.filters import strip_files_prefix
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.safe_outputs import MAX_SOURCE, plain_text

# "<" opens a tag, a comment or an autolink only when one of these follows at once.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# Macros by which MathJax makes links, styles and identifiers, or loads more macros.
_MACROS = re.compile(
    r"(?<!\\)\\+(href|url|style|class|cssId|require|data|html[A-Za-z]*|unicode|includegraphics|mmlToken)(?![A-Za-z])"
)
# The pages' filter for links to "files/" takes time that grows with the cube of their number.
_FILES = re.compile(r"\((?=[\\/]*files\\*/)")
_SCHEMES = re.compile(r"(?i)\b(javascript|vbscript|data)(\s*)(:|&colon;|&#0*58;|&#x0*3a;|%3a)")
_PROTOCOLS = ("http:", "https:", "mailto:", "data:image/png;base64,")


def safe_markdown(text: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Markdown that renders without HTML of its own, without script links and without MathJax macros for links.

    Formulas, emphasis, lists, tables and ordinary links stay. HTML shows up as text. Where a picture would be fetched
    from elsewhere, which tells its owner who reads, pictures become links. Whatever still misbehaves when it is
    rendered (a picture that was not handed in stops nbconvert) becomes a block of plain text.

    Examples
    --------
    >>> safe_markdown("$a<b$ **so** <b onclick=x>")
    '$a< b$ **so** < b onclick=x>'
    """
    return _with_pictures(text, attachments) if attachments else _without_pictures(text)


@lru_cache(1000)  # the same locked cells come with every hand-in
def _without_pictures(text: str) -> str:
    return _with_pictures(text, {})


def _with_pictures(text: str, attachments: Mapping[str, Any]) -> str:
    text = _TAG.sub("< ", plain_text(text, MAX_SOURCE))
    while _MACROS.search(text):  # a macro may hide in another one's backslash
        text = _MACROS.sub(r"\1", text)
    text = _SCHEMES.sub(r"\1\2 ", _FILES.sub("( ", text))
    for candidate in (text, text.replace("![", "[")):
        if _harmless(candidate, attachments):
            return candidate
    fence = "~" * (3 + max(map(len, re.findall("~+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def _harmless(text: str, attachments: Mapping[str, Any]) -> bool:
    """Whether the text renders, and to nothing that acts."""
    try:
        renderer = IPythonRenderer(escape=False, attachments=attachments)
        html = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:  # any failure here would be a failure of the grader's page
        return False
    page = _Page()
    page.feed(html)
    page.feed(strip_files_prefix(html))  # both pages apply this filter to what was rendered
    page.close()
    return page.harmless


class _Page(HTMLParser):
    """Looks for attributes that run scripts and for addresses other than those of ordinary links."""

    def __init__(self) -> None:
        super().__init__()
        self.harmless = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge one tag."""
        if tag in {"script", "style", "iframe", "object", "embed", "svg", "math", "form", "base", "link", "meta"}:
            self.harmless = False
        for name, value in attrs:
            # Browsers drop control characters and spaces from addresses.
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            scheme = re.match(r"[a-z][a-z0-9+.-]*:", address) and not address.startswith(_PROTOCOLS)
            scheme = scheme or address.startswith(("files/", "/files/"))
            fetched = tag == "img" and name == "src" and not address.startswith("data:")
            if fetched or name.startswith("on") or name == "srcdoc" or (name in {"href", "src", "action"} and scheme):
                self.harmless = False
