"""A real attempt: whether a wall starts here, lets a package be imported, and keeps it in."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

from autograder.wall import places
from autograder.wall.base import Wall
from autograder.worker import wire

PATIENCE = 30.0  # seconds

_PACKAGE = '''
import os, socket

def escapes(canary):
    """Numbers of the attempts that succeed: none may."""
    def spawn():
        if os.fork() == 0:
            os._exit(0)
    attempts = [
        lambda: open(canary).read(),
        spawn,
        lambda: socket.socket(),
        lambda: os.kill(os.getppid(), 0),
        lambda: open(__file__, "a"),
    ]
    done = []
    for number, attempt in enumerate(attempts):
        try:
            attempt()
            done.append(number)
        except OSError:
            pass
    return done
'''
_ESCAPES = (
    "a file outside was read",
    "a fork was made",
    "a socket was made",
    "a signal was sent",
    "a file was written",
)


def failure(wall: Wall) -> str:
    """Why `wall` cannot be used on this machine; nothing if it holds, or promises nothing."""
    return attempts(wall) if wall.seccomp else ""


def attempts(wall: Wall) -> str:
    """Why a worker does not start behind `wall`, or in what ways it gets out; nothing if it holds."""
    root = places.make("probe")
    try:
        package = root / "inside" / "probe"
        package.mkdir(parents=True)
        (package / "attempts.py").write_text(_PACKAGE, encoding="utf-8")
        canary = root / "outside" / "canary"
        canary.parent.mkdir()
        canary.write_text("secret", encoding="utf-8")
        places.show(root)
        return _attempt(wall, package.parent, canary)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _attempt(wall: Wall, folder: Path, canary: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    control, theirs = socket.socketpair()
    with control, theirs:
        try:
            worker = wall.start(theirs, [folder], errors=subprocess.PIPE)
        except OSError as error:
            return f"{error.filename or 'it'} cannot be started: {error.strerror}"
        theirs.close()
        try:
            wire.receive(control, deadline=deadline)
            done = _escapes(control, folder, canary, deadline)
        except (OSError, wire.WireError, KeyError) as error:
            worker.end()
            said = worker.process.stderr.read().decode("utf-8", "replace") if worker.process.stderr else ""
            last = [line.strip() for line in said.splitlines() if line.strip()][-1:]
            return "".join(last) or f"the worker did not answer: {error}"
        finally:
            worker.end()
            if worker.process.stderr:
                worker.process.stderr.close()
    return "; ".join(_ESCAPES[number] for number in done)


def _escapes(control: socket.socket, folder: Path, canary: Path, deadline: float) -> list[int]:
    """Fork, import the package, and let it try to get out; which attempts succeeded."""
    ours, theirs = socket.socketpair()
    order = {"order": "fork", "task": "calls", "seed": 0, "cpu_seconds": 10, "memory_mb": 1024, "environment": {}}
    order |= {"all_cpu_seconds": 0, "folder": str(folder), "package": "probe", "modules": ["attempts"], "overlay": None}
    with ours:
        with theirs:
            socket.send_fds(control, [json.dumps(order).encode()], [theirs.fileno()])
            wire.receive(control, deadline=deadline)
        answer, _ = wire.receive(ours, deadline=deadline)
        if answer.get("ready") is not True:
            raise KeyError(f"a package could not be imported: {answer}")
        request = {"id": 1, "do": "call", "path": ["attempts", "escapes"], "kinds": ["any"]}
        wire.send(ours, {**request, "arguments": [str(canary)], "keywords": {}})
        answer, arrays = wire.receive(ours, deadline=deadline)
        done = wire.unpack(answer["value"], arrays)
    return [int(number) for number in done]
