"""Collecting: downloads of every platform, written here by code, become submitted/<student>/deep_nets/."""

from __future__ import annotations

import io
import json
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from courses import COURSES
from courses import files as files_of_course
from nbgrader.utils import parse_utc
from small_course import LAYERS, ROOT, make_course, small_notebook
from typer.testing import CliRunner

from autograder.cli import app
from autograder.collect import Collected, Line, collect
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.rehearsal.writing import simulate
from autograder.roster import safe_name

Files = Mapping[str, str | bytes]
NOTEBOOK = json.dumps(small_notebook())
WORK: Files = {"deep_nets/Dropout.ipynb": NOTEBOOK, "deep_nets/nndl/layers.py": LAYERS}
OTHER = LAYERS.replace("secret_mask", "mask")


def zipped(files: Files) -> bytes:
    """A zip of these files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def work(layers: str = LAYERS, **more: str | bytes) -> bytes:
    """A whole hand-in, as a zip."""
    return zipped({**WORK, "deep_nets/nndl/layers.py": layers, **more})


def link() -> bytes:
    """A zip with a link out of it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("nndl/layers.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return made.getvalue()


def bomb() -> bytes:
    """300 MB of zeros in 300 kB."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("nndl/layers.py", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    return made.getvalue()


class Desk:
    """A course and what lies on the desk of whoever collects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = folder / "course"
        root.mkdir()
        self.course = make_course(root)
        self.roster: Path | None = None

    @property
    def assignment(self) -> Assignment:
        return self.course.assignment("deep_nets")

    def download(self, files: Files) -> Path:
        """The zip that a platform gives."""
        path = self.folder / "download.zip"
        path.write_bytes(zipped(files))
        return path

    def write_roster(self, text: str) -> None:
        self.roster = self.folder / "roster.csv"
        self.roster.write_text(text, encoding="utf-8")

    def collect(self, files: Files) -> Collected:
        return collect(self.assignment, self.download(files), roster=self.roster)

    def submitted(self) -> dict[str, set[str]]:
        """The files of each student."""
        found = {}
        for folder in (self.course.root / "submitted").glob("*/deep_nets"):
            names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            found[folder.parent.name] = set(names)
        return found

    def layers(self, student: str) -> str:
        return (self.course.root / "submitted" / student / "deep_nets" / "nndl" / "layers.py").read_text()

    def stamp(self, student: str) -> str:
        path = self.course.root / "submitted" / student / "deep_nets" / "timestamp.txt"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def line_of(collected: Collected, student: str) -> Line:
    [found] = [line for line in collected.lines if line.student == student]
    return found


WHOLE = {"Dropout.ipynb", "nndl/layers.py"}


def test_canvas_newest_attempt_counts_and_late_is_told(desk: Desk) -> None:
    done = desk.collect(
        {
            "lovelaceada_101_2001_hand_in.zip": work(),
            "lovelaceada_LATE_101_2007_hand_in-1.zip": work(OTHER),
            "turingalan_102_2002_hand_in.zip": work(),
        }
    )
    assert done.kind == "Canvas download"
    assert desk.submitted() == {"canvas-101": WHOLE, "canvas-102": WHOLE}
    assert desk.layers("canvas-101") == OTHER
    ada = line_of(done, "canvas-101")
    assert ada.state == "taken"
    assert ada.origin == "lovelaceada_LATE_101_2007_hand_in-1.zip"
    assert any("lovelaceada_101_2001_hand_in.zip" in remark and "older" in remark for remark in ada.remarks)
    assert any("late" in remark for remark in ada.remarks)
    assert not any("late" in remark for remark in line_of(done, "canvas-102").remarks)


def test_canvas_files_uploaded_singly_become_a_package(desk: Desk) -> None:
    done = desk.collect(
        {
            "lovelaceada_101_2001_layers.py": LAYERS,
            "lovelaceada_101_2005_layers-1.py": OTHER,
            "lovelaceada_101_2003_helper.py": "x = 1\n",
            "lovelaceada_101_2004_Dropout-1.ipynb": NOTEBOOK,
        }
    )
    assert desk.submitted() == {"canvas-101": {*WHOLE, "nndl/helper.py"}}
    assert desk.layers("canvas-101") == OTHER
    assert any("layers.py" in remark and "older" in remark for remark in line_of(done, "canvas-101").remarks)


def test_canvas_files_of_two_submissions_are_not_mixed(desk: Desk) -> None:
    desk.collect(
        {
            "lovelaceada_101_2001_layers.py": LAYERS,
            "lovelaceada_101_2001_helper.py": "x = 1\n",
            "lovelaceada_101_2002_layers-1.py": OTHER,
            "lovelaceada_101_2002_Dropout.ipynb": NOTEBOOK,
        }
    )
    assert desk.submitted() == {"canvas-101": WHOLE}
    assert desk.layers("canvas-101") == OTHER


def test_moodle_folders_and_typed_text(desk: Desk) -> None:
    desk.write_roster("student,moodle_id\nada,11\nalan,12\n")
    done = desk.collect(
        {
            "Ada Lovelace_11_assignsubmission_file/hand_in.zip": work(),
            "Alan Turing_12_assignsubmission_file_/deep_nets/Dropout.ipynb": NOTEBOOK,
            "Alan Turing_12_assignsubmission_file_/deep_nets/nndl/layers.py": OTHER,
            "Alan Turing_12_assignsubmission_onlinetext_/onlinetext.html": "see my zip",
        }
    )
    assert done.kind == "Moodle download"
    assert desk.submitted() == {"ada": WHOLE, "alan": WHOLE}
    assert desk.layers("alan") == OTHER
    assert [line.origin for line in done.lines if line.state == "skipped"] == [
        "Alan Turing_12_assignsubmission_onlinetext_"
    ]


def test_a_file_named_like_another_students_hand_in_is_nobodys(desk: Desk) -> None:
    desk.write_roster("student,moodle_id\nada,11\nmallory,66\n")
    forged = "Mallory_66_assignsubmission_file_x_11_assignsubmission_file_hand_in.zip"
    by_name = "Mallory_11_assignsubmission_file__66_assignsubmission_file/hand_in.zip"
    done = desk.collect({"Ada_11_assignsubmission_file_hand_in.zip": work(), forged: work(OTHER), by_name: work(OTHER)})
    assert desk.submitted() == {"ada": WHOLE}
    assert desk.layers("ada") == LAYERS
    unclear = {line.origin: line.remarks[0] for line in done.not_taken}
    assert set(unclear) == {forged, by_name.partition("/")[0]}
    assert all("more than one student" in reason for reason in unclear.values())


def test_a_file_named_as_another_platform_does_changes_nobody_elses(desk: Desk) -> None:
    desk.write_roster("student,canvas_id\n4711,103\nmallory,104\nada,101\n")
    done = desk.collect(
        {
            "mallory_104_2004_x_4711_assignsubmission_file_hand_in.zip": work(OTHER),
            "turing_103_2003_hand_in.zip": work(),
            "lovelace_101_2001_hand_in.zip": work(),
        }
    )
    assert done.kind == "Canvas download"
    assert desk.submitted() == {"mallory": WHOLE, "4711": WHOLE, "ada": WHOLE}
    assert desk.layers("4711") == LAYERS


def test_a_hand_in_that_looks_like_a_table_of_millions_stops_no_other(desk: Desk) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:  # a platform that does not pack again
        archive.writestr("ada.zip", work())
        archive.writestr("mallory.zip", b"PK\x01\x02" * 2_100_000)
    download = desk.folder / "class.zip"
    download.write_bytes(made.getvalue())
    done = collect(desk.assignment, download)
    assert line_of(done, "ada").state == "taken"
    assert line_of(done, "mallory").state == "unopened"


GRADESCOPE = """\
---
submission_501:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1815'
    :email: ada@example.org
  - :name: Alan Turing
    :sid: '1912'
    :email: alan@example.org
  :created_at: 2026-11-20 22:41:05.123456000 Z
  :score: 0.0
submission_502:
  :submitters:
  - :name: Grace Hopper
    :sid:
    :email: grace@example.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: &1 2026-11-21 01:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: *1
"""


def test_gradescope_group_gets_a_hand_in_each_with_the_platforms_time(desk: Desk) -> None:
    desk.write_roster("student,gradescope_id,email\nada,1815,\nalan,1912,\ngrace,,Grace@example.org\nnoel,7,\n")
    done = desk.collect(
        {
            "assignment_export/submission_metadata.yml": GRADESCOPE,
            "assignment_export/submission_501/nndl/layers.py": LAYERS,
            "assignment_export/submission_501/Dropout.ipynb": NOTEBOOK,
            "assignment_export/submission_501/timestamp.txt": "2001-01-01 00:00:00 UTC\n",
            "assignment_export/submission_502/hand_in.zip": work(OTHER),
        }
    )
    assert done.kind == "Gradescope export"
    assert desk.submitted() == {name: {*WHOLE, "timestamp.txt"} for name in ("ada", "alan", "grace")}
    assert parse_utc(desk.stamp("alan").strip()).isoformat() == "2026-11-20T22:41:05.123456"
    assert parse_utc(desk.stamp("grace").strip()).isoformat() == "2026-11-21T01:00:00"
    assert any("Ada Lovelace, Alan Turing" in remark for remark in line_of(done, "ada").remarks)
    assert line_of(done, "noel").state == "missing"


def test_a_name_that_no_file_system_takes_stops_nobody(desk: Desk) -> None:
    name = "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 90  # 270 bytes
    text = f"---\nsubmission_501:\n  :submitters:\n  - :name: Eve\n    :sid: {name}\n"
    text += "submission_502:\n  :submitters:\n  - :name: Ada\n"
    files = {f"export/submission_{number}/nndl/layers.py": LAYERS for number in (501, 502)}
    done = desk.collect({"export/submission_metadata.yml": text, **files})
    assert [line.state for line in done.lines] == ["taken", "taken"]
    assert len(desk.submitted()) == 2


def test_nbgrader_exchange_takes_the_latest_of_this_assignment(desk: Desk) -> None:
    inner = {name.removeprefix("deep_nets/"): content for name, content in WORK.items()}
    folders = {
        "ada+deep_nets+2026-11-19 10:00:00.000001 UTC+YWJj": inner,
        "ada+deep_nets+2026-11-20 09:30:00.500000 UTC": {**inner, "nndl/layers.py": OTHER, "timestamp.txt": "1999"},
        "alan+shallow_nets+2026-11-20 09:30:00.000000 UTC": inner,
    }
    done = desk.collect({f"{folder}/{name}": text for folder, own in folders.items() for name, text in own.items()})
    assert done.kind == "nbgrader exchange"
    assert desk.submitted() == {"ada": {*WHOLE, "timestamp.txt"}}
    assert desk.layers("ada") == OTHER
    assert desk.stamp("ada") == "2026-11-20 09:30:00.500000 UTC\n"
    assert any(line.state == "skipped" and "shallow_nets" in line.remarks[0] for line in done.lines)


def test_folder_of_zips_and_folders_and_our_own_zips(desk: Desk) -> None:
    folder = desk.folder / "from_mail"
    for name, content in {
        "ada.zip": work(),
        "deep_nets_hand_in_alan.zip": work(OTHER),
        "grace/deep_nets/Dropout.ipynb": NOTEBOOK.encode(),
        "grace/deep_nets/nndl/layers.py": LAYERS.encode(),
        "grace/deep_nets/timestamp.txt": b"2001-01-01 00:00:00 UTC\n",
        "notes.txt": b"?",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "mallory").symlink_to("/etc")
    done = collect(desk.assignment, folder)
    assert desk.submitted() == dict.fromkeys(("ada", "alan", "grace"), WHOLE)
    assert [line.origin for line in done.lines if line.state == "skipped"] == ["mallory", "notes.txt"]


def test_zip_made_by_hand_in_is_collected(desk: Desk) -> None:
    from nndl.hand_in import files_to_pack, write_zip

    mine = desk.folder / "mine"
    (mine / "nndl").mkdir(parents=True)
    (mine / "Dropout.ipynb").write_text(NOTEBOOK)
    (mine / "nndl" / "layers.py").write_text(LAYERS)
    write_zip(mine, files_to_pack(mine), desk.folder / "hand_in.zip")
    packed = (desk.folder / "hand_in.zip").read_bytes()
    done = desk.collect({"lovelaceada_101_2001_deep_nets_hand_in.zip": packed})
    assert desk.submitted() == {"canvas-101": WHOLE}
    assert line_of(done, "canvas-101").remarks == ()


def test_one_bad_hand_in_stops_no_other_and_leaves_an_empty_folder(desk: Desk) -> None:
    download = {
        "bomb_101_2001_hand_in.zip": bomb(),
        "link_102_2002_hand_in.zip": link(),
        "broken_103_2003_hand_in.zip": b"PK no zip at all",
        "empty_104_2004_hand_in.zip": zipped({}),
        "good_105_2005_hand_in.zip": work(),
        "out_106_2006_hand_in.zip": zipped({"../../evil.py": "x = 1\n", **WORK}),
    }
    done = desk.collect(download)
    bad = {f"canvas-{number}" for number in (101, 102, 103, 104, 106)}
    assert desk.submitted() == {**{name: set() for name in bad}, "canvas-105": WHOLE}
    assert {line.student for line in done.not_taken} == bad
    reasons = {line.student: " ".join(line.remarks) for line in done.not_taken}
    assert "too much" in reasons["canvas-101"]
    assert "link" in reasons["canvas-102"]
    assert "cannot be opened" in reasons["canvas-103"]
    assert "no file" in reasons["canvas-104"]
    assert "leads elsewhere" in reasons["canvas-106"]
    assert not list(desk.folder.rglob("evil.py"))


def test_bad_name_in_the_class_archive_costs_its_owner_only(desk: Desk) -> None:
    done = desk.collect(
        {
            "Ada_11_assignsubmission_file_/../../../evil.py": "x = 1\n",
            "Alan_12_assignsubmission_file_/hand_in.zip": work(),
        }
    )
    assert line_of(done, "moodle-12").state == "taken"
    assert line_of(done, "moodle-11").state == "unopened"
    assert not list(desk.folder.rglob("evil.py"))


def test_newest_that_cannot_be_opened_gives_way_to_the_one_before(desk: Desk) -> None:
    done = desk.collect({"ada_101_2001_a.zip": work(), "ada_101_2002_a-1.zip": b"broken"})
    assert desk.submitted() == {"canvas-101": WHOLE}
    assert any("ada_101_2002_a-1.zip cannot be opened" in remark for remark in line_of(done, "canvas-101").remarks)


def test_broken_newcomer_does_not_replace_what_is_there(desk: Desk) -> None:
    desk.collect({"ada_101_2001_a.zip": work()})
    done = desk.collect({"ada_101_2002_a-1.zip": b"broken"})
    assert line_of(done, "canvas-101").state == "kept"
    assert desk.submitted() == {"canvas-101": WHOLE}


def test_two_students_of_equal_name_stay_two(desk: Desk) -> None:
    desk.write_roster("student,canvas_id,name\nada1,101,Ada Lovelace\nada2,102,Ada Lovelace\n")
    desk.collect({"lovelaceada_101_1_a.zip": work(), "lovelaceada_102_2_a.zip": work(OTHER)})
    assert (desk.layers("ada1"), desk.layers("ada2")) == (LAYERS, OTHER)


def test_name_alone_maps_where_the_roster_has_no_ids_and_it_is_unique(desk: Desk) -> None:
    desk.write_roster("student;name\nada;Lovelace, Ada\nbo1;Bo Li\nbo2;Bo Li\n")
    done = desk.collect({f"{name}_{at}_{at}_a.zip": work() for at, name in enumerate(("lovelaceada", "libo"), 101)})
    assert set(desk.submitted()) == {"ada", "canvas-102"}
    assert any("not in the roster" in remark for remark in line_of(done, "canvas-102").remarks)


def test_unknown_id_is_never_mapped_by_its_name(desk: Desk) -> None:
    desk.write_roster("student,canvas_id,name\nada,101,Ada Lovelace\n")
    desk.collect({"lovelaceada_666_1_a.zip": work()})
    assert set(desk.submitted()) == {"canvas-666"}


@pytest.mark.parametrize("name", ["Zoë Müller", "李雷", "Ada [TA]", ".hidden", "a\u202eb", "x" * 150])
def test_names_of_students_are_fit_for_folders_and_for_nbgrader(name: str, desk: Desk) -> None:
    folder = desk.folder / "class"
    (folder / unicodedata.normalize("NFD", name) / "nndl").mkdir(parents=True)
    (folder / unicodedata.normalize("NFD", name) / "nndl" / "layers.py").write_text(LAYERS)
    (folder / "bob.zip").write_bytes(work())
    collect(desk.assignment, folder)
    [made] = set(desk.submitted()) - {"bob"}
    assert made.isprintable()
    assert unicodedata.is_normalized("NFC", made)
    assert not made.startswith(".")
    assert not set(made) & set("[]/\\")
    assert safe_name(made) == made
    assert made == name or made.rpartition("-")[2] != ""


def test_names_that_differ_only_in_what_is_taken_out_stay_two() -> None:
    assert safe_name("ada[1]") != safe_name("ada(1]")
    assert safe_name("..") != safe_name(".")


def test_nested_folders_and_renamed_notebook_are_found_by_content(desk: Desk) -> None:
    mine = {
        "final/really final/code/layers.py": LAYERS,
        "final/really final/Untitled7.ipynb": NOTEBOOK,
        "final/really final/scratch.ipynb": json.dumps({"nbformat": 4, "cells": []}),
        "final/timestamp.txt": "2001-01-01 00:00:00 UTC",
    }
    done = desk.collect({"ada.zip": zipped({"inner.zip": zipped(mine)}), "bob.zip": work()})
    assert desk.submitted() == {"ada": WHOLE, "bob": WHOLE}
    told = " ".join(line_of(done, "ada").remarks)
    assert "Untitled7.ipynb" in told
    assert "final/really final/code" in told
    assert "scratch.ipynb" in told


def test_zip_inside_a_zip_inside_a_zip_is_left(desk: Desk) -> None:
    done = desk.collect({"ada.zip": zipped({"b.zip": zipped({"c.zip": work()})}), "bob.zip": work()})
    assert line_of(done, "ada").state == "unopened"
    assert "zip inside a zip" in " ".join(line_of(done, "ada").remarks)


def test_larger_overlap_wins_between_two_notebooks_and_the_other_is_named(desk: Desk) -> None:
    less = small_notebook()
    less.cells = less.cells[:4]
    both = {"nndl/layers.py": LAYERS, "Dropout.ipynb": json.dumps(less), "Dropout (1).ipynb": NOTEBOOK}
    done = desk.collect({"ada.zip": zipped(both), "bob.zip": work()})
    placed = desk.course.root / "submitted" / "ada" / "deep_nets" / "Dropout.ipynb"
    assert placed.read_text() == NOTEBOOK
    assert any("not counted" in remark and "Dropout.ipynb" in remark for remark in line_of(done, "ada").remarks)


def test_damaged_notebook_is_kept_under_its_name(desk: Desk) -> None:
    folder = ROOT / "assignments" / "deep_nets" / "nndl"
    package = {f"nndl/{path.name}": path.read_text() for path in folder.glob("*.py")}
    desk.collect({"ada.zip": zipped({**package, "Dropout-1.ipynb": "{"}), "bob.zip": work()})
    assert desk.submitted()["ada"] == {"Dropout.ipynb", *package}


def test_more_complete_package_of_two_counts(desk: Desk) -> None:
    stub = "def dropout_forward(x, dropout_param):\n    raise NotImplementedError()\n"
    two = {"nndl/layers.py": stub, "nndl (2)/layers.py": LAYERS, "Dropout.ipynb": NOTEBOOK}
    done = desk.collect({"ada.zip": zipped(two), "bob.zip": work()})
    assert desk.layers("ada") == LAYERS
    assert any("not counted: nndl" in remark or "ada/nndl" in remark for remark in line_of(done, "ada").remarks)


def test_hand_in_of_another_course_is_laid_down_as_it_is(desk: Desk) -> None:
    theirs = files_of_course(COURSES["cs231n-2018"])
    desk.collect({"ada.zip": zipped(theirs), "bob.zip": work()})
    assert desk.submitted()["ada"] == {f"ada/{name}" for name in theirs}


def test_collecting_again_changes_only_what_changed(desk: Desk) -> None:
    first = desk.collect({"ada_101_1_a.zip": work(), "bob_102_2_a.zip": work()})
    assert {line.state for line in first.lines} == {"taken"}
    place = desk.course.root / "submitted" / "canvas-101" / "deep_nets"
    before = place.stat().st_ino
    second = desk.collect({"ada_101_1_a.zip": work(), "bob_102_3_a-1.zip": work(OTHER)})
    assert line_of(second, "canvas-101").state == "unchanged"
    assert place.stat().st_ino == before
    assert line_of(second, "canvas-102").state == "replaced"
    assert desk.layers("canvas-102") == OTHER
    assert {path.name for path in place.parent.iterdir()} == {"deep_nets"}
    assert not list(desk.course.root.glob(".collect-*"))


def test_another_time_replaces_and_an_older_download_does_not(desk: Desk) -> None:
    def exchange(time: str, layers: str) -> Files:
        return {f"ada+deep_nets+{time}/nndl/layers.py": layers, f"ada+deep_nets+{time}/Dropout.ipynb": NOTEBOOK}

    desk.collect(exchange("2026-11-20 09:30:00.000000 UTC", LAYERS))
    assert line_of(desk.collect(exchange("2026-11-20 09:31:00.000000 UTC", LAYERS)), "ada").state == "replaced"
    done = desk.collect(exchange("2026-11-19 09:00:00.000000 UTC", OTHER))
    assert line_of(done, "ada").state == "kept"
    assert desk.layers("ada") == LAYERS


def test_late_minutes_count_from_the_due_date_with_the_rosters_time(desk: Desk) -> None:
    toml = desk.course.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text() + "\n[late]\ndue = 2026-11-20T23:59:00+01:00\npercent_per_hour = 5\n")
    rows = ("student,canvas_id,submitted", "ada,101,2026-11-20 23:10:30 UTC", "bob,102,2026-11-20T23:00:00+01:00")
    desk.write_roster("\n".join(rows))
    done = desk.collect({"ada_LATE_101_1_a.zip": work(), "bob_102_2_a.zip": work()})
    assert [line.late_minutes for line in done.lines] == [12, 0]
    assert desk.stamp("ada") == "2026-11-20 23:10:30.000000 UTC\n"


def test_class_as_canvas_gives_it_is_laid_down_as_it_was_written(tmp_path: Path) -> None:
    def files(root: Path) -> dict[str, bytes]:
        below = root / "submitted"
        return {path.relative_to(below).as_posix(): path.read_bytes() for path in below.rglob("*") if path.is_file()}

    real = Course(ROOT)
    truth = simulate(real, "deep_nets", 30, 5, tmp_path / "folders", "folders")
    simulate(real, "deep_nets", 30, 5, tmp_path / "canvas", "canvas")
    work = Course(tmp_path / "canvas")
    done = collect(work.assignment("deep_nets"), work.root / "submissions.zip", roster=work.root / "roster.csv")
    assert {line.student: line.state for line in done.lines} == dict.fromkeys(truth.hand_ins, "taken")
    assert files(work.root) == files(tmp_path / "folders")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name\nada\n", "no column `student`"),
        ("student,canvas\nada,1\n", "unknown columns: canvas"),
        ("student,canvas_id\nada,1\nbob,1\n", "stands in two rows"),
        ("student\n../ada\n", "no name for a folder"),
        ("student,submitted\nada,2026-11-20 23:10\n", "is no time"),
    ],
)
def test_roster_that_is_wrong_is_refused(text: str, told: str, desk: Desk) -> None:
    desk.write_roster(text)
    with pytest.raises(CourseError, match=told):
        desk.collect({"ada.zip": work()})
    assert desk.submitted() == {}


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"?"), lambda path: path.mkdir()])
def test_download_that_is_none_is_refused(make: Callable[[Path], object], desk: Desk) -> None:
    path = desk.folder / "download"
    make(path)
    with pytest.raises(CourseError):
        collect(desk.assignment, path)


def test_verb_prints_a_table_or_json_and_a_dry_run_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.course.root)
    path = str(desk.download({"ada_101_1_a.zip": work(), "bob_102_2_a.zip": b"broken"}))
    dry = CliRunner().invoke(app, ["collect", path, "--dry-run"])
    assert dry.exit_code == 1
    assert "canvas-101" in dry.output
    assert not (desk.course.root / "submitted").exists()
    done = CliRunner().invoke(app, ["collect", path, "--json"])
    rows = json.loads(done.output)["hand_ins"]
    assert [(row["student"], row["state"]) for row in rows] == [("canvas-101", "taken"), ("canvas-102", "unopened")]
