"""Stage `collect`: from what a learning platform gives to submitted/<student>/<assignment>/.

One attempt a student counts, the newest. Each is laid out beside its place and put there in one step, so that no
hand-in is ever half of one attempt and half of another. Collecting again changes only what has changed.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from filelock import FileLock, Timeout
from rich.markup import escape
from rich.table import Table

from autograder import archives
from autograder.course import Assignment
from autograder.downloads import Entry, read
from autograder.errors import CourseError
from autograder.hand_in_layout import STAMP, Laid, lay_down
from autograder.roster import Roster, moment, read_roster, safe_name, shared
from autograder.seen import Contents, Seen
from autograder.showing import safe
from autograder.whose import Attempt, by_student

State = Literal["taken", "replaced", "unchanged", "kept", "unopened", "unclear", "skipped", "missing"]
_WORKPLACE = ".collect-"  # begins the name of a folder in the course, for as long as it collects
MOST_FILES = 1_000_000  # in the download of a whole class
MOST_FOLDERS = 40  # one in another


@dataclass(frozen=True)
class Line:
    """What became of one student's hand-in, or of something that is none. Times are in UTC."""

    student: str
    state: State
    origin: str = ""
    when: str = ""
    late_minutes: int | None = None
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class Collected:
    """A download, worked through."""

    kind: str
    lines: list[Line] = field(default_factory=list)

    @property
    def not_taken(self) -> list[Line]:
        """Hand-ins that could not be opened, and what may be hand-ins of nobody knows whom."""
        return [line for line in self.lines if line.state in ("unopened", "unclear")]

    def table(self) -> Table:
        """For a person to read: a row each."""
        table = Table(expand=True)
        timed = any(line.when for line in self.lines)
        widths = {"student": 0, "state": 0, "from": 2, **({"time (UTC)": 0} if timed else {}), "files": 0, "remarks": 4}
        for head, ratio in widths.items():
            table.add_column(head, no_wrap=not ratio, ratio=ratio or None, overflow="fold")
        for line in self.lines:
            counts = Counter(PurePosixPath(name).suffix for name in line.files)
            files = ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
            when = line.when[:16] + (f"\n{line.late_minutes} min late" if line.late_minutes else "")
            cells = (line.student, line.state, line.origin, *([when] if timed else []), files, "\n".join(line.remarks))
            table.add_row(*(escape(safe(cell)) for cell in cells))
        return table

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return {"schema": 1, "kind": self.kind, "hand_ins": [asdict(line) for line in self.lines]}


def collect(assignment: Assignment, download: Path, *, roster: Path | None = None, dry_run: bool = False) -> Collected:
    """Lay down the newest hand-in of each student in a download.

    Parameters
    ----------
    assignment : Assignment
        What was asked for.
    download : Path
        A zip or folder: of Canvas, Moodle, Gradescope, nbgrader's exchange, or with one folder or zip a student.
    roster : Path, optional
        A CSV file that says whose an id is; see autograder.roster.
    dry_run : bool
        Say what would be done, and change nothing.

    Raises
    ------
    CourseError
        If there is no such download, nothing in it can be read, or somebody is grading here.
    """
    people = read_roster(roster) if roster is not None else Roster()
    with (
        _alone(assignment),
        tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=assignment.course.root) as temporary,
    ):
        work = _Collecting(assignment, people, Path(temporary), dry_run)
        entries = _entries(download, Path(temporary) / "download")
        try:
            found = read(entries, assignment.name, assignment.settings.package, work.knows)
        except ValueError as error:
            fix = "name it STUDENT.zip or STUDENT/, put it into a folder of its own, and collect that folder"
            raise CourseError(str(error), where=download, fix=fix) from None
        collected = Collected(found.kind)
        for student, attempts in sorted(by_student(found.arrivals, people).items()):
            collected.lines.append(work.line(student, attempts))
        collected.lines += [Line("", "unclear", name, remarks=(why,)) for name, why in sorted(found.unclear.items())]
        collected.lines += [Line("", "skipped", name, remarks=(why,)) for name, why in sorted(found.skipped.items())]
        if not dry_run:
            work.seen.write()
        if not any(line.student for line in collected.lines):
            fix = next(iter(found.unclear.values()), "docs/grader.md shows what can be collected")
            raise CourseError("no hand-ins in it", where=download, fix=fix)
        here = {line.student for line in collected.lines}
        collected.lines += [
            Line(row.student, "missing", remarks=("in the roster, and nothing was handed in",))
            for row in people.rows
            if row.student not in here
        ]
    return collected


@contextlib.contextmanager
def _alone(assignment: Assignment) -> Iterator[None]:
    """Keep out a grader, who would read a hand-in while it is replaced, and another who collects."""
    path = assignment.course.root / ".grading.lock"
    try:
        with FileLock(path, timeout=0):
            for left in assignment.course.root.glob(f"{_WORKPLACE}*"):  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            yield
    except Timeout:
        what = "somebody is grading or collecting in this course folder"
        raise CourseError(what, where=path.parent, fix="wait until that has ended") from None


def _entries(download: Path, folder: Path) -> list[Entry]:
    """The files of a download; a zip is unpacked into `folder`."""
    fix = "name the zip or folder that the learning platform gave"
    if download.is_dir():
        return list(entries_of_folder(download))
    if not download.is_file():
        raise CourseError("no such zip or folder", where=download, fix=fix)
    folder.mkdir()
    room = shutil.disk_usage(folder).free // 10 * 8
    bounds = archives.Bounds(room, MOST_FILES, room)
    try:
        refused = archives.unpack_each(download, folder, bounds, file_bytes=room)
    except ValueError as error:
        raise CourseError(str(error), where=download, fix=fix) from None
    left_out = [Entry(_printable(name), None, reason) for name, reason in refused.items()]
    return [*entries_of_folder(folder), *left_out]


def _printable(name: str) -> PurePosixPath:
    """A refused name, fit for a table; no part of it leads anywhere."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name.replace("\\", "/"))
    return PurePosixPath(*[part for part in text.split("/") if part not in ("", ".", "..")][:20] or ["?"])


def entries_of_folder(folder: Path) -> Iterator[Entry]:
    """Every file below a folder; links and devices are refused, not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        if len(Path(parent).relative_to(folder).parts) >= MOST_FOLDERS:  # os.walk calls itself for each
            yield from (Entry(_printable(name), None, "it lies in too many folders") for name in folders)
            folders.clear()
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(parent) / name
            place = PurePosixPath(path.relative_to(folder).as_posix())
            if path.is_symlink() or not path.is_file():
                yield Entry(_printable(str(place)), None, "it is a link or a device; only plain files are taken")
            else:
                yield Entry(place, path)


class _Collecting:
    """Lays down one student's hand-in after the other."""

    def __init__(self, assignment: Assignment, roster: Roster, temporary: Path, dry_run: bool) -> None:
        self.assignment, self.roster, self.temporary, self.dry_run = assignment, roster, temporary, dry_run
        self.submitted = assignment.course.root / "submitted"
        self.seen = Seen.of(assignment)

    def knows(self, name: str) -> bool:
        """Whether the roster has somebody of this name, or a hand-in of this name was collected before."""
        return self.roster.find({}, name) is not None or self._place(safe_name(name)).is_dir()

    def _place(self, student: str) -> Path:
        return self.submitted / student / self.assignment.name

    def line(self, student: str, attempts: list[Attempt]) -> Line:
        """Lay down the newest attempt that can be opened, and say what became of it."""
        failed: list[tuple[Attempt, Laid]] = []
        with tempfile.TemporaryDirectory(dir=self.temporary) as temporary:
            for number, attempt in enumerate(attempts):
                scratch, folder = Path(temporary) / f"scratch-{number}", Path(temporary) / f"laid-{number}"
                scratch.mkdir()
                laid = lay_down(self.assignment, attempt.arrival.files, scratch, folder)
                if laid.reason:
                    failed.append((attempt, laid))
                    continue
                told = [f"{each.arrival.origin} cannot be opened: {why.reason}" for each, why in failed]
                return self._put(
                    student, attempt, [*told, *laid.remarks, *_older(attempts[number + 1 :])], laid, folder
                )
            attempt, laid = failed[0]
            return self._put(student, attempt, [laid.reason, *_older(attempts[1:])], laid, Path(temporary) / "laid-0")

    def _put(self, student: str, attempt: Attempt, remarks: list[str], laid: Laid, folder: Path) -> Line:
        """Put a laid hand-in in its place, where it is new or differs from what is there."""
        place = self._place(student)
        when = attempt.when
        late = self.assignment.settings.late
        here, new = _contents(place), _contents(folder)
        state, told = self._state(student, attempt, laid, here, new)
        if state in ("taken", "replaced") or (state == "unopened" and not place.exists()):
            if when is not None:
                (folder / STAMP).write_text(f"{_text(when)} UTC\n", encoding="utf-8")
            if not self.dry_run:
                _move(folder, place)
        if state in ("taken", "replaced", "unchanged"):
            self.seen.add(student, new, attempt.arrival.number)
        return Line(
            student=student,
            state=state,
            origin=attempt.arrival.origin,
            when=_text(when),
            late_minutes=late.minutes_late(when) if late is not None and when is not None else None,
            files=tuple(sorted(laid.files)),
            remarks=(*told, *attempt.remarks, *self._twice(student, attempt), *remarks),
        )

    def _state(
        self, student: str, attempt: Attempt, laid: Laid, here: Contents | None, new: Contents | None
    ) -> tuple[State, tuple[str, ...]]:
        """What is to be done, and why."""
        if laid.reason:
            return ("kept", ("what lies there already stays",)) if here else ("unopened", ())
        if here is None:
            return "taken", ()
        when, before = attempt.when, _stamp(self._place(student))
        platforms = attempt.arrival.when
        if platforms is not None and before is not None and before > platforms:
            return "kept", (f"what lies there is newer, from {_text(before)}",)
        if here == new:
            if when in (None, before):
                return "unchanged", ()
            return "replaced", () if platforms else ("the same files; the roster tells another time",)
        if laid.foreign and here:
            return "kept", ("what lies there already stays: nothing of this assignment is in the new one",)
        if platforms is None and (reason := self.seen.is_old(student, new, attempt.arrival.number)):
            return "kept", (f"{reason}; to take it all the same, remove submitted/{student}/{self.assignment.name}",)
        return "replaced", ()

    def _twice(self, student: str, attempt: Attempt) -> list[str]:
        """Whether the same hand-in lies under the name that it had before a roster knew whose it is."""
        own = safe_name(attempt.arrival.student)
        if own == student or not self._place(own).is_dir():
            return []
        return [f"submitted/{own} is from before the roster told whose it is: remove it"]


def _older(attempts: list[Attempt]) -> list[str]:
    """What does not count, because something newer does."""
    return [f"older, not counted: {shared(attempt.arrival.origin for attempt in attempts)}"] if attempts else []


def _text(when: datetime.datetime | None) -> str:
    """A time as nbgrader writes it, in UTC, or nothing."""
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if when is not None else ""


def _stamp(place: Path) -> datetime.datetime | None:
    """The time of the hand-in that lies at `place`."""
    path = place / STAMP
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 100:
        return None
    return moment(path.read_bytes().decode("utf-8", "replace"))


def _contents(place: Path) -> Contents | None:
    """Digests of the files of a hand-in, its time stamp left out; None where there is no such folder."""
    if not place.is_dir():
        return None
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            found[name] = "link"
        elif path.is_file() and name != STAMP:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _move(folder: Path, place: Path) -> None:
    """Put a folder in the place of another: beside it first, then by renaming."""
    new, old = (place.with_name(f".{place.name}.{word}") for word in ("new", "old"))
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.move(folder, new)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
