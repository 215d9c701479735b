"""Target sections that look labels up or train on what is for measuring: the guard sees it, and it earns nothing."""

import zlib

import pytest
from nndl import data_utils
from target_runs import DATA, NET, TRAIN, Runs

from .target_cheats import CHEATS


@pytest.fixture(scope="module")
def rerun(tmp_path_factory):
    runs = Runs(tmp_path_factory.mktemp("runs"))
    yield runs
    runs.remove()


@pytest.fixture(scope="module")
def table(rerun):
    """The source of a module that holds the label of every public image, also of those that workers never see."""
    known = {}
    for path in sorted((rerun.data / "cifar-10-batches-py").glob("*_batch*")):
        for image, label in zip(*data_utils.read_batch(path), strict=True):
            known[zlib.crc32(image.tobytes())] = int(label)
    return f"TABLE = {known}\n"


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_looked_up_accuracy_does_not_count(cheat, rerun, table):
    rerun.set(cpu_seconds=20)
    outcome = rerun(CHEATS[cheat], table=table)
    assert outcome.target.accuracy >= 0.55, outcome.reason
    if outcome.target.guard is None:
        assert outcome.target.counts is None
        assert "does not count" in outcome.reason
    else:
        assert outcome.target.guard.unexplained
        assert outcome.target.guard.unexplained[0] in outcome.target.message
    assert outcome.share == 0, outcome.target.message


def test_an_honest_net_is_not_flagged(rerun):
    rerun.set(cpu_seconds=20, floor=0.1)
    outcome = rerun(DATA, NET, TRAIN.format(3))
    assert outcome.target.guard.unexplained == ()
    assert outcome.target.counts == outcome.target.accuracy
    assert "honest net loses as much" in outcome.target.message
