"""The worker's own interpreter: this Python, its standard library, NumPy, and nothing else.

The examiner's environment holds the solutions and the checks, and may lie under a private home, so a worker never
runs in it. The runtime is a copy of the interpreter, the standard library and the installed NumPy with the shared
libraries they need: the same versions, no network, made once. Only the system's own C library and the like stay
where they are; `libraries` names those files one by one.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from filelock import FileLock

from autograder.errors import CourseError
from autograder.wall import places

WORKER = Path(__file__).resolve().parent.parent / "worker"
_NOT_COPIED = [
    *("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"),
    *("pydoc_data", "config-*", "__pycache__", "_tkinter.*", "_curses*.so", "readline.*", "nis.*", "_gdbm.*", "_dbm.*"),
    *("_test*.so", "_xxtestfuzz.*", "_ctypes_test.*", "xx*.so"),
]
_SYSTEM = ("/lib", "/usr/lib")  # libraries from here are used where they are, all others are copied
_LIST = "libraries.json"
_VERSION = 2  # of the layout below


@dataclass(frozen=True)
class Runtime:
    """A worker's files: `folder` holds interpreter and packages, `code` the worker's own modules."""

    folder: Path
    code: Path
    libraries: tuple[Path, ...]

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python3"

    @property
    def packages(self) -> Path:
        """The folder that NumPy lies in."""
        return self.folder / "packages"

    @property
    def library_folders(self) -> tuple[Path, ...]:
        """Where the loader finds every shared library."""
        return (self.folder / "libraries", *dict.fromkeys(path.parent for path in self.libraries))


def runtime(root: Path) -> Runtime:
    """The runtime below `root`; made when it is not there yet, or when a system library it needs has moved."""
    numpy = distribution("numpy")
    sources = sorted(WORKER.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:12]
    folder = root / f"python{platform.python_version()}-numpy{numpy.version}-{_VERSION}"
    code = root / f"worker-{digest}"
    try:
        if not _whole(folder) or not code.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            root.chmod(0o755)
            with FileLock(root / "lock"):
                if not _whole(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    _make(folder)
                if not code.is_dir():
                    _copy_worker(code)
        return Runtime(folder, code, _libraries(folder))
    except OSError as error:
        raise CourseError(
            f"the worker's runtime could not be made: {error}", where=root, fix="free space, or check the permissions"
        ) from None


def _libraries(folder: Path) -> tuple[Path, ...]:
    names = json.loads((folder / _LIST).read_text("utf-8"))
    return tuple(Path(name) for name in names)


def _whole(folder: Path) -> bool:
    return (folder / _LIST).is_file() and all(path.exists() for path in _libraries(folder))


def _copy_worker(code: Path) -> None:
    with tempfile.TemporaryDirectory(dir=code.parent) as temporary:
        made = Path(temporary) / "code"
        shutil.copytree(WORKER, made / WORKER.name, ignore=shutil.ignore_patterns("__pycache__"))
        places.show(made, everyone=True)
        made.rename(code)


def _make(folder: Path) -> None:
    """Build beside the final place and move it there, so that a half-made runtime is never used."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / "runtime"
        if sys.platform == "linux":
            _copy_interpreter(made)
        else:  # no wall but none works there, and copies of signed programs do not run
            venv.create(made, with_pip=False, symlinks=True)
        for file in distribution("numpy").files or ():
            source = Path(os.fspath(file.locate()))
            if ".." not in file.parts and "tests" not in file.parts:
                (made / "packages" / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, made / "packages" / file)
        libraries = _copy_libraries(made) if sys.platform == "linux" else []
        (made / _LIST).write_text(json.dumps(libraries), encoding="utf-8")
        compileall.compile_dir(made, quiet=2, maxlevels=20)
        places.show(made, everyone=True)
        made.rename(folder)


def _copy_interpreter(made: Path) -> None:
    """The program and its standard library, in the places where the program looks for it."""
    library = made / sys.platlibdir / f"python{sysconfig.get_python_version()}"
    original = Path(os.__file__).parent
    shutil.copytree(original, library, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    extensions = sysconfig.get_config_var("DESTSHARED")
    if extensions and not (library / "lib-dynload").is_dir():
        shutil.copytree(extensions, library / "lib-dynload")
    (made / "bin").mkdir()
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    shutil.copy2(program, made / "bin" / "python3")


def _copy_libraries(made: Path) -> list[str]:
    """Copy the shared libraries that do not belong to the system; the paths of those that do."""
    (made / "libraries").mkdir()
    system = set()
    programs = [made / "bin" / "python3", *made.rglob("*.so"), *made.rglob("*.so.*")]
    for name, path in sorted(_needed(programs)):
        if Path(path).is_relative_to(made):
            continue
        if name == path or path.startswith(tuple(f"{place}/" for place in _SYSTEM)):
            system.add(path)
        elif not (made / "libraries" / name).exists():
            shutil.copy2(path, made / "libraries" / name)
    return sorted(system)


def _needed(programs: Iterable[Path]) -> set[tuple[str, str]]:
    """(name, path) of every shared library that the loader would load for `programs`."""
    run = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    found = set(re.findall(r"^\s+(\S+) => (/\S+) \(", run.stdout, re.MULTILINE))
    return found | {(path, path) for path in re.findall(r"^\s+(/\S+) \(", run.stdout, re.MULTILINE)}
