"""Turns predictions into accuracies, keeps the best epoch and the best run, and says what they are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.course import TargetSettings
from autograder.examiner.guard import CHANGE, LUCK, unexplained
from autograder.examiner.session import Usage
from autograder.results import Guard, Target

RUNS = 3  # at most, when chance may have cost points
NEAR = 2.0  # standard errors below full points, within which another run is made
Progress = Callable[[int, float, float], None]  # epoch, its accuracy, best accuracy so far


def share_of(accuracy: float, settings: TargetSettings) -> float:
    """The linear share of the points: clip((accuracy - floor) / (target - floor), 0, 1).

    Examples
    --------
    >>> settings = TargetSettings(question="target", notebook="n", section="s", setup="s")
    >>> [round(share_of(accuracy, settings), 3) for accuracy in (0.30, 0.435, 0.60)]
    [0.0, 0.5, 1.0]
    """
    return float(np.clip((accuracy - settings.floor) / (settings.accuracy - settings.floor), 0.0, 1.0))


def near_miss(accuracy: float, full: float, images: int) -> bool:
    """Whether `accuracy` on so many images is below `full` by at most NEAR standard errors.

    Examples
    --------
    >>> [near_miss(accuracy, 0.55, 1000) for accuracy in (0.51, 0.53, 0.55)]
    [False, True, False]
    """
    return full - NEAR * math.sqrt(full * (1 - full) / images) <= accuracy < full


@dataclass
class Run:
    """One training of the section: the accuracy of each epoch, what the guard saw, how it ended."""

    settings: TargetSettings
    labels: np.ndarray[Any, Any]
    progress: Progress | None = None
    weights: bool = False  # whether handed-in weights are examined and nothing is trained
    history: list[float] = field(default_factory=list)
    called: set[str] = field(default_factory=set)
    guard: Guard | None = None
    reason: str = ""
    unwritten: bool = False  # whether it needs something that still raises NotImplementedError
    usage: Usage = field(default_factory=lambda: Usage(0.0, 0.0, ""))

    @property
    def best(self) -> float:
        """The best accuracy so far; 0 before the first epoch."""
        return max(self.history, default=0.0)

    @property
    def certain(self) -> bool:
        """Whether full marks are reached: the best epoch counts, so no later epoch can lower it."""
        return self.best >= self.settings.accuracy

    @property
    def matters(self) -> bool:
        """Whether it is worth any points, so that the guard must look."""
        return self.best > self.settings.floor

    @property
    def counts(self) -> float | None:
        """The accuracy that counts; None where there is none, or the guard could not look."""
        if not self.history or (self.matters and self.guard is None):
            return None
        if self.guard is None:
            return self.best
        if self.guard.unexplained:
            return min(self.best, self.guard.validation_changed, self.guard.others, self.guard.others_changed)
        return min(self.best, self.guard.others_changed + LUCK + CHANGE) if self.weights else self.best

    def see(self, predictions: np.ndarray[Any, Any]) -> bool:
        """Judge the predictions of one epoch and say whether it is the best so far.

        A wrong number of predictions is no answer to any image.
        """
        right = predictions.shape == self.labels.shape and predictions.dtype.kind == "i"
        accuracy = float((predictions == self.labels).mean()) if right else 0.0
        is_best = not self.history or accuracy > self.best
        self.history.append(accuracy)
        if self.progress is not None:
            self.progress(len(self.history), accuracy, self.best)
        return is_best

    def guarded(self, seen: Guard | None) -> None:
        """Take what the guard saw."""
        if seen is None:
            self.reason += " The net could not be examined on changed images, so this accuracy does not count."
            self.reason = self.reason.strip()
        else:
            self.guard = seen.model_copy(update={"unexplained": tuple(unexplained(self.best, seen))})

    def unlucky(self) -> bool:
        """Whether full points were missed by so little that chance may have decided."""
        return self.counts == self.best and near_miss(self.best, self.settings.accuracy, len(self.labels))


@dataclass(frozen=True)
class Outcome:
    """What the rerun gave: the target's record, the share of points, why it gave none."""

    target: Target
    share: float
    reason: str
    usage: Usage
    unwritten: bool = False


def outcome(runs: Sequence[Run], questions: Callable[[str], str | None]) -> Outcome:
    """The record of all runs: the best counts. `questions` gives the question that a called function belongs to."""
    run = max(runs, key=lambda run: -1.0 if run.counts is None else run.counts)
    cpu = sum(run.usage.cpu_seconds for run in runs)
    usage = Usage(cpu, max(run.usage.peak_mb for run in runs), run.usage.ended)
    uses = sorted({question for name in run.called if (question := questions(name))})
    record = Target(
        accuracy=run.best if run.history else None,
        counts=run.counts,
        guard=run.guard,
        runs=len(runs),
        uses=tuple(uses),
        epochs=len(run.history),
        best_epoch=run.history.index(run.best) + 1 if run.history else None,
        history=tuple(run.history),
        required=run.settings.accuracy,
        message="\n".join(_story(run, runs, usage)),
    )
    share = 0.0 if run.counts is None else share_of(run.counts, run.settings)
    return Outcome(record, share, run.reason, usage, run.unwritten)


def _story(run: Run, runs: Sequence[Run], usage: Usage) -> list[str]:
    """What the student reads, a line each."""
    if not run.history:
        return []
    settings = run.settings
    epoch = run.history.index(run.best) + 1
    lines = [f"Validation accuracy {run.best:.1%} at epoch {epoch} of {len(run.history)} that were run."]
    if run.weights:
        lines = [f"The weights in model.npz were examined, nothing was trained: validation accuracy {run.best:.1%}."]
    elif run.certain and run.history[-1] == run.best:
        lines[0] += " Training was stopped there, because it is enough for full points."
    if len(runs) > 1:
        others = ", ".join(f"{other.best:.1%}" for other in runs)
        lines.append(f"Full points were missed by so little that it was trained {len(runs)} times: {others}.")
    if run.guard is not None:
        lines.append(_verdict(run, run.guard))
    if run.weights and run.guard is not None and not run.guard.unexplained:
        lines.append(f"Weights are judged by the changed others, plus {LUCK + CHANGE:.0%} that honest nets lose there.")
    if run.counts is not None:
        share = math.floor(1000 * share_of(run.counts, settings) + 1e-6) / 1000
        rule = f"full points from {settings.accuracy:.0%}, none at {settings.floor:.0%}, a straight line between"
        lines.append(f"So {run.counts:.1%} counts: {share:.1%} of the points ({rule}).")
        lines += [run.reason] if run.reason else []
    if not run.reason:
        tenths = min(math.ceil(10 * usage.cpu_seconds / settings.cpu_seconds), 10)  # the exact time differs each time
        lines.append(f"Of the budget of {settings.cpu_seconds} CPU seconds it took at most {10 * tenths} %.")
    return lines


def _verdict(run: Run, guard: Guard) -> str:
    figures = (
        f"Guard: {guard.validation_changed:.1%} of the validation images slightly changed, "
        f"{guard.others:.1%} of {guard.images} other test images, {guard.others_changed:.1%} of these changed."
    )
    if not guard.unexplained:
        return f"{figures} An honest net loses as much."
    return (
        f"{figures} Chance and what honest nets lose do not explain the difference to {run.best:.1%}. "
        f"{' '.join(guard.unexplained)} "
        "Labels were looked up, or the net has learned from images that are for measuring."
    )
