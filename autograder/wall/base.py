"""What every wall has in common: how a worker is started, what it may see, how it is ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.wall import places
from autograder.wall.runtime import Runtime, runtime

# The worker is a package of its own: it is found by its folder, which then leaves the path again. It locks itself
# down before it imports NumPy.
_START = (
    "import json, sys; orders = json.loads(sys.argv[1]); sys.path.insert(0, orders['code']); "
    "from worker import lockdown; lockdown.enclose(orders); sys.path.append(orders['packages']); "
    "from worker import main; del sys.path[0]; main.main(orders['control'], orders)"
)


@dataclass(frozen=True)
class Scratch:
    """How much a fork may keep in the folder it works in, while it trains."""

    files: int = 100
    megabytes: int = 64


@dataclass
class Worker:
    """A started worker: its process here, and the folder made for it, if any."""

    process: subprocess.Popen[bytes]
    scratch: Path | None = None

    def end(self) -> None:
        """Kill the worker and everything it started; remove its folder."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


@dataclass(frozen=True)
class Wall:
    """How a worker is started. Its subclasses say what keeps it in.

    Parameters
    ----------
    folder : Path
        Where runtimes and prepared data lie; the worker's user can reach it.
    name : str
        What results say was in force.
    """

    folder: Path
    name: str = field(default="", init=False)
    seccomp = True
    own_temporary = False  # whether the wall itself gives the worker a folder to write in
    hides_usage = False  # whether the worker's CPU seconds do not count as those of this process's children

    def start(
        self,
        control: socket.socket,
        readable: Sequence[Path],
        scratch: Scratch | None = None,
        *,
        errors: int = subprocess.DEVNULL,
    ) -> Worker:
        """Start a worker that reads orders from `control` and may read the folders in `readable`.

        Its first frame says {"ready": true}; nothing of a hand-in is read before. `errors` is where the words of a
        worker that does not start go, as in subprocess.
        """
        used = runtime(self.folder)
        place = None
        if scratch is not None and not self.own_temporary:
            place = places.make("scratch")
            places.give(place)
        seen = [used.folder, used.code, *used.libraries, *(path.resolve() for path in readable)]
        orders = {
            "control": control.fileno(),
            "code": str(used.code),
            "packages": str(used.packages),
            "seccomp": self.seccomp,
            "landlock": self.landlock(seen, place),
            "scratch": None,
        }
        if scratch is not None:
            orders["scratch"] = {
                "folder": str(place or "/scratch"),
                "files": scratch.files,
                "bytes": scratch.megabytes << 20,
            }
        command = [str(used.python), "-I", "-c", _START, json.dumps(orders)]
        process = subprocess.Popen(
            [*self.prefix(seen, scratch), *command],
            pass_fds=[control.fileno()],
            env=_environment(used),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            **places.as_worker(),
        )
        return Worker(process, place)

    def prefix(self, seen: Sequence[Path], scratch: Scratch | None) -> list[str]:
        """What is put before the worker's command."""
        return []

    def landlock(self, seen: Sequence[Path], scratch: Path | None) -> dict[str, Any] | None:
        """What the worker lays on itself."""
        return None


def _environment(used: Runtime) -> dict[str, str]:
    """The whole environment of a worker: nothing of the examiner's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, used.library_folders)),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
