"""Examining a whole hand-in without training: scores, reasons, what rests on what, records."""

import json
import multiprocessing
import re
import shutil
import subprocess
import sys

import pytest

from autograder.course import Course
from autograder.demo import CHANGES, hand_in, make_course, make_hand_ins
from autograder.examining import Options, examine_all
from autograder.examining import examine as examine_path
from autograder.grade import examined
from autograder.misconceptions import by_name
from autograder.release import release

DEEP_NETS = Course.find().assignment("deep_nets")
CHECKED = tuple(q.grade_id for q in DEEP_NETS.auto_questions if q.grade_id != DEEP_NETS.settings.target.question)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with the demonstration's five hand-ins."""
    course = make_course(Course.find(), tmp_path_factory.mktemp("course") / "course")
    settings = course.root / "assignments" / "deep_nets" / "assignment.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"(?m)^cpu_seconds = 10\b", "cpu_seconds = 2", text), encoding="utf-8")
    release(course, course.assignment("deep_nets"), archive=False)
    make_hand_ins(course.assignment("deep_nets"))
    return course


def examine(course, student, **options):
    assignment = course.assignment("deep_nets")
    folder = course.root / "submitted" / student / assignment.name
    return examined(assignment, student, folder, with_target=False, **options)


def shares(result):
    return {question.question: question.share for question in result.questions}


def test_reference_earns_everything(course):
    result = examine(course, "reference", store=False)
    assert shares(result) == dict.fromkeys(CHECKED, 1.0)
    assert result.state == "graded"
    assert not any(question.remarks for question in result.questions)


def test_untouched_release_is_missing_with_a_kind_sentence(course):
    result = examine(course, "untouched-release", store=False)
    assert shares(result) == dict.fromkeys(CHECKED, 0.0)
    assert {question.state for question in result.questions} == {"missing"}
    assert all("not written yet" in question.message() for question in result.questions)


def test_wrong_mask_costs_its_own_question_only_and_is_named(course):
    result = examine(course, "wrong-mask", store=False)
    assert 0 < result.question("dropout_forward").share < 1
    assert result.question("dropout_backward").share == 1
    assert result.question("fc_net_dropout").share == 1
    told = " ".join(result.question("dropout_forward").message().split())
    assert by_name("reversed_comparison").sentence in told
    assert "in place of yours" in " ".join(result.question("fc_net_dropout").remarks)


def test_process_that_the_kernel_kills_costs_no_hand_in(course):
    students = ["syntax-error", "reference", "wrong-mask", "untouched-release"]
    paths = [course.root / "submitted" / student / "deep_nets" for student in students]
    others = set(multiprocessing.active_children())
    found = []
    asked = ("dropout_forward", "adam", "fc_net_batchnorm")  # all of them: test_reference_earns_everything
    options = Options(with_target=False, only=asked)
    for result in examine_all(course.assignment("deep_nets"), paths, options, workers=2):
        if not found:
            (set(multiprocessing.active_children()) - others).pop().kill()
        found.append(result)
    assert [result.student for result in found] == students
    assert [result.state for result in found] == ["failed", "graded", "graded", "graded"]
    assert shares(found[1]) == dict.fromkeys(asked, 1.0)


def test_syntax_error_fails_the_hand_in_and_names_the_line(course):
    result = examine(course, "syntax-error", store=False)
    assert result.state == "failed"
    assert "SyntaxError" in result.reason
    assert "layers.py, line" in result.reason


def test_infinite_loop_costs_what_rests_on_it_and_no_more(course):
    result = examine(course, "infinite-loop", store=False)
    assert result.state == "graded"
    assert "did not return within" in result.question("dropout_forward").message()
    assert result.question("fc_net_dropout").share == 1


def test_own_cache_survives_the_overlay(course):
    own = (
        "\n\ndef dropout_forward(x, dropout_param):\n"
        "    if dropout_param['mode'] == 'test':\n        return x, {'kept': None}\n"
        "    kept = np.random.rand(*x.shape) < dropout_param['p']\n    return x * kept, {'kept': kept}\n"
        "\n\ndef dropout_backward(dout, cache):\n"
        "    return dout if cache['kept'] is None else dout * cache['kept']\n"
    )
    assignment = course.assignment("deep_nets")
    folder = hand_in(assignment, "own-cache", assignment.package, course.root / "source" / assignment.name)
    with (folder / "nndl" / "layers.py").open("a") as file:
        file.write(own)
    result = examine(course, "own-cache", store=False)
    assert result.question("dropout_forward").share < 1
    assert result.question("fc_net_dropout").share == 1


def test_mask_drawn_with_scipy_earns_everything(course):
    own = (
        "\n\nfrom scipy.stats import bernoulli\n\ndef dropout_forward(x, dropout_param):\n"
        "    p, mode = dropout_param['p'], dropout_param['mode']\n"
        "    if 'seed' in dropout_param:\n        np.random.seed(dropout_param['seed'])\n"
        "    mask = bernoulli(p).rvs(size=x.shape) / p if mode == 'train' else np.ones(x.shape)\n"
        "    return x * mask, (dropout_param, mask)\n"
        "\n\ndef dropout_backward(dout, cache):\n    return dout * cache[1]\n"
    )
    assignment = course.assignment("deep_nets")
    folder = hand_in(assignment, "scipy", assignment.package, course.root / "source" / assignment.name)
    with (folder / "nndl" / "layers.py").open("a") as file:
        file.write(own)
    names = ["dropout_forward", "dropout_backward", "fc_net_dropout"]
    assert shares(examine(course, "scipy", store=False, only=names)) == dict.fromkeys(names, 1.0)


def test_second_examination_reads_the_records(course):
    first = examine(course, "wrong-mask")
    folder = course.root / "results" / "deep_nets" / "wrong-mask"
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    second = examine(course, "wrong-mask")
    assert second.questions == first.questions
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_lost_record_is_made_again_with_the_same_bytes(course):
    examine(course, "reference")
    path = course.root / "results" / "deep_nets" / "reference" / "dropout_forward.json"
    before = path.read_bytes()
    path.write_text("{")
    examine(course, "reference")
    assert path.read_bytes() == before


def test_changed_file_is_examined_again(course):
    assignment = course.assignment("deep_nets")
    folder = hand_in(assignment, "changing", assignment.package, course.root / "source" / assignment.name)
    assert examine(course, "changing").question("dropout_forward").share == 1
    with (folder / "nndl" / "layers.py").open("a") as file:
        file.write("\n\n" + by_name("mask_not_scaled").source())
    assert examine(course, "changing").question("dropout_forward").share < 1


def test_records_hold_no_path_of_this_machine_and_no_seed(course):
    examine(course, "wrong-mask")
    seed = course.seed("wrong-mask", "deep_nets")
    for path in (course.root / "results" / "deep_nets" / "wrong-mask").glob("*.json"):
        text = path.read_text()
        assert str(course.root) not in text
        assert seed not in text
        assert course.secret().decode() not in text


def test_only_the_chosen_question_is_examined(course):
    result = examine(course, "reference", store=False, only=["dropout_backward"])
    assert list(shares(result)) == ["dropout_backward"]


def test_hand_in_without_a_package_fails_with_a_reason(course, tmp_path):
    result = examined(course.assignment("deep_nets"), "nobody", tmp_path, with_target=False, store=False)
    assert result.state == "failed"
    assert "no folder nndl/" in result.reason


@pytest.mark.parametrize("student", ["reference", *CHANGES])
def test_examine_verb_prints_json_and_an_exit_code(course, student):
    folder = course.root / "submitted" / student / "deep_nets"
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "examine", str(folder)]
    run = subprocess.run(
        [*command, "--no-target", "--json"], capture_output=True, text=True, cwd=course.root, check=False
    )
    found = json.loads(run.stdout)
    assert run.returncode == (1 if student == "syntax-error" else 0)
    assert [question["id"] for question in found["questions"]] == list(CHECKED)
    assert {"schema", "state", "edition", "wall", "data", "questions", "target", "timing"} <= set(found)
    checks = [check for question in found["questions"] for check in question["checks"]]
    assert all(set(check) == {"name", "passed", "message", "misconception"} for check in checks)
    assert bool(checks) == (student != "syntax-error")


def test_hidden_checks_run_under_plain_pytest(course):
    folder = course.root / "submitted" / "wrong-mask" / "deep_nets"
    command = [sys.executable, "-m", "pytest", "-p", "autograder.examiner.plugin", "-q", "autograder/checks"]
    run = subprocess.run(
        [*command, f"--submission={folder}"], capture_output=True, text=True, cwd=Course.find().root, check=False
    )
    assert "failed" in run.stdout
    assert "passed" in run.stdout
    assert run.returncode == 1


def test_zip_is_examined_like_the_folder_in_it(course, tmp_path):
    place = course.root / "submitted" / "reference"
    archive = shutil.make_archive(str(tmp_path / "ada"), "zip", place, "deep_nets")
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "examine", archive, "--json"]
    command += ["--no-target", "--only", "affine_forward"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=course.root, check=False)
    found = json.loads(run.stdout)
    assert (run.returncode, found["student"], found["questions"][0]["score"]) == (0, "ada", 2.0)


@pytest.mark.parametrize("place", ["", "Ada_101_assignsubmission_file", "a zip"])
def test_folder_that_holds_nothing_but_a_zip_is_examined_like_the_zip(course, tmp_path, place):
    """As platforms leave it: the zip in the student's folder, in a folder below that, or inside of another zip."""
    ada, reference = tmp_path / "ada", course.root / "submitted" / "reference"
    folder = tmp_path / "packed" if place == "a zip" else ada / place
    folder.mkdir(parents=True)
    shutil.make_archive(str(folder / "hand-in"), "zip", reference, "deep_nets")
    ada.mkdir(exist_ok=True)
    if place == "a zip":
        shutil.make_archive(str(ada / "attempt 1"), "zip", folder)
    (ada / "answers.pdf").write_bytes(b"%PDF")
    options = Options(only=("dropout_forward",), with_target=False)
    result = examine_path(course.assignment("deep_nets"), ada, options)
    assert (result.student, shares(result)) == ("ada", {"dropout_forward": 1.0})


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["ada.zip", "bob/hand-in.zip"], "but 2 archives (ada.zip, bob/hand-in.zip); give the one to examine"),
        (["ada.rar"], "ada.rar: the archive cannot be opened (BadZipFile); pack it again as a zip"),
        (["ada.zip", "nndl/layers.py"], "optim.py is missing"),
    ],
    ids=["two zips", "no zip", "a zip beside a package"],
)
def test_folder_in_which_no_zip_is_the_hand_in_says_why(course, tmp_path, names, told):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x = 1")
    result = examine_path(course.assignment("deep_nets"), tmp_path, Options(with_target=False))
    assert result.state == "failed"
    assert told in result.reason


def test_zip_that_cannot_be_opened_fails_with_a_reason(course, tmp_path):
    (tmp_path / "bob.zip").write_bytes(b"no archive")
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "examine", str(tmp_path / "bob.zip")]
    run = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=course.root, check=False)
    found = json.loads(run.stdout)
    assert (run.returncode, found["state"]) == (1, "failed")
    assert "cannot be opened" in found["reason"]
