"""Grading stopped, killed, taken up again, or done by a cluster: the same bytes in the end."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from autograder import pool
from autograder.course import Course
from autograder.demo import make_course, make_hand_ins
from autograder.errors import CourseError
from autograder.grade import grade
from autograder.release import release

STUDENTS = ("reference", "wrong-mask", "untouched-release", "syntax-error")
QUIET = Console(stderr=True, quiet=True)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A released course with four hand-ins, and its secret."""
    course = make_course(Course.find(), tmp_path_factory.mktemp("anywhere") / "course")
    assignment = course.assignment("deep_nets")
    release(course, assignment, archive=False)
    make_hand_ins(assignment)
    for folder in (course.root / "submitted").iterdir():
        if folder.name not in STUDENTS:
            shutil.rmtree(folder)
    course.secret()
    return course


def records(course):
    """Every record's name and bytes; times lie in files of their own."""
    return {
        str(path.relative_to(course.root)): path.read_bytes()
        for path in sorted((course.root / "results").rglob("*.json"))
        if path.name != "timing.json"
    }


@pytest.fixture(scope="module")
def undisturbed(classroom):
    """The records of a run in one go."""
    done = list(grade(classroom.assignment("deep_nets"), workers=2, with_target=False, console=QUIET))
    assert {result.student for result, _ in done} == set(STUDENTS)
    assert [reason for _, reason in done] == [""] * len(STUDENTS)
    return records(classroom)


def command(*options):
    return [
        str(Path(sys.executable).with_name("autograder")),
        "grade",
        "deep_nets",
        "--no-target",
        "--workers",
        "2",
        *options,
    ]


@pytest.fixture
def cluster():
    """A Dask cluster of three workers, each a process."""
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as started:
        yield started


def test_records_of_a_cluster_are_those_of_this_machine(classroom, undisturbed, cluster):
    shutil.rmtree(classroom.root / "results")
    work = classroom.assignment("deep_nets")
    with pool.cluster(cluster.scheduler_address) as (count, executor):
        assert count == 3
        list(grade(work, workers=count, executor=executor, with_target=False, console=QUIET))
    assert records(classroom) == undisturbed


@pytest.mark.slow
def test_hand_in_of_a_killed_cluster_worker_is_graded_elsewhere_once(classroom, undisturbed, cluster):
    shutil.rmtree(classroom.root / "results")
    work = classroom.assignment("deep_nets")
    with pool.cluster(cluster.scheduler_address) as (count, executor):
        running = grade(work, workers=count, executor=executor, with_target=False, console=QUIET)
        done = [next(running)]
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        done += running
    assert sorted(result.student for result, _ in done) == sorted(STUDENTS)
    assert records(classroom) == undisturbed


def test_no_scheduler_is_said(classroom):
    with pytest.raises(CourseError, match="no Dask scheduler"), pool.cluster("nonsense://here"):
        pass


def kill_at_random(course, times, seconds, expected, rng):
    """Kill a grading run at a random moment, so many times; one that ends before its moment starts anew."""
    while times:
        process = subprocess.Popen(command(), cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(1, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            times -= 1
        else:
            assert records(course) == expected
            shutil.rmtree(course.root / "results")


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_run_that_was_killed_is_taken_up_with_the_same_bytes(classroom, undisturbed, times):
    results = classroom.root / "results"
    shutil.rmtree(results)
    began = time.monotonic()
    subprocess.run(command(), cwd=classroom.root, capture_output=True, timeout=600)
    seconds = time.monotonic() - began
    shutil.rmtree(results)
    kill_at_random(classroom, times, seconds, undisturbed, random.Random(times))
    for path in results.rglob("*.json"):
        assert path.name == "timing.json" or path.read_bytes() == undisturbed[str(path.relative_to(classroom.root))]
    done = subprocess.run(command(), cwd=classroom.root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stderr  # the syntax error could not be graded
    assert records(classroom) == undisturbed


def _interrupted(process):
    """What a process says that gets Ctrl-C, and again where Python lost it: it does so inside a `__del__`."""
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=20)[0]
    process.kill()
    raise AssertionError(process.communicate()[0])


def test_interrupted_run_says_what_is_done_and_ends_its_processes(classroom, undisturbed):
    shutil.rmtree(classroom.root / "results")
    process = subprocess.Popen(
        command(), cwd=classroom.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 120
    while not list((classroom.root / "results").rglob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    told = " ".join(_interrupted(process).split())
    assert process.returncode == 130, told
    assert "The same command does the rest." in told
    assert "Traceback" not in told


def test_second_grader_is_told_that_somebody_is_at_work(classroom, undisturbed):
    shutil.rmtree(classroom.root / "results")
    students = ("untouched-release", "syntax-error")
    running = grade(classroom.assignment("deep_nets"), students, workers=1, with_target=False, console=QUIET)
    next(running)
    second = subprocess.run(command(), cwd=classroom.root, capture_output=True, text=True, timeout=120)
    assert second.returncode == 2
    assert "somebody else is grading" in " ".join(second.stderr.split())
    assert len(list(running)) == len(students) - 1
