"""Grades from the gradebook into files of learning platforms, held against those platforms' own rules."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from nbgrader.api import Gradebook
from platform_rules import canvas_grades, check_results
from small_course import Class, cell_of
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import CourseError
from autograder.export import Choices, Table, export, grades_of
from autograder.export_sheets import harmless
from autograder.records import Records
from autograder.results import QuestionResult

TITLE = "A small course"
AUTO = 5 + 1.5 + 2.5
ROSTER = """\
student,canvas_id,sis_user_id,sis_login_id,id_number,email,name,section
ada,101,00042,ada,007,ada@example.org,Ada Lovelace,S1
alan,102,00043,alan,008,alan@example.org,"=HYPERLINK(""http://evil"")",S1
grace,103,00044,grace,009,grace@example.org,Grace Hopper,S2
"""
LATE = "\n[late]\ndue = 2026-11-20T23:59:00+01:00\npercent_per_day = 10\n"


@pytest.fixture(scope="module")
def graded_template(released_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada wrote an answer that a person graded, alan wrote none, grace handed in nothing."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(released_template, root)
    classroom = Class(root)
    (classroom.course.root / "roster.csv").write_text(ROSTER, encoding="utf-8")
    answered = classroom.released()
    cell_of(answered, "explain_scaling").source = "Because the expected value then stays."
    classroom.hand_in("ada", answered)
    classroom.hand_in("alan", classroom.released())
    assert classroom.record("ada") == classroom.record("alan") == ""
    give(classroom, "ada", 1.75)
    return root


@pytest.fixture
def graded(graded_template: Path, tmp_path: Path) -> Class:
    """A graded course of its own for one test."""
    root = tmp_path / "course"
    shutil.copytree(graded_template, root)
    return Class(root)


def give(classroom: Class, student: str, points: float | None) -> None:
    """Grade the answer in words as formgrader does."""
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        grade = book.find_grade("explain_scaling", "Dropout", "deep_nets", student)
        grade.manual_score, grade.needs_manual_grade = points, points is None
        comment = book.find_comment("explain_scaling", "Dropout", "deep_nets", student)
        comment.manual_comment = "Is E[x] < 1?\nSay why."
        book.db.commit()


def exported(classroom: Class, form: str, *, roster: bool = True, table: Table | None = None, **choices: str):
    """What `export` wrote, and what it said."""
    grades = grades_of(classroom.assignment, classroom.course.root / "roster.csv" if roster else None)
    done = export(classroom.assignment, form, grades, choices=Choices(**choices), table=table or Table())
    text = "" if form == "gradescope" else done.place.read_bytes().decode("utf-8")
    return text, done


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_canvas_file_holds_every_student_of_the_roster_under_canvas_ids(graded: Class) -> None:
    text, done = exported(graded, "canvas")
    assert canvas_grades(text, TITLE) == (20, {"101": "10.75", "102": "9", "103": ""})
    assert [grade.student for grade in done.of("missing")] == ["grace"]
    assert done.left_out == {}
    zeros, _ = exported(graded, "canvas", missing="zero")
    assert canvas_grades(zeros, TITLE)[1]["103"] == "0"


def test_no_file_holds_a_formula_or_a_shortened_id(graded: Class) -> None:
    for form in ("canvas", "moodle", "csv"):
        text, _ = exported(graded, form)
        cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert ("00042" in cells) or ("007" in cells)
    assert harmless("\uff1d1+1") == "'\uff1d1+1"  # a full-width sign is one to a spreadsheet
    assert harmless(" \t@SUM(A1)") == "'@SUM(A1)"


def test_csv_is_for_spreadsheets_and_says_everything(graded: Class) -> None:
    text, _ = exported(graded, "csv")
    assert text.startswith("\ufeff")
    ada, alan, grace = rows_of(text)
    assert (ada["id_number"], ada["dropout_backward"], ada["explain_scaling"], ada["total"]) == (
        *("007", "1.5", "1.75", "10.75"),
    )
    assert (alan["name"][:1], alan["state"], grace["state"], grace["total"]) == ("'", "graded", "missing", "")
    lines = rows_of(exported(graded, "csv", table=Table(long=True))[0])
    of_ada = {line["question"]: line for line in lines if line["student"] == "ada"}
    assert float(of_ada["total"]["earned"]) == sum(
        float(line["earned"]) for name, line in of_ada.items() if name != "total"
    )
    assert of_ada["explain_scaling"]["by"] == "a person"
    assert of_ada["explain_scaling"]["comment"] == "Is E[x] < 1? Say why."


def test_moodle_file_is_keyed_by_the_first_id_that_all_have(graded: Class) -> None:
    ada, alan, grace = rows_of(exported(graded, "moodle")[0])
    assert (ada["ID number"], ada[TITLE], alan[TITLE], grace[TITLE]) == ("007", "10.75", "9", "")
    assert "explain_scaling 1.75/2 (Is E[x] &lt; 1? Say why.)" in ada["Feedback comments"]
    roster = graded.course.root / "roster.csv"
    roster.write_text(ROSTER.replace(",008,", ",,"), encoding="utf-8")
    assert rows_of(exported(graded, "moodle")[0])[1]["Email address"] == "alan@example.org"
    roster.write_text("student,email\nada,ada@example.org\nalan,\n", encoding="utf-8")
    with pytest.raises(CourseError, match="missing for alan"):
        exported(graded, "moodle")


def test_gradescope_files_keep_the_published_format(graded: Class) -> None:
    _, done = exported(graded, "gradescope")
    assert sorted(path.parent.name for path in done.place.glob("*/results.json")) == ["ada", "alan"]
    content = json.loads((done.place / "ada" / "results.json").read_text(encoding="utf-8"))
    check_results(content)
    assert content["score"] == 10.75
    assert {test["name"]: test["score"] for test in content["tests"]}["explain_scaling"] == 1.75
    assert [test["number"] for test in content["tests"]] == ["1.1", "1.2", "1.3", "1.4"]
    assert "leaderboard" not in content


def test_grades_that_are_not_final_are_refused_unless_a_choice_is_made(graded: Class) -> None:
    give(graded, "ada", None)
    with pytest.raises(
        CourseError, match=r"^1 grades are not final: ada\n  ada: explain_scaling: to be graded by hand\n  fix: "
    ):
        exported(graded, "canvas")
    assert not (graded.course.root / "export").exists()
    assert canvas_grades(exported(graded, "canvas", unfinished="blank")[0], TITLE)[1]["101"] == ""
    assert canvas_grades(exported(graded, "canvas", unfinished="partial")[0], TITLE)[1]["101"] == "9"
    line = rows_of(exported(graded, "csv", unfinished="partial")[0])[0]
    assert (line["state"], line["waiting"]) == ("unfinished", "explain_scaling: to be graded by hand")


def test_a_fault_of_the_examiner_is_no_final_zero(graded: Class) -> None:
    origin = {"kit": "0", "edition": "canonical", "wall": "none", "data": "none"}
    fault = QuestionResult(**origin, question="dropout_forward", state="failed", share=0, reason="A person must look.")
    Records(graded.course.root / "results" / "deep_nets" / "alan").write(fault)
    with pytest.raises(CourseError, match="not final: alan"):
        exported(graded, "canvas")


def test_a_hand_in_that_nobody_graded_is_no_final_zero(graded: Class) -> None:
    (graded.course.root / "submitted" / "grace" / "deep_nets").mkdir(parents=True)
    with pytest.raises(CourseError, match="not final: grace"):
        exported(graded, "canvas")
    assert canvas_grades(exported(graded, "canvas", unfinished="partial")[0], TITLE)[1]["103"] == ""


def test_late_penalty_is_that_of_the_points_given_by_hand_too(graded: Class) -> None:
    toml = graded.course.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text() + LATE)
    graded.assignment = graded.course.assignment("deep_nets")
    (graded.course.root / "submitted" / "ada" / "deep_nets" / "timestamp.txt").write_text("2026-11-21 00:00:00 UTC\n")
    assert graded.record("ada") == ""
    give(graded, "ada", 2)  # after nbgrader has worked out its penalty
    with Gradebook(f"sqlite:///{graded.course.root}/gradebook.db") as book:
        assert book.find_submission("deep_nets", "ada").total_seconds_late == 3660
    late = (AUTO + 2) * 0.9
    assert canvas_grades(exported(graded, "canvas")[0], TITLE)[1]["101"] == f"{late:.1f}"


CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Essay (55),A small course (77),Current Score
,,,,,Manual Posting,,
"    Points Possible",,,,,10,{points},(read only)
"Lovelace, Ada",101,00042,ada,S1,9.5,,95
"Turing, Alan",102,00043,alan,S1,"8,5",3,85
"Hopper, Grace",103,00044,grace,S2,,4,
"Guest, A.",900,,guest,S2,1,,10
"Student, Test",999,,,S1,,,
"""


def test_template_of_canvas_keeps_all_but_the_cells_it_fills(graded: Class) -> None:
    path = graded.course.root / "canvas.csv"
    path.write_bytes(("\ufeff" + CANVAS.format(points="20.00")).encode())
    text, done = exported(graded, "canvas", table=Table(path))
    assert text.startswith("\ufeff")
    assert "\r" not in text
    before = list(csv.reader(io.StringIO(CANVAS.format(points="20.00"), newline="")))
    after = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    changed = {
        (row, column): (old, new)
        for row, (olds, news) in enumerate(zip(before, after, strict=True))
        for column, (old, new) in enumerate(zip(olds, news, strict=True))
        if old != new
    }
    assert changed == {(3, 6): ("", "10.75"), (4, 6): ("3", "9")}  # grace, who is missing, keeps her 4
    assert done.untouched == ["Hopper, Grace", "Guest, A.", "Student, Test"]


def test_template_names_who_is_not_in_it_and_fills_another_column_when_told(graded: Class) -> None:
    path = graded.course.root / "canvas.csv"
    kept = [line for line in CANVAS.format(points="").splitlines() if "Alan" not in line]
    path.write_text("\n".join(kept), encoding="utf-8")
    text, done = exported(graded, "canvas", table=Table(path), missing="zero")
    assert done.left_out == {"alan": "is not in canvas.csv"}
    assert [row["A small course (77)"] for row in rows_of(text)] == ["", "20", "10.75", "0", "", ""]
    path.write_text(CANVAS.format(points="").replace("Essay (55)", "Nets (55)").replace(",10,,", ",20,,"), "utf-8")
    text, _ = exported(graded, "canvas", table=Table(path, "Nets (55)"))
    assert rows_of(text)[2]["Nets (55)"] == "10.75"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CANVAS.format(points="100"), "is worth 100 there, 20 here"),
        (CANVAS.format(points="20").replace("A small course (77)", "Homework (77)"), "Essay"),
        ("name,grade\nada,1\n", "no column of ids"),
        ("", "it is empty"),
        ("\ud800", "UTF-8"),
    ],
)
def test_template_that_does_not_fit_is_refused(graded: Class, text: str, told: str) -> None:
    path = graded.course.root / "canvas.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CourseError) as refused:
        exported(graded, "canvas", table=Table(path))
    assert told in str(refused.value)
    assert not (graded.course.root / "export").exists()


@pytest.mark.parametrize(
    ("roster", "told"),
    [
        ("student,canvas_id,sis_login_id\nada,101,alan\nalan,102,ada\n", "this row could be ada or alan"),
        ("student,canvas_id,sis_login_id\nada,101,alan\nalan,,\n", "ada is there twice"),
    ],
)
def test_row_that_could_be_one_student_or_another_is_refused(graded: Class, roster: str, told: str) -> None:
    (graded.course.root / "roster.csv").write_text(roster)
    path = graded.course.root / "canvas.csv"
    path.write_text(CANVAS.format(points=20))
    with pytest.raises(CourseError, match=told):
        exported(graded, "canvas", table=Table(path))


def test_names_decide_only_where_no_id_is_known(graded: Class) -> None:
    path = graded.course.root / "canvas.csv"
    path.write_text(CANVAS.format(points=20))
    roster = graded.course.root / "roster.csv"
    roster.write_text("student,email,name\nada,a@x.org,Ada Lovelace\nalan,,Alan Turing\n")
    text, _ = exported(graded, "canvas", table=Table(path))
    assert [row["A small course (77)"] for row in rows_of(text)][2:5] == ["10.75", "9", "4"]
    (graded.course.root / "roster.csv").write_text(
        "student,canvas_id,name\nada,55,Ada Lovelace\nalan,102,Alan Turing\n"
    )
    text, done = exported(graded, "canvas", table=Table(path))
    assert [row["A small course (77)"] for row in rows_of(text)][2:5] == ["", "9", "4"]
    assert done.left_out == {"ada": "is not in canvas.csv"}


def test_worksheet_of_moodle_is_filled_by_participant_numbers(graded: Class) -> None:
    (graded.course.root / "roster.csv").write_text("student,moodle_id,name\nada,7001,Ada Lovelace\nalan,7002,Alan\n")
    path = graded.course.root / "worksheet.csv"
    head = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments\n"
    path.write_text(
        f"{head}Participant 7001,Ada Lovelace,a@x.org,Submitted,,20.00,Yes,\nParticipant 7003,B,b@x.org,,,20.00,Yes,\n"
    )
    text, done = exported(graded, "moodle", table=Table(path))
    ada, other = rows_of(text)
    assert (ada["Grade"], other["Grade"]) == ("10.75", "")
    assert "explain_scaling 1.75/2" in ada["Feedback comments"]
    assert done.left_out == {"alan": "is not in worksheet.csv"}


def test_who_is_not_in_the_roster_is_left_out_and_named(graded: Class) -> None:
    (graded.course.root / "roster.csv").write_text("student,canvas_id\nada,101\n")
    text, done = exported(graded, "canvas")
    assert canvas_grades(text, TITLE)[1] == {"101": "10.75"}
    assert done.left_out == {"alan": "is not in the roster"}


def test_without_a_roster_names_are_logins_or_the_numbers_that_collect_wrote(classroom: Class) -> None:
    for student in ("ada", "canvas-00102", "+evil"):
        classroom.hand_in(student, classroom.released())
        assert classroom.record(student) == ""
    text, done = exported(classroom, "canvas", roster=False)
    assert canvas_grades(text, TITLE)[1] == {"ada": "9", "00102": "9"}
    assert done.left_out == {"+evil": "a spreadsheet would take the id '+evil' for a formula"}


def test_equal_grades_give_equal_bytes(graded: Class) -> None:
    for form in ("canvas", "moodle", "csv"):
        assert exported(graded, form)[0] == exported(graded, form)[0]


def test_command_says_what_it_left_out_and_prints_json(graded: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(graded.course.root)

    def command(*options: str) -> Result:
        return CliRunner().invoke(app, ["export", *options])

    done = command("--format", "canvas", "--roster", "roster.csv", "--output", "out.csv")
    assert done.exit_code == 0
    assert "out.csv: 3 grades" in done.stdout
    assert "1 missing (blank): grace" in done.stdout
    shown = json.loads(command("--roster", "roster.csv", "--json").stdout)
    assert {row["student"]: row["total"] for row in shown["grades"]} == {"ada": 10.75, "alan": 9.0, "grace": None}
    (graded.course.root / "roster.csv").write_text("student,canvas_id\nada,101\n")
    assert command("--format", "canvas", "--roster", "roster.csv").exit_code == 1
    give(graded, "ada", None)
    assert isinstance(command("--format", "canvas").exception, CourseError)


def test_plain_nbgrader_exports_the_same_bytes(graded: Class) -> None:
    name = "autograder.nbgrader_exporters.CanvasExporter"
    options = ("--CanvasExporter.roster=roster.csv", "--to", "plain.csv")
    done = graded.nbgrader("export", f"--exporter={name}", *options)
    assert done.returncode == 0, done.stderr
    assert (graded.course.root / "plain.csv").read_bytes().decode() == exported(graded, "canvas")[0]


def test_plain_nbgrader_refuses_what_is_not_final(graded: Class) -> None:
    give(graded, "ada", None)
    done = graded.nbgrader("export", "--exporter=autograder.nbgrader_exporters.CanvasExporter")
    assert done.returncode == 1
    assert "not final: ada" in done.stderr
    assert "Traceback" not in done.stderr
