"""The worker's own interpreter: this Python, NumPy, and nothing else.

The examiner's environment holds the solutions and the checks, so a worker never runs in it. The runtime is an empty
virtual environment into which the installed NumPy is copied: the same version, no network, made once.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import venv
from importlib.metadata import distribution
from pathlib import Path

from filelock import FileLock

from autograder.errors import CourseError


def runtime(root: Path) -> Path:
    """The folder of the runtime below `root`; made when it is not there yet."""
    numpy = distribution("numpy")
    folder = root / f"python{platform.python_version()}-numpy{numpy.version}"
    if folder.is_dir():
        return folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "lock"):
            if not folder.is_dir():
                _make(folder)
    except OSError as error:
        raise CourseError(
            f"the worker's runtime could not be made: {error}", where=root, fix="free space, or check the permissions"
        ) from None
    return folder


def python(folder: Path) -> Path:
    """The interpreter of a runtime."""
    return folder / "bin" / "python"


def _make(folder: Path) -> None:
    """Build beside the final place and move it there, so that a half-made runtime is never used."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / "runtime"
        venv.create(made, with_pip=False, symlinks=True)
        version = ".".join(platform.python_version_tuple()[:2])
        packages = made / "lib" / f"python{version}" / "site-packages"
        for file in distribution("numpy").files or ():
            source = Path(os.fspath(file.locate()))
            if ".." not in file.parts and "tests" not in file.parts and source.suffix != ".pyc":
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, packages / file)
        made.rename(folder)
