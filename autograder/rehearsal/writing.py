"""Lays a made-up class out on disk: folders as the grader reads them, or one zip as Canvas gives it."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Literal

from autograder.course import Assignment, Course
from autograder.demo import make_course
from autograder.errors import CourseError
from autograder.records import write_atomically
from autograder.rehearsal.faults import FUNCTIONS, Files
from autograder.rehearsal.roll import HandIn, roll, styles_of
from autograder.rehearsal.truth import Truth
from autograder.stripping import stripped

Format = Literal["folders", "canvas"]
CANVAS, ROSTER = "submissions.zip", "roster.csv"
_DAY_ONE = (1980, 1, 1, 0, 0, 0)  # one date for every file: equal classes give equal bytes
_LATE, _AGAIN, _NESTED, _RENAMED = 12, 10, 25, 15  # of 100 hand-ins


def simulate(course: Course, name: str, count: int, seed: int, folder: Path, form: Format) -> Truth:
    """Write a class of `count` hand-ins and what each must earn, as a course of its own in `folder`.

    An earlier rehearsal in that folder is replaced.

    Raises
    ------
    CourseError
        If the folder holds something else, there is nobody in the class, or the package is another one.
    """
    if count < 1:
        raise CourseError("a class has one student at least", fix="give a number from 1 on")
    if not {f"{module}.py" for module in FUNCTIONS} <= set(course.assignment(name).settings.editable):
        fix = "lay some hand-ins of known worth into submitted/ yourself"
        raise CourseError("no class can be made up for this package", where=f"assignments/{name}", fix=fix)
    assignment = make_course(course, folder).assignment(name)
    class_ = list(roll(assignment, count, seed, styles_of(course.assignment(name))))
    if form == "canvas":
        class_ = _write_canvas(folder / CANVAS, class_, _released(assignment), random.Random(f"canvas {seed} {count}"))
    else:
        for hand_in in class_:
            _write(folder / "submitted" / hand_in.student / name, hand_in.files)
    truth = Truth(assignment=name, seed=seed, hand_ins={hand_in.student: hand_in.due for hand_in in class_})
    write_atomically(folder / "truth.json", truth.model_dump_json(indent=1))
    return truth


def _released(assignment: Assignment) -> Files:
    """The package as students get it: what an early attempt holds."""
    package = assignment.settings.package
    paths = [assignment.package / name for name in assignment.settings.editable]
    return {f"{package}/{path.name}": stripped(path.read_text(encoding="utf-8"), path.name) for path in paths}


def _write(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8"))


def _write_canvas(path: Path, class_: list[HandIn], early: Files, draw: random.Random) -> list[HandIn]:
    """One zip of zips, named as Canvas names them, and a roster: that zip knows students by numbers.

    Returns the class with who was late, and who came again.
    """
    written = []
    users = draw.sample(range(20_000, 20_000 + 40 * len(class_)), len(class_))
    rows = [f"{hand_in.student},{user},{hand_in.due.name}" for hand_in, user in zip(class_, users, strict=True)]
    write_atomically(path.with_name(ROSTER), "\n".join(["student,canvas_id,name", *rows]))
    number = 700_000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as outer:
        for hand_in, user in zip(class_, users, strict=True):
            late, again = draw.randrange(100) < _LATE, draw.randrange(100) < _AGAIN
            stem = f"{hand_in.student}{'_LATE' if late else ''}_{user}"
            if again:
                number += draw.randrange(1, 90)
                _add(outer, f"{stem}_{number}_deep_nets.zip", _zipped(early))
            number += draw.randrange(1, 90)
            packed = _zipped(_as_some_pack_it(hand_in.files, draw))
            _add(outer, f"{stem}_{number}_deep_nets{'-1' if again else ''}.zip", packed)
            due = hand_in.due.model_copy(update={"late": late, "attempts": 2 if again else 1})
            written.append(HandIn(hand_in.student, hand_in.files, due))
    return written


def _as_some_pack_it(files: Files, draw: random.Random) -> Files:
    """The files in a folder or two, with notebooks renamed as browsers do, and with what macOS adds."""
    if draw.randrange(100) < _RENAMED:
        style = draw.choice(("{} (1).ipynb", "{}-Copy1.ipynb", "my {} final.ipynb"))
        files = {
            style.format(path.removesuffix(".ipynb")) if path.endswith(".ipynb") else path: text
            for path, text in files.items()
        }
    if draw.randrange(100) < _NESTED:
        outside = draw.choice(("deep_nets/", "homework 2/deep_nets/", "Downloads/deep_nets (3)/"))
        files = {f"{outside}{path}": text for path, text in files.items()}
        files |= {"__MACOSX/._deep_nets": "Mac OS X\n"}
    return files


def _zipped(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            _add(archive, path, text.encode("utf-8"))
    return packed.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DAY_ONE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
