"""Starts a worker behind a wall and says which wall is in force.

`Wall` is the seam: a name for the record, and the command line and environment of a worker. Today there is one wall,
a process of its own with its own interpreter and resource limits; it does not stop a hand-in from reading files.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.wall.runtime import python, runtime

WORKER = Path(__file__).resolve().parent.parent / "worker"
# The worker is a package of its own: it is found by its folder, which then leaves the path again.
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from worker import main; del sys.path[0]; main.main(int(sys.argv[2]))"
)


@dataclass(frozen=True)
class Wall:
    """How a worker is started.

    Parameters
    ----------
    name : str
        What results say was in force.
    runtimes : Path
        The folder where the worker's interpreter lies or is made.
    """

    name: str
    runtimes: Path

    def start(self, control: socket.socket, readable: Sequence[Path]) -> subprocess.Popen[bytes]:
        """Start a worker that reads orders from `control` and may read the folders in `readable`."""
        interpreter = python(runtime(self.runtimes))
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [interpreter, "-I", "-c", START, WORKER.parent, str(control.fileno())],
            pass_fds=[control.fileno()],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def choose(runtimes: Path) -> Wall:
    """The wall to use."""
    return Wall("process", runtimes)
