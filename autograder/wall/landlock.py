"""The second wall: the worker locks itself in with Landlock, where bubblewrap cannot run (containers, some CI hosts).

The kernel then refuses every file that is not the worker's own; seccomp refuses sockets, forks, signals and all else
that NumPy does not need. It takes no root and no namespaces. Known leak: names and sizes of files elsewhere can be
asked for with stat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.wall.base import Wall


@dataclass(frozen=True)
class Landlock(Wall):
    """A worker that gives up all files but its own. `version` keeps to the rights of an older Landlock (for tests)."""

    name: str = field(default="landlock", init=False)
    version: int | None = None

    def landlock(self, seen: Sequence[Path], scratch: Path | None) -> dict[str, Any]:
        """What the worker lays on itself before it imports NumPy."""
        writable = ["/dev/null", *([str(scratch)] if scratch else [])]
        return {"readable": [str(path) for path in seen], "writable": writable, "version": self.version}
