"""The CIFAR-10 rerun: the target section is trained in a worker, the accuracy is computed here from predictions.

After every epoch the worker hands over the classes it predicts for the course's 1,000 validation images. The best
epoch counts, as in the Solver; training is stopped once full marks are certain.

    target_section.py   finds the cells            target_data.py    what the worker may read
    target_judge.py     predictions -> points
"""

from __future__ import annotations

from pathlib import Path

from nndl import data_utils

from autograder.examiner.session import Channel, Session, Usage, WorkerLost
from autograder.examiner.stage import StagedHandIn
from autograder.examiner.student import StudentError, import_reason, tidy
from autograder.examiner.target_data import prepared_data
from autograder.examiner.target_judge import Judge, Outcome, Progress
from autograder.examiner.target_section import section
from autograder.results import Target
from autograder.wall import Scratch, Wall
from autograder.worker import wire

MAX_EPOCHS = 1000


def rerun(
    staged: StagedHandIn,
    notebook: Path,
    *,
    wall: Wall,
    data: Path,
    prepared: Path,
    seed: int,
    progress: Progress | None,
) -> Outcome:
    """Train the target section of `notebook` and judge it. A bad hand-in gives a reason, never an exception."""
    settings = staged.assignment.settings.target
    assert settings is not None
    try:
        cells = section(staged.assignment, settings, notebook)
    except ValueError as error:
        return Outcome(Target(required=settings.accuracy), 0.0, str(error), Usage(0.0, 0.0, ""))
    folder = prepared_data(data, prepared)
    labels = data_utils.get_CIFAR10_data(directory=folder, num_training=1)["y_val"]
    judge = Judge(settings, labels, progress)
    budget, memory = settings.cpu_seconds, settings.memory_mb
    limits = staged.assignment.settings.limits
    scratch = Scratch(limits.scratch_files, limits.scratch_mb)
    reason = ""
    with (
        Session(wall, staged.training(), [folder], scratch) as session,
        session.fork(seed, cpu_seconds=budget, memory_mb=memory, task="train", data=folder) as channel,
    ):
        try:
            reason = _watch(channel, cells, judge)
        except (wire.WireError, WorkerLost):
            reason = _end_reason(channel.end(), budget)
        except StudentError as error:
            reason = str(error)
        usage = channel.end()
    return judge.outcome(reason, usage)


def _end_reason(usage: Usage, budget: int) -> str:
    if usage.ended == "cpu" and usage.cpu_seconds < budget:
        return "Training was stopped: no step was finished within 60 CPU seconds. Look for a loop that never ends."
    if usage.ended == "files":
        return "Training was stopped: the section wrote too many or too large files."
    if usage.ended in ("cpu", "wall"):
        return f"The budget of {budget} CPU seconds ended; the best epoch until then counts."
    return "The training process ended by itself."


def _watch(channel: Channel, cells: list[str], judge: Judge) -> str:
    """Follow the training to its end; the reason why it ended early, if it did."""
    answer, _ = channel.receive()
    if answer.get("ready") is not True:
        raise StudentError(import_reason(answer, channel.places))
    channel.send({"cells": cells})
    while True:
        report, arrays = channel.receive()
        event = report.get("event")
        if event == "fault":
            text = tidy(report.get("text"), 200)
            kind, file, line = (tidy(report.get(key), 40) for key in ("type", "file", "line"))
            judge.unwritten = kind == "NotImplementedError"
            if judge.unwritten:
                return f"The target section needs something that is not written yet: {file}, line {line}."
            return f"The target section raised {kind}: {text} ({file}, line {line})."
        if arrays and not (event == "done" and judge.history):  # the net at the end counts where no epoch was seen
            judge.see(arrays[0])
        if event == "done":
            return "" if judge.history else "The section trained nothing: it left no `model` and no Solver was run."
        if len(judge.history) >= MAX_EPOCHS:
            return f"Training was stopped after {MAX_EPOCHS} epochs; the best epoch until then counts."
        if judge.certain:  # the best epoch counts, so training on cannot change the score
            return ""
        channel.send({"go": "on"})
