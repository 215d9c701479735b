"""The zip for Gradescope: what is in it, and what it says of hand-ins in the folders that Gradescope documents.

`container` runs it under its real absolute paths: bubblewrap builds a small root in which `/autograder` is a folder of
the test, as Docker does on Gradescope.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nndl.data_utils import data_name
from platform_rules import check_results
from small_course import ROOT

from autograder import wall
from autograder.course import Course, Settings
from autograder.demo import make_course
from autograder.errors import CourseError
from autograder.gradescope import running
from autograder.gradescope.packing import ORDERS, Options, pack
from autograder.misconceptions import by_name

OPT = "/opt/deep-nets-autograder"
LATE = '\n[late]\ndue = 2026-11-20T23:59:00+01:00\npercent_per_day = 10\n\n[given]\nvera = ["affine_forward"]\n'
METADATA = {
    "id": 123456,
    "created_at": "2026-11-20T14:22:32.365935-07:00",
    "assignment": {
        "due_date": "2026-11-20T23:00:00.000000-07:00",
        "group_size": 4,
        "group_submission": True,
        "id": 25828,
        "course_id": 1234,
        "late_due_date": None,
        "release_date": "2026-11-01T00:00:00.000000-07:00",
        "title": "Deep nets",
        "total_points": "20.0",
    },
    "submission_method": "upload",
    "users": [{"email": "ada@example.org", "id": 1234, "name": "Ada Lovelace"}],
    "previous_submissions": [{"submission_time": "2026-11-19T14:24:48.087023-07:00", "score": 0.0, "results": {}}],
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course with a late rule, and with what must not travel."""
    made = make_course(Course(ROOT), tmp_path_factory.mktemp("gradescope") / "course")
    toml = made.root / "assignments" / "deep_nets" / "assignment.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("\n[given]\n", LATE), encoding="utf-8")
    for name in (
        "submitted/vera/deep_nets/layers.py",
        "results/deep_nets/vera/adam.json",
        "gradebook.db",
        "roster.csv",
    ):
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        (made.root / name).write_text("vera", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def packed(course: Course) -> Path:
    """The zip without the target."""
    return pack(course.assignment("deep_nets"), None, Options(target=False)).place


@pytest.fixture
def home(packed: Path, tmp_path: Path) -> Path:
    """A folder laid out as /autograder, with an empty hand-in."""
    home = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (home / name).mkdir(parents=True)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(home / "source")
    shutil.copy(home / "source" / "run_autograder", home)
    (home / "run_autograder").chmod(0o755)
    (home / "submission_metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
    return home


def hand_in(home: Path, change: Callable[[Path], None] = lambda _: None) -> Path:
    """Submit the reference, changed."""
    folder = home / "submission"
    source = ROOT / "assignments" / "deep_nets" / "nndl"
    shutil.copytree(source, folder / "nndl", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "source" / "deep_nets").glob("*.ipynb"):
        shutil.copy(path, folder)
    change(folder)
    return folder


def results(home: Path) -> dict:
    """results.json, which must keep Gradescope's format whatever happened."""
    text = (home / "results" / "results.json").read_text(encoding="utf-8")
    assert "\\u001b" not in text
    content = json.loads(text)
    check_results(content)
    assert "leaderboard" not in content
    return content


def container(home: Path, *options: str, **keywords: object) -> dict:
    """Run `run_autograder` as Gradescope does, and read what it wrote."""
    base = Path(sys.base_prefix)
    command = ["bwrap", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "lib", "lib64", "sbin"):
        command += ["--symlink", f"usr/{name}", f"/{name}"] if Path(f"/{name}").is_symlink() else []
    command += [] if base.is_relative_to("/usr") else ["--ro-bind", str(base), str(base)]
    command += ["--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--bind", str(home), "/autograder"]
    runtime = wall.places.shared(ROOT)
    runtime.mkdir(parents=True, exist_ok=True)
    command += ["--ro-bind", sys.prefix, f"{OPT}/venv", "--bind", str(runtime), f"{OPT}/runtime", *options]
    done = subprocess.run(
        [*command, "/autograder/run_autograder"], capture_output=True, text=True, timeout=600, check=False, **keywords
    )
    (home / "results" / "stdout").write_text(done.stdout + done.stderr, encoding="utf-8")
    return results(home)


def _bubblewrap() -> str:
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    tried = subprocess.run(["bwrap", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


needs_container = pytest.mark.skipif(bool(_bubblewrap()), reason=f"no container can be made: {_bubblewrap()}")
WITHOUT_BWRAP = ("--ro-bind", "/dev/null", "/usr/bin/bwrap")


def without_landlock() -> int:
    """A file with a seccomp filter, as an old Docker has it: landlock_create_ruleset answers ENOSYS."""
    load, equal, answer = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 0), (equal, 0, 1, 444), (answer, 0, 0, 0x00050026), (answer, 0, 0, 0x7FFF0000)]
    file = os.memfd_create("filter")
    os.write(file, b"".join(struct.pack("HBBI", *line) for line in program))
    os.lseek(file, 0, os.SEEK_SET)
    return file


def hostile(folder: Path) -> None:
    """On import it looks for solutions, and writes the verdict itself."""
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\nimport os\nfor _place, _, _names in os.walk('/autograder/source'):\n"
            "    for _name in _names:\n        raise SystemError\n"
            "try:\n    open('/autograder/results/results.json', 'w').write('{\"score\": 1000}')\n"
            "except OSError:\n    os._exit(0)\n"
        )


def test_zip_holds_what_the_examiner_needs_and_nothing_of_people(course: Course, packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
        content = {name: archive.read(name) for name in names}
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in names}
    kept = ("kit/autograder/", "kit/assignments/deep_nets/", "kit/source/deep_nets/", "kit/deep_nets_course_kit-")
    others = {name for name in names if not name.startswith(kept)}
    assert others == {
        *("setup.sh", "run_autograder", ORDERS, "kit/.course_secret", "kit/nbgrader_config.py", "kit/requirements.lock")
    }
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert not [name for name, text in content.items() if course.secret() in text]
    settings = content["kit/assignments/deep_nets/assignment.toml"]
    assert b"vera" not in settings
    before = course.assignment("deep_nets").settings
    home = course.root.parent / "again" / "assignments" / "deep_nets"
    home.mkdir(parents=True)
    (home / "assignment.toml").write_bytes(settings)
    after = Course(home.parents[1]).assignment("deep_nets").settings
    assert after == before.model_copy(update={"given": {}})
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", "-"], input=content[name], check=True)


def test_equal_courses_give_equal_zips(course: Course, packed: Path, tmp_path: Path) -> None:
    again = pack(course.assignment("deep_nets"), tmp_path / "again.zip", Options(target=False))
    assert again.place.read_bytes() == packed.read_bytes()
    assert again.place.stat().st_mode & 0o077 == 0


def test_target_gets_a_budget_that_fits_the_time_limit(course: Course, tmp_path: Path) -> None:
    work = course.assignment("deep_nets")
    with_target = pack(work, tmp_path / "a.zip", Options(minutes=10))
    with zipfile.ZipFile(with_target.place) as archive:
        assert b'"cpu_seconds" = 450' in archive.read("kit/assignments/deep_nets/assignment.toml")
        assert "kit/datasets/get_datasets.py" in archive.namelist()
    assert any("450 CPU seconds there, 1800 here" in remark for remark in with_target.remarks)
    assert pack(work, tmp_path / "b.zip", Options(minutes=40)).remarks == with_target.remarks[:1]
    assert with_target.points == sum(question.points for question in work.auto_questions)
    with pytest.raises(CourseError, match="no time for the target"):
        pack(work, tmp_path / "c.zip", Options(minutes=3))


@needs_container
def test_reference_earns_all_points_in_the_documented_folders(home: Path, course: Course) -> None:
    hand_in(home)
    content = container(home)
    worth = {question.grade_id: question.points for question in course.assignment("deep_nets").auto_questions}
    worth.pop("target")
    assert content["score"] == sum(worth.values())
    assert {test["name"]: test["score"] for test in content["tests"]} == worth
    assert {test["status"] for test in content["tests"]} == {"passed"}
    assert content["extra_data"]["wall"] in ("bubblewrap", "landlock")
    assert "/autograder" not in json.dumps(content)


@needs_container
def test_misconception_in_a_zip_is_named_where_bubblewrap_cannot_run(home: Path) -> None:
    wrong = by_name("reversed_comparison")
    folder = hand_in(home)
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{wrong.source()}")
    shutil.make_archive(str(home / "my work"), "zip", home, "submission")
    shutil.rmtree(folder)
    folder.mkdir()
    (home / "my work.zip").rename(folder / "my work.zip")
    content = container(home, *WITHOUT_BWRAP)
    assert content["extra_data"]["wall"] == "landlock"
    failed = {test["name"]: test for test in content["tests"] if test["status"] == "failed"}
    assert set(failed) == set(wrong.costs)
    assert wrong.sentence[:60] in failed[wrong.question]["output"]
    assert content["score"] == round(sum(test["score"] for test in content["tests"]), 2)


@needs_container
def test_where_no_wall_works_it_says_so_and_runs_nothing(home: Path) -> None:
    hand_in(home, hostile)
    file = without_landlock()
    content = container(home, *WITHOUT_BWRAP, "--seccomp", str(file), pass_fds=[file])
    assert (content["score"], content.get("tests")) == (0, [])
    assert "student code cannot be kept in on this machine" in content["output"]
    assert "says nothing about your work" in content["output"]


@pytest.mark.slow
@needs_container
@pytest.mark.skipif(not wall.places.as_root(), reason="only root can give student code another user")
@pytest.mark.parametrize("locked", [True, False])
def test_without_a_wall_student_code_is_another_user_who_cannot_touch_the_verdict(home: Path, locked: bool) -> None:
    orders = json.loads((home / "source" / ORDERS).read_text())
    (home / "source" / ORDERS).write_text(json.dumps({**orders, "allow_no_wall": True}))
    for place in [home / "source", *(home / "source").rglob("*")] if locked else ():  # as setup.sh does
        place.chmod(place.stat().st_mode & 0o700)
    hand_in(home, hostile)
    file = without_landlock()
    content = container(home, *WITHOUT_BWRAP, "--seccomp", str(file), pass_fds=[file])
    assert content["extra_data"]["wall"] == "none"
    assert content["score"] < 40
    told = {test["name"]: test["output"] for test in content["tests"]}
    assert ("SystemError" in told["affine_forward"]) is not locked  # so it looks for files, and finds none
    assert "NO WALL" in (home / "results" / "stdout").read_text()


@needs_container
def test_results_are_written_even_where_python_does_not_start(home: Path) -> None:
    content = container(home, "--tmpfs", f"{OPT}/venv")
    assert content["score"] == 0
    assert "did not start" in content["output"]


def run_here(home: Path) -> dict:
    """The same without a container: quicker, for what does not rest on paths."""
    running.run(home)
    return results(home)


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` chooses a wall for its whole process."""
    monkeypatch.setenv(wall.VARIABLE, wall.AUTO)


def litter(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\x1b[31mnotes.txt")).write_text("nothing to see")
    (folder / os.fsdecode(b"\xff.zip")).write_bytes(b"PK")


def damaged(folder: Path) -> None:
    (folder / "nndl.zip").write_bytes(b"PK\x03\x04 and no more")


def linked(folder: Path) -> None:
    (folder / "nndl").mkdir()
    (folder / "nndl" / "layers.py").symlink_to("/etc/passwd")


@pytest.mark.parametrize("content", [lambda _: None, litter, damaged, linked])
def test_nothing_to_examine_scores_zero_with_a_reason(
    home: Path, content: Callable[[Path], None], own_environment: None
) -> None:
    content(home / "submission")
    found = run_here(home)
    assert found["score"] == 0
    assert len(found["output"]) > 20


def test_a_fault_of_the_examiner_is_said_to_be_none_of_the_student(home: Path, own_environment: None) -> None:
    hand_in(home)
    (home / "source" / "kit" / "assignments" / "deep_nets" / "assignment.toml").write_text("title = 3\n")
    found = run_here(home)
    assert (found["score"], found["extra_data"]) == (0, {"state": "unexamined"})
    assert "says nothing about your work. Your instructor must look." in found["output"]
    (home / "source" / ORDERS).unlink()
    assert "the examiner itself failed (FileNotFoundError)" in run_here(home)["output"]


def test_time_that_runs_out_leaves_a_verdict(
    home: Path, own_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(folder: Path) -> None:
        with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
            file.write("\n\nwhile True:\n    pass\n")

    hand_in(home, endless)
    monkeypatch.setattr(running, "SPARE", 10 * 60 - 3)
    found = run_here(home)
    assert (found["score"], found["extra_data"]) == (0, {"state": "unexamined"})
    assert "there was no time for it" in found["output"]


def metadata(tmp_path: Path, **changes: object) -> running.Metadata:
    path = tmp_path / "submission_metadata.json"
    path.write_text(json.dumps({**METADATA, **changes}), encoding="utf-8")
    return running._metadata(path)


def test_lateness_is_by_gradescopes_due_date_and_the_longest_extension_of_a_group(tmp_path: Path) -> None:
    due = datetime.datetime(2026, 11, 20, 22, 59, tzinfo=datetime.UTC)
    at = "2026-11-21T08:00:00Z"  # two hours after Gradescope's due date, nine after ours
    assert metadata(tmp_path, created_at=at).seconds_late(due) == 2 * 3600
    assert metadata(tmp_path).seconds_late(due) == 0
    assert metadata(tmp_path, created_at=at, assignment={}).seconds_late(due) == 9 * 3600 + 60
    extended = {"id": 5, "assignment": {"due_date": "2026-11-21T07:30:00Z"}}
    assert metadata(tmp_path, created_at=at, users=[*METADATA["users"], extended]).seconds_late(due) == 1800
    assert metadata(tmp_path, users=[extended, {"id": 1}]).student == "gradescope-1-5"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"users": 3}', '{"created_at": "yesterday"}', "\x00"])
def test_metadata_that_cannot_be_read_costs_nobody_points(tmp_path: Path, text: str) -> None:
    path = tmp_path / "submission_metadata.json"
    path.write_text(text)
    read = running._metadata(path)
    assert read == running.Metadata()
    assert read.seconds_late(datetime.datetime.now(datetime.UTC)) == 0


def test_late_hand_in_loses_what_the_rule_says(course: Course) -> None:
    from autograder.results import HandInResult, QuestionResult

    work = course.assignment("deep_nets")
    origin = {"edition": "canonical", "wall": "landlock", "data": "none"}
    full = QuestionResult(kit="0", question="affine_forward", state="graded", share=1.0, **origin)
    found = HandInResult(student="ada", assignment=work.name, state="graded", questions=(full,), **origin)
    late = running.Metadata.model_validate({**METADATA, "created_at": "2026-11-21T08:00:00Z"})
    [points] = [question.points for question in work.auto_questions if question.grade_id == "affine_forward"]
    content = running._verdict(work, late, found, [])
    check_results(content)
    assert content["score"] == round(points * 0.9, 2)
    assert "Late: 10 percent" in content["output"]


def test_settings_travel_as_toml_that_reads_back() -> None:
    import tomllib

    from autograder.gradescope.packing import as_toml

    settings = Settings.model_validate(
        {"title": 'Ünï "quoted"\n\\', "package": "nndl", "editable": ["a.py"], "functions": {"q.1": ["f"]}}
    )
    assert Settings.model_validate(tomllib.loads(as_toml(settings))) == settings


@pytest.mark.slow
@pytest.mark.cifar10
@needs_container
def test_target_is_trained_within_its_budget(course: Course, home: Path, cifar10_dir: Path, tmp_path: Path) -> None:
    """The whole of it, the target too, in the few minutes that are given; Gradescope's default is ten."""
    done = pack(course.assignment("deep_nets"), tmp_path / "whole.zip", Options(minutes=10))
    with zipfile.ZipFile(done.place) as archive:
        archive.extractall(home / "source")
    hand_in(home)
    data = home / "source" / "kit" / "datasets" / "cifar-10-batches-py"
    data.mkdir()
    content = container(home, "--ro-bind", str(cifar10_dir / data.name), f"/autograder/source/kit/datasets/{data.name}")
    target = {test["name"]: test for test in content["tests"]}["target"]
    assert target["score"] > 0
    assert content["extra_data"]["data"] == data_name(cifar10_dir)
