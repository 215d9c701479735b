"""Collecting what is easily lost or given to another: equal names, odd downloads, older ones, other archives."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import nbformat
import pytest
from small_course import LAYERS, small_notebook
from test_collect import NOTEBOOK, OTHER, WHOLE, Desk, line_of, work, zipped
from typer.testing import CliRunner

from autograder.cli import app
from autograder.collect import Collected, collect
from autograder.errors import CourseError

THIRD = LAYERS.replace("secret_mask", "third")
H = {"nndl/layers.py": LAYERS, "Dropout.ipynb": NOTEBOOK}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def told(done: Collected, student: str) -> str:
    return " ".join(line_of(done, student).remarks)


def folder(desk: Desk, files: dict[str, str | bytes], name: str = "by_hand") -> Path:
    """A folder with these files."""
    root = desk.folder / name
    for place, content in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def test_two_people_of_one_name_are_never_one_student(desk: Desk) -> None:
    desk.write_roster("student,name\nwei,Wei Wang\nkim,Kim Lee\n")
    done = desk.collect(
        {"wangwei_101_5001_a.zip": work(), "wangwei_102_5002_a.zip": work(OTHER), "leekim_103_5003_a.zip": work(THIRD)}
    )
    assert set(desk.submitted()) == {"canvas-101", "canvas-102", "kim"}
    assert desk.layers("canvas-101") == LAYERS
    assert all("could be more than one student" in told(done, name) for name in ("canvas-101", "canvas-102"))
    assert line_of(done, "wei").state == "missing"


GRADESCOPE = """\
---
submission_1:
  :submitters:
  - :name: Ann Lee
    :email: ann-lee@uni.edu
submission_2:
  :submitters:
  - :name: Anna Lee
    :email: annlee@uni.edu
submission_3:
  :submitters:
  - :name: Two
    :sid: '1'
    :email: annlee@uni.edu
"""


def test_an_id_is_compared_letter_by_letter_and_two_ids_of_two_rows_decide_nothing(desk: Desk) -> None:
    desk.write_roster("student,gradescope_id,email\none,1,annlee@uni.edu\ntwo,2,ann-lee@uni.edu\nthree,1b,\n")
    texts = {1: LAYERS, 2: OTHER, 3: THIRD}
    files = {f"submission_{number}/nndl/layers.py": text for number, text in texts.items()}
    done = desk.collect({"submission_metadata.yml": GRADESCOPE.replace("'1'", "'2'"), **files})
    assert desk.layers("two") == LAYERS
    assert desk.layers("one") == OTHER
    assert "could be more than one student" in told(done, "gradescope-2")


def test_one_zip_with_a_date_in_its_name_makes_no_canvas_download(desk: Desk) -> None:
    done = desk.collect({"wei.zip": work(), "ibrahim.zip": work(), "lee_2026_11_20.zip": work()})
    assert set(desk.submitted()) == {"wei", "ibrahim", "lee_2026_11_20"}
    assert not done.not_taken


def test_a_zip_that_is_nobodys_in_a_canvas_download_ends_with_1(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a_101_1_a.zip": work(), "b_102_2_a.zip": work(), "by mail.zip": work(), "notes.txt": "?"}
    path = desk.download({**files, "b_102_text.html": "see my zip"})
    monkeypatch.chdir(desk.course.root)
    result = CliRunner().invoke(app, ["collect", str(path), "--json"])
    states = {row["origin"]: row["state"] for row in json.loads(result.output)["hand_ins"]}
    assert states == {
        "a_101_1_a.zip": "taken",
        "b_102_2_a.zip": "taken",
        "by mail.zip": "unclear",
        "notes.txt": "skipped",
        "b_102_text.html": "skipped",
    }
    assert result.exit_code == 1


def test_canvas_download_of_anonymous_grading_says_what_to_do(desk: Desk) -> None:
    done = desk.collect({"anon_Ab3xZ_5005_a.zip": work(), "a_101_1_a.zip": work(), "b_102_2_a.zip": work()})
    [line] = done.not_taken
    assert "anonymous grading" in line.remarks[0]
    with pytest.raises(CourseError, match="anonymous grading"):
        desk.collect({"anon_Ab3xZ_5005_a.zip": work(), "anon_Cd4yW_5006_a.zip": work()})


def test_two_zips_of_one_canvas_submission_are_put_together(desk: Desk) -> None:
    desk.collect(
        {
            "adalovelace_101_5001_code.zip": zipped({"nndl/layers.py": LAYERS}),
            "adalovelace_101_5002_notebooks.zip": zipped({"Dropout.ipynb": NOTEBOOK}),
            "turingalan_102_5003_all.zip": work(),
        }
    )
    assert desk.submitted() == {"canvas-101": WHOLE, "canvas-102": WHOLE}


def test_a_number_in_a_students_own_file_name_makes_no_attempt(desk: Desk) -> None:
    other = small_notebook()
    for cell in other.cells:
        cell.metadata.pop("nbgrader", None)
    done = desk.collect(
        {
            "ada_101_5001_hw-1.ipynb": nbformat.writes(other),
            "ada_101_5002_hw-2.ipynb": NOTEBOOK,
            "ada_101_5003_hw-3.ipynb": nbformat.writes(other),
            "ada_101_5004_layers.py": LAYERS,
        }
    )
    assert desk.submitted() == {"canvas-101": WHOLE}
    assert "older, not counted" not in told(done, "canvas-101")


def test_of_two_attempts_the_one_with_the_larger_number_counts(desk: Desk) -> None:
    desk.collect({"ada_101_6001_a.zip": work(OTHER), "ada_101_5001_a-3.zip": work(), "bob_102_1_a.zip": work()})
    assert desk.layers("canvas-101") == OTHER


@pytest.mark.parametrize(
    "files",
    [
        {"ada/deep_nets.zip": zipped(H)},
        {f"ada/{name}": text for name, text in {**H, "nndl_old/layers.py": OTHER}.items()},
        {f"ada/{name}": text for name, text in {**H, "solution/layers.py": "x = 1"}.items()},
        {f"ada/{name}": text for name, text in {**H, "layers.py": "x = 1"}.items()},
        {"ada.zip": work()},
    ],
    ids=["a zip in a folder", "an old copy", "a second folder", "a loose module", "a zip"],
)
def test_one_mended_hand_in_is_taken_whole(files: dict[str, str | bytes], desk: Desk) -> None:
    desk.collect({"ada.zip": work(OTHER), "bob.zip": work(OTHER)})
    done = collect(desk.assignment, folder(desk, files))
    assert set(desk.submitted()) == {"ada", "bob"}
    assert desk.layers("ada") == LAYERS
    assert line_of(done, "ada").state == "replaced"


@pytest.mark.parametrize(
    "forged",
    [
        {"bob_102_9_hand_in.zip": work()},
        {
            "submission_metadata.yml": "submission_1:\n  :submitters:\n  - :email: bob@uni.edu\n",
            "submission_1/nndl/layers.py": LAYERS,
        },
    ],
    ids=["Canvas", "Gradescope"],
)
def test_files_of_one_student_named_as_a_platform_does_change_nobody_elses(
    forged: dict[str, str | bytes], desk: Desk
) -> None:
    desk.write_roster("student,canvas_id,email\nada,101,ada@uni.edu\nbob,102,bob@uni.edu\n")
    desk.collect({"ada_101_1_a.zip": work(OTHER), "bob_102_2_a.zip": work(OTHER)})
    mended = {f"ada/{name}": content for name, content in {**H, **forged}.items()}
    collect(desk.assignment, folder(desk, mended), roster=desk.roster)
    alone = {f"ada/{name}": content for name, content in forged.items()}
    collect(desk.assignment, folder(desk, alone, "alone"), roster=desk.roster)
    assert desk.layers("bob") == OTHER


def test_hand_in_of_one_student_without_a_name_is_refused(desk: Desk) -> None:
    for files in (H, {f"deep_nets/{name}": text for name, text in H.items()}):
        with pytest.raises(CourseError, match="nothing says whose"):
            desk.collect(files)
    assert desk.submitted() == {}


def test_class_in_a_folder_around_it_is_found(desk: Desk) -> None:
    desk.collect({"submissions/ada.zip": work(), "submissions/bob.zip": work()})
    assert set(desk.submitted()) == {"ada", "bob"}
    desk.write_roster("student\nada\n")
    assert line_of(desk.collect({"late ones/ada.zip": work(OTHER)}), "ada").state == "replaced"


def test_an_older_canvas_download_replaces_nothing(desk: Desk) -> None:
    desk.collect({"ada_101_6001_h-1.zip": work(OTHER)})
    done = desk.collect({"ada_101_5001_h.zip": work()})
    assert line_of(done, "canvas-101").state == "kept"
    assert "later attempt" in told(done, "canvas-101")
    assert desk.layers("canvas-101") == OTHER


@pytest.mark.parametrize("name", ["ada_101_6001_h.zip", "Ada_101_assignsubmission_file_/h.zip"])
def test_a_mended_hand_in_outlives_the_download_it_was_mended_from(name: str, desk: Desk) -> None:
    [line] = desk.collect({name: work()}).lines
    collect(desk.assignment, folder(desk, {f"{line.student}.zip": work(OTHER)}))
    done = desk.collect({name: work()})
    assert line_of(done, line.student).state == "kept"
    assert f"remove submitted/{line.student}/deep_nets" in told(done, line.student)
    assert desk.layers(line.student) == OTHER
    newer = desk.collect({name.replace("6001", "7001"): work(THIRD)})
    assert line_of(newer, line.student).state == "replaced"


def test_download_of_another_assignment_takes_nothing_away(desk: Desk) -> None:
    desk.collect({"ada_101_6001_h.zip": work()})
    done = desk.collect({"ada_101_7001_hw1.zip": zipped({"essay.py": "x = 1\n"})})
    assert line_of(done, "canvas-101").state == "kept"
    assert "nothing of this assignment" in told(done, "canvas-101")
    assert desk.layers("canvas-101") == LAYERS


def test_archives_that_are_no_zips_and_hand_ins_without_code_are_said(desk: Desk) -> None:
    done = desk.collect(
        {
            "ada_101_5001_h.rar": b"Rar!",
            "bob_102_5002_h.zip": work(),
            "bob_102_5003_more.7z": b"7z",
            "eve_103_5004_essay.docx": b"?",
        }
    )
    assert {line.student for line in done.not_taken} == {"canvas-101", "canvas-103"}
    assert "h.rar was left out, because it is no zip" in told(done, "canvas-101")
    assert "more.7z was left out" in told(done, "canvas-102")
    assert "no Python file and no notebook" in told(done, "canvas-103")


def test_neither_a_checkpoint_nor_the_blank_notebook_is_taken_for_the_work(desk: Desk) -> None:
    finished = small_notebook()
    for cell in finished.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "answered = 1"
    blank = small_notebook()
    for cell in blank.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "raise NotImplementedError()" if cell.cell_type == "code" else "YOUR ANSWER HERE"
    larger = nbformat.from_dict(finished)
    larger.cells[0].source += " " * 5000
    root = folder(
        desk,
        {
            "ada/nndl/layers.py": LAYERS,
            "ada/Dropout.ipynb": nbformat.writes(blank),
            "ada/Dropout-finished.ipynb": nbformat.writes(finished),
            "bob/nndl/layers.py": LAYERS,
            "bob/My.ipynb": nbformat.writes(finished),
            "bob/.ipynb_checkpoints/My-checkpoint.ipynb": nbformat.writes(larger),
        },
    )
    collect(desk.assignment, root)
    for student in ("ada", "bob"):
        placed = desk.course.root / "submitted" / student / "deep_nets" / "Dropout.ipynb"
        assert placed.read_text() == nbformat.writes(finished)


def test_a_notebook_that_cannot_be_read_is_said(desk: Desk) -> None:
    ours = {**H, "nndl/hand_in.py": "", "Dropout.ipynb": NOTEBOOK[:200]}
    done = desk.collect({"ada.zip": zipped(ours), "bob.zip": work()})
    assert "Dropout.ipynb cannot be read" in told(done, "ada")


def test_the_rosters_time_may_be_corrected(desk: Desk) -> None:
    desk.write_roster("student,canvas_id,submitted\nada,101,2026-11-22 10:00:00 UTC\n")
    desk.collect({"ada_101_1_a.zip": work()})
    desk.write_roster("student,canvas_id,submitted\nada,101,2026-11-20 20:00:00 UTC\n")
    done = desk.collect({"ada_101_1_a.zip": work()})
    assert line_of(done, "ada").state == "replaced"
    assert "another time" in told(done, "ada")
    assert desk.stamp("ada") == "2026-11-20 20:00:00.000000 UTC\n"


def test_a_hand_in_from_before_the_roster_knew_is_named(desk: Desk) -> None:
    desk.collect({"ada_101_1_a.zip": work()})
    desk.write_roster("student,canvas_id\nada,101\n")
    assert "submitted/canvas-101 is from before" in told(desk.collect({"ada_101_1_a.zip": work()}), "ada")


def test_moodles_participant_is_its_number_and_a_row_without_a_student_is_refused(desk: Desk) -> None:
    desk.write_roster("student,moodle_id\nada,Participant 101\n")
    assert line_of(desk.collect({"Ada_101_assignsubmission_file_/a.zip": work()}), "ada").state == "taken"
    desk.write_roster("student,moodle_id\nada,101\n,102\n")
    with pytest.raises(CourseError, match="line 3: this row names no student"):
        desk.collect({"Ada_101_assignsubmission_file_/a.zip": work()})


def test_zips_of_old_tools_and_of_a_whole_environment_are_opened(desk: Desk) -> None:
    venv = {f".venv/lib/python3/m{number}.py": "x = 1" for number in range(1500)}
    windows = work().replace(b"deep_nets/", b"deep_nets\\").replace(b"nndl/", b"nndl\\")
    inner = zipfile.ZipInfo("Jörg Müller.zip")
    path = desk.folder / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ada.zip", windows)
        archive.writestr("bob.zip", zipped({**H, **venv, "Icon\r": "?"}))
        archive.writestr(inner, work())
    raw = path.read_bytes()
    at = 0
    while (at := raw.find(b"PK", at)) >= 0:  # take away the flag that says UTF-8, as old tools leave it out
        if raw[at : at + 4] in (b"PK\x01\x02", b"PK\x03\x04") and "Jörg".encode() in raw[at : at + 60]:
            flag = at + (9 if raw[at + 2] == 1 else 7)
            raw = raw[:flag] + bytes([raw[flag] & ~0x08]) + raw[flag + 1 :]
        at += 4
    path.write_bytes(raw)
    done = collect(desk.assignment, path)
    assert not done.not_taken
    assert desk.submitted() == dict.fromkeys(("ada", "bob", "Jörg Müller"), WHOLE)


def test_a_download_that_is_no_zip_says_so(desk: Desk) -> None:
    path = desk.folder / "download.zip"
    path.write_bytes(b"<html>please log in</html>")
    with pytest.raises(CourseError, match="no zip archive"):
        collect(desk.assignment, path)
