"""What the worker gives up: the warm parent before it imports NumPy, a fork before it imports a student's code."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
import time
from typing import Any

from . import landlock, seccomp

OPEN_FILES = 64


def enclose(orders: dict[str, Any]) -> None:
    """Lock the warm parent: {"landlock": {"readable", "writable", "version"} or None, "seccomp": bool}."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if orders["landlock"]:
        landlock.restrict(**orders["landlock"])
    if orders["seccomp"]:
        seccomp.install(seccomp.PARENT)


def confine(orders: dict[str, Any]) -> None:
    """Lock a fork for good: no forks, threads, sockets, signals to others."""
    if orders["seccomp"]:
        seccomp.install(seccomp.CHILD)


def end_with_parent(by: int = signal.SIGKILL) -> None:
    """Let the kernel signal this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, by, 0, 0, 0)


def limit(cpu_seconds: int, all_cpu_seconds: int, memory_mb: int, file_bytes: int) -> None:
    """Bound CPU seconds (the kernel ends the process), memory, file sizes and open files of this process.

    `cpu_seconds` hold until more are granted, `all_cpu_seconds` for good.
    """
    memory = memory_mb << 20
    bounds = {
        resource.RLIMIT_CPU: (cpu_seconds, max(cpu_seconds + 1, all_cpu_seconds)),
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_FSIZE: (file_bytes, file_bytes),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    for kind, pair in bounds.items():
        resource.setrlimit(kind, pair)


def grant(cpu_seconds: int) -> None:
    """Let this process use so many CPU seconds from now on, as far as its last bound allows."""
    used = time.process_time()
    last = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(math.ceil(used) + cpu_seconds, last), last))


def silence() -> None:
    """Send stdin, stdout and stderr of this process to nowhere: what a student prints is not read by anyone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def close_all_but(keep: int) -> None:
    """Close every open file from 3 on but `keep`."""
    os.closerange(3, keep)
    os.closerange(keep + 1, 1 << 10)
