"""The CIFAR-10 rerun: the target section is trained in a worker, the accuracy is computed here from predictions.

After every epoch the worker hands over the classes it predicts for the course's 1,000 validation images. The best
epoch counts, as in the Solver; training is stopped once full marks are certain. Then the net of that epoch classifies
changed images for the guard.

    target_section.py   finds the cells            target_data.py    what the worker may read
    target_judge.py     predictions -> points      guard.py          were labels looked up?
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder.course import TargetSettings, derived_seed
from autograder.examiner.files import read_plain
from autograder.examiner.guard import GuardImages
from autograder.examiner.session import Channel, Session, Usage, WorkerLost
from autograder.examiner.stage import StagedHandIn
from autograder.examiner.student import StudentError, import_reason, own_words
from autograder.examiner.target_data import prepared_data, validation
from autograder.examiner.target_judge import RUNS, Outcome, Progress, Run, outcome
from autograder.examiner.target_section import section
from autograder.results import Target
from autograder.wall import Scratch, Wall, places
from autograder.worker import wire

MAX_EPOCHS = 1000
STUCK_SECONDS = 60  # CPU seconds without a training step
GUARD_SECONDS = 60  # CPU seconds for the guard's images, beside the budget
WEIGHTS = "model.npz"
CELL = r"setup.cell|code.cell.[0-9]{1,4}.of.the.target.section"  # where an error may have come up beside a module
MAX_LINES = 100_000  # of a cell, as far as they are told


def rerun(
    staged: StagedHandIn,
    notebook: Path,
    *,
    wall: Wall,
    data: Path,
    prepared: Path,
    seed: str,
    progress: Progress | None,
    settings: TargetSettings | None = None,
    cells: Sequence[str] = (),
) -> Outcome:
    """Train the target section of `notebook` and judge it. A bad hand-in gives a reason, never an exception.

    Parameters
    ----------
    staged : StagedHandIn
        The student's package.
    notebook : Path
        The notebook that holds the section. Weights lie beside it where the course takes them.
    wall : Wall
        How the worker is started.
    data, prepared : Path
        CIFAR-10 with all labels; where its copy for workers lies.
    seed : str
        Of this hand-in. The worker gets numbers derived from it, the guard others.
    progress : callable, optional
        Told about every epoch.
    settings : TargetSettings, optional
        What it is judged by, where that is not the course's own.
    cells : sequence of str, optional
        What is run in place of the notebook's section.
    """
    settings = settings or staged.assignment.settings.target
    assert settings is not None
    try:
        cells = cells or section(staged.assignment, settings, notebook)
        weights = _weights(notebook, settings)
    except ValueError as error:
        return Outcome(Target(required=settings.accuracy), 0.0, str(error), Usage(0.0, 0.0, ""))
    if weights:
        (staged.root / "own" / WEIGHTS).write_bytes(weights)
        places.show(staged.root)
    folder = prepared_data(data, prepared)
    _, labels = validation(folder)
    limits = staged.assignment.settings.limits
    scratch = Scratch(limits.scratch_files, limits.scratch_mb)
    runs: list[Run] = []
    left = settings.cpu_seconds
    with Session(wall, staged.training(), [folder], scratch) as session:
        while len(runs) < RUNS:
            run = Run(settings, labels, progress, weights=bool(weights))
            request = {
                "cells": list(cells),
                "cpu_seconds": left,
                "stuck": STUCK_SECONDS,
                "run": len(runs),
                "weights": bool(weights),
            }
            numbers = int(derived_seed(seed, "target", str(len(runs)))[:8], 16)
            with session.fork(
                numbers, cpu_seconds=left + GUARD_SECONDS, memory_mb=settings.memory_mb, task="train", data=folder
            ) as channel:
                _follow(channel, request, run)
                if run.matters:
                    rng = np.random.default_rng(int(derived_seed(seed, "guard", str(len(runs))), 16))
                    run.guarded(GuardImages(data).examine(lambda images: _classified(channel, images), rng))
                run.usage = channel.end()
            repeated = any(run.history == earlier.history for earlier in runs)  # it fixes every seed itself
            runs.append(run)
            left -= int(run.usage.cpu_seconds) + 1
            if repeated or weights or run.reason or not run.unlucky() or left < run.usage.cpu_seconds:
                break
    return outcome(runs, _questions(staged))


def _weights(notebook: Path, settings: TargetSettings | None) -> bytes:
    """The weights that lie beside the notebook, where the course takes them and there are some."""
    path = notebook.parent / WEIGHTS
    if settings is None or settings.accept != "weights" or not path.exists():
        return b""
    return read_plain(path, settings.weights_mb << 20)


def weights_digest(notebook: Path, settings: TargetSettings | None) -> str:
    """A hash of the weights that would be examined, whatever lies in their place."""
    try:
        return hashlib.sha256(_weights(notebook, settings)).hexdigest()
    except ValueError as error:
        return str(error)


def _questions(staged: StagedHandIn) -> Any:
    """For the name of a function of the package ("layers.relu_forward") the question that grades it, if one does."""
    names = {question.grade_id for question in staged.assignment.auto_questions}
    return lambda called: name if (name := called.partition(".")[2]) in names else None


def _follow(channel: Channel, request: dict[str, Any], run: Run) -> None:
    """Follow a training to its end; `run.reason` says why it ended early, if it did."""
    try:
        run.reason = _watch(channel, request, run)
    except (wire.WireError, WorkerLost):
        run.reason = _end_reason(channel.end(), run.settings.cpu_seconds)
    except StudentError as error:
        run.reason = str(error)


def _end_reason(usage: Usage, budget: int) -> str:
    if usage.ended == "idle":
        return "Training was stopped: the section waits for something that never comes, and computes nothing."
    if usage.ended == "files":
        return "Training was stopped: the section wrote too many or too large files."
    if usage.ended in ("cpu", "wall"):
        return f"The budget of {budget} CPU seconds ended in the middle of a step."
    return "The training process ended by itself."


def _watch(channel: Channel, request: dict[str, Any], run: Run) -> str:
    answer, _ = channel.receive()
    if answer.get("ready") is not True:
        raise StudentError(import_reason(answer, channel.places))
    channel.send(request)
    while True:
        report, arrays = channel.receive()
        if report.get("event") != "epoch":
            return _ended(report, arrays, run, channel.places)
        if isinstance(called := report.get("called"), list):
            run.called |= {name for name in called[:200] if isinstance(name, str)}
        is_best = bool(arrays) and run.see(arrays[0])
        over = len(run.history) >= MAX_EPOCHS
        channel.send({"go": "end" if run.certain or over else "on", "keep": is_best})
        if run.certain:  # the best epoch counts, so training on cannot change the score
            return ""
        if over:
            return f"Training was stopped after {MAX_EPOCHS} epochs; the best epoch until then counts."


def _ended(report: dict[str, Any], arrays: wire.Arrays, run: Run, lines: Mapping[str, int]) -> str:
    """The last report of a training: why it ended early, if it did."""
    event = report.get("event")
    if event == "budget":
        return f"The budget of {run.settings.cpu_seconds} CPU seconds ended; the best epoch until then counts."
    if event == "stuck":
        return (
            f"Training was stopped: no step was finished within {STUCK_SECONDS} CPU seconds. "
            "Look for a loop that never ends, or for loops over single numbers: they take far too long."
        )
    if event == "fault":
        run.unwritten = report.get("type") == "NotImplementedError"
        place = _place(report, lines)
        if run.unwritten:
            return f"The target section needs something that is not written yet{place}."
        words = own_words(report.get("type"), report.get("text"))
        return f"The target section raised an error{place}. Python or your code, not the course, says: {words}"
    if arrays and not run.history:  # the net at the end counts where no epoch was seen
        run.see(arrays[0])
    return "" if run.history else "The section trained nothing: it left no `model` and no Solver was run."


def _place(report: dict[str, Any], lines: Mapping[str, int]) -> str:
    """Where an error came up: a cell, or a line that the hand-in has. A place must not carry messages."""
    file, line = report.get("file"), report.get("line")
    if not isinstance(file, str) or type(line) is not int or not 0 <= line < MAX_LINES:
        return ""
    known = line <= lines.get(file, 0) if file.endswith(".py") else re.fullmatch(CELL, file)
    return f" ({file}, line {line})" if known else ""


def _classified(channel: Channel, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The classes of some images by the net of the best epoch; None where there is no answer."""
    try:
        channel.send({}, [images])
        report, arrays = channel.receive()
    except (wire.WireError, WorkerLost):
        return None
    return arrays[0] if report.get("event") == "classes" and arrays else None
