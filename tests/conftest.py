"""What every test may use: CIFAR-10 if there is some, and the choice to leave out the slow tests."""

import os
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
# As `make test` has it. NumPy's own threads wait for one another in a loop, where two processes share two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Courses that tests make in folders of their own share one runtime for workers.
os.environ.setdefault("AUTOGRADER_RUNTIME", str(REPOSITORY / ".runtime"))
# A shell that runs the tests in the background lets them, and what they start, ignore Ctrl-C; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)
BATCHES = "cifar-10-batches-py"


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """All tests of a file go to one process, in the order of files: what they share is then made once, not twice.

    Stages, which take longest, come before units, so that at the end there are short files left to share out.
    """
    from xdist.scheduler import LoadFileScheduling

    class InOrder(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "dialects" if "/test_dialect_" in file else file  # all of them use the same twelve releases

    config.option.loadscopereorder = False
    return InOrder(config, log)


def pytest_collection_modifyitems(config, items):
    place = find_cifar10()
    no_data = pytest.mark.skip(
        reason=f"no CIFAR-10: {BATCHES} is not in {place_looked_at()}; "
        "run `bash get_datasets.sh`, or set CIFAR10_DIR to a folder that holds it"
    )
    too_slow = pytest.mark.skip(reason="slow: run pytest with --slow (`make test-full` does)")
    for item in items:
        if "cifar10" in item.keywords and place is None:
            item.add_marker(no_data)
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(too_slow)


def place_looked_at():
    return Path(os.environ.get("CIFAR10_DIR") or REPOSITORY / "datasets")


def find_cifar10():
    """The folder that holds cifar-10-batches-py, or None."""
    place = place_looked_at()
    return place if (place / BATCHES).is_dir() else None


@pytest.fixture(scope="session")
def cifar10_dir():
    """The folder that holds cifar-10-batches-py; for tests marked cifar10 only."""
    place = find_cifar10()
    assert place is not None, "a test that uses cifar10_dir must be marked: @pytest.mark.cifar10"
    return place
