"""Folders that the worker's user can reach, and who that user is.

An examiner that runs as root never runs a worker as root: it becomes an ordinary user first, who can reach nothing
below a private home. What that user must read is laid out in folders of ours. An examiner that is no root shares its
user with the worker, which then reaches what the examiner reaches, as far as the wall lets it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIX = "autograder-"
FORGOTTEN = 24 * 3600  # seconds after which a temporary folder belongs to nobody that still runs
VARIABLE = "AUTOGRADER_RUNTIME"
WORKER_USER = 65534  # "nobody" everywhere: owns nothing
SHARED = Path("/var/cache/deep-nets-autograder")  # only root can make it, so nobody else can have prepared it


def as_root() -> bool:
    """Whether the worker must become another user than this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def as_worker() -> dict[str, Any]:
    """How subprocess.Popen becomes the worker's user."""
    return {"user": WORKER_USER, "group": WORKER_USER, "extra_groups": []} if as_root() else {}


def reachable(path: Path) -> bool:
    """Whether the worker's user may pass through every folder down to `path`, as far as it exists."""
    if not as_root():
        return True
    path = path.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents) if place.exists())


def shared(course: Path) -> Path:
    """The folder for runtimes and prepared data: the course's own `.runtime`, or SHARED where that is private.

    The environment variable AUTOGRADER_RUNTIME names another one, which several courses may share.
    """
    own = Path(os.environ.get(VARIABLE) or course / ".runtime").absolute()
    return own if reachable(own) else SHARED


def make(name: str) -> Path:
    """A new folder for what lives as long as one examination, where the worker's user can be shown it."""
    usual = Path(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-", dir=usual if reachable(usual) else "/var/tmp"))


@contextlib.contextmanager
def passage(name: str) -> Iterator[Path]:
    """A folder for the length of a `with`, which others may pass through, but not list."""
    made = make(name)
    made.chmod(0o711)
    try:
        yield made
    finally:
        remove(made)


def sweep() -> None:
    """Remove what an examination left that was killed: folders of ours that are older than a day."""
    for place in {tempfile.gettempdir(), "/var/tmp"}:
        for path in Path(place).glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                about = path.lstat()
                if about.st_uid == os.geteuid() and time.time() - about.st_mtime > FORGOTTEN:
                    remove(path)


def give(folder: Path) -> None:
    """Let the worker write in `folder`."""
    if as_root():
        os.chown(folder, WORKER_USER, WORKER_USER)


def show(folder: Path, *, everyone: bool = False) -> None:
    """Let the worker read all that lies in `folder`, whatever this process's umask is.

    A hand-in is shown to the worker's group only, so that other users of this machine cannot read it. What is no
    secret (`everyone`) is readable by all.
    """
    if not as_root() and not everyone:
        return
    share = 0o055 if everyone else 0o050
    for place, _, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                continue
            if not everyone:
                os.chown(path, -1, WORKER_USER)
            runs = stat.S_ISDIR(mode) or mode & stat.S_IXUSR
            os.chmod(path, stat.S_IMODE(mode) | (share if runs else share & 0o044))


def remove(made: Path) -> None:
    """Delete what was laid out."""
    shutil.rmtree(made, ignore_errors=True)
