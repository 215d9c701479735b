"""What an examination says: one record per hand-in and question, and the table made of them.

A record holds the share of a question that was earned, not its points: points stand in the notebooks only, so
changing them needs no new examination. Times, host and log lie beside the records (`Timing`), so that equal input
gives equal bytes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1
# The words that join the sentences of a message.
EXAMINED, RECOGNISED, OR, HINT, REMARK = WORDS = ("Examined.", "Recognised:", "Or:", "Hint:", "Remark:")
GUARD = "Guard:"  # the line of a target's message that holds the guard's verdict begins so
WIDTH = 100  # columns of a message: pages show it as plain text, which does not wrap by itself

State = Literal["graded", "failed", "missing"]


class Record(BaseModel):
    """Base of all that is written to disk: unknown keys are refused, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(Record):
    """One hidden check: its name, whether it passed, and what the student is told when it did not."""

    name: str
    passed: bool
    weight: float = 1.0
    message: str = ""
    misconception: str | None = None


class Guard(Record):
    """Accuracies of the net that counts on images that it cannot have seen, 0 to 1."""

    validation_changed: float
    others: float
    others_changed: float
    images: int  # how many others
    unexplained: tuple[str, ...] = ()


class Target(Record):
    """The rerun of the training section, judged by the examiner on the course's validation images.

    `accuracy` is that of the best epoch, `counts` what of it counts: less where the guard objects, None where nothing
    could be examined.
    """

    accuracy: float | None = None
    counts: float | None = None
    guard: Guard | None = None
    runs: int = 0
    uses: tuple[str, ...] = ()  # questions whose functions were called in training
    epochs: int = 0
    best_epoch: int | None = None
    history: tuple[float, ...] = ()
    required: float
    message: str = ""


class QuestionResult(Record):
    """One question of one hand-in.

    `share` is in [0, 1]. `key` names everything the result rests on: the hand-in's files, the checks, the settings.
    """

    schema_version: int = Field(default=SCHEMA, alias="schema")
    key: str = ""
    kit: str
    edition: str
    wall: str
    data: str
    question: str
    state: State
    share: float = Field(ge=0.0, le=1.0)
    reason: str = ""
    checks: tuple[Check, ...] = ()
    recognised: tuple[str, ...] = ()  # what the code behaves like: one sentence each, several where they look alike
    remarks: tuple[str, ...] = ()
    target: Target | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def score(self, points: float) -> float:
        """Points earned of `points`, rounded down to 0.01 and never outside [0, points].

        Examples
        --------
        >>> origin = {"kit": "0", "edition": "canonical", "wall": "none", "data": "CIFAR-10"}
        >>> QuestionResult(**origin, question="q", state="graded", share=2 / 3).score(5.0)
        3.33
        """
        cents = math.floor(points * self.share * 100 + 1e-6)
        return min(max(cents / 100, 0.0), points)

    def first_reason(self) -> str:
        """Why points were lost, in one line; empty where none were."""
        if self.share >= 1:
            return ""
        bad = next((check.message for check in self.checks if not check.passed), "")
        target = self.target.message if self.target else ""
        return (self.reason or target or " Or: ".join(self.recognised) or bad).partition("\n")[0]

    def message(self, say: Callable[[str], str] = str) -> str:
        """What the student reads under the question: the reason, what failed, the target's story, remarks.

        `say` translates the words that join them.
        """
        failed = [check for check in self.checks if not check.passed]
        lines = [self.reason] if self.reason else []
        if self.checks:
            lines.append(say(f"{len(self.checks) - len(failed)} of {len(self.checks)} checks passed."))
        if self.recognised:
            joined = f" {say(OR)} ".join(self.recognised)
            lines.append(f"{say(RECOGNISED)} {joined}")
        for check in failed:
            lines.append(f"FAIL {check.name}")
            for line in check.message.splitlines():
                hint = line.removeprefix(HINT)
                lines.append(f"     {say(HINT)}{hint}" if line.startswith(HINT) else f"     {line}")
        if self.target is not None:
            lines += self.target.message.splitlines()
        lines += [f"{say(REMARK)} {remark}" for remark in self.remarks]
        return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent=line[: _indent(line)]) for line in lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


class Timing(Record):
    """What differs between two runs on equal input: seconds, host, time of day, and faults of the examiner itself."""

    host: str = ""
    started: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    target_cpu_seconds: float = 0.0
    faults: tuple[str, ...] = ()


class HandInResult(Record):
    """Everything about one hand-in of one student: `questions` in the order of the notebooks."""

    student: str
    assignment: str
    state: State
    reason: str = ""
    edition: str
    wall: str
    data: str
    questions: tuple[QuestionResult, ...]
    not_counted: tuple[str, ...] = ()  # questions that this edition does not ask, each with its reason
    evidence: tuple[str, ...] = ()  # why it was taken for this edition
    remarks: tuple[str, ...] = ()  # on the hand-in as a whole
    timing: Timing = Timing()

    def question(self, grade_id: str) -> QuestionResult | None:
        """The result of one question; None where it was not examined."""
        return next((q for q in self.questions if q.question == grade_id), None)
