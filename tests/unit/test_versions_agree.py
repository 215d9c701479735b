"""pyproject.toml, requirements.lock and environment.yml name the same versions."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from autograder.environment import (
    STUDENT_PACKAGES,
    STUDENT_PYTHON,
    locked_versions,
    student_environment,
    student_requirements,
)

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def _wanted() -> list[Requirement]:
    # PyTorch (extra `bench`) is for one comparison of speed, and larger than all the others together.
    groups = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "bench"}
    extras = [line for lines in groups.values() for line in lines]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras]


def _python_of(conda: dict[str, list[object]]) -> SpecifierSet:
    [line] = [entry for entry in conda["dependencies"] if isinstance(entry, str) and entry.startswith("python ")]
    return SpecifierSet(line.removeprefix("python "))


def _pip_of(conda: dict[str, list[object]]) -> list[str]:
    [pip] = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    return pip


def test_the_lock_holds_every_dependency_at_a_version_that_pyproject_allows() -> None:
    locked = locked_versions(LOCK)
    for wanted in _wanted():
        assert wanted.name in locked, wanted.name
        assert wanted.specifier.contains(locked[wanted.name]), f"{wanted} against {locked[wanted.name]}"


def test_every_line_of_the_lock_names_one_version_with_its_hashes() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.read_text(encoding="utf-8").strip())
    entries = [entry for entry in entries if not entry.startswith("#")]
    versions: dict[str, list[str]] = {}
    for entry in entries:
        match = re.match(r"([a-z0-9._-]+)==(\S+)( ;)?", entry)
        assert match, entry[:60]
        versions.setdefault(match[1], []).append(entry.split("\\")[0])
        assert "--hash=sha256:" in entry, entry[:60]
    assert versions.keys() == locked_versions(LOCK).keys()
    # Only what others bring in may differ from one Python to the next, and then a marker says which is meant.
    for name, lines in versions.items():
        assert len(lines) == 1 or all("python" in line for line in lines), name
        assert len(lines) == 1 or name not in {wanted.name for wanted in _wanted()}, name


def test_conda_users_get_the_lock_and_the_same_python() -> None:
    assert _python_of(CONDA) == SpecifierSet(PROJECT["requires-python"])
    assert _pip_of(CONDA) == ["-r requirements.lock"]


def test_students_get_the_versions_of_the_lock_and_the_same_python() -> None:
    locked = locked_versions(LOCK)
    pins = [f"{name}=={locked[name]}" for name in STUDENT_PACKAGES]
    conda = yaml.safe_load(student_environment(LOCK))
    assert _pip_of(conda) == pins
    assert student_requirements(LOCK).splitlines() == pins
    assert _python_of(conda) == SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(STUDENT_PYTHON)


def test_students_have_what_the_package_and_the_notebooks_import() -> None:
    given = {
        *STUDENT_PACKAGES,
        "nndl",
        "IPython",
        "ipykernel",
        "google",
    }  # IPython comes with jupyterlab; google: Colab
    sources = [*(ROOT / "assignments").glob("*/nndl/*.py"), *(ROOT / "datasets").glob("*.py")]
    siblings = {path.stem for path in sources}
    for path in sources:
        imported = re.findall(r"^\s*(?:from|import) ([A-Za-z_]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for name in imported:
            assert name in given | siblings | set(sys.stdlib_module_names), f"{path.name} imports {name}"
