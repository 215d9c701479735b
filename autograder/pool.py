"""pool: many jobs over any `concurrent.futures.Executor`, a few at a time, and none of them can stop the others.

Where the executor itself breaks (the kernel killed a process of the pool for want of memory), the jobs that were in
flight are tried again, each alone: the one that breaks it again is given up, the others are done.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from typing import TypeVar

from autograder.errors import CourseError
from autograder.worker.lockdown import end_with_parent

Task = TypeVar("Task")
Answer = TypeVar("Answer")

Open = Callable[[int], Executor]  # an executor of that many workers


def cores() -> int:
    """Cores that this process may use: in a container or a batch job fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(*, with_target: bool) -> int:
    """How many hand-ins are examined at once where nobody says: one for each core.

    Without the target one more: a check's two sides wait for each other in turns, so that a core of two is often idle.
    A target keeps its core busy, and takes gigabytes.
    """
    return cores() + (not with_target)


def processes(workers: int) -> Executor:
    """Processes of this machine. They end when this process ends, in whatever way, and clean up."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of a progress bar, half
    return ProcessPoolExecutor(workers, context, initializer=_ready)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[tuple[int, Open]]:
    """For the length of a `with`: how many threads a Dask cluster has, and its executor.

    Raises
    ------
    CourseError
        When Dask is not installed, no scheduler answers, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "Dask is not installed", fix='run `pip install "deep-nets-course-kit[cluster]"`, here and on each node'
        ) from None
    try:
        client = Client(address, timeout=30)
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(
            f"no Dask scheduler answers ({error})",
            where=address,
            fix="start `dask scheduler` there, or mend the address",
        ) from None
    with client:
        count = sum(client.nthreads().values())
        if not count:
            raise CourseError(
                "the Dask scheduler has no workers yet",
                where=address,
                fix="start `dask worker ADDRESS --nthreads 1 --nworkers N` on each node",
            )
        yield count, lambda _: client.get_executor(pure=False)


def _ready() -> None:
    signal.signal(signal.SIGTERM, _end)
    end_with_parent(signal.SIGTERM)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end of the parent tells a second time
    sys.exit(1)


def _called(call: Callable[[Task], Answer], task: Task) -> Answer:
    """In a process of the pool: one call."""
    try:
        return call(task)
    except SystemExit:  # this process was told to end, and the call has cleaned up
        os._exit(1)


def run(
    call: Callable[[Task], Answer], tasks: Iterator[tuple[str, Task]], workers: int, open_: Open = processes
) -> Generator[tuple[str, Future[Answer]]]:
    """Call `call` on each named task; yields each name with its finished future, as they come.

    `tasks` is read as there is room, two tasks for each worker. When the caller stops early (also by Ctrl-C), what runs
    is stopped.
    """
    suspects: dict[str, Task] = {}
    more = True
    others = set(multiprocessing.active_children())
    try:
        while more or suspects:
            if suspects:
                name = next(iter(suspects))
                yield name, _alone(call, suspects.pop(name), open_)
                continue
            more = False
            for name, task, future in _together(call, tasks, workers, open_):
                if future is None:
                    suspects[name], more = task, True
                else:
                    yield name, future
    finally:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()


def _alone(call: Callable[[Task], Answer], task: Task, open_: Open) -> Future[Answer]:
    with open_(1) as executor:
        future = _submitted(executor, call, task)
        wait([future])
        return future


def _submitted(executor: Executor, call: Callable[[Task], Answer], task: Task) -> Future[Answer]:
    try:
        return executor.submit(_called, call, task)
    except BrokenExecutor as error:
        broken: Future[Answer] = Future()
        broken.set_exception(error)
        return broken


def _together(
    call: Callable[[Task], Answer], tasks: Iterator[tuple[str, Task]], workers: int, open_: Open
) -> Iterator[tuple[str, Task, Future[Answer] | None]]:
    """Run tasks side by side until there are no more, or the executor breaks: then no future for those in flight."""
    executor = open_(workers)
    flight: dict[Future[Answer], tuple[str, Task]] = {}
    try:
        while True:
            while len(flight) < 2 * workers and (following := next(tasks, None)) is not None:
                flight[_submitted(executor, call, following[1])] = following
            if not flight:
                return
            for future in wait(flight, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenExecutor):
                    yield from ((*lost, None) for lost in flight.values())
                    return
                name, task = flight.pop(future)
                yield name, task, future
    finally:
        for future in flight:
            future.cancel()
        executor.shutdown(wait=not flight)  # processes that have nothing to do end by themselves, quietly
