"""What of a hand-in's notebook survives: images made anew, plain text, Markdown that stays text on both pages."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from autograder.hand_in_notebook import parse, read_hand_in
from autograder.safe_markdown import safe_markdown
from autograder.safe_outputs import MAX_IMAGES, MAX_SIDE, MAX_TEXT, SafeOutputs, plain_text, safe_png


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
        base64.b64encode(b"\xff\xd8" + b"\xff\xda" * 5000).decode(),
    ],
    ids=["bomb", "over the limit", "cut short", "bytes", "text", "empty", "svg", "gif", "truncated", "scans"],
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


def test_read_hand_in_takes_as_many_pictures_from_markdown_as_from_outputs(tmp_path: Path) -> None:
    pictures = {f"{i}.png": {"image/png": encoded(Image.new("RGB", (9, 7), "blue"))} for i in range(20)}
    outputs = [new_output("display_data", data=pictures["0.png"])] * 10
    cells = [new_code_cell("", outputs=outputs), *(new_markdown_cell("x", attachments=pictures) for _ in range(5))]
    path = tmp_path / "Dropout.ipynb"
    path.write_text(json.dumps(new_notebook(cells=cells)))
    first, *others = read_hand_in(path).cells
    assert len(first.outputs) == 10
    assert sum(len(cell.get("attachments", {})) for cell in others) == MAX_IMAGES - 10


def test_images_of_a_notebook_have_a_bound_on_what_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    image = encoded(Image.effect_noise((90, 90), 80))
    monkeypatch.setattr("autograder.safe_outputs.MAX_MADE", len(image))
    kept = SafeOutputs().of_cell([new_output("display_data", data={"image/png": image})] * 4)
    assert sum(output.output_type == "display_data" for output in kept) <= 2
    assert "images of more than" in kept[-1].text


def test_read_hand_in_cannot_be_kept_busy_by_code(tmp_path: Path) -> None:
    blank = "x = 1\n" + " \n" * 9_000 + "y = 2"
    path = tmp_path / "Dropout.ipynb"
    cells = [new_code_cell(blank), *(new_code_cell("x" * 100_000) for _ in range(99))]
    path.write_text(json.dumps(new_notebook(cells=cells)))
    first, *others = read_hand_in(path).cells
    assert first.source == "x = 1\n\n\n\ny = 2"
    assert sum(len(cell.source) for cell in others) < 1_010_000
    assert max(len(cell.source) for cell in others) < 50_100
