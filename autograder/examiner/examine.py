"""Examines one hand-in: hidden checks in a pytest process, the target in a worker, one record per question."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nndl.data_utils import data_name

from autograder.course import Assignment, derived_seed
from autograder.errors import CourseError
from autograder.examiner import target
from autograder.examiner.same_fault import KINDS
from autograder.examiner.session import WALL_CLOCK
from autograder.examiner.stage import StagedHandIn
from autograder.misconceptions import all_misconceptions, by_name
from autograder.results import SCHEMA, Check, QuestionResult, State, Target
from autograder.wall import choose, places

CHECKS = Path(__file__).resolve().parent.parent / "checks"
STAND_IN = "synthetic stand-in"
PATIENCE = 300  # wall-clock seconds that the examiner itself may take beside a hand-in's own

Say = Callable[[str], None]


class ExaminerFault(Exception):
    """The examiner itself failed, not the hand-in."""


class Examination:
    """One hand-in under examination: what is known beforehand, and what is found."""

    def __init__(self, assignment: Assignment, student: str, folder: Path, say: Say) -> None:
        self.assignment, self.student, self.folder, self.say = assignment, student, folder, say
        self.course = assignment.course
        self.seed = self.course.seed(student, assignment.name)
        self.wall = choose(self.course.root)
        self.kit = version("deep-nets-course-kit")
        self.cpu = self.target_cpu = 0.0
        self.faults: list[str] = []  # what the examiner itself failed over, for the log

    @property
    def data(self) -> str:
        """What the data set is; the target rests on it."""
        try:
            return str(data_name(self.course.data))
        except FileNotFoundError:
            return "none"

    def origin(self, question: str, key: str) -> dict[str, Any]:
        """The part of a record that says where it comes from."""
        data = self.data if self._is_target(question) else "none"
        names = {"kit": self.kit, "edition": self.assignment.settings.edition, "wall": self.wall.name, "data": data}
        return {**names, "question": question, "key": key}

    def _is_target(self, question: str) -> bool:
        settings = self.assignment.settings.target
        return settings is not None and question == settings.question

    @property
    def notebook(self) -> Path:
        """The hand-in's notebook with the target section."""
        settings = self.assignment.settings.target
        return self.folder / f"{settings.notebook if settings else ''}.ipynb"

    def key(self, question: str, staged: StagedHandIn) -> str:
        """A hash over all that a record rests on: files, checks, settings, seed, wall, data."""
        settings = self.assignment.settings
        parts = [str(SCHEMA), self.kit, self.seed, self.wall.name, question, staged.digest()]
        if self._is_target(question):
            content = self.notebook.read_bytes() if self.notebook.is_file() else b""
            parts += [self.data, str(settings.target), hashlib.sha256(content).hexdigest()]
        else:
            parts += [str(settings.limits), _checks_digest()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def results(self, keys: dict[str, str], staged: StagedHandIn) -> Iterator[QuestionResult]:
        """Examine the questions of `keys` (question: key of its record), the target last."""
        checked = {name: key for name, key in keys.items() if not self._is_target(name)}
        if checked:
            self.say("running the hidden checks")
            yield from self._check(list(checked), checked, staged)
        for name in keys.keys() - checked.keys():
            self.say("training the target section")
            try:
                yield self._train(name, keys[name], staged)
            except CourseError:
                raise
            except Exception:
                yield self._fault(name, traceback.format_exc())

    def _fault(self, question: str, told: str) -> QuestionResult:
        """The record of a question over which the examiner itself failed. It has no key: the next run tries again."""
        self.faults.append(f"{question}: {told}")
        reason = "The examiner itself failed here; this is no fault of the hand-in. A person must look; see logs/."
        return QuestionResult(**self.origin(question, ""), state="failed", share=0.0, reason=reason)

    def _check(self, questions: list[str], keys: dict[str, str], staged: StagedHandIn) -> Iterator[QuestionResult]:
        """Run the hidden checks of `questions`; once more over the reference where a question rests on others."""
        if staged.problems:
            reason = f"Not examined: {'; '.join(staged.problems)}."
            for question in questions:
                yield QuestionResult(**self.origin(question, keys[question]), state="failed", share=0.0, reason=reason)
            return
        try:
            related = sorted(KINDS) if KINDS.keys() & set(questions) else []  # a fault of one net may show in others
            found = self._run_checks(list(dict.fromkeys([*questions, *related])), overlay=False)
            failed = {row["question"] for row in found["outcomes"] if not row["passed"]}
            again = {row["question"] for row in found["outcomes"] if not row["passed"] and row["rests_on"]}
            second = self._run_checks(sorted(again), overlay=True) if again and not found["unfit"] else None
        except ExaminerFault as fault:
            yield from (self._fault(question, str(fault)) for question in questions)
            return
        for question in questions:
            result = self._judge(question, keys[question], found)
            if second is not None and question in again:
                overlaid = self._judge(question, keys[question], second)
                if overlaid.share > result.share:
                    remark = _lent_remark(question, second["outcomes"], failed)
                    result = overlaid.model_copy(update={"remarks": (*overlaid.remarks, remark)})
                if result.share < 1 and question in second["same_faults"]:
                    remark = (
                        f"The fault here cost points in {by_name(second['same_faults'][question]).question} already."
                    )
                    result = result.model_copy(update={"share": 1.0, "remarks": (*result.remarks, remark)})
            yield result

    def _run_checks(self, questions: list[str], *, overlay: bool) -> dict[str, Any]:
        """pytest in a process of its own, in a folder that is no hand-in; what it found."""
        with places.passage("examiner") as temporary:
            results = temporary / "private" / "results.json"
            results.parent.mkdir(mode=0o700)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "autograder.examiner.plugin", "--noconftest"]
            command += [
                "-c",
                str(CHECKS / "pytest.ini"),
                "--rootdir",
                str(CHECKS),
                "-p",
                "no:cacheprovider",
                str(CHECKS),
            ]
            command += [f"--course={self.course.root}", f"--assignment={self.assignment.name}"]
            command += [f"--submission={self.folder.resolve()}", f"--wall={self.wall.name}"]
            command += [f"--results={results}", *(f"--question={name}" for name in questions)]
            command += ["--overlay"] if overlay else []
            environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "AUTOGRADER_SEED": self.seed}
            environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            environment.pop("PYTEST_ADDOPTS", None)
            environment["TMPDIR"] = str(temporary)  # what is laid out there goes with it, however that process ends
            patience = WALL_CLOCK * self.assignment.settings.limits.hand_in_cpu_seconds + PATIENCE
            before = os.times()
            try:
                run = subprocess.run(
                    command, cwd=temporary, env=environment, capture_output=True, text=True, timeout=patience
                )
            except subprocess.TimeoutExpired:
                raise ExaminerFault(f"the hidden checks did not end within {patience} seconds") from None
            after = os.times()
            self.cpu += after.children_user + after.children_system - before.children_user - before.children_system
            found: dict[str, Any] = json.loads(results.read_text("utf-8")) if results.is_file() else {"outcomes": []}
            if self.wall.hides_usage:
                self.cpu += found.get("cpu", 0.0)
        if run.returncode not in (0, 1) or not found["outcomes"]:
            raise ExaminerFault(f"pytest ended with {run.returncode}: {run.stdout[-3000:]}{run.stderr[-3000:]}")
        return found

    def _judge(self, question: str, key: str, found: dict[str, Any]) -> QuestionResult:
        """The record of one question: passed weight / total weight, with what each check says."""
        rows = [row for row in found["outcomes"] if row["question"] == question]
        if not rows:
            raise CourseError(f'no hidden check belongs to "{question}"', where=CHECKS, fix="write one, with @question")
        origin = self.origin(question, key)
        if found["unfit"]:
            return QuestionResult(**origin, state="failed", share=0.0, reason=found["unfit"])
        if bugs := [f"{row['name']}: {row['message']}" for row in rows if row["code"] == "bug"]:
            return self._fault(question, "; ".join(bugs))
        if all(row["code"] == "stub" for row in rows):
            return QuestionResult(**origin, state="missing", share=0.0, reason=rows[0]["message"])
        names = found["recognised"].get(question, [])
        known = {misconception.name: misconception for misconception in all_misconceptions()}
        sentences = tuple(dict.fromkeys(known[name].sentence for name in names))
        label = " or ".join(names) or None
        checks = tuple(
            Check(
                name=row["name"],
                passed=row["passed"],
                weight=row["weight"],
                message=row["message"],
                misconception=label if row["code"] == "wrong" else None,
            )
            for row in rows
        )
        share = sum(row["weight"] for row in rows if row["passed"]) / sum(row["weight"] for row in rows)
        return QuestionResult(**origin, state="graded", share=share, checks=checks, recognised=sentences)

    def _train(self, question: str, key: str, staged: StagedHandIn) -> QuestionResult:
        """Run the target section again and judge it."""
        settings = self.assignment.settings.target
        assert settings is not None
        origin = self.origin(question, key)
        empty = Target(required=settings.accuracy)
        if self.data == "none":
            raise CourseError("CIFAR-10 is not here", where=self.course.data, fix="run `bash get_datasets.sh`")
        if staged.problems:
            reason = f"Not trained: {'; '.join(staged.problems)}."
            return QuestionResult(**origin, state="failed", share=0.0, reason=reason, target=empty)
        found = target.rerun(
            staged,
            self.notebook,
            wall=self.wall,
            data=self.course.data,
            prepared=self.wall.folder,
            seed=int(derived_seed(self.seed, "target")[:8], 16),
            progress=lambda epoch, now, best: self.say(f"epoch {epoch}: accuracy {now:.3f}, best {best:.3f}"),
        )
        self.target_cpu += found.usage.cpu_seconds
        state: State = "graded" if found.target.accuracy is not None else "missing" if found.unwritten else "failed"
        reason = found.reason if found.target.accuracy is None else ""
        remarks = (f"The data is a {self.data}: this score is provisional.",) if STAND_IN in self.data else ()
        return QuestionResult(
            **origin, state=state, share=found.share, reason=reason, target=found.target, remarks=remarks
        )


def _lent_remark(question: str, outcomes: list[dict[str, Any]], failed: set[str]) -> str:
    """Which functions of the course stood in for the student's; of these, the ones that fail their own question."""
    lent = {name.partition(".")[2] for row in outcomes if row["question"] == question for name in row["rests_on"]}
    names = sorted(lent & failed) or sorted(lent)
    return (
        f"Examined with the course's {', '.join(names)} in place of yours: with your own, fewer checks pass here. "
        "That mistake costs its own question only."
    )


def _checks_digest() -> str:
    total = hashlib.sha256()
    for path in sorted([*CHECKS.glob("*.py"), *(CHECKS.parent / "misconceptions").glob("*.py")]):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()
