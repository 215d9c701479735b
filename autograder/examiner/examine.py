"""Examines one hand-in: hidden checks in a pytest process, the target in a worker, one record per question."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nndl.data_utils import data_name

from autograder.course import Assignment, derived_seed
from autograder.editions import Reading
from autograder.errors import CourseError
from autograder.examiner import once, target, target_foreign, warm
from autograder.examiner.counted import not_counted, verdict
from autograder.examiner.faults import OF_THE_STARTER
from autograder.examiner.files import read_plain
from autograder.examiner.lending import once_more, rests_of, suspects
from autograder.examiner.once import Run
from autograder.examiner.same_fault import KINDS
from autograder.examiner.session import WALL_CLOCK
from autograder.examiner.stage import StagedHandIn
from autograder.examiner.target_section import MAX_NOTEBOOK
from autograder.examiner.warm import CHECKS
from autograder.misconceptions import all_misconceptions
from autograder.results import SCHEMA, Check, QuestionResult, State, Target
from autograder.wall import Wall, choose, places

LAYER_FUNCTIONS = ("_forward", "_backward", "_backward_alt")  # update rules may work in place
STAND_IN = "synthetic stand-in"
PATIENCE = 300  # wall-clock seconds that the examiner itself may take beside a hand-in's own

OF_DROPOUT = ("dropout_forward", "dropout_backward", "fc_net_dropout")  # the questions in which p has a meaning

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


class ExaminerFault(Exception):
    """The examiner itself failed, not the hand-in."""


class Examination:
    """One hand-in under examination: what is known beforehand, and what is found."""

    def __init__(
        self,
        assignment: Assignment,
        seed: str,
        folder: Path,
        staged: StagedHandIn,
        say: Say = silent,
        target_cell: int | None = None,
    ) -> None:
        self.assignment, self.seed, self.folder, self.staged, self.say = assignment, seed, folder, staged, say
        self.target_cell = target_cell
        self.course = assignment.course
        self.kit = version("deep-nets-course-kit")
        self.cpu = self.target_cpu = 0.0
        self.used = self.waited = 0.0  # CPU seconds of the hand-in in all its checks so far, and seconds by the clock
        self.faults: list[str] = []  # what the examiner itself failed over, for the log

    @cached_property
    def wall(self) -> Wall:
        """The wall in force."""
        return choose(self.course.root)

    @property
    def data(self) -> str:
        """What the data set is; the target rests on it."""
        try:
            return str(data_name(self.course.data))
        except FileNotFoundError:
            return "none"

    def origin(self, question: str, key: str) -> dict[str, Any]:
        """The part of a record that says where it comes from."""
        data = self.data if self.is_target(question) else "none"
        names = {"kit": self.kit, "edition": self.edition, "wall": self.wall.name, "data": data}
        return {**names, "question": question, "key": key}

    @property
    def edition(self) -> str:
        """The edition the hand-in is examined in."""
        found = self.staged.found
        return found.edition.name if found else self.assignment.settings.edition

    def not_counted(self) -> dict[str, str]:
        """Questions that the hand-in's course does not ask, and why."""
        names = [question.grade_id for question in self.assignment.auto_questions]
        return not_counted(self.assignment, self.staged.found, names) if self.staged.found else {}

    def is_target(self, question: str) -> bool:
        """Whether a question is answered by training."""
        settings = self.assignment.settings.target
        return settings is not None and question == settings.question

    @property
    def notebook(self) -> Path:
        """The hand-in's notebook with the target section."""
        settings = self.assignment.settings.target
        name, found = f"{settings.notebook if settings else ''}.ipynb", self.staged.found
        if found and not self._is_foreign and found.package.folder != found.package.root:
            beside = found.package.folder.parent / name
            return beside if beside.is_file() else self.folder / name
        return self.folder / name

    @property
    def _is_foreign(self) -> bool:
        """Whether the hand-in is not one of our own course."""
        return self.staged.found is not None and not self.staged.found.edition.canonical

    def _trained_bytes(self) -> bytes:
        """What the target's record rests on beside the package."""
        if not self._is_foreign or self.staged.found is None:
            try:
                return read_plain(self.notebook, MAX_NOTEBOOK)
            except ValueError as error:  # none, or no plain file, or one that is too large
                return str(error).encode("utf-8", "surrogatepass")
        cells = [notebook.cells for notebook in self.staged.found.package.notebooks]
        return repr((cells, self.target_cell)).encode("utf-8", "surrogatepass")

    def key(self, question: str) -> str:
        """A hash over all that a record rests on: files, checks, settings, seed, data."""
        settings = self.assignment.settings
        parts = [str(SCHEMA), self.kit, self.seed, question, self.edition, self.staged.digest()]
        if self.is_target(question):
            content = self._trained_bytes()
            parts += [self.data, str(settings.target), hashlib.sha256(content).hexdigest()]
            parts.append(target.weights_digest(self.notebook, settings.target))
        else:
            parts += [str(settings.limits), _checks_digest(self.assignment, question)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def results(self, keys: dict[str, str]) -> Iterator[QuestionResult]:
        """Examine the questions of `keys` (question: key of its record), the target last; some are not counted."""
        checked = {name: key for name, key in keys.items() if not self.is_target(name)}
        known = {name: verdict(self.assignment, self.staged.found, name) for name in checked if self.staged.found}
        for name, told in known.items():
            if told is not None:
                key = checked.pop(name)
                if told.counted:
                    yield QuestionResult(**self.origin(name, key), state=told.state, share=0.0, reason=told.reason)
        if checked:
            self.say("running the hidden checks")
            yield from self._check(checked)
        for name in [name for name in keys if self.is_target(name)]:
            self.say("training the target section")
            try:
                yield self._train(name, keys[name], self.staged)
            except CourseError:
                raise
            except Exception:
                yield self._fault(name, traceback.format_exc())

    def _fault(self, question: str, told: str) -> QuestionResult:
        """The record of a question over which the examiner itself failed. It has no key: the next run tries again."""
        self.faults.append(f"{question}: {told}")
        reason = "The examiner itself failed here; this is no fault of the hand-in. A person must look; see logs/."
        return QuestionResult(**self.origin(question, ""), state="failed", share=0.0, reason=reason)

    def _check(self, keys: dict[str, str]) -> list[QuestionResult]:
        """Run the hidden checks. Where p may mean two things, the one that more of the dropout checks agree with."""
        if self.staged.problems:
            reason = f"Not examined: {'; '.join(self.staged.problems)}."
            return [
                QuestionResult(**self.origin(name, key), state="failed", share=0.0, reason=reason)
                for name, key in keys.items()
            ]
        first, *others = self.staged.readings
        results = self._check_as(first, keys)
        touched = {name: key for name, key in keys.items() if name in OF_DROPOUT}
        best, reading = {result.question: result for result in results if result.question in touched}, first
        for other in others:
            if sum(result.share for result in best.values()) < len(touched) and not self._spent:
                again = {result.question: result for result in self._check_as(other, touched)}
                if sum(result.share for result in again.values()) > sum(result.share for result in best.values()):
                    best, reading = again, other
        results = [best.get(result.question, result) for result in results]
        return [self._in_its_words(result, reading, bool(others)) for result in results]

    @property
    def _spent(self) -> bool:
        """Whether the checks have used up what a hand-in may use: those that failed are then not run again."""
        limit = self.assignment.settings.limits.hand_in_cpu_seconds
        return self.used >= limit or self.waited >= WALL_CLOCK * limit

    def _in_its_words(self, result: QuestionResult, reading: Reading, doubtful: bool) -> QuestionResult:
        """The result with remarks on what p was taken for, and on words that the hand-in's course does not use."""
        remarks = list(result.remarks)
        if self._spent and result.share < 1:
            limit = self.assignment.settings.limits.hand_in_cpu_seconds
            clock = WALL_CLOCK * limit
            remarks.append(
                f"The checks used up what those of one hand-in may use ({limit} CPU seconds, or {clock} by the clock), "
                "so none was run again."
            )
        if doubtful and result.question in OF_DROPOUT:
            remarks.append(_READ_AS[reading])
        if result.question == "fc_net_batchnorm":
            remarks += [remark for remark in self.staged.remarks if OF_THE_STARTER in remark]
        words = self.staged.dialect(reading).words(result.question)
        if words and result.share < 1:
            remarks.append(f"In your course's words: {words}.")
        return result.model_copy(update={"remarks": tuple(remarks)})

    def _related(self, questions: list[str]) -> list[str]:
        """Questions to run along with these: a fault of one kind of net shows in others too, and costs points once."""
        if not KINDS.keys() & set(questions):
            return []
        found, asked = self.staged.found, {question.grade_id for question in self.assignment.auto_questions}
        nets = [name for name in KINDS if name in asked and name not in questions]
        return [name for name in nets if found is None or verdict(self.assignment, found, name) is None]

    def _check_as(self, reading: Reading, keys: dict[str, str]) -> list[QuestionResult]:
        """Run the hidden checks; again over the reference where a question rests on others."""
        questions = list(keys)
        try:
            found = self._run_checks([*questions, *self._related(questions)], reading)
            again = list(self._over_reference(found, reading))
        except ExaminerFault as fault:
            return [self._fault(question, str(fault)) for question in questions]
        failed = _failed(found)
        results = {}
        for question in dict.fromkeys([*questions, *(row["question"] for row in found["outcomes"])]):
            result = self._judge(question, keys.get(question, ""), found)
            for run, suspected in again:
                if any(row["question"] == question for row in run["outcomes"]):
                    lent_to = self._judge(question, keys.get(question, ""), run)
                    result = once.better(result, lent_to, run, suspected, failed)
            if question in found["changed"] and question.endswith(LAYER_FUNCTIONS):
                remark = f"{question} writes into an array it is given. It costs nothing, but others may need it."
                result = result.model_copy(update={"remarks": (*result.remarks, remark)})
            results[question] = result
        results = once.paid(results, [run for run, _ in again])
        return [results[question] for question in questions]

    def _over_reference(self, found: Run, reading: Reading) -> Iterator[tuple[Run, Sequence[str]]]:
        """Runs of what failed, over the reference's layers, with the functions that each suspects."""
        checks = [(row["question"], row["rests_on"]) for row in found["outcomes"]]
        rests, suspected = rests_of(checks), suspects(checks, _failed(found))
        again = sorted(name for name in _failed(found) if rests[name] and not found["unfit"])
        while again and not self._spent:
            run = self._run_checks(again, reading, suspected)
            yield run, suspected
            suspected, again = once_more(rests, suspected, _failed(run))

    def _run_checks(self, questions: list[str], reading: Reading, suspected: Sequence[str] | None = None) -> Run:
        """pytest in a process of its own, in a folder that is no hand-in; what it found.

        With `suspected` functions, their layers are the reference's.
        """
        with places.passage("examiner") as temporary:
            results = temporary / "private" / "results.json"
            results.parent.mkdir(mode=0o700)
            command = ["-q", "--tb=no", "-p", "autograder.examiner.plugin", "--noconftest", "-p", "no:cacheprovider"]
            command += ["-c", str(CHECKS / "pytest.ini"), "--rootdir", str(CHECKS), str(CHECKS)]
            command += [f"--course={self.course.root}", f"--assignment={self.assignment.name}"]
            command += [f"--submission={self.folder.resolve()}", f"--wall={self.wall.name}"]
            command += [f"--used={self.used}", f"--waited={self.waited}", f"--results={results}"]
            command += [*(f"--question={name}" for name in questions)]
            command += (
                ["--overlay", *(f"--suspect={name}" for name in ("", *suspected))] if suspected is not None else []
            )
            command += self._dialect_options(reading)
            environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "AUTOGRADER_SEED": self.seed}
            environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            environment.pop("PYTEST_ADDOPTS", None)
            environment["TMPDIR"] = str(temporary)  # what is laid out there goes with it, however that process ends
            patience = WALL_CLOCK * self.assignment.settings.limits.hand_in_cpu_seconds + PATIENCE
            printed = results.with_name("printed.txt")
            began = time.monotonic()
            try:
                code, cpu = warm.run(command, temporary, environment, printed, patience)
            except warm.TookTooLong:
                raise ExaminerFault(f"the hidden checks did not end within {patience} seconds") from None
            finally:
                self.waited += time.monotonic() - began
            self.cpu += cpu
            found: Run = json.loads(results.read_text("utf-8")) if results.is_file() else {"outcomes": []}
            self.used += found.get("cpu", 0.0)
            if self.wall.hides_usage:
                self.cpu += found.get("cpu", 0.0)
            told = printed.read_text("utf-8", "replace")[-3000:] if printed.is_file() else ""
        if code not in (0, 1) or not found["outcomes"]:
            raise ExaminerFault(f"pytest ended with {code}: {told}")
        return found

    def _dialect_options(self, reading: Reading) -> list[str]:
        found = self.staged.found
        if found is None:
            return []
        place = os.path.relpath(found.package.folder, found.package.root)
        return [f"--edition={found.edition.name}", f"--package={place}", f"--reading={reading}"]

    def _judge(self, question: str, key: str, found: Run) -> QuestionResult:
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
        rerun = functools.partial(
            target.rerun,
            notebook=self.notebook,
            wall=self.wall,
            data=self.course.data,
            prepared=self.wall.folder,
            seed=derived_seed(self.seed, "target"),
            progress=lambda epoch, now, best: self.say(f"epoch {epoch}: accuracy {now:.3f}, best {best:.3f}"),
        )
        if self._is_foreign:
            found, remarks = target_foreign.rerun_last(staged, settings, self.target_cell, rerun)
        else:
            found, remarks = rerun(staged), []
        self.target_cpu += found.usage.cpu_seconds
        state: State = "graded" if found.target.counts is not None else "missing" if found.unwritten else "failed"
        reason = found.reason if found.target.counts is None else ""
        if STAND_IN in self.data:
            remarks.append(f"The data is a {self.data}: this score is provisional.")
        return QuestionResult(
            **origin, state=state, share=found.share, reason=reason, target=found.target, remarks=tuple(remarks)
        )


def _failed(run: Run) -> set[str]:
    return {row["question"] for row in run["outcomes"] if not row["passed"]}


_READ_AS: dict[Reading, str] = {
    "keep": "This course is not of one mind about p: here it was read as the probability of keeping.",
    "drop": "This course is not of one mind about p: here it was read as the probability of dropping.",
}


def _checks_digest(assignment: Assignment, question: str) -> str:
    """A hash over what the checks of a question rest on: mending one question's file changes no other's."""
    total = hashlib.sha256()
    ours = [*CHECKS.glob("*.py"), *(CHECKS.parent / "misconceptions").glob("*.py"), *assignment.package.glob("*.py")]
    for path in sorted(ours):
        content = path.read_bytes()
        if not path.name.startswith("test_") or f'"{question}"'.encode() in content:
            total.update(path.name.encode() + content)
    return total.hexdigest()
