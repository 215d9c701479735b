"""The course model: settings are validated, questions come from the notebooks, seeds from the secret."""

import stat

import pytest

from autograder.course import Course
from autograder.errors import CourseError

SETTINGS = 'title = "T"\npackage = "pkg"\neditable = ["a.py"]\n'


@pytest.fixture
def small_course(tmp_path):
    (tmp_path / "nbgrader_config.py").touch()
    (tmp_path / "assignments" / "one").mkdir(parents=True)
    (tmp_path / "assignments" / "one" / "assignment.toml").write_text(SETTINGS)
    return Course(tmp_path)


def write_settings(course, text):
    (course.root / "assignments" / "one" / "assignment.toml").write_text(text)


def test_course_is_found_from_a_folder_below_it(small_course):
    below = small_course.root / "source" / "one"
    below.mkdir(parents=True)
    assert Course.find(below) == Course(small_course.root.resolve())


def test_find_says_what_is_missing_outside_a_course(tmp_path):
    with pytest.raises(CourseError, match=r"nbgrader_config\.py"):
        Course.find(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SETTINGS + "points = 3\n", "points"),
        (SETTINGS.replace('title = "T"\n', ""), "title"),
        (SETTINGS + "[limits]\ncpu_seconds = -1\n", r"limits\.cpu_seconds"),
        (SETTINGS + "[limits\n", "TOML"),
    ],
    ids=["unknown key", "missing key", "impossible value", "no TOML"],
)
def test_settings_refuse_a_wrong_file_and_name_the_key(small_course, text, told):
    write_settings(small_course, text)
    with pytest.raises(CourseError, match=told) as caught:
        small_course.assignment("one")
    assert "assignment.toml" in str(caught.value)
    assert "fix:" in str(caught.value)


def test_unknown_assignment_lists_those_there_are(small_course):
    with pytest.raises(CourseError, match="one"):
        small_course.assignment("two")


def test_questions_of_the_kit_sum_to_the_points_its_notebooks_name():
    assignment = Course.find().assignment("deep_nets")
    dropout = [question for question in assignment.questions if question.notebook == "Dropout"]
    assert sum(question.points for question in dropout) == 30
    assert {question.grade_id for question in dropout if not question.manual} == {
        "dropout_forward",
        "dropout_backward",
        "fc_net_dropout",
        "target",
    }


def test_secret_is_made_once_and_for_its_owner_only(small_course):
    first = small_course.secret()
    assert small_course.secret() == first
    assert len(first) == 64
    assert stat.S_IMODE((small_course.root / ".course_secret").stat().st_mode) == 0o600


def test_seeds_differ_between_students_assignments_and_courses(small_course, tmp_path):
    seeds = {small_course.seed("ada", "one"), small_course.seed("ada", "two"), small_course.seed("bob", "one")}
    assert len(seeds) == 3
    (small_course.root / ".course_secret").write_text("f" * 64)
    assert small_course.seed("ada", "one") not in seeds


def test_short_secret_is_refused(small_course):
    (small_course.root / ".course_secret").write_text("\n")
    with pytest.raises(CourseError, match="secret"):
        small_course.secret()
