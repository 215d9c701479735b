"""A hand-in travels: what is examined arrives unchanged, what is unfit arrives unfit."""

import os

import pytest

from autograder import travel


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "hand-in"
    (made / "nndl").mkdir(parents=True)
    (made / "nndl" / "layers.py").write_text("x = 1\n")
    (made / "Dropout.ipynb").write_text("{}")
    (made / "film.mp4").write_bytes(bytes(1000))
    return made


def arrived(packed, tmp_path):
    travel.unpack(packed, tmp_path / "there")
    return tmp_path / "there"


def test_files_that_are_examined_arrive_and_others_stay(folder, tmp_path):
    there = arrived(travel.pack(folder), tmp_path)
    assert (there / "nndl" / "layers.py").read_text() == "x = 1\n"
    assert (there / "Dropout.ipynb").read_text() == "{}"
    assert not (there / "film.mp4").exists()


def test_equal_files_give_equal_bytes(folder):
    first = travel.pack(folder)
    os.utime(folder / "nndl" / "layers.py", (0, 0))
    assert travel.pack(folder) == first


def test_links_arrive_as_links_to_nowhere(folder, tmp_path):
    (folder / "nndl" / "optim.py").symlink_to("/etc/passwd")
    (folder / "other").symlink_to("/etc")
    there = arrived(travel.pack(folder), tmp_path)
    for path in (there / "nndl" / "optim.py", there / "other"):
        assert path.is_symlink()
        assert not path.exists()


def test_a_pipe_does_not_hold_the_packing_up(folder, tmp_path):
    os.mkfifo(folder / "nndl" / "optim.py")
    assert (arrived(travel.pack(folder), tmp_path) / "nndl" / "optim.py").is_symlink()


def test_a_file_that_is_too_large_arrives_as_too_large(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(travel, "LARGEST", 10)
    (folder / "nndl" / "optim.py").write_bytes(bytes(1000))
    there = arrived(travel.pack(folder), tmp_path)
    assert (there / "nndl" / "optim.py").stat().st_size == 11


def test_code_travels_before_notebooks_when_room_is_short(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(travel, "TOTAL", 7)
    there = arrived(travel.pack(folder), tmp_path)
    assert (there / "nndl" / "layers.py").exists()
    assert not (there / "Dropout.ipynb").exists()


def test_names_in_any_letters_arrive(folder, tmp_path):
    name = os.fsencode("é한\u202e") + b"\xff.py"
    (folder / os.fsdecode(name)).write_text("y = 2\n")
    there = arrived(travel.pack(folder), tmp_path)
    assert name in os.listdir(os.fsencode(there))
