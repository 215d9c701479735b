"""Turns predictions into accuracies, keeps the best epoch, and says what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.course import TargetSettings
from autograder.examiner.session import Usage
from autograder.results import Target

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


class Judge:
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
