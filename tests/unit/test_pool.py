"""Jobs side by side: what happens to the others when one raises, or its process is killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor

from autograder import pool


def double(number):
    if number == 13:
        raise ValueError("thirteen")
    if number == 666:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def sleep(path):
    try:
        with open(path, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(60)
    finally:
        os.unlink(path)


def outcomes(numbers):
    return dict(pool.run(double, iter([(str(number), number) for number in numbers]), 2))


def test_every_task_is_done_once():
    done = outcomes(range(9))
    assert {name: future.result() for name, future in done.items()} == {str(n): 2 * n for n in range(9)}


def test_hand_ins_at_once_follow_the_cores_that_this_process_may_use():
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from autograder import pool; "
    program += "print(pool.at_once(with_target=True), pool.at_once(with_target=False))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2"]


def test_processes_that_are_done_end_by_themselves():
    before = set(multiprocessing.active_children())
    running = pool.run(double, iter([("1", 1), ("2", 2)]), 2)
    next(running)
    children = set(multiprocessing.active_children()) - before
    assert children
    list(running)
    wait_for(lambda: not any(child.is_alive() for child in children))
    assert {child.exitcode for child in children} == {0}  # a signal would print a traceback where one is just ending


def test_a_task_that_raises_stops_no_other():
    done = outcomes([1, 13, 2])
    assert isinstance(done["13"].exception(), ValueError)
    assert (done["1"].result(), done["2"].result()) == (2, 4)


def test_a_task_whose_process_is_killed_is_given_up_and_the_others_are_done():
    done = outcomes([1, 666, 2, 3, 4, 5, 6, 7])
    assert isinstance(done.pop("666").exception(), BrokenExecutor)
    assert {name: future.result() for name, future in done.items()} == {str(n): 2 * n for n in range(1, 8)}


def test_tasks_are_read_only_as_there_is_room():
    read = []

    def tasks():
        for number in range(20):
            read.append(number)
            yield str(number), number

    running = pool.run(double, tasks(), 1)
    next(running)
    assert len(read) <= 3
    running.close()


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"


def started(path, code):
    """A process that runs `sleep` in a pool; both process ids."""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=os.path.dirname(__file__))
    wait_for(lambda: path.exists() and path.read_text())
    return parent, int(path.read_text())


def code_for(path):
    tasks = f"iter([('a', {str(path)!r})])"
    return f"from autograder import pool; import test_pool\nlist(pool.run(test_pool.sleep, {tasks}, 1))"


def test_processes_end_and_clean_up_when_their_parent_is_killed(tmp_path):
    path = tmp_path / "running"
    parent, child = started(path, code_for(path))
    parent.kill()
    parent.wait()
    wait_for(lambda: gone(child) and not path.exists())


def test_processes_end_and_clean_up_when_their_parent_is_interrupted(tmp_path):
    path = tmp_path / "running"
    parent, child = started(path, code_for(path))
    parent.send_signal(signal.SIGINT)
    parent.wait(timeout=30)
    wait_for(lambda: gone(child) and not path.exists())
