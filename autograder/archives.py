"""Opens a handed-in zip archive without trusting a word of it.

Names, kinds and sizes in an archive are claims. Every name is checked before anything is written, bytes are counted
while they are unpacked, and an archive that breaks a rule is refused as a whole, with a reason for the student.
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ENTRY = b"PK\x01\x02"  # begins every entry of a zip's table of contents
_CHUNK = 1 << 16
_SYSTEMS_OWN = ("__MACOSX", ".ipynb_checkpoints", "__pycache__", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold: its own size, files, and bytes once they are unpacked."""

    archive_bytes: int
    files: int
    unpacked_bytes: int


def unpack(archive: Path, folder: Path, bounds: Bounds) -> None:
    """Write the files of `archive` into the empty `folder`.

    Raises
    ------
    ValueError
        In words for a student, when it is no zip archive, or holds links, names that lead elsewhere, two files of one
        name, or too much. What was written until then is the caller's to remove.
    """
    if archive.stat().st_size > bounds.archive_bytes:
        raise ValueError(f"the archive is larger than {bounds.archive_bytes >> 20} MB")
    if archive.read_bytes().count(_ENTRY) > 2 * bounds.files + 100:  # before a table of millions is read
        raise ValueError(f"the archive holds more than {bounds.files} files")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, bounds)
            left = bounds.unpacked_bytes
            for path, member in members.items():
                left -= _write(opened, member, folder / path, left)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, LookupError, EOFError, OSError) as error:
        raise ValueError(f"the archive cannot be opened ({type(error).__name__}); pack it again as a zip") from None


def _members(opened: zipfile.ZipFile, bounds: Bounds) -> dict[Path, zipfile.ZipInfo]:
    """The plain files of an archive by their checked names."""
    members: dict[Path, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for member in opened.infolist():
        parts = PurePosixPath(member.filename).parts
        if member.is_dir() or any(part in _SYSTEMS_OWN for part in parts):
            continue
        _check_name(member.filename, parts)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("the archive is packed in an unusual way; pack it again as an ordinary zip")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise ValueError(f"{_shown(member.filename)} is a link or a device; only plain files are taken")
        plain = unicodedata.normalize("NFKC", member.filename).casefold()
        if plain in seen:
            raise ValueError(f"two files are called {_shown(member.filename)}, but for case or kind of letters")
        seen.add(plain)
        members[Path(*parts)] = member
        if len(members) > bounds.files:
            raise ValueError(f"the archive holds more than {bounds.files} files")
    return members


def _check_name(name: str, parts: tuple[str, ...]) -> None:
    bad = not parts or name.startswith("/") or "\\" in name or ".." in parts or (parts and ":" in parts[0])
    if bad or not name.isprintable() or len(name) > 400 or max(map(len, parts), default=0) > 200 or len(parts) > 20:
        raise ValueError(f"the archive holds a file of the name {_shown(name)}, which leads elsewhere or is no name")


def _shown(name: str) -> str:
    return ascii(name[:80])


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Unpack one file of at most `left` bytes; its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(member) as source, path.open("xb") as copy:
        while piece := source.read(_CHUNK):
            size += len(piece)
            if size > left:
                raise ValueError("the archive holds too much once it is unpacked")
            copy.write(piece)
    return size


def hand_in_root(folder: Path, package: str) -> Path:
    """The folder of an unpacked hand-in that holds the package: the nearest one, or `folder` itself."""
    found = sorted(
        (path.parent for path in folder.rglob(package) if path.is_dir()), key=lambda path: (len(path.parts), path)
    )
    return found[0] if found else folder
