"""What code inside a worker tries to get or to break; tests/hostile/attacks.py holds the attempts."""

import ast
import time
from pathlib import Path

import pytest

from autograder import wall as walls
from autograder.examiner import session
from autograder.examiner.session import WorkerLost
from autograder.examiner.student import Remote, StudentError
from autograder.wall import Scratch

from .conftest import REPOSITORY

_SOURCE = (Path(__file__).parent / "attacks.py").read_text("utf-8")
ATTACKS = [
    node.name for node in ast.parse(_SOURCE).body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]
# Without a wall these would harm this machine or hold the tests up.
HARMFUL = {"leave_a_daemon", "limit_the_parent", "fill_shared_memory", "signal_everyone", "change_the_root", "mount"}
HARMFUL |= {"share_memory", "leave_a_message", "use_the_keyring", "load_bpf", "become_root_in_a_namespace"}
HARMFUL |= {"fill_the_temporary_folder", "write_into_the_runtime", "write_into_the_workers_code", "rename_a_file"}
HARMFUL |= {
    "remove_a_file",
    "fork_by_number",
    "replace_this_process",
    "trace_the_parent",
    "lock_memory",
    "weaken_the_machine",
}


def attempt(worker, name, ground):
    """Run one attack in a fork of its own: what it returned, or why it returned nothing."""
    with worker.fork(0, cpu_seconds=10, memory_mb=1024) as channel:
        remote = Remote(channel, set())
        remote.ready()
        try:
            return remote.call(name, ["attacks", name], [("any", "")], [ground.places()])
        except StudentError as error:
            return str(error)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_nothing_and_leaves_nothing(name, wall, sessions, ground):
    before = ground.state()
    got = attempt(sessions(wall), name, ground)
    assert got is not True, f"{name} succeeded behind {wall.name}"
    assert isinstance(got, str) or got in (False, None)
    assert ground.state() == before
    # The next fork of the same worker is as good as new.
    assert "was not found" in attempt(sessions(wall), "no_such_attack", ground)


@pytest.mark.parametrize("name", ATTACKS[: ATTACKS.index("connect_to_a_server")])
def test_an_attack_on_files_gets_nothing_while_training_either(name, wall, sessions, ground):
    before = ground.state()
    got = attempt(sessions(wall, Scratch(files=3, megabytes=2)), name, ground)
    assert got is not True or name == "fill_the_working_folder", f"{name} succeeded behind {wall.name}"
    assert ground.state() == before


def test_a_fork_that_waits_for_ever_is_not_waited_for(wall, sessions, ground, monkeypatch):
    monkeypatch.setattr(session, "IDLE", 1.0)
    began = time.monotonic()
    assert "waits for something" in attempt(sessions(wall), "_wait_for_ever", ground)
    assert time.monotonic() - began < 20  # the clock alone would bound it at 50 seconds
    assert attempt(sessions(wall), "_wait_a_little_now_and_then", ground) is False


def test_attacks_bite_where_there_is_no_wall(sessions, ground):
    wall = walls.WALLS["none"](walls.places.shared(REPOSITORY))
    won = set()
    for name in ATTACKS:
        if name not in HARMFUL:
            try:
                if attempt(sessions(wall), name, ground) is True:
                    won.add(name)
            except WorkerLost:
                won.add(name)
    needed = {"read_a_file_outside", "read_the_solutions", "read_a_neighbours_hand_in", "list_processes", "fork"}
    needed |= {
        "connect_to_a_server",
        "connect_to_a_unix_socket",
        "signal_the_parent",
        "run_a_program",
        "start_a_thread",
    }
    needed |= {"sleep", "hide_memory", "change_a_time", "change_a_mode", "make_a_folder", "renice_the_parent"}
    assert needed <= won
    assert len(won) >= 35
