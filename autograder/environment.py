"""The versions of requirements.lock, for students: environment.yml for conda, requirements.txt for pip.

The lock is the one place where versions stand; both files are generated from it with every release.
"""

from __future__ import annotations

import re
from pathlib import Path

from autograder.errors import CourseError

LOCK = "requirements.lock"
# What notebooks and package import. Everything else comes with these.
STUDENT_PACKAGES = ("jupyterlab", "matplotlib", "numpy", "tqdm")
STUDENT_PYTHON = ">=3.11,<3.14"


def locked_versions(lock: Path) -> dict[str, str]:
    """Version of every package of a lock file.

    Raises
    ------
    CourseError
        If there is no such file.
    """
    try:
        text = lock.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CourseError("the lock of all versions is missing", where=lock, fix="restore it from git") from None
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", text, flags=re.MULTILINE))


def student_pins(lock: Path) -> list[str]:
    """`name==version` of what students need, by name."""
    versions = locked_versions(lock)
    missing = [name for name in STUDENT_PACKAGES if name not in versions]
    if missing:
        raise CourseError(f"{', '.join(missing)} not in the lock", where=lock, fix="make the lock again")
    return [f"{name}=={versions[name]}" for name in STUDENT_PACKAGES]


def student_environment(lock: Path) -> str:
    """environment.yml of the release: Python from conda, the packages from pip at the versions of the lock."""
    pins = "".join(f"      - {pin}\n" for pin in student_pins(lock))
    return (
        "# conda env create -f environment.yml\n"
        "name: deep-nets\n"
        "channels:\n"
        "  - conda-forge\n"
        "dependencies:\n"
        f"  - python {STUDENT_PYTHON}\n"
        "  - pip\n"
        "  - pip:\n"
        f"{pins}"
    )


def student_requirements(lock: Path) -> str:
    """requirements.txt of the release, for students without conda."""
    return "".join(f"{pin}\n" for pin in student_pins(lock))
