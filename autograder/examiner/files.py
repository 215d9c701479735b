"""Reads files of a hand-in, which may be anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

# Folders that hold no hand-in: what systems, tools and version control leave behind.
LITTER = frozenset(
    ("__MACOSX", "__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "env", "build", "dist")
)
MAX_FOLDERS, MAX_DEPTH = 5000, 14  # of a hand-in that are looked into
MAX_BRACKETS = 1_000_000  # a notebook holds some hundreds; each one read takes 70 bytes of memory, or some hundreds


def printable(name: str) -> str:
    """A file's name, fit for a sentence: letters that no page can show become question marks.

    Examples
    --------
    >>> printable("a\\udcffb.py")
    'a?b.py'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def read_plain(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes. ValueError, in words for a student, for anything else."""
    name = printable(path.name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ValueError(f"{name} is missing") from None
    except OSError:
        raise ValueError(f"{name} cannot be read: hand in a plain file, not a link") from None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{name} is not a plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{name} is larger than {limit:,} bytes")
    return content


def crowded(content: bytes) -> bool:
    """Whether a text has so many brackets that JSON made of it would fill the memory: 50 MB of them take gigabytes."""
    return content.count(b"[") + content.count(b"{") > MAX_BRACKETS


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders below `root` with the names of their files, the nearest first; links, litter and hidden ones left out."""
    waiting = [(root, 0)]
    seen = 0
    while waiting and seen < MAX_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        yield folder, [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        if depth < MAX_DEPTH:
            waiting += [
                (Path(entry.path), depth + 1)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and entry.name not in LITTER and not entry.name.startswith(".")
            ]
