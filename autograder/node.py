"""node: what runs where a hand-in is examined, in a process of this machine or on another one.

A job comes as bytes and derived seeds, never with the course secret or a student's name; the answer is JSON. The
course folder and CIFAR-10 lie at each node, in the same versions.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from autograder import travel
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.examiner.examine import Examination
from autograder.examiner.stage_found import lay_out
from autograder.results import QuestionResult, Timing
from autograder.wall import VARIABLE, places

COURSE = "AUTOGRADER_COURSE"  # on a node: its course folder, where that is another one than at home


@dataclass(frozen=True)
class Job:
    """One hand-in to examine: which questions, each with the key of its record."""

    course: str
    assignment: str
    seed: str
    keys: dict[str, str]
    version: str
    data: str
    wall: str
    files: bytes


def version(assignment: Assignment) -> str:
    """SHA-256 over all of the course that a result rests on: checks, settings, notebooks, package."""
    total = hashlib.sha256()
    here = Path(__file__).parent
    ours = sorted(here.rglob("*.py")), sorted(assignment.folder.rglob("*.*")), assignment.notebooks
    for path in (path for group in ours for path in group if path.is_file() and "__pycache__" not in path.parts):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def examine(job: Job) -> str:
    """Examine one hand-in on this machine; its results and what they took, as JSON."""
    os.environ[VARIABLE] = job.wall
    course = Course(Path(os.environ.get(COURSE) or job.course))
    assignment = course.assignment(job.assignment)
    if version(assignment) != job.version:
        raise CourseError(
            "this node has another version of the course or of the autograder",
            where=f"{platform.node()}, {course.root}",
            fix=f"copy the course folder there, or set {COURSE} on the node to the right one",
        )
    with places.passage("job") as folder:
        travel.unpack(job.files, folder / "hand-in")
        staged = lay_out(assignment, folder / "hand-in", assignment.settings.edition)
        try:
            work = Examination(assignment, job.seed, folder / "hand-in", staged)
            if any(map(work.is_target, job.keys)) and work.data != job.data:
                raise CourseError(
                    f"this node's data is {work.data}, at home it is {job.data}",
                    where=f"{platform.node()}, {course.data}",
                    fix="run `bash get_datasets.sh` there, or set CIFAR10_DIR on the node",
                )
            results, timing = timed(work, job.keys)
        finally:
            staged.remove()
    answer = {"questions": [result.model_dump(by_alias=True) for result in results], "timing": timing.model_dump()}
    return json.dumps(answer)


def timed(work: Examination, keys: dict[str, str]) -> tuple[list[QuestionResult], Timing]:
    """Examine the questions of `keys`, and note what that took."""
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    results = list(work.results(keys))
    timing = Timing(
        host=platform.node(),
        started=started,
        wall_seconds=round(time.monotonic() - began, 3),
        cpu_seconds=round(work.cpu, 3),
        target_cpu_seconds=round(work.target_cpu, 3),
        faults=tuple(work.faults),
    )
    return results, timing
