"""Small courses in temporary folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from page_class import whole_class
from small_course import EXAMINER, Class, make_course

from autograder.course import Course
from autograder.release import release


@pytest.fixture(scope="session")
def course_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small course with an empty gradebook, once for all tests: nbgrader takes a second to make one."""
    root = tmp_path_factory.mktemp("course") / "course"
    root.mkdir()
    make_course(root)
    command = [sys.executable, "-m", "nbgrader", "db", "assignment", "list"]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    return root


@pytest.fixture
def course(course_template: Path, tmp_path: Path) -> Course:
    """A fresh small course."""
    root = tmp_path / "course"
    shutil.copytree(course_template, root)
    return Course(root)


@pytest.fixture
def edit_notebook(course: Course) -> Callable[[Callable[[NotebookNode], None]], None]:
    """Change the course's source notebook in place."""

    def edit(change: Callable[[NotebookNode], None]) -> None:
        path = course.root / "source" / "deep_nets" / "Dropout.ipynb"
        nb = nbformat.read(path, as_version=4)
        change(nb)
        nbformat.write(nb, path)

    return edit


@pytest.fixture(scope="session")
def released_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small course with its release made, once for all tests."""
    root = tmp_path_factory.mktemp("template") / "course"
    root.mkdir()
    course = make_course(root)
    (root / "stand_in_examiner.py").write_text(EXAMINER)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("\nsys.path.insert(0, str(Path(__file__).resolve().parent))\n")
        config.write('c.ExaminerScores.examine = "stand_in_examiner.examined"\n')
    release(course, course.assignment("deep_nets"))
    return root


@pytest.fixture
def classroom(released_template: Path, tmp_path: Path) -> Class:
    """A released course of its own for one test."""
    root = tmp_path / "course"
    shutil.copytree(released_template, root)
    return Class(root)


@pytest.fixture(scope="session")
def whole_template(released_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a hand-in of every kind, once for all tests."""
    root = tmp_path_factory.mktemp("whole") / "course"
    shutil.copytree(released_template, root)
    whole_class(Class(root))
    return root


@pytest.fixture
def whole(whole_template: Path, tmp_path: Path) -> Class:
    """A course with a hand-in of every kind, for one test."""
    root = tmp_path / "whole"
    shutil.copytree(whole_template, root)
    return Class(root)
