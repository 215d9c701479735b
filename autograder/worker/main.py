"""The worker: `python -I main.py CONTROL_FD`. A warm parent with NumPy imported; each group of calls gets a fork.

The parent never imports a student's code. It reads orders from the control socket:

    {"order": "fork", ...}  with the end of a new channel attached: fork, and serve that channel in the child
    {"order": "end"}        kill the child, say how it ended and what it used

The child closes the control socket, sets its limits, seeds the generators, and only then imports the hand-in.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import lockdown  # noqa: E402  (these lie beside this file, and -I keeps its folder off the path)
import numpy as np  # noqa: E402
import serve  # noqa: E402
import standins  # noqa: E402
import training  # noqa: E402
import wire  # noqa: E402

del sys.path[0]  # a hand-in's modules are looked up without ours in the way


def child(channel: socket.socket, order: dict[str, object]) -> None:
    """Everything a fork does. It never returns to the parent's loop."""
    lockdown.close_all_but(channel.fileno())
    lockdown.silence()
    lockdown.limit(int(order["cpu_seconds"]), int(order["memory_mb"]))  # type: ignore[call-overload]
    random.seed(order["seed"])
    np.random.seed(order["seed"])  # type: ignore[arg-type]
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    standins.install()
    sys.path.insert(0, str(order["folder"]))
    hand_in = serve.HandIn(str(order["package"]), str(order["folder"]), channel)
    if hand_in.load(order["modules"], order.get("overlay") or {}):  # type: ignore[arg-type]
        (training.serve if order["task"] == "train" else serve.serve)(hand_in)


def end(pid: int) -> dict[str, object]:
    """Kill the child, collect it, and say what it used."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return {"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024, "status": status}


def main(control: socket.socket) -> None:
    """Serve orders until the examiner closes the control socket."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pid = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, wire.MAX_HEADER, 1)
        if not message:
            return
        order = wire.json.loads(message)
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


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
