"""Stage `examine`: one hand-in or many, folders or zips, from any place and of any edition. Nothing is recorded."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from autograder import archives, pool
from autograder.course import Assignment
from autograder.editions import CANONICAL
from autograder.errors import CourseError
from autograder.examiner.files import walk
from autograder.grade import examined, not_examined
from autograder.results import HandInResult

_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz")  # a zip is opened; of others it is said what to do
_DEPTH = 2  # an archive, and one inside of it


@dataclass(frozen=True)
class Options:
    """How hand-ins are examined; see `autograder.grade.examined`."""

    only: tuple[str, ...] = ()
    with_target: bool = True
    edition: str = ""
    package: Path | None = None
    target_cell: int | None = None


def _silent(_: str) -> None: ...


def examine(assignment: Assignment, path: Path, options: Options, say: Callable[[str], None] = _silent) -> HandInResult:
    """Examine one folder or zip. A bad hand-in gives a reason, never an exception."""
    if not path.exists():
        return not_examined(assignment, path.stem, "There is no such folder or zip.")
    with opened(path, assignment, options.edition) as (folder, reason):
        if folder is None:
            return not_examined(assignment, path.stem, reason)
        return examined(
            assignment,
            student_of(path.resolve(), assignment),
            folder,
            only=options.only,
            with_target=options.with_target,
            store=False,
            edition=options.edition,
            package=options.package,
            target_cell=options.target_cell,
            say=say,
        )


def examine_all(
    assignment: Assignment, paths: Sequence[Path], options: Options, workers: int = 0
) -> Iterator[HandInResult]:
    """Examine many, `workers` at once (0: see `pool.at_once`), in the order given. One that fails stops no other."""
    assignment.course.secret()  # made once, before the pool could make it twice
    tasks = ((str(number), path) for number, path in enumerate(paths))
    call = functools.partial(_examine, assignment, options)
    found: dict[int, HandInResult] = {}
    turn = 0
    with contextlib.closing(pool.run(call, tasks, workers or pool.at_once(with_target=options.with_target))) as answers:
        for name, job in answers:
            found[int(name)] = _result(assignment, paths[int(name)], job)
            while turn in found:
                yield found.pop(turn)
                turn += 1


def _examine(assignment: Assignment, options: Options, path: Path) -> HandInResult:
    return examine(assignment, path, options)


def _result(assignment: Assignment, path: Path, job: Future[HandInResult]) -> HandInResult:
    try:
        return job.result()
    except CourseError as error:
        return not_examined(assignment, path.stem, str(error).partition("\n")[0])
    except Exception as error:  # a bug of ours must not keep the others from their results
        return not_examined(assignment, path.stem, f"The examiner itself failed ({type(error).__name__}: {error}).")


@contextlib.contextmanager
def opened(path: Path, assignment: Assignment, edition: str = "") -> Iterator[tuple[Path | None, str]]:
    """The folder of a hand-in; a zip is unpacked for as long as it is needed, or refused with a reason.

    A folder without Python files, in which one archive lies somewhere, stands for that archive; so does an archive.
    """
    limits = assignment.settings.limits
    bounds = archives.Bounds(limits.archive_mb << 20, limits.archive_files, limits.unpacked_mb << 20)
    with tempfile.TemporaryDirectory(prefix="archive-") as temporary:
        place: Path | None = path
        reason = ""
        try:
            place = _unpacked(path, Path(temporary), bounds)
            if place != path and (edition or assignment.settings.edition) == CANONICAL:
                place = archives.hand_in_root(place, assignment.settings.package)
        except ValueError as error:
            place, reason = None, str(error)
        yield place, reason


def _unpacked(path: Path, scratch: Path, bounds: archives.Bounds) -> Path:
    """Where the files lie: `path` itself, or a folder in the empty folder `scratch`."""
    for depth in range(_DEPTH):
        archive = _only_archive(path) if path.is_dir() else path
        if archive is None:
            break
        path = scratch / str(depth)
        path.mkdir()
        try:
            archives.unpack(archive, path, bounds)
        except ValueError as error:
            raise ValueError(f"{archive.name}: {error}") from None
    return path


def _only_archive(folder: Path) -> Path | None:
    """The archive that is handed in in place of files. ValueError where it may be one of several."""
    files = [found / name for found, names in walk(folder) for name in names]
    packed = [path for path in files if path.suffix.lower() in _ARCHIVES]
    if not packed or any(path.suffix == ".py" for path in files):
        return None
    if len(packed) > 1:
        shown = ", ".join(path.relative_to(folder).as_posix() for path in packed[:3])
        found = f"there are no Python files in {folder.name}, but {len(packed)} archives ({shown})"
        raise ValueError(f"{found}; give the one to examine, or all of them one by one")
    return packed[0]


def student_of(folder: Path, assignment: Assignment) -> str:
    """submitted/ada/deep_nets is ada's, so that the seeds are those of `grade`; a loose folder is its own name's."""
    return folder.parent.name if folder.name == assignment.name else folder.stem
