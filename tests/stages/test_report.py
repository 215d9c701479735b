"""The page and the table on a class: who needs a person, what to teach again, figures, names of any kind."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from page_class import FORMULA, HOSTILE, SENTENCE, SYNTAX, WORLD, grade_words, hand_in, right, with_target
from small_course import Class
from test_feedback_page import text
from typer.testing import CliRunner

from autograder import gradebook
from autograder.cli import app
from autograder.course import Assignment
from autograder.grade import recorded, records_of
from autograder.report import report, safe_cell
from autograder.results import HandInResult
from autograder.standing import Standing, cases, standings


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_report_names_who_needs_a_person_and_why(whole: Class) -> None:
    _, _, found = report(whole.assignment)
    told = {case.kind: case.students for case in found}
    assert told["fault"] == ("fay",)
    assert told["not_recorded"] == (FORMULA,)
    assert told["not_graded"] == ("gus",)
    assert told["failed"] == ("cleo",)
    assert told["guard"] == ("dan",)
    assert set(told["waiting"]) == {"bob", "cleo", "dan", HOSTILE, WORLD, "fay"}
    assert "unexamined" not in told
    kinds = [case.kind for case in found]
    assert kinds == ["fault", "not_recorded", "not_graded", "failed", "guard", "waiting"]


def test_page_of_a_class_says_the_essentials(whole: Class) -> None:
    page, _, _ = report(whole.assignment)
    html = page.read_text(encoding="utf-8")
    said = text(html)
    assert "9 hand-ins, 7 in the gradebook" in said
    assert "4 hand-ins need a person" in said
    assert "6 answers wait for a grade" in said
    assert f"2 {SENTENCE} dropout_forward in Dropout <img src=x onerror=alert(1)>, bob" in said
    assert SYNTAX in said
    assert "divides by p 4 of 6" not in said
    assert "Walls bubblewrap: 8" in said
    assert "of 7 nets on CIFAR-10, synthetic stand-in, not CIFAR-10. Provisional:" in said
    assert HOSTILE not in html
    assert "<script" not in html


def test_pass_rates_count_those_whose_code_could_be_called(whole: Class) -> None:
    page, _, _ = report(whole.assignment)
    said = text(page.read_text(encoding="utf-8"))
    # `divides by p` was noted for bob and the hostile name only; the other check for all seven but cleo.
    assert "divides by p 0 of 2 0 %" in said
    assert "keeps with probability p 6 of 6 100 %" in said


def test_table_has_a_row_for_each_student_and_no_formula(whole: Class) -> None:
    _, table, _ = report(whole.assignment)
    found = rows(table)
    assert sorted(found) == sorted(["ada", "bob", "cleo", "dan", HOSTILE, WORLD, "fay", f"'{FORMULA}", "gus"])
    ada, bob, gus = found["ada"], found["bob"], found["gus"]
    assert (ada["total"], ada["most"], ada["explain_scaling"], ada["name"]) == ("19.5", "20.0", "1.5", "Ada")
    assert (bob["dropout_forward"], bob["recognised"]) == ("2.0", "multiplied_by_p")
    assert (bob["explain_scaling"], bob["waiting_points"], bob["needs_a_person"]) == ("", "2.0", "waiting")
    assert (gus["state"], gus["total"]) == ("not_graded", "")
    assert found["dan"]["guard"] == "objects"
    assert found["dan"]["target_accuracy"] == "0.5"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\uff1d1", "\r\n=1"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


def test_report_of_nobody_says_so(classroom: Class) -> None:
    page, table, found = report(classroom.assignment)
    assert found == []
    assert "Nothing was handed in yet" in text(page.read_text(encoding="utf-8"))
    assert rows(table) == {}


def test_report_before_a_release_and_without_a_gradebook_works(classroom: Class) -> None:
    (classroom.course.root / "gradebook.db").unlink()
    classroom.hand_in("ada", classroom.released())
    _, table, found = report(classroom.assignment)
    assert [case.kind for case in found] == ["not_graded"]
    assert rows(table)["ada"]["state"] == "not_graded"


def test_report_of_a_finished_hand_in_needs_nobody(classroom: Class) -> None:
    classroom = with_target(classroom)
    hand_in(classroom, "ada", right())
    grade_words(classroom, "ada", 2.0, "")
    page, _, found = report(classroom.assignment)
    said = text(page.read_text(encoding="utf-8"))
    assert found == []
    assert "20 of 20 points, median" in said
    assert "so far" not in said
    assert "1 of 1 nets reach 55 %" in said


def test_equal_classes_give_equal_files(whole: Class) -> None:
    first = [path.read_bytes() for path in report(whole.assignment)[:2]]
    assert [path.read_bytes() for path in report(whole.assignment)[:2]] == first


def test_three_hundred_hand_ins_are_no_trouble(classroom: Class) -> None:
    classroom = with_target(classroom)
    for number in range(300):
        records = records_of(classroom.assignment, f"student-{number:03}")
        for one in right():
            records.write(one)
    _, table, found = report(classroom.assignment)
    assert len(rows(table)) == 300
    assert [(case.kind, len(case.students)) for case in found] == [("not_recorded", 300)]


def test_a_hand_in_examined_without_a_wall_is_named(classroom: Class) -> None:
    for one in right():
        records_of(classroom.assignment, "ada").write(one.model_copy(update={"wall": "none"}))
    classroom = with_target(classroom)
    hand_in(classroom, "ada", [one.model_copy(update={"wall": "none"}) for one in right()])
    _, _, found = report(classroom.assignment)
    assert "no_wall" in [case.kind for case in found]


def test_verb_prints_who_needs_a_person(whole: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole.course.root)
    run = CliRunner().invoke(app, ["report"])
    assert run.exit_code == 0, run.output
    assert (whole.course.root / "report" / "deep_nets.html").is_file()
    assert (whole.course.root / "report" / "deep_nets.csv").is_file()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"nbformat": 4, "cells": [', "it is not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "it is saved by a Jupyter from before 2015"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "Mine"}]}', "none of its graded cells"),
        (b" " * 50_000_001, "it is larger than 50 MB"),
    ],
)
def test_a_notebook_that_could_not_be_read_needs_a_person(
    classroom: Class, monkeypatch: pytest.MonkeyPatch, content: bytes, why: str
) -> None:
    classroom.hand_in("ada", content)
    assert classroom.record("ada") == ""
    records_of(classroom.assignment, "ada").write(right()[0])
    found = {case.kind: case for case in cases(classroom.assignment, standings(classroom.assignment))}
    assert found["unread"].students == ("ada",)
    assert f"Dropout.ipynb: {why}" in found["unread"].reason

    def graded(work: Assignment, *_: object, **__: object) -> Iterator[tuple[HandInResult, str]]:
        yield recorded(work, "ada", classroom.course.root), ""

    monkeypatch.setattr("autograder.grade.grade", graded)
    monkeypatch.chdir(classroom.course.root)
    shown = CliRunner().invoke(app, ["grade"]).stdout
    assert "Dropout.ipynb could not be read" in " ".join(shown.replace("│", " ").split())


def test_a_readable_a_missing_and_another_courses_notebook_is_no_such_case(classroom: Class) -> None:
    foreign = b'{"nbformat": 4, "cells": [], "metadata": {"autograder_unread": "mine"}}'
    contents = {"ada": classroom.released(), "bob": None, "cleo": foreign}
    for student, content in contents.items():
        classroom.hand_in(student, content)
        assert classroom.record(student) == ""
        edition = "cs231n-2021" if student == "cleo" else "canonical"
        records_of(classroom.assignment, student).write(right()[0].model_copy(update={"edition": edition}))
    assert gradebook.unread(classroom.assignment, "cleo") == {"Dropout.ipynb": "none of its graded cells was found"}
    assert "unread" not in {case.kind for case in cases(classroom.assignment, standings(classroom.assignment))}


def test_cases_of_nobody_are_none(classroom: Class) -> None:
    nobody: list[Standing] = []
    assert cases(classroom.assignment, nobody) == []


def roster(folder: Path) -> Path:
    path = folder / "roster.csv"
    path.write_text("student,canvas_id,name\nada,101,Ada Lovelace\nzoe,102,Zoe\n=1,103,\n", encoding="utf-8")
    return path


def test_report_lists_who_is_in_the_roster_and_handed_in_nothing(whole: Class, tmp_path: Path) -> None:
    page, table, found = report(whole.assignment, roster(tmp_path))
    said, listed = text(page.read_text(encoding="utf-8")), rows(table)
    assert "9 hand-ins, 7 in the gradebook" in said
    assert "2 handed in nothing" in said
    assert "zoe handed in nothing" in said
    zoe = listed["zoe"]
    assert (zoe["state"], zoe["name"], zoe["total"], zoe["needs_a_person"]) == ("missing", "Zoe", "", "")
    assert listed["'=1"]["state"] == "missing"
    assert listed["ada"]["name"] == "Ada Lovelace"
    assert not any("zoe" in case.students for case in found)


def test_report_lists_whom_only_the_gradebook_knows(classroom: Class) -> None:
    with Gradebook(f"sqlite:///{classroom.course.root / 'gradebook.db'}") as book:
        book.add_student("zoe", first_name="Zoe", last_name="Z")
    page, table, _ = report(classroom.assignment)
    assert (rows(table)["zoe"]["state"], rows(table)["zoe"]["name"]) == ("missing", "Zoe Z")
    assert "Nothing was handed in yet" in text(page.read_text(encoding="utf-8"))


def test_verb_prints_json_and_writes_no_file(whole: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole.course.root)
    run = CliRunner().invoke(app, ["report", "--json", "--roster", str(roster(tmp_path))])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert (told["schema"], told["assignment"]) == (1, "deep_nets")
    students = {one["student"]: one for one in told["students"]}
    assert students["bob"]["explain_scaling"] is None
    assert (students["ada"]["total"], students["zoe"]["state"]) == (19.5, "missing")
    assert [case["students"] for case in told["cases"] if case["kind"] == "failed"] == [["cleo"]]
    assert not (whole.course.root / "report").exists()


def test_verb_prints_who_handed_in_nothing(whole: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole.course.root)
    run = CliRunner().invoke(app, ["report", "--roster", str(roster(tmp_path))])
    assert run.exit_code == 0, run.output
    assert "2 handed in nothing: =1, zoe" in run.output
