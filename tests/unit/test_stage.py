"""Laying out a hand-in: only its plain files are taken, the support files are ours, what is missing is said."""

import os
import shutil

import pytest

from autograder.course import Course
from autograder.examiner.stage import stage


@pytest.fixture(scope="module")
def assignment():
    return Course.find().assignment("deep_nets")


@pytest.fixture
def folder(assignment, tmp_path):
    copy = tmp_path / "hand-in"
    shutil.copytree(assignment.package, copy / "nndl", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def lay_out(assignment):
    made = []

    def run(folder):
        made.append(stage(assignment, folder))
        return made[-1]

    yield run
    for staged in made:
        staged.remove()


def staged_file(staged, name):
    return staged.root / "own" / "nndl" / name


def test_support_files_are_ours_whatever_was_handed_in(lay_out, folder, assignment):
    (folder / "nndl" / "solver.py").write_text("print('accuracy: 1.0')")
    staged = lay_out(folder)
    assert staged_file(staged, "solver.py").read_bytes() == (assignment.package / "solver.py").read_bytes()


def test_own_files_and_helper_modules_are_the_students(lay_out, folder):
    (folder / "nndl" / "layers.py").write_text("X = 1")
    (folder / "nndl" / "my_helper.py").write_text("Y = 2")
    staged = lay_out(folder)
    assert staged_file(staged, "layers.py").read_text() == "X = 1"
    assert staged_file(staged, "my_helper.py").read_text() == "Y = 2"
    assert staged.problems == ()


def test_missing_file_is_a_problem_in_words(lay_out, folder):
    (folder / "nndl" / "optim.py").unlink()
    assert lay_out(folder).problems == ("nndl/optim.py is missing",)


def test_missing_package_is_a_problem_in_words(lay_out, tmp_path):
    (tmp_path / "empty").mkdir()
    assert lay_out(tmp_path / "empty").problems == ("there is no folder nndl/ in the hand-in",)


def test_link_to_a_file_outside_is_not_followed(lay_out, folder, tmp_path):
    (tmp_path / "private.py").write_text("SECRET = 1")
    (folder / "nndl" / "layers.py").unlink()
    (folder / "nndl" / "layers.py").symlink_to(tmp_path / "private.py")
    staged = lay_out(folder)
    assert not staged_file(staged, "layers.py").exists()
    assert "link" in staged.problems[0]


def test_linked_package_is_not_followed(lay_out, folder, assignment):
    shutil.rmtree(folder / "nndl")
    (folder / "nndl").symlink_to(assignment.package)
    assert lay_out(folder).problems == ("there is no folder nndl/ in the hand-in",)


def test_pipe_does_not_hang_the_examiner(lay_out, folder):
    (folder / "nndl" / "layers.py").unlink()
    os.mkfifo(folder / "nndl" / "layers.py")
    assert lay_out(folder).problems == ("nndl/layers.py is not a plain file",)


def test_huge_file_is_a_problem_and_is_not_copied(lay_out, folder):
    with (folder / "nndl" / "layers.py").open("wb") as file:
        file.truncate(1 << 34)  # 16 GB, of which nothing is on disk
    staged = lay_out(folder)
    assert "larger than" in staged.problems[0]
    assert not staged_file(staged, "layers.py").exists()


def test_digest_changes_with_any_file_of_the_student(lay_out, folder):
    before = lay_out(folder).digest()
    assert lay_out(folder).digest() == before
    (folder / "nndl" / "optim.py").write_text((folder / "nndl" / "optim.py").read_text() + "\n# changed\n")
    assert lay_out(folder).digest() != before


def test_overlay_holds_the_named_modules_only(lay_out, folder):
    staged = lay_out(folder)
    over = staged.overlaid(("layers.dropout_forward", "layers.dropout_backward"))
    assert [path.name for path in over.overlay.iterdir()] == ["layers.py"]


@pytest.mark.parametrize(("first", "second"), [("layers.py", "Layers.py"), ("caf\u00e9.py", "cafe\u0301.py")])
def test_names_that_differ_by_case_or_unicode_form_only_are_a_problem(lay_out, folder, first, second):
    (folder / "nndl" / first).write_text("X = 1", "utf-8")
    (folder / "nndl" / second).write_text("X = 2", "utf-8")
    (problem,) = lay_out(folder).problems
    assert "same name but for case" in problem
    assert problem.isascii()


def test_too_many_files_are_a_problem(lay_out, folder):
    for number in range(100):
        (folder / "nndl" / f"helper_{number}.py").write_text("")
    (problem,) = lay_out(folder).problems
    assert "at most 64" in problem
