"""travel: the files of one hand-in as bytes, from the course folder to the machine that examines it.

What is unfit for examination arrives as unfit, so that it is refused there in the same words: a file that is no plain
file arrives as a link to nowhere, a file that is too large with one byte more than is read.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from autograder.examiner.files import MAX_DEPTH

SUFFIXES = (".py", ".ipynb", ".npz")  # all that an examination reads, the most important first
FILES = 500
LARGEST = 50_000_000  # bytes of one file
TOTAL = 200_000_000


def pack(folder: Path) -> bytes:
    """The hand-in in `folder` as a tar archive. Equal files give equal bytes; files beyond TOTAL bytes stay behind."""
    packed = io.BytesIO()
    left = TOTAL
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(_files(folder), key=_rank)[:FILES]:
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            content = _content(path)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "nowhere"
                archive.addfile(entry)
            elif len(content) <= left:
                left -= len(content)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Lay the hand-in out in `folder`."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")


def _files(folder: Path) -> Iterator[Path]:
    """Files that are examined, and whatever else bears such a name or is a link."""
    for place, folders, names in os.walk(folder):
        if len(Path(place).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()  # nothing deeper is examined, and os.walk calls itself for every folder in a folder
        for name in folders:
            if (Path(place) / name).is_symlink():
                yield Path(place) / name
        for name in names:
            if name.endswith(SUFFIXES):
                yield Path(place) / name


def _rank(path: Path) -> tuple[int, int, str]:
    return SUFFIXES.index(path.suffix) if path.suffix in SUFFIXES else 0, len(path.parts), os.fspath(path)


def _content(path: Path) -> bytes | None:
    """The first bytes of a plain file; None for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(LARGEST + 1)
