"""docs/instructor.md is done word by word on a copy of the kit: a question from scratch, a second assignment."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guide_steps import copy_of_the_kit, section, steps, typed

QUESTION, SECOND = "## A question from scratch", "## A second assignment"


class Clone:
    """A copy of the kit, and what is typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_of_the_kit(folder)
        package = folder / "assignments" / "deep_nets"
        self.environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{package}"}
        self.environment["COLUMNS"] = "160"  # tables do not wrap
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def shell(self, command: str) -> str:
        """What a command of the guide prints; it must end well."""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def autograder(self, command: str) -> str:
        """A verb of this copy, not of the installed one."""
        return self.shell(command.replace("autograder ", 'python -c "from autograder.cli import main; main()" ', 1))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "course")


@pytest.mark.parametrize("heading", [QUESTION, SECOND])
def test_every_step_of_the_guide_can_be_done_and_leaves_python_files(heading: str, tmp_path: Path) -> None:
    folder = copy_of_the_kit(tmp_path / "course")
    done = steps(section("instructor.md", heading))
    for step in done:
        step.do(folder)
    for path in {folder / step.path for step in done if step.path.endswith(".py")}:
        ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_question_of_the_guide_is_released_and_grades_right_and_wrong_code(clone: Clone) -> None:
    text = section("instructor.md", QUESTION)
    for step in steps(text):
        step.do(clone.folder)
    clone.shell("python add_question.py")
    graded = 0
    for command, promised in typed(text):
        said = clone.autograder(command) if command.startswith("autograder ") else clone.shell(command)
        lines = [line.strip("│ ") for line in said.splitlines()]
        graded += command.startswith("autograder examine")
        for line in (line.partition("; wall: ")[0] for line in promised):  # machines differ in their walls
            assert any(line.strip("│ ") in one for one in lines), f"{command} does not print: {line}\n{said}"
    assert graded == 2


@pytest.mark.slow
def test_the_second_assignment_of_the_guide_is_released_collected_and_graded(clone: Clone) -> None:
    text = section("instructor.md", SECOND)
    for step in steps(text):
        step.do(clone.folder)
    [once] = re.findall(r"^and run `(.+)` once\.$", text, re.MULTILINE)
    clone.shell(once)
    clone.autograder("autograder release activations")
    downloads = clone.folder / "downloads"
    for student, body in {"ada": "np.logaddexp(0, x)", "bob": "np.log(1 + np.exp(x))"}.items():
        copy = downloads / student
        shutil.copytree(clone.folder / "release" / "activations", copy)
        source = (copy / "acts" / "units.py").read_text(encoding="utf-8")
        assert "raise NotImplementedError()" in source
        assert "logaddexp" not in source
        (copy / "acts" / "units.py").write_text(source.replace("raise NotImplementedError()", f"out = {body}"), "utf-8")
    clone.autograder("autograder collect downloads --assignment activations")
    assert (clone.folder / "submitted" / "ada" / "activations" / "acts" / "units.py").is_file()
    clone.autograder("autograder grade activations")
    records = clone.folder / "results" / "activations"
    shares = {
        name: json.loads((records / name / "softplus_forward.json").read_text(encoding="utf-8"))["share"]
        for name in ("ada", "bob")
    }
    assert shares == {"ada": 1.0, "bob": 0.0}
