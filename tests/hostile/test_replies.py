"""What a worker may answer: whatever it is, the examiner gets a plain array or says why not, and stays as it was."""

import ast
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.examiner.session import Session, Staged
from autograder.examiner.student import Remote, StudentError
from autograder.wall import places

SOURCE = Path(__file__).parent / "replies.py"
LIES = [
    node.name
    for node in ast.parse(SOURCE.read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]
# Values that are honest arrays once they have crossed: the lie is lost on the way.
HARMLESS = {"a_lying_subclass", "a_shape_that_lies"}
HARMLESS |= {"numbers_patched_in_place", "an_array_without_numbers_of_a_large_shape"}
CPU, MARGIN = 1, 200  # seconds, MB


@pytest.fixture(scope="module")
def lies():
    root = places.make("replies")
    package = root / "nndl"
    package.mkdir()
    shutil.copy2(SOURCE, package)
    places.show(root)
    yield Staged(root, "nndl", ("replies",))
    shutil.rmtree(root)


def answer(remote, name):
    """The array that came back, or why none did."""
    try:
        return remote.call(name, ["replies", name], [("arrays" if "dict" in name else "array", "out")], [np.ones(3)])
    except StudentError as error:
        return str(error)


@pytest.mark.parametrize("name", LIES)
def test_a_reply_neither_deceives_nor_holds_up_the_examiner(name, wall, lies):
    began, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Session(wall, lies) as session:
        with session.fork(0, cpu_seconds=CPU, memory_mb=1536) as channel:
            remote = Remote(channel, set())
            remote.ready()
            got = answer(remote, name)
        with session.fork(0, cpu_seconds=CPU, memory_mb=1536) as channel:  # the session goes on
            Remote(channel, set()).ready()
    if isinstance(got, str):
        assert "<" not in got
        assert len(got) < 300
    elif isinstance(got, dict):
        assert all(type(key) is str and type(value) is np.ndarray for key, value in got.items())
        assert len(got) <= 256
    else:
        assert name in HARMLESS
        assert type(got) is np.ndarray
        assert got.dtype.kind in "fib"
    assert time.monotonic() - began < 5 * CPU + 10
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024 < MARGIN
