"""The worker's warm parent: NumPy is imported here once; each group of calls gets a fork.

The parent never imports a student's code. It says {"ready": true}, then reads orders from the control socket:

    {"order": "fork", ...}  with the end of a new channel attached: fork, and serve that channel in the child
    {"order": "used"}       say how many CPU seconds the child has used so far
    {"order": "end"}        kill the child, say how it ended and what it used

The child closes the control socket, sets its limits, seeds the generators, locks itself down, and only then imports
the hand-in. Whoever starts the parent locks it down first (lockdown.enclose), before NumPy is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import socket
import sys
import time
from typing import Any

import numpy.random  # NumPy itself loads it when it is first used: in every fork, for 15 ms

from . import lockdown, serve, standins, training, wire

LOOK = 0.1  # seconds between two looks at the scratch folder


def child(channel: socket.socket, order: dict[str, Any], orders: dict[str, Any]) -> None:
    """Everything a fork does. It never returns to the parent's loop."""
    lockdown.close_all_but(channel.fileno())
    lockdown.silence()
    lockdown.end_with_parent()
    scratch = orders["scratch"]
    lockdown.limit(
        order["cpu_seconds"], order["all_cpu_seconds"], order["memory_mb"], scratch["bytes"] if scratch else 0
    )
    random.seed(order["seed"])
    numpy.random.seed(order["seed"])
    os.environ.update(order["environment"])
    if scratch:
        os.chdir(scratch["folder"])
    standins.install(order.get("stand_ins", ()), order.get("aliases"))
    sys.path.insert(0, str(order["folder"]))
    hand_in = serve.HandIn(str(order["package"]), str(order["folder"]), channel)
    lockdown.confine(orders)
    if hand_in.load(order["modules"], order.get("where") or {}, order.get("overlay") or {}):
        (training.serve if order["task"] == "train" else serve.serve)(hand_in)


class Fork:
    """The one child that runs at a time, and its scratch folder."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders, self.pid, self.over = orders, 0, False

    def start(self, channel: socket.socket, order: dict[str, Any]) -> None:
        """Fork; an earlier child is ended first."""
        if self.pid:
            self.end()
        self.over = False
        if (pid := os.fork()) == 0:
            with contextlib.suppress(BaseException):
                child(channel, order, self.orders)
            os._exit(0)
        self.pid = pid

    def look(self) -> None:
        """Kill the child when it has put too much into the scratch folder."""
        scratch = self.orders["scratch"]
        if scratch and self.pid and not self.over:
            sizes = []
            for entry in os.scandir(scratch["folder"]):
                with contextlib.suppress(FileNotFoundError):
                    sizes.append(entry.stat(follow_symlinks=False).st_size)
            if len(sizes) > scratch["files"] or sum(sizes) > scratch["bytes"]:
                self.over = True
                os.kill(self.pid, signal.SIGKILL)

    def used(self) -> dict[str, object]:
        """CPU seconds of the child that runs; a clock of the kernel tells them without /proc."""
        clock = (~self.pid << 3) | 2  # CPUCLOCK_SCHED of another process, see clock_getcpuclockid(3)
        try:
            return {"cpu": time.clock_gettime(clock) if self.pid else 0.0}
        except OSError:
            return {"cpu": 0.0}

    def end(self) -> dict[str, object]:
        """Kill the child, collect it, empty its scratch folder, and say what it used."""
        if not self.pid:
            return {"cpu": 0.0, "peak_mb": 0.0, "status": 0, "over": False}
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        self.pid = 0
        if self.orders["scratch"]:
            for entry in os.scandir(self.orders["scratch"]["folder"]):
                os.unlink(entry.path)
        cpu = used.ru_utime + used.ru_stime
        return {"cpu": cpu, "peak_mb": used.ru_maxrss / 1024, "status": status, "over": self.over}


def main(descriptor: int, orders: dict[str, Any]) -> None:
    """Serve orders from the control socket until the examiner closes it."""
    sys.dont_write_bytecode = True
    control = socket.socket(fileno=descriptor)
    fork = Fork(orders)
    wire.send(control, {"ready": True})
    while True:
        while orders["scratch"] and not select.select([control], [], [], LOOK)[0]:
            fork.look()
        message, descriptors, _, _ = socket.recv_fds(control, wire.MAX_HEADER, 1)
        if not message:
            fork.end()
            return
        order = json.loads(message)
        if order["order"] == "fork":
            with socket.socket(fileno=descriptors[0]) as channel:
                fork.start(channel, order)
            wire.send(control, {"pid": fork.pid})
        else:
            wire.send(control, fork.used() if order["order"] == "used" else fork.end())
