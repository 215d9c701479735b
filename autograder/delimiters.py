"""Where solutions and hidden tests begin and end, and what only looks as if it did.

nbgrader looks for its delimiters as substrings, in capitals, anywhere. A misspelt `BEGIN` therefore releases the
solution without a word, a stray `END` is dropped, and a docstring that names them is eaten. Here a delimiter is one
exact line, and whatever merely resembles one is an error.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from autograder.errors import CourseError

SOLUTION, HIDDEN, SCHEME = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
_EXACT = re.compile(rf"( *)### (BEGIN|END) ({SOLUTION}|{HIDDEN}|{SCHEME})")
_EDGES = ("begin", "end", "start", "stop", "finish")
_JOINED = ("beginsolution", "endsolution", "beginhiddentests", "endhiddentests", "beginmarkscheme", "endmarkscheme")
# Words of ordinary prose that differ from "solution" by a letter or two.
_INNOCENT = frozenset({"resolution", "evolution", "revolution", "dissolution", "absolution"})


@dataclass(frozen=True)
class Region:
    """Lines `first` to `last` (counted from 1) are the two delimiters of a region of this kind."""

    kind: str
    first: int
    last: int


def regions(text: str, where: str, *, kinds: tuple[str, ...], python: bool) -> list[Region]:
    """All regions of a text, in order.

    Parameters
    ----------
    text : str
        A Python file, or one cell.
    where : str
        Named in errors, before the line number.
    kinds : tuple of str
        Kinds of region allowed here.
    python : bool
        Whether to read it as Python, where a delimiter has to be a comment; otherwise as Markdown.

    Raises
    ------
    CourseError
        On anything that resembles a delimiter but is not exact, misplaced, nested, unclosed, empty or stray.

    Examples
    --------
    >>> regions("### BEGIN SOLUTION\\nx = 1\\n### END SOLUTION", "cell", kinds=(SOLUTION,), python=True)
    [Region(kind='SOLUTION', first=1, last=3)]
    """
    lines = text.split("\n")
    comments = comment_lines(text, where) if python else None
    found: list[Region] = []
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines, start=1):
        here = f"{where}, line {number}"
        match = _EXACT.fullmatch(line)
        if match is None:
            if resembles(line, python=python):
                raise CourseError(
                    f"{line.strip()!r} looks like a delimiter and is not one",
                    where=here,
                    fix='write exactly "### BEGIN SOLUTION", "### END SOLUTION" (or HIDDEN TESTS), or reword it',
                )
            continue
        edge, kind = match[2], match[3]
        if comments is not None and number not in comments:
            raise CourseError(f"{edge} {kind} stands inside a string", where=here, fix="reword the text of that string")
        if kind not in kinds:
            raise CourseError(f"{edge} {kind} is not allowed here", where=here, fix=_PLACES[kind])
        if edge == "BEGIN":
            if opened is not None:
                raise CourseError(
                    f"BEGIN {kind} inside the {opened[0]} region of line {opened[1]}",
                    where=here,
                    fix=f'end that region first, with "### END {opened[0]}"',
                )
            opened = (kind, number)
            continue
        if opened is None or opened[0] != kind:
            raise CourseError(
                f"END {kind} has no BEGIN {kind}", where=here, fix=f'add "### BEGIN {kind}" or remove this line'
            )
        region = Region(kind, opened[1], number)
        _check_shape(lines, region, where)
        found.append(region)
        opened = None
    if opened is not None:
        raise CourseError(
            f"BEGIN {opened[0]} has no END {opened[0]}",
            where=f"{where}, line {opened[1]}",
            fix=f'add "### END {opened[0]}" on a line of its own',
        )
    return found


_PLACES = {
    SOLUTION: "mark the cell as a solution in nbgrader's toolbar, or remove the delimiter",
    HIDDEN: "move the region to an autograded test cell",
    SCHEME: "move the region to a manually graded task cell",
}


def _check_shape(lines: list[str], region: Region, where: str) -> None:
    """A region holds something, and its delimiters stand at the indentation of its first line."""
    inside = [line for line in lines[region.first : region.last - 1] if line.strip()]
    here = f"{where}, line {region.first}"
    if not inside:
        raise CourseError(
            f"this {region.kind} region is empty", where=here, fix="write the solution, or remove both lines"
        )
    edges = {_indent(lines[region.first - 1]), _indent(lines[region.last - 1]), _indent(inside[0])}
    if len(edges) > 1:
        raise CourseError(
            "BEGIN, END and the first line between them are not indented alike",
            where=here,
            fix="indent the two delimiters as the code between them, so that the stub lands there",
        )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def comment_lines(text: str, where: str) -> set[int]:
    """Numbers of the lines that hold a comment and nothing else."""
    try:
        return set(_comment_lines(text))
    except (tokenize.TokenError, SyntaxError) as error:
        raise CourseError(f"not valid Python: {error}", where=where, fix="mend the syntax") from None


@lru_cache(maxsize=2000)  # a release asks several times of each text, and of each line of it
def _comment_lines(text: str) -> frozenset[int]:
    lines = text.split("\n")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    rows = [(token.start[0], token.start[1]) for token in tokens if token.type == tokenize.COMMENT]
    return frozenset(row for row, column in rows if not lines[row - 1][:column].strip())


@lru_cache(maxsize=50_000)
def resembles(line: str, *, python: bool) -> bool:
    """Whether a person may have meant this line as a delimiter.

    Examples
    --------
    >>> [resembles(line, python=True) for line in ("# begin soluton", "###BEGIN SOLUTION", "# hidden layers")]
    [True, True, False]
    """
    words = re.findall(r"[a-z]+", line.lower())
    edge = [any(_near(word, name) for name in _EDGES) for word in words]
    solution = [_near(word, "solution") for word in words]
    hidden = [_near(word, "hidden") or _near(word, "mark") for word in words]
    tests = [_near(word, "tests") or _near(word, "scheme") for word in words]
    if any(_near(word, name, 0.9) for word in words for name in _JOINED):
        return True
    if any(edge[i] and solution[i + 1] for i in range(len(words) - 1)):
        return True
    if any(edge[i] and hidden[i + 1] and tests[i + 2] for i in range(len(words) - 2)):
        return True
    if re.match(r"\s*#{3,}\s*(BEGIN|END)\b", line):
        return True
    hashes = len(line.strip()) - len(line.strip().lstrip("#"))
    if hashes == 0 or not (python or any(edge)):
        return False
    if any(solution) and (hashes > 1 or len(words) <= 4):
        return True
    return hashes > 2 and (any(hidden) or any(tests)) and (any(edge) or any(hidden) == any(tests))


@lru_cache(maxsize=100_000)
def _near(word: str, name: str, ratio: float = 0.8) -> bool:
    """Whether `word` is `name` give or take a letter."""
    return word not in _INNOCENT and SequenceMatcher(None, word, name).ratio() >= ratio
