"""What learning platforms give, told apart by the names in it: whose files these are, from when, which attempt.

Canvas, Moodle, Gradescope and nbgrader's exchange each write a student's id and the attempt into names; anything else
is taken for one folder or zip a student. Nothing inside a hand-in is opened here.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.gradescope_table import read_table, time_in
from autograder.roster import moment, shared

METADATA = "submission_metadata.yml"
_CANVAS = re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)")
_CANVAS_TEXT = re.compile(r"[^_/]+_(?:LATE_)?\d+_text\.html")
_CANVAS_ANONYMOUS = re.compile(r"anon_[A-Za-z0-9]{5}_")
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<user>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)")
_MOODLE_MARK = re.compile(r"_\d+_assignsubmission_(?:file|onlinetext)")
_GRADESCOPE = re.compile(r"submission_(?P<number>\d+)")
_EXCHANGE = re.compile(r"(?P<user>[^+]+)\+(?P<assignment>[^+]+)\+(?P<time>[^+]+?)(?:\+[^+]*)?")
_AGAIN = re.compile(r"(?P<stem>.+?)-\d{1,3}(?P<suffix>\.\w+)")
_OURS = re.compile(r"(?P<assignment>\w+)_hand_in_(?P<name>.+)")
_LEFT_BEHIND = ("__MACOSX", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Entry:
    """One file of a download: its name there, where it lies, or why it was left out."""

    name: PurePosixPath
    path: Path | None
    refused: str = ""

    def below(self, depth: int, name: str = "") -> Entry:
        """The same file with its name inside a hand-in: `depth` folders fewer, or another name altogether."""
        return Entry(PurePosixPath(name or str(PurePosixPath(*self.name.parts[depth:]))), self.path, self.refused)


Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Arrival:
    """One attempt of one student, as a download tells it. Of two attempts the one with the larger `order` counts."""

    student: str  # a name made from the platform's id, for whom no roster knows
    ids: Mapping[str, str]
    name: str
    origin: str  # what it is called in the download
    files: tuple[Entry, ...]
    when: datetime.datetime | None = None
    late: bool = False  # the platform says so
    order: tuple[float, ...] = ()
    number: int = 0  # the platform's for it, which grows from attempt to attempt; 0 where it gives none
    remarks: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Equal for attempts of one student."""
        return tuple(sorted(self.ids.items())) or (("student", self.student),)


@dataclass(frozen=True)
class Download:
    """A download: its kind, the attempts in it, what is no hand-in, and what may be one of nobody knows whom (why)."""

    kind: str
    arrivals: tuple[Arrival, ...]
    skipped: Mapping[str, str]
    unclear: Mapping[str, str]


@dataclass
class _Reading:
    """What is found while a download is read."""

    assignment: str
    arrivals: list[Arrival] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)

    def leave(self, name: str, files: list[Entry], why: str) -> None:
        """Leave out an entry: a folder or a zip may be somebody's hand-in."""
        (self.unclear if _may_be_a_hand_in(name, files) else self.skipped)[name] = why


Groups = dict[str, list[Entry]]


def read(entries: Iterable[Entry], assignment: str, package: str, knows: Callable[[str], bool]) -> Download:
    """Tell the kind of a download from its names, and cut it into attempts.

    Parameters
    ----------
    entries : iterable of Entry
        Its files.
    assignment, package : str
        Names of the assignment and of its package.
    knows : callable
        Whether somebody is a student of this name, as far as anybody knows.

    Raises
    ------
    ValueError
        If it is one student's hand-in, and not said whose.
    """
    found = [entry for entry in entries if not _litter(entry.name)]
    groups = _groups(found)
    top = next(iter(groups), "")
    inner = None if top == package or knows(top) else _unwrapped(found)  # what a student calls files decides nothing
    within = _groups(inner) if inner is not None else {}
    for candidates in (groups, within):
        if kind := _kind(candidates):
            return _read(kind, _KINDS[kind][1], candidates, assignment)
    if _holds_many(within, package) or (len(within) == 1 and knows(PurePosixPath(next(iter(within))).stem)):
        groups = within
    nameless = list(groups) == [assignment] and not knows(assignment)
    if nameless or (package in groups and not _is_file(groups[package])):
        raise ValueError("this looks like the hand-in of one student, and nothing says whose")
    return _read("one folder or zip a student", _folders, groups, assignment)


def _kind(groups: Groups) -> str:
    """The platform by whose rule most entries are named, or "". A student chooses the name of one of them."""
    fitting = {kind: sum(fits(name, files) for name, files in groups.items()) for kind, (fits, _) in _KINDS.items()}
    kind = max(fitting, key=lambda kind: fitting[kind])
    fits = _KINDS[kind][0]
    others = sum(_may_be_a_hand_in(name, files) and not fits(name, files) for name, files in groups.items())
    return kind if fitting[kind] and (fitting[kind] >= others or METADATA in groups) else ""


def _may_be_a_hand_in(name: str, files: list[Entry]) -> bool:
    return not _is_file(files) or name.lower().endswith(".zip")


def _read(kind: str, cut: Callable[[Groups, _Reading], None], groups: Groups, assignment: str) -> Download:
    reading = _Reading(assignment)
    cut(groups, reading)
    return Download(kind, tuple(reading.arrivals), reading.skipped, reading.unclear)


def _litter(name: PurePosixPath) -> bool:
    return any(part in _LEFT_BEHIND for part in name.parts) or name.name.startswith("._")


def _groups(entries: Iterable[Entry]) -> Groups:
    """Files by the first part of their names."""
    groups: Groups = {}
    for entry in entries:
        groups.setdefault(entry.name.parts[0] if entry.name.parts else "?", []).append(entry)
    return groups


def _unwrapped(entries: list[Entry]) -> list[Entry] | None:
    """The same without the one folder around everything, if there is one."""
    if len({entry.name.parts[:1] for entry in entries}) != 1 or any(len(entry.name.parts) < 2 for entry in entries):
        return None
    return [entry.below(1) for entry in entries]


def _holds_many(groups: Groups, package: str) -> bool:
    """Whether these are several hand-ins, not the files of one."""
    if package in groups or any(_is_file(files) and name.endswith((".py", ".ipynb")) for name, files in groups.items()):
        return False
    with_code = sum(any(entry.name.name == "layers.py" for entry in files) for files in groups.values())
    zips = sum(_is_file(files) and name.lower().endswith(".zip") for name, files in groups.items())
    return with_code > 1 or zips == len(groups) > 1


def _is_file(files: list[Entry]) -> bool:
    return len(files) == 1 and len(files[0].name.parts) == 1


def _canvas(groups: Groups, reading: _Reading) -> None:
    """`lovelaceada_LATE_101_2001_hand_in-1.zip`: name, user, a number that grows, the file, and its attempt."""
    users: dict[str, list[tuple[re.Match[str], Entry]]] = {}
    for name, files in groups.items():
        match = _CANVAS.fullmatch(name)
        if _CANVAS_TEXT.fullmatch(name):
            reading.skipped[name] = "it is text typed into Canvas, not a file"
        elif _CANVAS_ANONYMOUS.match(name):
            reading.unclear[name] = "anonymous grading hides whose it is: end it in Canvas, and download again"
        elif match is None or not _is_file(files):
            reading.leave(name, files, "its name is none that Canvas gives")
        else:
            users.setdefault(match["user"], []).append((match, files[0]))
    for user, found in users.items():
        for attempt in _attempts(found):
            first = attempt[0][0]
            bare = [_bare(match["file"]) for match, _ in attempt]
            number = max(int(match["number"]) for match, _ in attempt)
            reading.arrivals.append(
                Arrival(
                    student=f"canvas-{user}",
                    ids={"canvas_id": user},
                    name=first["name"],
                    origin=shared(entry.name.name for _, entry in attempt),
                    files=tuple(
                        entry.below(0, name if bare.count(name) == 1 else match["file"])
                        for name, (match, entry) in zip(bare, attempt, strict=True)
                    ),
                    late=any(match["late"] for match, _ in attempt),
                    order=(number,),
                    number=number,
                )
            )


Named = tuple[re.Match[str], Entry]


def _attempts(found: list[Named]) -> list[list[Named]]:
    """Files of one Canvas user as attempts. A number that several files share is an attempt's; else it is a file's.

    Then all files are one attempt, but for those of one name (`a.zip`, and `a-1.zip`, as Canvas calls the next of that
    name), of which each is an attempt of its own.
    """
    numbers = [match["number"] for match, _ in found]
    if len(set(numbers)) < len(numbers):
        return [[each for each in found if each[0]["number"] == number] for number in dict.fromkeys(numbers)]
    names = {match["file"].casefold() for match, _ in found}
    newest: dict[str, list[Named]] = {}
    for each in sorted(found, key=lambda each: int(each[0]["number"])):
        name = each[0]["file"].casefold()
        newest.setdefault(_bare(name) if _bare(name) in names else name, []).append(each)
    older = [[each] for files in newest.values() for each in files[:-1]]
    return [*older, [files[-1] for files in newest.values()]]


def _bare(name: str) -> str:
    """A file's name without the number that Canvas puts to the next of that name.

    Examples
    --------
    >>> _bare("layers-2.py"), _bare("layers.py")
    ('layers.py', 'layers.py')
    """
    match = _AGAIN.fullmatch(name)
    return match["stem"] + match["suffix"] if match else name


def _moodle(groups: Groups, reading: _Reading) -> None:
    """`Ada Lovelace_101_assignsubmission_file/...`, or with the file's name where the download has no folders."""
    users: dict[str, tuple[re.Match[str], list[Entry]]] = {}
    for name, files in groups.items():
        match = _MOODLE.fullmatch(name)
        if match is None:
            reading.leave(name, files, "its name is none that Moodle gives")
        elif len(_MOODLE_MARK.findall(name)) > 1:  # a student's name or file may hold what looks like another's id
            reading.unclear[name] = "its name fits more than one student; look whose it is, and rename it"
        elif match["kind"] != "file":
            reading.skipped[name] = "it is text typed into Moodle, not a file"
        else:
            own = users.setdefault(match["user"], (match, []))[1]
            own += [entry.below(0, match["file"]) if _is_file(files) else entry.below(1) for entry in files]
    for user, (match, files) in users.items():
        origin = match[0] if not match["file"] else f"{match['name']}_{user}"
        reading.arrivals.append(Arrival(f"moodle-{user}", {"moodle_id": user}, match["name"], origin, tuple(files)))


def _gradescope(groups: Groups, reading: _Reading) -> None:
    """`submission_123/...` with a table of submitters; a group's hand-in arrives once for each of them."""
    table = groups.pop(METADATA, [])
    about, problem = read_table(table[0].path if table else None)
    if problem:
        reading.skipped[METADATA] = problem
    for name, files in groups.items():
        match = _GRADESCOPE.fullmatch(name)
        if match is None or _is_file(files):
            reading.leave(name, files, "its name is none that Gradescope gives")
            continue
        row = about.get(name)
        row = row if isinstance(row, dict) else {}
        submitters = row.get(":submitters")
        people = [each for each in submitters if isinstance(each, dict)] if isinstance(submitters, list) else []
        when = time_in(row.get(":created_at"))
        inner = tuple(entry.below(1) for entry in files)
        order = (when.timestamp() if when else 0.0, int(match["number"]))
        names = [str(person.get(":name") or person.get(":email") or "?") for person in people]
        for person in people or [{}]:
            ids = {kind: str(person.get(key) or "").strip() for kind, key in _GRADESCOPE_IDS.items()}
            ids = {kind: value for kind, value in ids.items() if value}
            own = next(iter(ids.values()), f"submission-{match['number']}")
            group = (f"group of {shared(names)}",) if len(people) > 1 else ()
            reading.arrivals.append(
                Arrival(
                    student=f"gradescope-{own}",
                    ids=ids,
                    name=str(person.get(":name") or ""),
                    origin=name,
                    files=inner,
                    when=when,
                    order=order,
                    remarks=group if people else (f"{METADATA} does not say whose it is",),
                )
            )


_GRADESCOPE_IDS = {"gradescope_id": ":sid", "email": ":email"}


def _exchange(groups: Groups, reading: _Reading) -> None:
    """`ada+deep_nets+2026-11-20 22:41:05.000000 UTC+random/...`."""
    for name, files in groups.items():
        match = _EXCHANGE.fullmatch(name)
        if match is None or _is_file(files):
            reading.leave(name, files, "its name is none that nbgrader gives")
        elif match["assignment"] != reading.assignment:
            reading.skipped[name] = f"it answers {match['assignment']}, not {reading.assignment}"
        else:
            text = match["time"]
            when = moment(text if re.search(r"[+-]\d\d:?\d\d$|Z$|UTC$", text) else f"{text} UTC")
            reading.arrivals.append(
                Arrival(
                    student=match["user"],
                    ids={},
                    name=match["user"],
                    origin=name,
                    files=tuple(entry.below(1) for entry in files),
                    when=when,
                    order=(when.timestamp() if when else 0.0,),
                    remarks=() if when else ("its name holds no time that can be read",),
                )
            )


def _folders(groups: Groups, reading: _Reading) -> None:
    """`ada/...`, `ada.zip` or `deep_nets_hand_in_ada.zip`."""
    for name, files in groups.items():
        if _is_file(files) and not name.lower().endswith(".zip"):
            reading.skipped[name] = "it is neither a folder nor a zip, so it is nobody's"
            continue
        own = PurePosixPath(name).stem if _is_file(files) else name
        match = _OURS.fullmatch(own)
        if match is not None and match["assignment"] == reading.assignment and _is_file(files):
            own = match["name"]
        inner = tuple(files) if _is_file(files) else tuple(entry.below(1) for entry in files)
        reading.arrivals.append(Arrival(own, {}, own, name, inner, order=(float(not _is_file(files)),)))


def _matches(pattern: re.Pattern[str], *, folder: bool) -> Callable[[str, list[Entry]], bool]:
    return lambda name, files: pattern.fullmatch(name) is not None and (not folder or not _is_file(files))


_KINDS: dict[str, tuple[Callable[[str, list[Entry]], bool], Callable[[Groups, _Reading], None]]] = {
    "Gradescope export": (
        lambda name, files: name == METADATA or (_GRADESCOPE.fullmatch(name) is not None and not _is_file(files)),
        _gradescope,
    ),
    "Moodle download": (_matches(_MOODLE, folder=False), _moodle),
    "nbgrader exchange": (_matches(_EXCHANGE, folder=True), _exchange),
    "Canvas download": (
        lambda name, files: _is_file(files) and bool(_CANVAS.fullmatch(name) or _CANVAS_ANONYMOUS.match(name)),
        _canvas,
    ),
}
