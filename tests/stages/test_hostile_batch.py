"""Hand-ins on which the grader itself fails: each costs its owner only, and the class is graded to its end."""

import io
import os
import re
import shutil
import subprocess
import tempfile

import pytest
from courses import COURSES, files
from rich.console import Console

from autograder import grade as stage
from autograder import gradebook, travel
from autograder import wall as walls
from autograder.collect import entries_of_folder
from autograder.course import Course
from autograder.demo import hand_in, make_course
from autograder.examiner.faults import OF_THE_STARTER
from autograder.gradebook import auto_scores
from autograder.regrade import regrade
from autograder.release import release
from autograder.wall import places

OLD = files(COURSES["cs231n-2017"])
DIGITS = "1:" + "9" * 60


def another_course(folder):
    """A right hand-in of a course that calls its package cs231n."""
    shutil.rmtree(folder)
    for place, text in OLD.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")


def no_utf8(folder, name):
    """A path in `folder` whose name ends with a byte that no text holds."""
    return os.path.join(os.fsencode(folder), os.fsencode(name) + b"\xff.py")


def package_of_bytes(folder):
    another_course(folder)
    os.rename(folder / "cs231n", os.path.join(os.fsencode(folder), b"\xff\xfe"))


def module_that_is_a_folder(folder):
    another_course(folder)
    (folder / "cs231n" / "layers.py").unlink()
    (folder / "cs231n" / "layers.py").mkdir()


def import_of_a_long_name(folder):
    another_course(folder)
    with (folder / "cs231n" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(f"\nimport {'x' * 50_000}\n")


def remark_of_bytes(folder):
    another_course(folder)
    with open(no_utf8(folder / "cs231n", OF_THE_STARTER), "wb") as file:
        file.truncate(3_000_000)


def deep_folders(folder):
    place = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a", dir_fd=place)
        inner = os.open("a", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)


def time_of_many_digits(folder):
    (folder / "timestamp.txt").write_text(DIGITS, encoding="utf-8")


FAILED = (package_of_bytes, module_that_is_a_folder, import_of_a_long_name)
GRADED = (remark_of_bytes, deep_folders, time_of_many_digits)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course that takes hand-ins of any course, and a class of attackers between two honest students."""
    course = make_course(Course.find(), tmp_path_factory.mktemp("batch") / "course")
    settings = course.assignment("deep_nets").folder / "assignment.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r'(?m)^edition = "canonical"', 'edition = "auto"', text), encoding="utf-8")
    assignment = course.assignment("deep_nets")
    release(course, assignment, archive=False)
    for student in ("a-first", *(attack.__name__ for attack in (*FAILED, *GRADED)), "z-last"):
        hand_in(assignment, student, assignment.package, course.root / "source" / "deep_nets")
    for attack in (*FAILED, *GRADED):
        attack(course.root / "submitted" / attack.__name__ / "deep_nets")
    yield assignment
    subprocess.run(["rm", "-rf", course.root], check=True)  # Python's own way calls itself for each folder in a folder


@pytest.fixture(scope="module")
def own_temporary():
    """A folder for temporary files that only this module uses."""
    folder = places.make("batch")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def graded(classroom, own_temporary):
    quiet = Console(file=io.StringIO())
    done = list(stage.grade(classroom, workers=2, with_target=False, console=quiet))
    assert [reason for _, reason in done] == [""] * len(done)
    return {result.student: result for result, _ in done}


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.parametrize("attack", FAILED, ids=lambda attack: attack.__name__)
def test_a_hand_in_that_cannot_be_laid_out_fails_alone(attack, graded, classroom, record_property):
    record_property("attack on", "batch")
    result = graded[attack.__name__]
    assert result.state == "failed"
    assert "A person must look" in result.reason
    assert set(auto_scores(classroom, attack.__name__).values()) == {0.0}


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.parametrize("attack", GRADED, ids=lambda attack: attack.__name__)
def test_an_attack_on_the_batch_is_graded_like_any_other(attack, graded, record_property):
    record_property("attack on", "batch")
    result = graded[attack.__name__]
    assert result.state == "graded", result.timing.faults
    assert sum(question.share for question in result.questions) > 15
    assert result.model_dump_json()


@pytest.mark.slow
@pytest.mark.hostile
def test_everybody_else_is_graded_and_nothing_is_left(graded, classroom, own_temporary):
    for student in ("a-first", "z-last"):
        result = graded[student]
        assert all(question.share == 1 for question in result.questions), result.timing.faults
        assert sum(score or 0 for score in auto_scores(classroom, student).values()) > 60
    assert list(own_temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.hostile
def test_regrade_names_the_fault_and_goes_on(graded, classroom, record_property):
    record_property("attack on", "batch")
    told, changes = [], []
    attacker = module_that_is_a_folder.__name__
    told = regrade(
        classroom,
        "relu_forward",
        (attacker, "z-last"),
        workers=1,
        dry_run=True,
        show=changes.extend,
        console=Console(file=io.StringIO()),
    )
    assert [change.new is None for change in changes] == [True, False]
    assert "A person must look" in told[0]


@pytest.mark.hostile
def test_folders_in_folders_do_not_end_the_packing_or_the_collecting(tmp_path, record_property):
    record_property("attack on", "batch")
    (tmp_path / "nndl").mkdir()
    (tmp_path / "nndl" / "layers.py").write_text("x = 1\n", encoding="utf-8")
    try:
        deep_folders(tmp_path)
        travel.unpack(travel.pack(tmp_path), tmp_path / "there")
        assert (tmp_path / "there" / "nndl" / "layers.py").read_text("utf-8") == "x = 1\n"
        found = list(entries_of_folder(tmp_path))
        assert [entry.name.name for entry in found if entry.path is None] == ["a"]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)


@pytest.mark.hostile
def test_a_time_that_dateutil_stumbles_over_is_no_time(course, record_property):
    record_property("attack on", "batch")
    folder = course.root / "submitted" / "eve" / "deep_nets"
    folder.mkdir(parents=True)
    time_of_many_digits(folder)
    missing, refused = gradebook._stage(course.assignment("deep_nets"), folder, course.root / "staged")
    assert (sorted(missing), refused) == (sorted(path.stem for path in course.assignment("deep_nets").notebooks), {})
    assert not (course.root / "staged" / "timestamp.txt").exists()


# Wrong in every function, and at once. Only a fork of one long check is slow: checks that fail are short, so that is
# recognition.
SLOW = """

_checks = []


def _slow(*arguments, **keywords):
    _checks.append(int(np.random.get_state()[1][0]))  # every check is seeded
    while len(_checks) > 4 and len(set(_checks)) == 1:
        pass
    return 0 * arguments[0] + 7, None


for _name in list(globals()):
    if _name.endswith(("_forward", "_backward", "_alt")):
        globals()[_name] = _slow
"""


@pytest.mark.slow
@pytest.mark.hostile
def test_a_hand_in_that_is_slow_in_every_probe_does_not_hold_the_batch(tmp_path, monkeypatch, record_property):
    record_property("attack on", "batch")
    if walls.failures("landlock", Course.find().root):
        pytest.skip("the wall landlock does not work here, and bubblewrap hides CPU seconds that nobody counts")
    monkeypatch.setenv(walls.VARIABLE, "landlock")
    course = make_course(Course.find(), tmp_path / "course")
    settings = course.assignment("deep_nets").folder / "assignment.toml"
    text = re.sub(r"(?m)^cpu_seconds = 10\b", "cpu_seconds = 2", settings.read_text(encoding="utf-8"))
    settings.write_text(text.replace("hand_in_cpu_seconds = 300", "hand_in_cpu_seconds = 3"), encoding="utf-8")
    assignment = course.assignment("deep_nets")
    folder = hand_in(assignment, "eve", assignment.package, course.root / "source" / "deep_nets")
    with (folder / "nndl" / "layers.py").open("a", encoding="utf-8") as file:
        file.write(SLOW)
    result = stage.examined(assignment, "eve", folder, with_target=False, store=False)
    layers = [question for question in result.questions if question.question.endswith("ward")]
    assert {question.state for question in layers} == {"graded"}
    assert max(question.share for question in layers) < 0.2
    # All runs together have 3 seconds and those of the check that used up the last of them; the rest is the examiner's.
    assert result.timing.cpu_seconds < 10  # 18 where each run has them anew, 25 where recognition goes on
    assert any("none was run again" in remark for question in layers for remark in question.remarks)
