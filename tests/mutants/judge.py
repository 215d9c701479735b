"""What the hidden checks say of a mutant, each examined in a process of its own that no mutant can outlive.

It is judged as `autograder prove` judges a misconception (autograder/examiner/examine_local.py): the same checks and
seeds, no wall, because the code is ours. A mutant may loop for ever or ask for all memory: the kernel ends its process.
"""

import contextlib
import io
import multiprocessing
import signal
from multiprocessing.connection import wait
from typing import NamedTuple

import numpy as np

from autograder.checks.api import check_modules, spec_of
from autograder.course import derived_seed
from autograder.examiner.examine_local import LocalExamination, all_checks
from autograder.worker.lockdown import limit

SEED = derived_seed("mutants", "one hand-in")
CPU_SECONDS = 30  # all checks of a right hand-in take less than one
MEMORY_MB, FILE_BYTES = 2048, 1 << 20


class Kill(NamedTuple):
    """The first check that a mutant failed; without one, what ended its process."""

    question: str
    check: str
    code: str


def questions_of(function, settings):
    """The questions that judge a function ("layers.relu_forward"): its own, then those that rest on it."""
    own = [q for q in all_checks() if any(f".{part}." in f".{function}." for part in settings.functions.get(q, (q,)))]
    resting = [q for q, checks in all_checks().items() if any(function in spec_of(each).rests_on for each in checks)]
    return tuple(own), tuple(name for name in resting if name not in own)


def judged(hand_ins, workers, cpu_seconds=CPU_SECONDS):
    """Examine hand-ins side by side; yields the number of each with its `Kill`, or None if it passed, as they come.

    Parameters
    ----------
    hand_ins : sequence of (texts, questions)
        Source text of each module, and the questions to ask in that order.
    workers : how many at a time
    cpu_seconds : what each may use before the kernel ends it
    """
    context = multiprocessing.get_context("forkserver")  # NumPy and the checks are imported once
    context.set_forkserver_preload([LocalExamination.__module__, *(module.__name__ for module in check_modules())])
    waiting, running = iter(enumerate(hand_ins)), {}
    while True:
        while len(running) < workers and (following := next(waiting, None)) is not None:
            number, hand_in = following
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_examine, args=(*hand_in, cpu_seconds, sender))
            process.start()
            sender.close()
            running[receiver] = number, process
        if not running:
            return
        for receiver in wait(list(running)):
            number, process = running.pop(receiver)
            yield number, _answer(receiver, process)


def _answer(receiver, process):
    with receiver, contextlib.suppress(EOFError):
        found = receiver.recv()
        process.join()
        return found
    process.join()
    hung = process.exitcode == -signal.SIGXCPU
    return Kill("", "", "hung" if hung else f"ended with {process.exitcode}")


def _examine(texts, questions, cpu_seconds, sender):
    """In a process of its own: send the first failure, or None."""
    limit(cpu_seconds, cpu_seconds, MEMORY_MB, FILE_BYTES)
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        try:
            row = next(LocalExamination(texts, SEED).failures(questions), None)
        except MemoryError:
            sender.send(Kill("", "", "memory"))
            return
    sender.send(row and Kill(row.question, row.name, row.code))
