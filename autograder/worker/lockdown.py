"""What a fork of the worker gives up before it imports a student's code."""

from __future__ import annotations

import os
import resource


def limit(cpu_seconds: int, memory_mb: int) -> None:
    """Bound CPU seconds (the kernel ends the process), memory, file sizes and open files of this process."""
    memory = memory_mb << 20
    bounds = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_FSIZE: (1 << 24, 1 << 24),
        resource.RLIMIT_NOFILE: (64, 64),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, pair in bounds.items():
        resource.setrlimit(kind, pair)


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
