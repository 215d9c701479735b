"""Runs of pytest over the hidden checks, each in a fork of a process that has imported all they need.

The imports take half a CPU second, a quarter of what a right hand-in takes. The warm process never sees a hand-in: what
a run reads and remembers ends with its fork. Fingerprints of misconceptions are kept: no hand-in has a part in them.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from autograder.worker.lockdown import end_with_parent

CHECKS = Path(__file__).resolve().parent.parent / "checks"
BROKEN = 70  # a run's exit code where not even pytest could begin
_here = threading.local()  # a warm process for each thread that examines


class TookTooLong(Exception):
    """A run did not end within its time; it was killed."""


def run(
    arguments: list[str], folder: Path, environment: dict[str, str], printed: Path, patience: float
) -> tuple[int, float]:
    """Run pytest in a process of its own.

    Parameters
    ----------
    arguments : list of str
        Its command line.
    folder : Path
        Its working folder.
    environment : dict
        Its environment variables, all of them.
    printed : Path
        The file for what it prints.
    patience : float
        Seconds by the clock after which it is killed.

    Returns
    -------
    tuple
        Exit code, and CPU seconds of it and of all that it waited for.

    Raises
    ------
    TookTooLong
        When it was killed.
    """
    order = {"arguments": arguments, "folder": str(folder), "environment": environment, "printed": str(printed)}
    process = _process()
    clock = threading.Timer(patience, process.kill)
    clock.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BaseException:  # told to stop: a run that is left alone would go on
        process.kill()
        raise
    finally:
        late = not clock.is_alive()
        clock.cancel()
    if not line:
        process.wait()
        if late:
            raise TookTooLong
        return process.returncode, 0.0
    answer = json.loads(line)
    return answer["code"], answer["cpu"]


def _process() -> subprocess.Popen[str]:
    """This thread's warm process; a new one after a fork, or where the last one was killed."""
    known: tuple[int, subprocess.Popen[str]] | None = getattr(_here, "process", None)
    if known is None or known[0] != os.getpid() or known[1].poll() is not None:
        # -P: the working folder is no place to import from. A session of its own: Ctrl-C is for who started it.
        command = [sys.executable, "-P", "-m", __name__]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=environment, text=True, start_new_session=True, **pipes)
        _here.process = known = os.getpid(), process
        atexit.register(_end, process)
    return known[1]


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(SystemExit):  # told to end while it ends
        process.kill()
        process.communicate()


def serve() -> None:
    """In the warm process: fork for each order, until nobody gives orders any more."""
    importlib.import_module("autograder.examiner.plugin")
    recognise = importlib.import_module("autograder.examiner.recognise")
    for path in sorted(CHECKS.glob("test_*.py")):
        importlib.import_module(f"autograder.checks.{path.stem}")
    for line in sys.stdin:
        known = recognise.known()
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            code = BROKEN
            try:
                code = _obey(json.loads(line))
                with open(tell, "w", encoding="utf-8") as pipe:
                    json.dump({name: taken for name, taken in recognise.known().items() if name not in known}, pipe)
            finally:
                os._exit(code)
        os.close(tell)
        with open(told, encoding="utf-8") as pipe:
            learned = pipe.read()
        _, status, used = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "cpu": used.ru_utime + used.ru_stime}), flush=True)
        if code in (0, 1):  # it came to its end
            recognise.remember(json.loads(learned))


def _obey(order: dict[str, Any]) -> int:
    """In a fork: one run."""
    end_with_parent()
    with open(order["printed"], "wb") as printed, open(os.devnull, "rb") as nothing:
        for stream, number in ((nothing, 0), (printed, 1), (printed, 2)):
            os.dup2(stream.fileno(), number)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    tempfile.tempdir = None  # it may have been asked for already
    code = int(pytest.main(order["arguments"]))
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    serve()
