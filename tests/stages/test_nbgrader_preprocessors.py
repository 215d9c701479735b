"""What of a hand-in's notebook survives: images made anew, plain text, Markdown that stays text on both pages."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.server_extensions.formgrader.handlers import static_path, template_path
from PIL import Image, PngImagePlugin

from autograder.hand_in_notebook import parse, read_hand_in
from autograder.safe_markdown import safe_markdown
from autograder.safe_outputs import MAX_SIDE, MAX_TEXT, SafeOutputs, plain_text, safe_png


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> str:
    raw = io.BytesIO()
    image.save(raw, kind, **options)
    return base64.b64encode(raw.getvalue()).decode()


def decoded(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png(side: int) -> str:
    """A few bytes that claim side x side pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def test_safe_png_keeps_the_pixels_and_drops_everything_else() -> None:
    image = Image.effect_noise((50, 40), 80).convert("RGB")
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    again = decoded(safe_png(encoded(image, pnginfo=info)))
    assert again.tobytes() == image.tobytes()
    assert again.info == {}


def test_safe_png_takes_jpeg_and_gives_png() -> None:
    assert decoded(safe_png(encoded(Image.new("RGB", (9, 7), "red"), "JPEG"))).format == "PNG"


def test_safe_png_keeps_transparency() -> None:
    assert decoded(safe_png(encoded(Image.new("RGBA", (9, 7), (1, 2, 3, 4))))).mode == "RGBA"


def test_safe_png_makes_large_images_smaller() -> None:
    again = decoded(safe_png(encoded(Image.new("RGB", (3000, 1500)))))
    assert again.size == (MAX_SIDE, MAX_SIDE // 2)


@pytest.mark.parametrize(
    "data",
    [
        huge_png(20_000),
        huge_png(4_000),
        huge_png(2_000),
        "A" * 20_000_000,
        "no base64 at all!",
        "",
        base64.b64encode(b"<svg onload=alert(1)>").decode(),
        encoded(Image.new("RGB", (9, 9)), "GIF"),
        encoded(Image.new("RGB", (99, 99)))[:80],
    ],
    ids=["bomb", "over the limit", "cut short", "bytes", "text", "empty", "svg", "gif", "truncated"],
)
def test_safe_png_refuses(data: str) -> None:
    with pytest.raises(ValueError, match="image"):
        safe_png(data)


def test_outputs_keep_images_and_text_and_name_what_was_left_out() -> None:
    outputs = [
        new_output("stream", name="stderr", text="RuntimeWarning: overflow\n"),
        new_output("execute_result", data={"text/plain": "10.0", "text/html": "<b>10.0</b>"}),
        new_output("display_data", data={"image/png": encoded(Image.new("RGB", (9, 7))), "text/plain": "<Figure>"}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
        new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}),
        new_output("error", ename="ValueError", evalue="bad \x1b[31mred", traceback=["line 1"]),
    ]
    kept = SafeOutputs().of_cell(outputs)
    assert [output.output_type for output in kept] == ["stream", "stream", "display_data", "stream", "stream"]
    assert all(output.name == "stdout" for output in kept if output.output_type == "stream")
    assert kept[1].text == "10.0\n"
    assert list(kept[2].data) == ["image/png"]
    assert kept[3].text == "ValueError: bad red\n"
    assert kept[4].text == "[left out: an output that is neither an image nor text]\n"


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        3,
        [None],
        [{}],
        [{"output_type": "display_data", "data": 3}],
        [{"output_type": "stream", "text": {"a": 1}}],
        [{"output_type": ["x"]}],
    ],
)
def test_outputs_of_any_shape_are_taken(outputs: object) -> None:
    assert all(output.output_type == "stream" for output in SafeOutputs().of_cell(outputs))


def test_text_is_cut_and_without_escapes() -> None:
    [output] = SafeOutputs().of_cell([new_output("stream", text="x" * 1_000_000)])
    assert len(output.text) < MAX_TEXT + 50
    assert plain_text("\r 10%|#\r100%|##\r\nlast\r") == "100%|##\nlast"  # progress bars
    assert plain_text("\x1b]8;;http://evil\x07link\x1b]8;;\x07 \x9b31m\u202egnp.exe\r\n\ta") == "link 31mgnp.exe\n\ta"


@pytest.mark.parametrize(
    "text",
    [
        "Because $a<b$ and $c < d$, **so** `x < y`.",
        "1. one\n2. two",
        "[page](https://example.org)",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "$$\\frac{1}{p} \\sum_i x_i$$",
    ],
)
def test_safe_markdown_leaves_ordinary_answers_readable(text: str) -> None:
    assert safe_markdown(text).replace("< ", "<") == text.replace("< ", "<")


ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js>",
    "<img src=x onerror=alert(1)>",
    "<<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<!-- --><b onmouseover=alert(1)>x",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))",
    "[a]( javascript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a](&#x6A&#x61&#x76&#x61&#x73cript:alert(1))",
    "[a](\x01javascript:alert(1))",
    "[a](vbscript:x)",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    "![a](javascript:alert(1))",
    '![a](x" onerror="alert(1))',
    "[a](x 'y\" onclick=\"alert(1)')",
    "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    '```html"onclick=alert(1)\nx\n```',
    "`<script>`",
    "    <script>alert(1)</script>",
    "$\\href{javascript:alert(1)}{x}$",
    "$<img src=x onerror=alert(1)>$",
    "$$\n<script>alert(1)</script>\n$$",
    "\\begin{x}<script>alert(1)</script>\\end{x}",
    "# <script>alert(1)</script>",
    "| <script>alert(1)</script> |\n|---|\n",
    "<a href=`javascript:alert(1)`>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x1b[31m<script>alert(1)</script>",
    "<style>@import '//evil.example'</style>",
    "<form action=//evil.example><input>",
    "<base href=//evil.example>",
    "# x {onclick=alert(1)}",
    "![a](attachment:x.svg)",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "<\u200bscript>",
    "\uff1cscript\uff1e",
]


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


@pytest.mark.parametrize("template", ["formgrade", "feedback"])
def test_nothing_in_a_hand_in_acts_on_the_pages(tmp_path: Path, template: str) -> None:
    words = new_notebook(cells=[new_markdown_cell("words") for _ in ATTACKS] + [new_code_cell("1")])
    hand_in = new_notebook(cells=[new_markdown_cell(text, attachments=SVG) for text in ATTACKS])
    raw = [new_raw_cell(text, metadata={"raw_mimetype": "text/html", "format": "text/html"}) for text in ATTACKS]
    data = {"text/html": "<script>alert(1)</script>", "image/svg+xml": "<svg onload=alert(1)>", "text/plain": ""}
    outputs = [new_output("display_data", data=data | {"text/plain": text}) for text in ATTACKS]
    outputs += [new_output("stream", text=text) for text in ATTACKS]
    outputs += [new_output("error", ename=text, evalue=text, traceback=[text]) for text in ATTACKS]
    outputs += [new_output("display_data", data={"text/markdown": text, "text/latex": text}) for text in ATTACKS]
    code = [new_code_cell(text) for text in ATTACKS] + [new_code_cell("x", outputs=[output]) for output in outputs]
    pages = []
    for name, nb in {"words": words, "attack": new_notebook(cells=[*hand_in.cells, *raw, *code])}.items():
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(nb))
        clean = tmp_path / f"{name}-clean.ipynb"
        clean.write_text(json.dumps(read_hand_in(path)))
        pages.append(rendered(clean, template))
    harmless, attacked = pages
    assert attacked.bad == harmless.bad
    for tag in ("script", "style", "iframe", "form", "base", "svg", "object", "embed", "input", "link", "math"):
        assert attacked.tags.get(tag) == harmless.tags.get(tag), tag


SVG = {"x.svg": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIj4="}}


def test_the_parser_of_these_tests_sees_an_attack_that_is_not_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "raw.ipynb"
    path.write_text(json.dumps(new_notebook(cells=[new_markdown_cell("<img src=x onerror=alert(1)>")])))
    assert "img onerror=alert(1)" in rendered(path, "formgrade").bad


def test_read_hand_in_keeps_nothing_of_the_metadata_but_the_id(tmp_path: Path) -> None:
    cell = new_code_cell("x = 1", metadata={"tags": ["skip-execution"], "nbgrader": {"grade_id": "q", "points": 99}})
    path = tmp_path / "Dropout.ipynb"
    path.write_text(json.dumps(new_notebook(cells=[cell], metadata={"widgets": {}, "title": "<script>"})))
    nb = read_hand_in(path)
    assert nb.cells[0].metadata == {"nbgrader": {"grade_id": "q"}}
    assert set(nb.metadata) == {"kernelspec", "language_info"}


def test_read_hand_in_refuses_a_notebook_of_format_3(tmp_path: Path) -> None:
    heading = {"cell_type": "heading", "level": 1_500_000_000, "source": "x", "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [heading], "metadata": {}}]}
    path = tmp_path / "Dropout.ipynb"
    path.write_text(json.dumps(old))
    assert "saved by a Jupyter from before 2015" in read_hand_in(path).cells[0].source


@pytest.mark.parametrize("version", [True, 4.0, "4", None, [4], {}])
def test_parse_takes_format_4_only(version: object) -> None:
    with pytest.raises(ValueError, match="it is not a notebook"):
        parse(json.dumps({"nbformat": version, "cells": []}).encode())


@pytest.mark.parametrize("data", [b"", b"\xff", b"3", b"[" * 100_000, b"9" * 5_000, b'{"nbformat": 4, "cells": {}}'])
def test_parse_refuses_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is not a notebook"):
        parse(data)


def test_read_hand_in_keeps_pasted_pictures(tmp_path: Path) -> None:
    picture = {"image.png": {"image/png": encoded(Image.new("RGB", (9, 7), "blue"))}}
    path = tmp_path / "Dropout.ipynb"
    path.write_text(
        json.dumps(new_notebook(cells=[new_markdown_cell("![a](attachment:image.png)", attachments=picture)]))
    )
    [cell] = read_hand_in(path).cells
    assert decoded(cell.attachments["image.png"]["image/png"]).size == (9, 7)


def test_read_hand_in_cannot_be_kept_busy_by_words(tmp_path: Path) -> None:
    path = tmp_path / "Dropout.ipynb"
    path.write_text(json.dumps(new_notebook(cells=[new_markdown_cell("x" * 100_000) for _ in range(300)])))
    nb = read_hand_in(path)
    assert len(nb.cells) == 300
    assert sum(len(cell.source) for cell in nb.cells) < 520_000
    assert max(len(cell.source) for cell in nb.cells) < 30_100
