"""A made-up class: what a hand-in must earn follows from what was planted in it; equal numbers make equal classes."""

import ast
import json
import random
import zipfile

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course
from autograder.errors import CourseError
from autograder.misconceptions import all_misconceptions, by_name
from autograder.records import Records
from autograder.rehearsal import faults
from autograder.rehearsal.people import students
from autograder.rehearsal.roll import fitting, lost, roll, styles_of
from autograder.rehearsal.truth import Due, Truth, disagreements, read_truth, shares_due
from autograder.rehearsal.writing import simulate
from autograder.results import QuestionResult

COURSE = Course.find()
DEEP_NETS = COURSE.assignment("deep_nets")
QUESTIONS = {question.grade_id for question in DEEP_NETS.auto_questions}
STYLES = styles_of(DEEP_NETS)


@pytest.fixture(scope="module")
def class_():
    """Sixty students."""
    return list(roll(DEEP_NETS, 60, 5, STYLES))


def groups(due):
    return {"full": set(due.full), "less": set(due.less), "nothing": set(due.nothing), "either": set(due.either)}


def test_students_are_many_and_their_keys_are_plain_letters():
    found = students(3000, random.Random(1))
    assert len(found) == 3000
    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in found)
    assert any(not name.isascii() for name in found.values())


def test_every_question_is_in_one_group_and_points_follow(class_):
    for hand_in in class_:
        found = groups(hand_in.due)
        assert sum(map(len, found.values())) == len(QUESTIONS)
        assert set().union(*found.values()) == QUESTIONS
        assert 0 <= hand_in.due.least <= hand_in.due.most <= 68
        assert (hand_in.due.score is None) == (hand_in.due.least < hand_in.due.most)


def test_a_class_has_every_kind_and_every_fault(class_):
    made = {hand_in.due.kind for hand_in in class_}
    assert made == {"correct", "misconception", "several", "broken", "hostile"}
    about = " ".join(hand_in.due.about for hand_in in roll(DEEP_NETS, 200, 5, STYLES))
    for words in ("syntax error", "half of", "nothing but a note", "is not written", "ends the process", "never ends"):
        assert words in about


def test_right_hand_ins_earn_all_and_are_not_all_alike(class_):
    right = [hand_in for hand_in in class_ if hand_in.due.kind == "correct"]
    assert {hand_in.due.score for hand_in in right} == {68.0}
    assert len({hand_in.files["nndl/layers.py"] for hand_in in right}) > 1


def test_a_misconception_costs_what_it_declares(class_):
    single = [hand_in for hand_in in class_ if hand_in.due.kind == "misconception"]
    for hand_in in single:
        [wrong] = [by_name(name) for name in hand_in.due.misconceptions]
        assert set(hand_in.due.less) == set(wrong.costs)
        assert hand_in.due.either == ("target",)
        assert wrong.source() in hand_in.files[f"nndl/{wrong.module}.py"]


def test_several_misconceptions_are_of_different_questions_and_costs_add_up(class_):
    several = [hand_in for hand_in in class_ if hand_in.due.kind == "several"]
    assert {len(hand_in.due.misconceptions) for hand_in in several} == {2, 3}
    for hand_in in several:
        wrongs = [by_name(name) for name in hand_in.due.misconceptions]
        assert len({wrong.question for wrong in wrongs}) == len(wrongs)
        costs = {question for wrong in wrongs for question in wrong.costs}
        touched = [question for wrong in wrongs for question in wrong.may_cost]
        doubtful = {question for question in touched if touched.count(question) > 1} - costs
        assert doubtful | {"target"} <= set(hand_in.due.either) <= doubtful | {"target"} | costs
        assert set(hand_in.due.less) == costs - set(hand_in.due.either)


def test_a_wrong_layer_may_hide_a_wrong_net():
    net, layer, rule = map(by_name, ("dropout_before_normalization", "variance_over_the_whole_array", "adam_climbs"))
    assert lost([net, rule]) == ({"fc_net_dropout", "adam"}, set())
    assert lost([net, layer]) == ({"batchnorm_forward"}, {"fc_net_dropout"})


def test_points_of_a_worked_example():
    # adam is worth 5, dropout_forward 5, fc_net_dropout 5 of 68 points without the target.
    due = shares_due(DEEP_NETS, less=["dropout_forward"], nothing=["adam"], either=["fc_net_dropout", "adam"])
    assert (due["least"], due["most"]) == (53.0, 62.99)
    assert due["either"] == ("fc_net_dropout", "target")
    assert shares_due(DEEP_NETS, nothing=["adam", "target"])["score"] == 63.0


def test_a_misconception_is_planted_only_where_it_fits():
    own = {**STYLES["reference"], "fc_net": "class FullyConnectedNet: ..."}
    styles = {"reference": STYLES["reference"], "like_the_starter": STYLES["reference"], "own": own}
    assert fitting(styles, []) == ["like_the_starter", "own", "reference"]
    assert fitting(styles, [by_name("dropout_never_on"), by_name("adam_climbs")]) == ["like_the_starter", "reference"]
    assert len({style for wrong in all_misconceptions() for style in fitting(STYLES, [wrong])}) > 5


def test_a_course_without_the_projects_tests_has_the_reference(tmp_path):
    simulate(COURSE, "deep_nets", 3, 1, tmp_path / "class", "folders")
    assert list(styles_of(Course(tmp_path / "class").assignment("deep_nets"))) == ["reference"]


@pytest.mark.parametrize("name", [*faults.BROKEN, *faults.HOSTILE])
def test_a_fault_changes_the_hand_in_and_says_what_it_costs(name):
    notebook = '{"cells": [{"metadata": {"nbgrader": {"grade_id": "target"}}}]}'
    files = {f"nndl/{module}.py": "x = 1\n" for module in ("layers", "optim")} | {"Dropout.ipynb": notebook}
    before = dict(files)
    fault = {**faults.BROKEN, **faults.HOSTILE}[name](files, random.Random(3), "nndl", "target")
    assert files != before
    if fault.nothing:
        assert set(fault.nothing) <= QUESTIONS
    if name == "syntax-error":
        broken = [text for text in files.values() if text.startswith("x") and "one_more_helper" in text]
        with pytest.raises(SyntaxError):
            ast.parse(broken[0])
    if name == "half-a-notebook":
        with pytest.raises(json.JSONDecodeError):
            json.loads(files["Dropout.ipynb"])
        assert fault.nothing == ("target",)


@pytest.mark.parametrize("form", ["folders", "canvas"])
def test_equal_numbers_make_equal_bytes(tmp_path, form):
    made = []
    for place, seed in (("one", 7), ("two", 7), ("three", 8)):
        simulate(COURSE, "deep_nets", 12, seed, tmp_path / place, form)
        files = (path for path in (tmp_path / place).rglob("*") if path.is_file() and "assignments" not in path.parts)
        made.append({str(path.relative_to(tmp_path / place)): path.read_bytes() for path in files})
    assert made[0] == made[1]
    assert made[0]["truth.json"] != made[2]["truth.json"]


def test_canvas_gives_zips_of_which_the_newest_is_the_one_that_counts(tmp_path):
    truth = simulate(COURSE, "deep_nets", 60, 2, tmp_path / "class", "canvas")
    with zipfile.ZipFile(tmp_path / "class" / "submissions.zip") as outer:
        names = outer.namelist()
        by_student = {}
        for name in names:
            by_student.setdefault(name.partition("_")[0], []).append(name)
        assert set(by_student) == set(truth.hand_ins)
        late = {student for student, own in by_student.items() if "_LATE_" in own[0]}
        assert late == {student for student, due in truth.hand_ins.items() if due.late} != set()
        again = {student for student, own in by_student.items() if len(own) == 2}
        assert again == {student for student, due in truth.hand_ins.items() if due.attempts == 2} != set()
        roster = (tmp_path / "class" / "roster.csv").read_text(encoding="utf-8").splitlines()
        assert {row.partition(",")[0] for row in roster[1:]} == set(truth.hand_ins)
        assert all(name.split("_")[-4] in f"{roster}" for name in names)
        inside = {name: zipfile.ZipFile(outer.open(name)).namelist() for name in names}
    for student in again:
        first, second = by_student[student]
        assert int(first.split("_")[-3]) < int(second.split("_")[-3])
        assert second.endswith("_deep_nets-1.zip")
        assert inside[first] == sorted(f"nndl/{name}" for name in DEEP_NETS.settings.editable)
    assert any("deep_nets/" in path for paths in inside.values() for path in paths)
    assert any("(1).ipynb" in path or "final.ipynb" in path for paths in inside.values() for path in paths)


def test_notebooks_hold_no_hidden_tests_and_no_model_answers(class_):
    for text in class_[0].files.values():
        assert "HIDDEN TESTS" not in text
        assert "Model answer" not in text


def test_every_disagreement_is_listed_and_nothing_else(tmp_path):
    course = Course(tmp_path)
    (tmp_path / "assignments").symlink_to(COURSE.root / "assignments")
    (tmp_path / "source").symlink_to(COURSE.root / "source")
    work = course.assignment("deep_nets")

    def due(**lost):
        return Due(name="A", kind="correct", about="", style="", **shares_due(work, **lost))

    def graded(student, **shares):
        folder = tmp_path / "results" / "deep_nets" / student
        origin = {"kit": "", "edition": "canonical", "wall": "none", "data": "none", "state": "graded"}
        for question in QUESTIONS - {"target"}:
            result = QuestionResult(**origin, question=question, share=shares.get(question, 1.0))
            Records(folder).write(result)

    hand_ins = {"right": due(), "robbed": due(), "lucky": due(less=["adam"]), "odd": due(nothing=["adam"])}
    hand_ins |= {"open": due(either=["adam"]), "away": due(), "empty": due(nothing=QUESTIONS)}
    truth = Truth(assignment="deep_nets", seed=1, hand_ins=hand_ins)
    with pytest.raises(CourseError, match="nothing is graded"):
        disagreements(work, truth)
    for student in ("right", "lucky", "stranger"):
        graded(student)
    for student in ("robbed", "odd", "open"):
        graded(student, adam=0.5)
    found = {(student, question) for student, question, _ in disagreements(work, truth)}
    assert found == {("stranger", ""), ("robbed", "adam"), ("lucky", "adam"), ("odd", "adam"), ("away", "")}


def test_the_verb_makes_a_class_and_compares_it(tmp_path):
    folder = tmp_path / "class"
    made = CliRunner().invoke(app, ["simulate-class", "3", "--seed", "2", "--output", str(folder)])
    assert made.exit_code == 0, made.output
    truth = read_truth(folder)
    assert {path.name for path in (folder / "submitted").iterdir()} == set(truth.hand_ins)
    (folder / "results" / "deep_nets" / "stranger").mkdir(parents=True)
    compared = CliRunner().invoke(app, ["simulate-class", "--compare", "--output", str(folder)])
    assert compared.exit_code == 1
    assert "not graded" in compared.output
    for student, due in truth.hand_ins.items():
        (folder / "results" / "deep_nets" / student).mkdir()
        records = Records(folder / "results" / "deep_nets" / student)
        origin = {"kit": "", "edition": "canonical", "wall": "none", "data": "none", "state": "graded"}
        for group, share in (("full", 1.0), ("less", 0.5), ("nothing", 0.0)):
            for question in getattr(due, group):
                records.write(QuestionResult(**origin, question=question, share=share))
    (folder / "results" / "deep_nets" / "stranger").rmdir()
    compared = CliRunner().invoke(app, ["simulate-class", "--compare", "--output", str(folder)])
    assert compared.exit_code == 0, compared.output


def test_a_file_that_is_no_truth_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no such file"):
        read_truth(tmp_path)
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(CourseError, match="no truth"):
        read_truth(tmp_path)
