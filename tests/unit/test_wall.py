"""Walls: which one is chosen, what the worker's runtime holds, what a fork may write, who outlives whom."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import wall as walls
from autograder.course import Course
from autograder.doctor import examine_machine
from autograder.errors import CourseError
from autograder.examiner.overlay import only
from autograder.examiner.session import Session, Staged
from autograder.examiner.student import Remote, StudentError
from autograder.wall import Scratch, places, probe
from autograder.wall.landlock import Landlock
from autograder.wall.runtime import runtime
from autograder.worker import seccomp

COURSE = Course.find(Path(__file__).parent)
HAND_IN = """
import os

def write(count, size):
    for number in range(count):
        with open(f"file-{number}", "wb") as file:
            file.write(bytes(size))
    return sorted(os.listdir("."))

def write_for_ever():
    number = 0
    while True:
        open(f"file-{number}", "w").close()
        number += 1

def save():
    import numpy as np, pickle
    np.savez("best.npz", w=np.ones(3))
    with open("checkpoint.tmp", "wb") as file:
        pickle.dump({"epoch": 1}, file)
    os.replace("checkpoint.tmp", "checkpoint.pkl")
    os.remove("best.npz") if np.load("best.npz")["w"].sum() == 3 else None
    return sorted(os.listdir("."))

def use_the_standard_library():
    import asyncio, concurrent.futures, contextlib, ctypes, datetime, logging, multiprocessing, pickle, platform
    import random, secrets, sqlite3, ssl, statistics, tempfile, threading, time, typing, unittest, uuid, warnings
    import numpy as np, numpy.fft, numpy.linalg, numpy.random, numpy.testing, numpy.lib.stride_tricks
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        print("silent")
    time.sleep(0.001)
    logging.getLogger("x").warning("y")
    platform.platform(), secrets.token_hex(), datetime.datetime.now(), os.getcwd(), os.cpu_count()
    a = np.random.default_rng().standard_normal((200, 200))
    return float(abs(np.linalg.inv(a) @ a - np.eye(200)).max()) < 1e-6

def spin():
    while True:
        pass
"""


@pytest.fixture(params=["bubblewrap", "landlock"])
def wall(request):
    reason = walls.failures(request.param, COURSE.root)
    if reason:
        pytest.skip(f"the wall {request.param} does not work here: {reason}")
    return walls.named(COURSE.root, request.param)


@pytest.fixture
def staged():
    root = places.make("wall")
    (root / "work").mkdir()
    (root / "work" / "code.py").write_text(HAND_IN, "utf-8")
    places.show(root)
    yield Staged(root, "work", ("code",))
    shutil.rmtree(root)


def call(session, name, *arguments):
    with session.fork(0, cpu_seconds=5, memory_mb=1024) as channel:
        remote = Remote(channel, set())
        remote.ready()
        try:
            return remote.call(name, ["code", name], [("any", "")], arguments), channel.end()
        except StudentError as error:
            return str(error), channel.end()


def test_strongest_wall_that_holds_is_chosen(monkeypatch):
    monkeypatch.delenv(walls.VARIABLE, raising=False)
    holds = [name for name in ("bubblewrap", "landlock") if not walls.failures(name, COURSE.root)]
    assert walls.choose(COURSE.root).name == holds[0]


def test_landlock_is_chosen_where_bubblewrap_is_not_installed(monkeypatch):
    if walls.failures("landlock", COURSE.root):
        pytest.skip("no Landlock in this kernel")
    monkeypatch.setattr(walls, "_failures", {})
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv(walls.VARIABLE, raising=False)
    assert walls.choose(COURSE.root).name == "landlock"
    assert "bwrap" in walls.failures("bubblewrap", COURSE.root)


def test_wall_that_does_not_hold_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setattr(walls, "_failures", {})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CourseError, match=r"bubblewrap: .*bwrap(.|\n)*autograder doctor"):
        walls.choose(COURSE.root, "bubblewrap")


def test_no_wall_is_never_chosen_by_itself(monkeypatch):
    monkeypatch.delenv(walls.VARIABLE, raising=False)
    monkeypatch.setattr(walls, "failures", lambda name, course: "" if name == "none" else "it does not work")
    with pytest.raises(CourseError, match="cannot be kept in"):
        walls.choose(COURSE.root)
    with pytest.warns(UserWarning, match="no wall"):
        assert walls.choose(COURSE.root, "none").name == "none"


def test_unknown_wall_is_refused():
    with pytest.raises(CourseError, match='no wall "moat"'):
        walls.choose(COURSE.root, "moat")


def test_probe_notices_what_gets_out():
    class Open(walls.NoWall):
        seccomp = False

    loose = Open(places.shared(COURSE.root))
    object.__setattr__(loose, "name", "open")
    assert "a file outside was read; a fork was made; a socket was made" in probe.attempts(loose)


def test_landlock_holds_with_the_rights_of_its_first_version():
    if walls.failures("landlock", COURSE.root):
        pytest.skip("no Landlock in this kernel")
    assert probe.failure(Landlock(places.shared(COURSE.root), version=1)) == ""


def test_filter_knows_every_call_it_names_on_every_machine():
    for rules in (seccomp.CHILD, seccomp.PARENT):
        lengths = {machine: len(seccomp.program(rules, machine)) // 8 for machine in ("x86_64", "aarch64")}
        # aarch64 lacks the older form of some calls; the longest filter the kernel takes has 4096 steps.
        assert 100 < lengths["aarch64"] < lengths["x86_64"] < 4096


def test_runtime_holds_numpy_and_nothing_of_ours():
    made = runtime(places.shared(COURSE.root))
    assert {path.name.split("-")[0].split(".")[0] for path in made.packages.iterdir()} == {"numpy"}
    names = {path.name for path in made.folder.rglob("*")}
    assert not names & {"nndl", "autograder", "site-packages", "pip", "fc_net.py"}
    assert all(path.stat().st_mode & stat.S_IROTH for path in made.folder.rglob("*.py"))


def test_without_a_folder_to_write_in_nothing_is_written(wall, staged):
    with Session(wall, staged) as session:
        got, _ = call(session, "write", 1, 10)
        assert "raised" in got


def test_code_writes_into_a_folder_that_is_empty_again_for_the_next_fork(wall, staged):
    with Session(wall, staged, scratch=Scratch(files=3, megabytes=1)) as session:
        assert call(session, "write", 2, 10)[0] == ["file-0", "file-1"]
        assert call(session, "write", 1, 10)[0] == ["file-0"]


def test_training_can_save_and_load(wall, staged):
    with Session(wall, staged, scratch=Scratch()) as session:
        assert call(session, "save")[0] == ["checkpoint.pkl"]


def test_honest_code_finds_the_standard_library_and_numpy(wall, staged):
    with Session(wall, staged) as session:
        assert call(session, "use_the_standard_library")[0] is True


def test_too_many_or_too_large_files_end_the_fork(wall, staged):
    with Session(wall, staged, scratch=Scratch(files=3, megabytes=1)) as session:
        _, usage = call(session, "write_for_ever")
        assert usage.ended == "files"
        got, _ = call(session, "write", 1, 2 << 20)
        assert "raised OSError" in got
        assert call(session, "write", 1, 10)[0] == ["file-0"]


def test_worker_and_its_fork_end_when_the_examiner_is_killed(wall, staged):
    script = f"""
import sys
from pathlib import Path
from autograder import wall
from autograder.examiner.session import Session, Staged
from autograder.examiner.student import Remote
staged = Staged(Path({str(staged.folder)!r}), "work", ("code",))
session = Session(wall.named(Path({str(COURSE.root)!r}), {wall.name!r}), staged)
with session.fork(0, cpu_seconds=60, memory_mb=1024) as channel:
    remote = Remote(channel, set())
    remote.ready()
    print("ready", flush=True)
    remote.call("spin", ["code", "spin"], [("any", "")])
"""
    examiner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert examiner.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    assert workers_of(staged.folder)
    examiner.send_signal(signal.SIGKILL)
    examiner.wait()
    examiner.stdout.close()
    deadline = time.monotonic() + 5
    while workers_of(staged.folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of(staged.folder)


def workers_of(folder):
    """Ids of the processes that were started with `folder`, or in whose namespace it is mounted."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                seen = command + (entry / "mountinfo").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in seen and b"from autograder import wall" not in command:
                found.add(int(entry.name))
    return found


def test_staged_files_are_shown_to_the_worker_only_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        (tmp_path / "hand-in").mkdir()
        (tmp_path / "hand-in" / "layers.py").write_text("x = 1")
        places.show(tmp_path / "hand-in")
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "hand-in", tmp_path / "hand-in/layers.py")]
        assert modes == ([0o750, 0o640] if places.as_root() else [0o700, 0o600])
        places.show(tmp_path / "hand-in", everyone=True)
        assert stat.S_IMODE((tmp_path / "hand-in").stat().st_mode) == 0o755
    finally:
        os.umask(before)


def test_private_folder_is_not_reachable_for_another_user(tmp_path):
    tmp_path.chmod(0o700)
    assert places.reachable(tmp_path / "course") is not places.as_root()


def test_borrowed_functions_bring_no_other_answers():
    functions = {"helper": "K", "wanted": "helper()", "answer": "3"}
    source = "K = 2\n" + "".join(f"def {name}():\n    return {what}\n" for name, what in functions.items())
    space = {}
    exec(only(source, ["wanted"]), space)
    assert space["wanted"]() == 2
    assert "answer" not in space


def test_doctor_looks_at_everything_and_names_a_fix_for_what_is_bad(tmp_path, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    findings = {finding.what: finding for finding in examine_machine(COURSE)}
    expected = {"wall bubblewrap", "wall landlock", "worker's runtime", "data", "nbgrader", "course secret", "disk"}
    assert set(findings) == expected
    assert findings["data"].state == "bad"
    assert all(finding.fix for finding in findings.values() if finding.state == "bad")


def test_doctor_says_when_others_may_read_the_secret(tmp_path):
    (tmp_path / ".course_secret").write_text("x" * 64)
    (tmp_path / ".course_secret").chmod(0o644)
    found = next(finding for finding in examine_machine(Course(tmp_path)) if finding.what == "course secret")
    assert found.state == "bad"
    assert "chmod 600" in found.fix
