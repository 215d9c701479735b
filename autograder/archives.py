"""Opens a handed-in zip archive without trusting a word of it.

Names, kinds and sizes in an archive are claims. Every name is checked before anything is written, bytes are counted
while they are unpacked, and an archive that breaks a rule is refused as a whole, with a reason for the student.
"""

from __future__ import annotations

import contextlib
import mmap
import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.examiner.files import LITTER

_ENTRY = b"PK\x01\x02"  # begins every entry of a zip's table of contents
_CHUNK = 1 << 16
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, LookupError, EOFError, OSError)
_SYSTEMS_OWN = ("Thumbs.db", "Icon\r")
_UTF8 = 0x800  # the flag of a name that is written in UTF-8


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
    try:
        _check_contents(archive, bounds)
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, bounds)
            left = bounds.unpacked_bytes
            for path, member in members.items():
                left -= _write(opened, member, folder / path, left)
    except _BROKEN as error:
        raise ValueError(_unopened(error)) from None


def unpack_each(archive: Path, folder: Path, bounds: Bounds, file_bytes: int) -> dict[str, str]:
    """Write the files of an archive that holds many hand-ins into the empty `folder`, as far as each of them is sound.

    Returns
    -------
    dict
        Why files were left out, by their names in the archive: of a bad name, no plain file, damaged, or larger than
        `file_bytes` each.

    Raises
    ------
    ValueError
        When nothing can be read of it, or it holds more than `bounds` allow.
    """
    refused: dict[str, str] = {}
    seen: set[str] = set()
    left = bounds.unpacked_bytes
    try:
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) > 2 * bounds.files:
                raise ValueError(f"the archive holds more than {bounds.files} files")
            for member in opened.infolist():
                try:
                    if not _is_litter(member, top=2):
                        left -= _write(opened, member, folder / _checked(member, seen), min(left, file_bytes))
                except ValueError as error:
                    refused[_name(member)] = str(error)
                except _BROKEN as error:
                    refused[_name(member)] = f"it cannot be opened ({type(error).__name__})"
                if left <= 0:
                    raise ValueError("the archive holds more than there is room for here")
    except _BROKEN as error:
        raise ValueError(f"it is no zip archive, or it was cut short ({type(error).__name__})") from None
    return refused


def _check_contents(archive: Path, bounds: Bounds) -> None:
    """Count the entries before a table of millions is read."""
    with archive.open("rb") as file:
        if not archive.stat().st_size:
            raise zipfile.BadZipFile
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            count = sum(1 for _ in re.finditer(re.escape(_ENTRY), content))
    if count > 20 * bounds.files + 100:  # a virtual environment is left out, and counts no file
        raise ValueError(f"the archive holds more than {bounds.files} files")


def _unopened(error: Exception) -> str:
    return f"the archive cannot be opened ({type(error).__name__}); pack it again as a zip"


def _members(opened: zipfile.ZipFile, bounds: Bounds) -> dict[Path, zipfile.ZipInfo]:
    """The plain files of an archive by their checked names."""
    members: dict[Path, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for member in opened.infolist():
        if _is_litter(member):
            continue
        members[_checked(member, seen)] = member
        if len(members) > bounds.files:
            raise ValueError(f"the archive holds more than {bounds.files} files")
    return members


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name as it was meant: old tools write UTF-8 without saying so, or `\\` between folders.

    Examples
    --------
    >>> _name(zipfile.ZipInfo("nndl\\\\layers.py"))
    'nndl/layers.py'
    """
    name = member.filename
    if not member.flag_bits & _UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name if "/" in name else name.replace("\\", "/")


def _is_litter(member: zipfile.ZipInfo, top: int = 0) -> bool:
    """Whether it is a folder, or a file that no person put there, such as those of a virtual environment.

    The first `top` folders of its name say whose it is, whatever they are called.
    """
    name = _name(member)
    *folders, last = PurePosixPath(name).parts or ("",)
    left_behind = any(part in LITTER or (part.startswith(".") and part not in (".", "..")) for part in folders[top:])
    return name.endswith("/") or left_behind or last in _SYSTEMS_OWN or last.startswith("._")


def _checked(member: zipfile.ZipInfo, seen: set[str]) -> Path:
    """Where a member goes, below the folder. `seen` are the names before it, and is added to."""
    name = _name(member)
    parts = PurePosixPath(name).parts
    _check_name(name, parts)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("the archive is packed in an unusual way; pack it again as an ordinary zip")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ValueError(f"{_shown(name)} is a link or a device; only plain files are taken")
    plain = unicodedata.normalize("NFKC", name).casefold()
    if plain in seen:
        raise ValueError(f"two files are called {_shown(name)}, but for case or kind of letters")
    seen.add(plain)
    return Path(*parts)


def _check_name(name: str, parts: tuple[str, ...]) -> None:
    bad = not parts or name.startswith("/") or "\\" in name or ".." in parts or re.match("[A-Za-z]:", name)
    if bad or not name.isprintable() or len(name) > 400 or max(map(len, parts), default=0) > 200 or len(parts) > 20:
        raise ValueError(f"the archive holds a file of the name {_shown(name)}, which leads elsewhere or is no name")


def _shown(name: str) -> str:
    return ascii(name[:80])


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Unpack one file of at most `left` bytes; its size. A file that fails leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(member) as source, path.open("xb") as copy:
        try:
            while piece := source.read(_CHUNK):
                size += len(piece)
                if size > left:
                    raise ValueError("the archive holds too much once it is unpacked")
                copy.write(piece)
        except BaseException:
            path.unlink()
            raise
    return size


def hand_in_root(folder: Path, package: str) -> Path:
    """The folder of an unpacked hand-in that holds the package: the nearest one, or `folder` itself."""
    found = sorted(
        (path.parent for path in folder.rglob(package) if path.is_dir()), key=lambda path: (len(path.parts), path)
    )
    return found[0] if found else folder
