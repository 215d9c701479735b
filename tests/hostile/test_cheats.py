"""Whole hand-ins that cheat: no point where they cheat, nothing changed for anybody else, nothing left behind."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from autograder import wall as walls
from autograder.course import Course
from autograder.grade import examined
from autograder.wall import places

from .cheats import ALSO_LOST, CHEATS, FILES, WRONG
from .conftest import REPOSITORY, processes


def hand_in(cheat, files):
    folder = Path(tempfile.mkdtemp(prefix="cheat-"))
    shutil.copytree(REPOSITORY / "assignments/deep_nets/nndl", folder / "nndl")
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(WRONG + cheat)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def grade(wall, monkeypatch):
    """Examines a hand-in behind the wall: {question: share}, and the whole result."""
    monkeypatch.setenv(walls.VARIABLE, wall.name)
    assignment = Course(REPOSITORY).assignment("deep_nets")

    def run(cheat, files):
        folder = hand_in(cheat, files)
        try:
            result = examined(assignment, "cheat", folder, with_target=False, store=False)
        finally:
            shutil.rmtree(folder)
        return {question.question: question.share for question in result.questions}, result

    return run


@pytest.fixture
def own_temporary(monkeypatch):
    """A folder for temporary files that only this test uses."""
    folder = places.make("cheats")
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def gone(folder):
    """Whether no worker that may read something in `folder` is left after some seconds."""
    deadline = time.monotonic() + 5
    while processes(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes(folder)


@pytest.mark.slow
@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_earns_nothing(cheat, grade, own_temporary):
    shares, result = grade(CHEATS[cheat], {})
    assert shares["dropout_forward"] == 0, result.questions[0].message()
    for question in {"dropout_backward", "fc_net_dropout"}:
        assert question in ALSO_LOST.get(cheat, ()) or shares[question] == 1, "another question suffered"
        assert question not in ALSO_LOST.get(cheat, ()) or shares[question] < 1
    assert result.state in ("graded", "failed")
    assert gone(own_temporary)
    assert list(own_temporary.iterdir()) == []


def test_files_beside_the_package_are_never_imported(grade):
    shares, result = grade("", FILES)
    assert shares["dropout_forward"] == 0
    assert shares["dropout_backward"] == shares["fc_net_dropout"] == 1, result.questions[1].message()


LOGGING = """

import logging as _logging, os as _os
_logging.basicConfig(filename="train.log", filemode="w")
_logging.warning("imported")
_log = open("log.txt", "w")
_affine = affine_forward
def affine_forward(x, w, b):
    _log.write("called\\n")
    with open("shapes.csv", "a") as file:
        file.write(f"{x.shape}\\n")
    return _affine(x, w, b) if _os.path.getsize("train.log") else 1 // 0
"""


def test_a_hand_in_that_keeps_a_log_in_its_working_folder_loses_nothing(wall, monkeypatch, own_temporary):
    monkeypatch.setenv(walls.VARIABLE, wall.name)
    folder = own_temporary / "log"
    shutil.copytree(REPOSITORY / "assignments/deep_nets/nndl", folder / "nndl")
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(LOGGING)
    assignment = Course(REPOSITORY).assignment("deep_nets")
    result = examined(assignment, "log", folder, only=["affine_forward"], with_target=False, store=False)
    assert [question.share for question in result.questions] == [1], result.questions[0].message()
    assert sorted(path.name for path in folder.rglob("*") if path.suffix in (".log", ".txt", ".csv")) == []
    shutil.rmtree(folder)
    assert list(own_temporary.iterdir()) == []
