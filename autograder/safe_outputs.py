"""What of a hand-in's notebook a grader and a student may see in a browser.

formgrader shows notebooks inside the instructor's session, so nothing from a hand-in may run there. Text loses its
terminal escapes, images are decoded and encoded again by us, everything else is left out.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_output
from PIL import Image, UnidentifiedImageError

MAX_IMAGE_BYTES = 4_000_000  # of one image as handed in
MAX_PIXELS = 8_000_000  # 8 megapixels: a figure of 16 x 10 inches at 200 dots per inch has 6.4
MAX_SIDE = 1600  # pixels; larger images are made smaller
MAX_IMAGES = 60  # in one notebook, outputs and attachments together
MAX_MADE = 40_000_000  # letters of all images of a notebook, as they are made
MAX_SCANS = 100  # of a JPEG; progressive ones have about ten
MAX_TEXT = 10_000  # characters of text under one cell
MAX_SOURCE = 50_000  # characters of one cell

# Terminal colours and cursor moves, and control characters other than line feed and tab.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain_text(text: str, limit: int = MAX_TEXT) -> str:
    """Text without terminal escapes and control characters, cut to `limit` characters.

    A line that was written over, as progress bars do, is what was written last.

    Examples
    --------
    >>> plain_text("\\x1b[31mred\\x1b[0m\\x07")
    'red'
    >>> plain_text(" 50 %\\r100 %")
    '100 %'
    """
    lines = _ESCAPES.sub("", text[: 4 * limit]).split("\n")
    text = _CONTROLS.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))
    text = text.encode("utf-8", "ignore").decode("utf-8")  # halves of letters cannot be written to any file
    return text if len(text) <= limit else text[:limit] + "\n[cut here]\n"


def safe_png(data: str) -> str:
    """A PNG, base64, made anew from a base64 PNG or JPEG.

    Raises
    ------
    ValueError
        If it is too large in bytes or pixels, damaged, or another kind of file.
    """
    if len(data) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise ValueError("an image is too large")
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
        if raw.startswith(b"\xff\xd8") and raw.count(b"\xff\xda") > MAX_SCANS:
            raise ValueError("an image is too large")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(raw), formats=["PNG", "JPEG"])
            if image.width * image.height > MAX_PIXELS or getattr(image, "n_frames", 1) > 1:
                raise ValueError("an image is too large")
            image = image.convert("RGBA" if "A" in image.mode or "transparency" in image.info else "RGB")
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError, Warning):
        raise ValueError("an image could not be read") from None
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    made = io.BytesIO()
    image.save(made, "PNG", optimize=False)
    return base64.b64encode(made.getvalue()).decode("ascii")


class SafeOutputs:
    """The outputs of one notebook, made safe cell by cell; counts its images, also those of its Markdown."""

    def __init__(self) -> None:
        self.images = self.made = 0

    def of_cell(self, outputs: Any) -> list[NotebookNode]:
        """Images and text of a cell, in order; what was left out is named.

        The result never holds an error, stderr or an execute_result: nbgrader reads scores from those.
        """
        kept: list[NotebookNode] = []
        left_out: set[str] = set()
        room = MAX_TEXT
        for output in outputs if isinstance(outputs, list) else []:
            image, text = self._one(output, left_out)
            if image is not None:
                kept.append(new_output("display_data", data={"image/png": image}))
            elif text and room > 0:
                text = plain_text(text, room)
                room -= len(text)
                kept.append(new_output("stream", name="stdout", text=text if text.endswith("\n") else text + "\n"))
        if left_out:
            kept.append(new_output("stream", name="stdout", text=f"[left out: {', '.join(sorted(left_out))}]\n"))
        return kept

    def _one(self, output: Any, left_out: set[str]) -> tuple[str | None, str]:
        """One output as (image, text); at most one of them is set."""
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            return None, _joined(output.get("text"))
        if kind == "error":
            return None, f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
        data = output.get("data") if isinstance(output, dict) else None
        if not isinstance(data, dict):
            left_out.add("an output of no known kind")
            return None, ""
        for name in ("image/png", "image/jpeg"):
            if name in data:
                try:
                    return self.image(_joined(data[name])), ""
                except ValueError as error:
                    left_out.add(str(error))
        if "text/plain" in data:
            return None, _joined(data["text/plain"])
        left_out.add("an output that is neither an image nor text")
        return None, ""

    def image(self, data: str) -> str:
        """One image as `safe_png` makes it; ValueError also where the notebook has had its share."""
        if self.images >= MAX_IMAGES:
            raise ValueError(f"more than {MAX_IMAGES} images")
        if self.made >= MAX_MADE:
            raise ValueError(f"images of more than {MAX_MADE // 1_000_000} MB")
        self.images += 1
        made = safe_png(data)
        self.made += len(made)
        return made


def _joined(text: Any) -> str:
    """Text of a notebook, which may be a list of lines."""
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
