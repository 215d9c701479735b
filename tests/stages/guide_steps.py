"""The steps of a guide, taken from its own text: files to make, lines to add.

A step is a line such as these, with one block of code below it:

    Make `autograder/checks/test_leaky_relu.py`:
    Add to `assignments/deep_nets/nndl/layers.py`, at its end:
    Add to `autograder/checks/nets.py`, before the line `CHECKS = {`:
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("assignments", "autograder", "datasets", "source", "tests/styles", "tests/hand_ins", "docs")
FILES = ("nbgrader_config.py", "pyproject.toml", "requirements.lock", "get_datasets.sh")

_STEP = re.compile(
    r"^(?:Make|Add to) `(?P<path>[^`]+)`"
    r"(?:, (?P<place>at its end|(?:before|after) the line `(?P<anchor>[^\n]+)`))?:\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_BEGINS = re.compile(r"^(?:Make|Add to) `", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One change of a file, as the guide tells it."""

    path: str
    text: str
    place: str | None
    anchor: str | None

    def do(self, course: Path) -> None:
        """Change or make the file in a course."""
        file = course / self.path
        if self.place is None:
            assert not file.exists(), f"{self.path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text, encoding="utf-8")
            return
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        if self.anchor is None:
            file.write_text("".join([*lines, "\n\n", self.text]), encoding="utf-8")
            return
        [at] = [number for number, line in enumerate(lines) if line == f"{self.anchor}\n"]
        after = self.place.startswith("after")
        new = [self.text] if after else [self.text, "\n\n"]
        file.write_text("".join([*lines[: at + after], *new, *lines[at + after :]]), encoding="utf-8")


def section(guide: str, heading: str) -> str:
    """The text below one heading of a guide, up to the next one of its level."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    level = heading.partition(" ")[0]
    return re.split(rf"^{level} ", text.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def steps(text: str) -> list[Step]:
    """The steps in a part of a guide, in order."""
    found = [Step(m["path"], m["text"], m["place"], m["anchor"]) for m in _STEP.finditer(text)]
    assert len(found) == len(_BEGINS.findall(text)), "a step of the guide is not written as a step"
    return found


def typed(text: str) -> list[tuple[str, list[str]]]:
    """Commands in a part of a guide, each with the lines that the guide says it prints."""
    found: list[tuple[str, list[str]]] = []
    text = re.sub(r"^```(?!text)\w+\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for command, printed in re.findall(r"^    (\S[^\n]*)$|^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if command:
            found.append((command, []))
        else:
            found[-1][1].extend(line.strip() for line in printed.splitlines())
    return found


def copy_of_the_kit(folder: Path) -> Path:
    """A clone as an instructor has it, without git."""
    ignored = shutil.ignore_patterns("__pycache__", "cifar-10-batches-py", "*.tar.gz")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder
