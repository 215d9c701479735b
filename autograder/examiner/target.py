"""The CIFAR-10 rerun: the target section is trained in a worker, the accuracy is computed here from predictions.

After every epoch the worker hands over the classes it predicts for the course's 1,000 validation images. The best
epoch counts, as in the Solver; training is stopped once full marks are certain.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from IPython.core.inputtransformer2 import TransformerManager
from nndl import data_utils

from autograder.course import Assignment, TargetSettings
from autograder.errors import CourseError
from autograder.examiner.session import Channel, Session, Usage, WorkerLost
from autograder.examiner.stage import StagedHandIn, read_plain
from autograder.examiner.student import StudentError, import_reason, tidy
from autograder.results import Target
from autograder.wall import Scratch, Wall, places
from autograder.worker import wire

IMAGES = 1000  # validation images of the course; as many test images may be seen with their labels
MAX_NOTEBOOK = 64 << 20  # bytes
MAX_CODE = 200_000  # letters of the target section
MAX_EPOCHS = 1000
Progress = Callable[[int, float, float], None]  # epoch, its accuracy, best accuracy so far


@dataclass(frozen=True)
class Outcome:
    """What the rerun gave: the target's record, the share of points, why it gave none."""

    target: Target
    share: float
    reason: str
    usage: Usage
    unwritten: bool = False  # whether it needs something that still raises NotImplementedError


def share_of(accuracy: float, settings: TargetSettings) -> float:
    """The linear share of the points: clip((accuracy - floor) / (target - floor), 0, 1).

    Examples
    --------
    >>> settings = TargetSettings(question="target", notebook="n", section="s", setup="s")
    >>> [round(share_of(accuracy, settings), 3) for accuracy in (0.30, 0.435, 0.60)]
    [0.0, 0.5, 1.0]
    """
    return float(np.clip((accuracy - settings.floor) / (settings.accuracy - settings.floor), 0.0, 1.0))


def prepared_data(source: Path, folder: Path) -> Path:
    """A folder in the official layout for workers: labels of the course's images only.

    Of the test batch the first 1,000 images are kept; the other 9,000 are blank and carry label 0.
    """
    origin = source / "cifar-10-batches-py"
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(origin.glob("*_batch*"))]
    final = folder / f"data-{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"
    if final.is_dir():
        return final
    images, labels = data_utils.read_batch(origin / "test_batch")
    images, labels = images.copy(), np.array(labels)
    images[IMAGES:], labels[IMAGES:] = 0, 0
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        made = Path(temporary) / "data" / origin.name
        made.mkdir(parents=True)
        for path in sorted(origin.iterdir()):
            if path.name != "test_batch":
                (made / path.name).write_bytes(path.read_bytes())
        batch = {"data": images.reshape(len(images), -1), "labels": [int(label) for label in labels]}
        (made / "test_batch").write_bytes(pickle.dumps(batch, protocol=2))
        places.show(made.parent, everyone=True)
        try:
            made.parent.rename(final)
        except OSError:
            if not final.is_dir():
                raise
    return final


def section(assignment: Assignment, target: TargetSettings, notebook: Path) -> list[str]:
    """Our setup cell, then the code cells of the student's target section, as plain Python.

    ValueError, in words for a student, when the notebook or its section is missing or broken.
    """
    ours = dict(_cells(assignment.course.root / "source" / assignment.name / f"{target.notebook}.ipynb"))
    if target.setup not in ours:
        raise CourseError(
            f'there is no cell with grade_id "{target.setup}"',
            where=f"{target.notebook}.ipynb",
            fix="give the setup cell that grade_id, or mend [target] in assignment.toml",
        )
    theirs = _cells(notebook)
    names = [name for name, _ in theirs]
    if target.section not in names:
        raise ValueError(f"{notebook.name}: the heading of the target section is missing")
    first = names.index(target.section)
    last = names.index(target.question, first) if target.question in names[first:] else len(theirs)
    code = [source for _, source in theirs[first:last] if source.strip()]
    if not code:
        raise ValueError(f"{notebook.name}: the target section holds no code")
    if sum(map(len, code)) > MAX_CODE:
        raise ValueError(f"{notebook.name}: the target section holds more than {MAX_CODE:,} letters of code")
    return [_python(ours[target.setup], "the setup cell")] + [
        _python(source, f"{notebook.name}: code cell {number} of the target section")
        for number, source in enumerate(code, start=1)
    ]


def _python(source: str, place: str) -> str:
    """Code of a cell with its magics turned into calls. Nothing is run."""
    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]  # IPython has no types
    except Exception as error:  # IPython raises what the text leads it to: SyntaxError, RuntimeError, ...
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ValueError(f"{place} is not valid Python ({type(error).__name__}{line})") from None


def _cells(path: Path) -> list[tuple[str, str]]:
    """(grade_id or cell id, code) of each cell; the code of a text cell is empty."""
    content = read_plain(path, MAX_NOTEBOOK)
    try:
        text = content.decode("utf-8-sig")
        if json.loads(text)["nbformat"] != 4:  # converting an older one can be made to take any amount of memory
            raise ValueError("an old format")
        cells = nbformat.reads(text, as_version=4).cells
        return [(_name(cell), cell.source if cell.cell_type == "code" else "") for cell in cells]
    except Exception:  # the file may hold anything, and nbformat raises whatever that leads to
        raise ValueError(f"{path.name} is not a notebook that can be read") from None


def _name(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", cell.get("id", "")))


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
    judge = _Judge(settings, labels, progress)
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
    if usage.ended == "idle":
        return "Training was stopped: the section waits for something that never comes, and computes nothing."
    if usage.ended == "files":
        return "Training was stopped: the section wrote too many or too large files."
    if usage.ended in ("cpu", "wall"):
        return f"The budget of {budget} CPU seconds ended; the best epoch until then counts."
    return "The training process ended by itself."


def _watch(channel: Channel, cells: list[str], judge: _Judge) -> str:
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


class _Judge:
    """Turns predictions into accuracies and keeps the best."""

    def __init__(self, settings: TargetSettings, labels: np.ndarray[Any, Any], progress: Progress | None) -> None:
        self._settings, self._labels, self._progress = settings, labels, progress
        self.history: list[float] = []
        self.unwritten = False

    @property
    def certain(self) -> bool:
        """Whether full marks are certain: the best epoch counts, so no later epoch can lower it."""
        return bool(self.history) and max(self.history) >= self._settings.accuracy

    def see(self, predictions: np.ndarray[Any, Any]) -> None:
        """Judge the predictions of one epoch. A wrong number of them is no answer to any image."""
        right = predictions.shape == self._labels.shape and predictions.dtype.kind == "i"
        self.history.append(float((predictions == self._labels).mean()) if right else 0.0)
        if self._progress is not None:
            self._progress(len(self.history), self.history[-1], max(self.history))

    def outcome(self, reason: str, usage: Usage) -> Outcome:
        """The record of what was seen."""
        required = self._settings.accuracy
        if not self.history:
            return Outcome(Target(required=required), 0.0, reason, usage, self.unwritten)
        best = max(self.history)
        share = share_of(best, self._settings)
        epoch = self.history.index(best) + 1
        message = (
            f"Validation accuracy {best:.1%} at epoch {epoch} of {len(self.history)} that were run; "
            f"full points from {required:.0%}, none at {self._settings.floor:.0%}: {share:.1%} of the points."
        )
        if self.certain:
            message += " Training was stopped there, because full points were reached."
        record = Target(
            accuracy=best,
            epochs=len(self.history),
            best_epoch=epoch,
            history=tuple(self.history),
            required=required,
            message=f"{message}\n{reason}" if reason else message,
        )
        return Outcome(record, share, reason, usage)
