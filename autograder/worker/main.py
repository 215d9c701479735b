"""The worker's warm parent: NumPy is imported here once; each group of calls gets a fork.

The parent never imports a student's code. It reads orders from the control socket:

    {"order": "fork", ...}  with the end of a new channel attached: fork, and serve that channel in the child
    {"order": "end"}        kill the child, say how it ended and what it used

The child closes the control socket, sets its limits, seeds the generators, and only then imports the hand-in.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import socket
import sys
from typing import Any

import numpy as np

from . import lockdown, serve, standins, training, wire


def child(channel: socket.socket, order: dict[str, Any]) -> None:
    """Everything a fork does. It never returns to the parent's loop."""
    lockdown.close_all_but(channel.fileno())
    lockdown.silence()
    lockdown.limit(order["cpu_seconds"], order["memory_mb"])
    random.seed(order["seed"])
    np.random.seed(order["seed"])
    os.environ.update(order["environment"])
    standins.install()
    sys.path.insert(0, str(order["folder"]))
    hand_in = serve.HandIn(str(order["package"]), str(order["folder"]), channel)
    if hand_in.load(order["modules"], order.get("overlay") or {}):
        (training.serve if order["task"] == "train" else serve.serve)(hand_in)


def end(pid: int) -> dict[str, object]:
    """Kill the child, collect it, and say what it used."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return {"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024, "status": status}


def main(descriptor: int) -> None:
    """Serve orders from the control socket until the examiner closes it."""
    sys.dont_write_bytecode = True
    control = socket.socket(fileno=descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pid = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, wire.MAX_HEADER, 1)
        if not message:
            return
        order = json.loads(message)
        if order["order"] == "fork":
            channel = socket.socket(fileno=descriptors[0])
            if (pid := os.fork()) == 0:
                with contextlib.suppress(BaseException):
                    child(channel, order)
                os._exit(0)
            channel.close()
            wire.send(control, {"pid": pid})
        else:
            wire.send(control, end(pid))
