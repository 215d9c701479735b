"""The strongest wall: bubblewrap gives the worker namespaces of its own, in which there is nothing but its files.

No network, no other processes, no /proc, no /sys, no devices but /dev/null, no home, no users; every file is
read-only. While it trains, a fork may write to a small folder in memory. Inside, seccomp forbids all but what NumPy
needs (worker/seccomp.py).
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.wall.base import Scratch, Wall


@dataclass(frozen=True)
class Bubblewrap(Wall):
    """A worker in namespaces of its own, started by `bwrap` as an ordinary user, never as root."""

    name: str = field(default="bubblewrap", init=False)
    own_temporary = True
    hides_usage = True

    def prefix(self, seen: Sequence[Path], scratch: Scratch | None) -> list[str]:
        """The bwrap command line."""
        program = shutil.which("bwrap")
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "it is not installed", "bwrap")
        command = [program, "--unshare-all", "--unshare-user"]
        command += ["--uid", "65534", "--gid", "65534", "--hostname", "worker"]
        for path in seen:
            command += ["--ro-bind", str(path), str(path)]
        command += ["--dev-bind", "/dev/null", "/dev/null"]
        if scratch is not None:
            command += ["--size", str(scratch.megabytes << 20), "--tmpfs", "/scratch"]
        # With --die-with-parent the worker ends when the thread that started it ends: start it where it is used.
        command += ["--remount-ro", "/", "--chdir", "/", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        return [*command, "--"]
