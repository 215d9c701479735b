"""The jobs of `autograder prove`, side by side. What one found is kept, so that a proof that was stopped goes on."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder import pool

Tell = Callable[[int, int], None]  # jobs done, jobs in all
Job = tuple[Any, ...]  # a function of a module, and what it is called with after the root of the course


def run(root: Path, jobs: Sequence[Job], workers: int, tell: Tell | None, keep: Path | None) -> list[Any]:
    """The results of all jobs, in their order.

    Parameters
    ----------
    root : Path
        The course.
    jobs : sequence of tuple
        See `Job`. No two are equal.
    workers : int
        Processes; 0 for one each core.
    tell : callable, optional
        Told how many jobs are done.
    keep : Path, optional
        A folder for results. They count as long as no text that a job reads has changed.
    """
    results: dict[str, Any] = {}
    kept = keep and keep / _digest(root)
    tasks = ((str(number), (root, kept, job)) for number, job in enumerate(jobs))
    for name, future in pool.run(_done, tasks, workers or pool.cores()):
        results[name] = future.result()
        if tell is not None:
            tell(len(results), len(jobs))
    return [results[str(number)] for number in range(len(jobs))]


@functools.cache
def _digest(root: Path) -> str:
    """Over the kit, the course and the styles, and what they run on."""
    found = hashlib.sha256(repr((sys.version, np.__version__)).encode())
    for folder in ("autograder", "source", "tests/styles"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".toml") and "__pycache__" not in path.parts:
                found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _done(task: tuple[Path, Path | None, Job]) -> Any:
    """The result of one job, from an earlier run where it was kept."""
    root, folder, (call, *arguments) = task
    path = folder and folder / hashlib.sha256(repr((call.__name__, arguments)).encode()).hexdigest()
    if path and path.exists():
        return pickle.loads(path.read_bytes())
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # hand-ins print
        result = call(root, *arguments)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(result))
        part.replace(path)  # a run that is killed leaves whole results only
    return result
