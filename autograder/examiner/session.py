"""Starts a worker behind a wall, opens channels to forks of it, ends it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from autograder.errors import CourseError
from autograder.wall import Scratch, Wall
from autograder.worker import wire

WALL_CLOCK = 5  # the wall clock bounds this many times the CPU seconds
ANSWER = 30.0  # seconds in which the warm parent must obey an order, and a fork take or finish a frame
IDLE = 15.0  # seconds of waiting in which a fork must use some CPU: what sleeps for ever is not waited for
BUSY = 0.01  # of those seconds; a crowded machine leaves an honest fork more
REPLY_MB = 64  # the largest answer, unless the course says otherwise


@dataclass(frozen=True)
class Staged:
    """A hand-in as it is examined: a folder that holds the package, the student's files and ours together.

    `where` says where a module lies that is not in the package itself, such as "fc_net": "cs231n.classifiers.fc_net".
    """

    folder: Path
    package: str
    modules: tuple[str, ...]
    overlay: Path | None = None
    functions: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)
    stand_ins: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, int]:
        """Files that an error may be placed in, and their lines; none where answers are lent."""
        if self.overlay is not None:
            return {}
        files = sorted(self.folder.rglob("*.py"))
        lines = [(path.name, path.read_bytes().count(b"\n") + 1) for path in files]
        return {name: max(n for other, n in lines if other == name) for name, _ in lines}


@dataclass(frozen=True)
class Usage:
    """What one fork used, and how it ended.

    By itself or by us (""), a limit ("cpu", "wall", "files"), sleep without end ("idle"), or a "crash".
    """

    cpu_seconds: float
    peak_mb: float
    ended: str


class WorkerLost(Exception):
    """The warm parent is gone. The session starts another one for the next fork."""


class Channel:
    """One fork of the worker. Its end is noted once, in `end`."""

    def __init__(self, session: Session, own: socket.socket, cpu_seconds: int, cap: int) -> None:
        self.cpu_seconds = cpu_seconds
        self.places = session.staged.places
        self._session, self._socket, self._cap = session, own, cap
        self._deadline = time.monotonic() + WALL_CLOCK * cpu_seconds
        self._late = ""  # which clock ran out, if one did
        self._before = 0.0  # CPU seconds used when the check began
        self._number = 0
        self._usage: Usage | None = None

    def request(
        self, header: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]] = ()
    ) -> tuple[dict[str, Any], wire.Arrays]:
        """Send a request and return the answer to it. WireError when there is none."""
        self._number += 1
        self.send({**header, "id": self._number}, arrays)
        answer, out = self.receive()
        if answer.get("id") != self._number:
            raise wire.WireError("an answer to another request")
        return answer, out

    @property
    def open(self) -> bool:
        """Whether the fork still serves."""
        return self._usage is None

    def begin(self, seed: int) -> None:
        """Begin another check in this fork: seeded, no objects, all the seconds again. WireError when it is gone."""
        self._deadline = time.monotonic() + WALL_CLOCK * self.cpu_seconds
        self._before = self._session.used()
        self.request({"do": "begin", "seed": seed, "cpu_seconds": self.cpu_seconds})

    def send(self, header: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]] = ()) -> None:
        """Write one frame before the fork's deadline."""
        self._socket.settimeout(max(self._within(ANSWER) - time.monotonic(), 0.01))
        with self._watch("wall"):
            wire.send(self._socket, header, arrays)

    def receive(self) -> tuple[dict[str, Any], wire.Arrays]:
        """Read one frame before the fork's deadline, as long as the fork works on it."""
        with self._watch("idle"):
            self._wait()
        with self._watch("wall"):
            return wire.receive(self._socket, cap=self._cap, deadline=self._within(ANSWER))

    def _wait(self) -> None:
        """Wait for the first byte of an answer. WireTimeout when the fork only sleeps, or uses more than it may."""
        used = self._before
        while not select.select([self._socket], [], [], max(self._within(IDLE) - time.monotonic(), 0))[0]:
            if time.monotonic() >= self._deadline:
                return
            before, used = used, self._session.used()
            if used - before < BUSY * IDLE:
                raise wire.WireTimeout("the fork sleeps")
            if used - self._before > self.cpu_seconds + 1:  # it caught the signal that should have ended it
                raise wire.WireTimeout("the fork used more CPU seconds than it may")

    def _within(self, seconds: float) -> float:
        return min(self._deadline, time.monotonic() + seconds)

    @contextlib.contextmanager
    def _watch(self, clock: str) -> Iterator[None]:
        try:
            yield
        except wire.WireTimeout:
            self._late = clock
            raise

    def end(self) -> Usage:
        """Kill the fork if it still runs, and say what it used. CPU seconds tell a limit from a crash."""
        if self._usage is None:
            try:
                answer = self._session.order({"order": "end"})
            except WorkerLost:
                self._usage = Usage(0.0, 0.0, "crash")
                return self._usage
            cpu = float(answer["cpu"])
            code = os.waitstatus_to_exitcode(int(answer["status"]))
            limited = code == -signal.SIGXCPU or cpu - self._before >= self.cpu_seconds
            ended = "cpu" if limited else self._late or ("crash" if code != -signal.SIGKILL else "")
            if answer.get("over") is True:
                ended = "files"
            self._usage = Usage(cpu, float(answer["peak_mb"]), ended)
        return self._usage


class Session:
    """One worker for one hand-in. Use it as a context manager.

    Parameters
    ----------
    wall : Wall
        How the worker is started.
    staged : Staged
        What it imports.
    readable : sequence of Path, optional
        More folders that it may read (prepared data).
    scratch : Scratch, optional
        How much its forks may write; nothing by default.
    """

    def __init__(
        self, wall: Wall, staged: Staged, readable: Sequence[Path] = (), scratch: Scratch | None = None
    ) -> None:
        self.staged = staged
        self._wall, self._scratch = wall, scratch
        self._readable = [staged.folder, *([staged.overlay] if staged.overlay else []), *readable]
        self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._worker = self._wall.start(theirs, self._readable, self._scratch)
        try:
            wire.receive(self._control, deadline=time.monotonic() + ANSWER)
        except wire.WireError:
            self.close()
            what = f"a worker did not start behind the wall {self._wall.name}"
            raise CourseError(what, fix="run `autograder doctor`") from None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and everything it started."""
        self._control.close()
        self._worker.end()

    def order(self, order: dict[str, Any], attached: Sequence[int] = ()) -> dict[str, Any]:
        """Give the warm parent an order and return its answer."""
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], attached)
            return wire.receive(self._control, deadline=time.monotonic() + ANSWER)[0]
        except (OSError, wire.WireError):
            self.close()
            self._start()
            raise WorkerLost("the worker's parent process is gone") from None

    def used(self) -> float:
        """CPU seconds of the fork that runs now. WireError when there is none."""
        try:
            return float(self.order({"order": "used"})["cpu"])
        except WorkerLost:
            raise wire.WireError("the worker is gone") from None

    @contextlib.contextmanager
    def fork(
        self,
        seed: int,
        *,
        cpu_seconds: int,
        all_cpu_seconds: int = 0,
        memory_mb: int,
        reply_mb: int = REPLY_MB,
        task: str = "calls",
        data: Path | None = None,
    ) -> Iterator[Channel]:
        """A channel to a fresh fork; its first answer says whether the hand-in could be imported.

        It may use `cpu_seconds`, and as many again whenever a check begins, up to `all_cpu_seconds`.
        """
        staged = self.staged
        order = {
            "order": "fork",
            "task": task,
            "seed": seed,
            "cpu_seconds": cpu_seconds,
            "all_cpu_seconds": all_cpu_seconds,
            "memory_mb": memory_mb,
            "environment": {"CIFAR10_DIR": str(data)} if data else {},
            "folder": str(staged.folder),
            "package": staged.package,
            "modules": staged.modules,
            "where": staged.where,
            "stand_ins": staged.stand_ins,
            "aliases": staged.aliases,
            "overlay": {"folder": str(staged.overlay), "functions": staged.functions} if staged.overlay else None,
        }
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    self.order(order, [theirs.fileno()])
                except WorkerLost:  # an earlier fork brought the parent down; there is a new one now
                    self.order(order, [theirs.fileno()])
            channel = Channel(self, ours, cpu_seconds, reply_mb << 20)
            try:
                yield channel
            finally:
                channel.end()
