"""Unpack CIFAR-10's archive and check the layout, without trusting either. Standard library only.

The tar's own paths are never used: only regular members with a known name are read, and they are written under that
name. Pickles are checked opcode by opcode; none is executed.
"""

import gzip
import pickletools
import posixpath
import shutil
import tarfile
import zlib

from fetching import Failure

FOLDER = "cifar-10-batches-py"
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
REQUIRED = (*BATCHES, "batches.meta")
MEMBERS = (*REQUIRED, "readme.html")
LARGEST_MEMBER = 2**28  # bytes; an official batch file has 31 million
# All that a batch file needs to name, and the opcodes that could name more.
GLOBALS = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy ndarray",
    "numpy dtype",
    "_codecs encode",
}
NUMBERS = {"BININT1", "BININT2", "BININT", "INT", "LONG", "LONG1"}
REFUSED = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"}


def extract(archive, folder, shown):
    """Unpack the known members of the archive into an existing folder, reading it to its end (gzip's own check)."""
    fix = "fetch the archive again, or name another one in CIFAR10_URL"
    try:
        with gzip.open(archive) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
            for member in tar:
                path = posixpath.normpath(member.name)
                if member.isdir() and path == FOLDER:
                    continue
                top, _, name = path.rpartition("/")
                if top != FOLDER or name not in MEMBERS or not member.isreg() or member.size > LARGEST_MEMBER:
                    raise Failure(f"{shown}: {member.name!r} does not belong into CIFAR-10's archive", fix)
                with tar.extractfile(member) as content, (folder / name).open("wb") as file:
                    shutil.copyfileobj(content, file, 2**20)
            while raw.read(2**20):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Failure(f"{shown}: not a whole .tar.gz archive ({error})", fix) from error


def check_batch(path, images):
    """Return what is wrong with a batch file, or None. Reads the pickle's opcodes, executes none of them."""
    key, labels, pixels = None, 0, 0
    try:
        with path.open("rb") as file:
            if file.read(1) != b"\x80":  # a pickle of protocol 2 or later begins so
                return "is not a whole pickle file"
            file.seek(0)
            for opcode, value, _ in pickletools.genops(file):
                if opcode.name in REFUSED or (opcode.name == "GLOBAL" and value not in GLOBALS):
                    return f"holds more than arrays, lists and texts ({opcode.name} {value or ''})"
                if isinstance(value, str | bytes):
                    key = "data" if len(value) > 100 else value
                    pixels = max(pixels, len(value))
                elif key in ("labels", b"labels") and opcode.name in NUMBERS:
                    labels += 1
                    if not 0 <= value <= 9:
                        return f"has the label {value}, not 0 to 9"
    except ValueError as error:
        return f"is not a whole pickle file ({error})"
    if labels != images or pixels != 3072 * images:
        return f"holds {labels} labels and {pixels} bytes of pixels, not {images} and {3072 * images}"
    return None


def layout_problem(folder, images):
    """Return what is wrong with a folder of batch files, or None."""
    for name in REQUIRED:
        if not (folder / name).is_file():
            return f"{name} is not there"
    if b"label_names" not in (folder / "batches.meta").read_bytes():
        return "batches.meta has no label_names"
    for name in BATCHES:
        if problem := check_batch(folder / name, images):
            return f"{name} {problem}"
    return None
