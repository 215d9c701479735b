"""Some notebooks only, some functions solved, elsewhere; and what grading makes of it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nndl.hand_in_look import read_about
from small_course import LAYERS, ROOT, Class, cell_of, in_words, write_notebook

from autograder.course import Course
from autograder.cut import Cut, not_graded
from autograder.errors import CourseError
from autograder.grade import examined
from autograder.proof import leaks
from autograder.release import Release, release

NOTEBOOKS = sorted(path.stem for path in (ROOT / "source" / "deep_nets").glob("*.ipynb"))


def make(course: Course, **options: object) -> Release:
    return release(course, course.assignment("deep_nets"), archive=False, **options)


def more(course: Course) -> None:
    """A second notebook."""
    nb = new_notebook(cells=[in_words("explain_more", 3)])
    write_notebook(nb, course.root / "source" / "deep_nets" / "More.ipynb")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def maximum(course: Course) -> dict[str, float]:
    """Points of each question in the gradebook."""
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as book:
        notebooks = book.find_assignment("deep_nets").notebooks
        return {cell.name: float(cell.max_score) for notebook in notebooks for cell in notebook.grade_cells}


def function(text: str, name: str) -> str:
    [found] = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return ast.unparse(found)


def test_solved_functions_keep_their_solution_and_others_lose_it(course: Course) -> None:
    folder = make(course, solved=["dropout_backward"]).folder
    text = (folder / "nndl" / "layers.py").read_text()
    assert function(text, "dropout_backward") == function(LAYERS, "dropout_backward")
    assert "raise NotImplementedError()" in function(text, "dropout_forward")
    assert "###" not in text


def test_solved_questions_carry_no_points_and_the_release_says_so(course: Course) -> None:
    made = make(course, solved=["layers.dropout_backward"])
    nb = nbformat.read(made.folder / "Dropout.ipynb", as_version=4)
    points = {name: cell_of(nb, name).metadata.nbgrader.points for name in ("dropout_forward", "dropout_backward")}
    assert points == {"dropout_forward": 5, "dropout_backward": 0}
    assert maximum(course) == {"dropout_forward": 5, "dropout_backward": 0, "target": 10, "explain_scaling": 2}
    guide = (made.folder / "README.md").read_text()
    assert "written already: `layers.dropout_backward`" in guide
    assert "not graded: `dropout_backward`" in guide
    about = read_about(made.folder)
    assert about["solved"] == ["layers.dropout_backward"]
    assert about["notebooks"] == {"Dropout": ["dropout_forward", "dropout_backward", "target", "explain_scaling"]}
    assert about["editable"] == ["layers.py"]


def test_release_that_is_solved_throughout_is_allowed(course: Course) -> None:
    folder = make(course, solved=["dropout_forward", "dropout_backward"]).folder
    assert "NotImplementedError" not in (folder / "nndl" / "layers.py").read_text()


def test_without_options_nothing_is_given(course: Course) -> None:
    made = make(course)
    assert made.cut == Cut(("Dropout",))
    assert "Given in this copy" not in (made.folder / "README.md").read_text()


def test_unknown_names_are_refused_with_those_there_are(course: Course) -> None:
    with pytest.raises(CourseError, match=r'"drop_out"(.|\n)*dropout_forward, dropout_backward'):
        make(course, solved=["drop_out"])
    with pytest.raises(CourseError, match=r'no notebook "Drop"(.|\n)*Dropout'):
        make(course, notebooks=["Drop"])
    assert not (course.root / "release").exists()


def test_one_notebook_is_released_and_the_gradebook_knows_all(course: Course) -> None:
    more(course)
    made = make(course, notebooks=["More"])
    assert [path.name for path in made.folder.glob("*.ipynb")] == ["More.ipynb"]
    assert list(read_about(made.folder)["notebooks"]) == ["More"]
    assert set(maximum(course)) == {"dropout_forward", "dropout_backward", "target", "explain_scaling", "explain_more"}
    assert {path.name for path in make(course, notebooks=["More", "Dropout"]).folder.glob("*.ipynb")} == {
        "Dropout.ipynb",
        "More.ipynb",
    }


def test_check_compares_with_the_options_of_the_release_in_place(course: Course) -> None:
    more(course)
    make(course, notebooks=["Dropout"], solved=["dropout_backward"])
    before = tree(course.root)
    make(course, check=True)
    assert tree(course.root) == before
    with pytest.raises(CourseError, match=r"not what the sources give:(.|\n)*nndl/layers\.py"):
        make(course, check=True, solved=["dropout_forward"])


def test_new_notebook_makes_a_whole_release_stale(course: Course) -> None:
    make(course)
    more(course)
    with pytest.raises(CourseError, match=r"More\.ipynb: missing"):
        make(course, check=True)


def test_equal_options_give_equal_bytes_in_any_order(course: Course, tmp_path: Path) -> None:
    one = make(course, solved=["dropout_backward", "dropout_forward"], output=tmp_path / "one").folder
    two = make(course, solved=["dropout_forward", "dropout_backward"], output=tmp_path / "two").folder
    assert tree(one) == tree(two)


def test_output_leaves_release_and_gradebook_as_they_are(course: Course, tmp_path: Path) -> None:
    make(course)
    before, points = tree(course.root / "release"), maximum(course)
    made = make(course, solved=["dropout_backward"], output=tmp_path / "copies")
    assert made.folder == tmp_path / "copies" / "deep_nets"
    make(course, solved=["dropout_forward"], output=tmp_path / "copies")  # an earlier copy is replaced
    assert tree(course.root / "release") == before
    assert maximum(course) == points


def test_output_never_replaces_what_is_no_release(course: Course) -> None:
    for place in ("source", "assignments"):
        with pytest.raises(CourseError, match="is no release"):
            make(course, output=course.root / place)
    assert (course.root / "source" / "deep_nets" / "Dropout.ipynb").is_file()


def test_release_is_not_taken_for_a_course(course: Course) -> None:
    folder = make(course).folder
    (folder / "nbgrader_config.py").touch()
    assert Course.find(folder).root == course.root.resolve()


def test_proof_still_finds_a_leak_of_what_is_not_given(course: Course) -> None:
    made = make(course).folder
    (made / "nndl" / "given.py").write_text("return dout * cache\n")
    assignment = course.assignment("deep_nets")
    assert leaks(assignment, made) == ["nndl/given.py: a solution line: return dout * cache"]
    assert leaks(assignment, made, Cut.of(assignment, solved=["dropout_backward"])) == []


@pytest.mark.parametrize(
    ("names", "questions"),
    [
        (["affine_forward"], {"affine_forward"}),
        (["two_layer_net"], {"two_layer_net"}),
        (["TwoLayerNet.loss"], set()),  # the constructor is left to write
        (["TwoLayerNet.loss", "fc_net.TwoLayerNet.__init__"], {"two_layer_net"}),
        (["fc_net"], {"fc_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm"}),
        (["FullyConnectedNet"], set()),
        (["adam", "relu_forward"], {"adam", "relu_forward"}),
    ],
)
def test_question_is_given_when_all_of_its_functions_are(names: list[str], questions: set[str]) -> None:
    assignment = Course(ROOT).assignment("deep_nets")
    there = {question.grade_id for question in assignment.auto_questions}
    assert set(Cut.of(assignment, solved=names).questions) == questions & there


def test_every_autograded_question_but_the_target_can_be_given() -> None:
    assignment = Course(ROOT).assignment("deep_nets")
    names = [question.grade_id for question in assignment.auto_questions if question.grade_id != "target"]
    assert list(Cut.of(assignment, solved=names).questions) == names


def test_grading_leaves_out_what_all_got_solved(classroom: Class) -> None:
    release(classroom.course, classroom.assignment, archive=False, solved=["dropout_backward"])
    classroom.hand_in(
        "ada", classroom.released(), questions={"dropout_forward": ["graded", 1.0, ""], "target": ["graded", 0.5, ""]}
    )
    classroom.assignment = classroom.course.assignment("deep_nets")  # read anew, as the next command does
    assert not_graded(classroom.assignment, "ada") == ("dropout_backward",)
    assert classroom.record("ada") == ""
    assert classroom.scores("ada") == {"dropout_forward": 5.0, "dropout_backward": 0.0, "target": 5.0}
    assert sum(maximum(classroom.course).values()) == 17


@pytest.fixture(scope="module")
def whole_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The kit's own course, copied, released."""
    from autograder.demo import make_course

    course = make_course(Course(ROOT), tmp_path_factory.mktemp("whole") / "course")
    make(course)
    return course


def test_what_a_student_earned_before_stands_and_what_was_given_is_not_examined(whole_course: Course) -> None:
    from autograder.demo import hand_in

    root, names = whole_course.root, ["dropout_forward", "dropout_backward"]
    settings = root / "assignments" / "deep_nets" / "assignment.toml"
    released = root / "release" / "deep_nets"
    assignment = whole_course.assignment("deep_nets")
    folder = hand_in(assignment, "ada", released / "nndl", released)
    shutil.copyfile(assignment.package / "layers.py", folder / "nndl" / "layers.py")
    with (folder / "nndl" / "layers.py").open("a") as file:  # ada's own: wrong in test mode only
        file.write("\n\n_right = dropout_forward\n\n\ndef dropout_forward(x, dropout_param):\n")
        file.write('    return _right(x, {**dropout_param, "mode": "train"})\n')
    first = {q.question: q.share for q in _examined(whole_course, "ada").questions}
    assert 0 < first["dropout_forward"] < 1
    # Then ada got both solved; bob did, too, and never handed in before.
    shutil.copyfile(assignment.package / "layers.py", folder / "nndl" / "layers.py")
    hand_in(assignment, "bob", assignment.package, root / "source" / "deep_nets")
    given = "".join(f"{name} = {json.dumps(names)}\n" for name in ("ada", "bob"))
    settings.write_text(settings.read_text().replace("[given]\n", f"[given]\n{given}"))
    ada, bob_result = _examined(whole_course, "ada"), _examined(whole_course, "bob")
    assert {name: ada.question(name).share for name in names} == {name: first[name] for name in names}
    for name in names:
        assert bob_result.question(name).share == 0
        assert bob_result.question(name).message() == "Not graded: the course gave you this part solved."
    assert bob_result.question("fc_net_dropout").share == 1
    assert bob_result.state == "graded"


def _examined(course: Course, student: str):  # type: ignore[no-untyped-def]
    assignment = course.assignment("deep_nets")
    folder = course.root / "submitted" / student / "deep_nets"
    return examined(assignment, student, folder, with_target=False)


# nbgrader validate, as students may run it: the released notebook, no hidden tests, their own package beside it.


@pytest.fixture
def solved_release(whole_course: Course, tmp_path: Path) -> Path:
    """The release, with the reference's package and an answer to every question in words."""
    folder = tmp_path / "deep_nets"
    shutil.copytree(whole_course.root / "release" / "deep_nets", folder)
    for path in whole_course.assignment("deep_nets").package.glob("*.py"):
        shutil.copyfile(path, folder / "nndl" / path.name)
    for name in NOTEBOOKS:
        edit(folder, name, answer)
    return folder


def edit(folder: Path, name: str, change) -> None:  # type: ignore[no-untyped-def]
    nb = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    change(nb)
    nbformat.write(nb, folder / f"{name}.ipynb")


def answer(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = "In my own words."


def graded_cells_only(nb: NotebookNode) -> None:
    """What takes long goes: experiments and training. Setup and graded cells stay as they were released."""
    nb.cells = [cell for cell in nb.cells if "nbgrader" in cell.metadata and not cell.id.startswith(("target", "save"))]


def validate(folder: Path, name: str, seconds: int = 120) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", "validate", f"{name}.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Interrupting" not in run.stderr
    return " ".join(run.stdout.split())


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_validate_passes_a_right_notebook(solved_release: Path, name: str) -> None:
    edit(solved_release, name, graded_cells_only)
    assert validate(solved_release, name) == "Success! Your notebook passes all the tests."
    assert list(solved_release.glob("*.zip")) == []


def test_validate_names_what_is_missing_wrong_or_changed(solved_release: Path, whole_course: Course) -> None:
    edit(solved_release, "Dropout", graded_cells_only)
    released = whole_course.root / "release" / "deep_nets" / "nndl" / "layers.py"
    shutil.copyfile(released, solved_release / "nndl" / "layers.py")
    edit(solved_release, "Dropout", lambda nb: cell_of(nb, "explain_scaling").update(source="YOUR ANSWER HERE"))
    said = validate(solved_release, "Dropout")
    assert "VALIDATION FAILED ON 4 CELL(S)" in said  # three questions that are checked, one in words
    assert "dropout_forward is not written yet (nndl/layers.py" in said
    assert "You did not provide a response." in said
    edit(solved_release, "Dropout", lambda nb: cell_of(nb, "dropout_forward").update(source="1"))
    assert "THE CONTENTS OF 1 TEST CELL(S) HAVE CHANGED" in validate(solved_release, "Dropout")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_validate_of_an_untouched_whole_notebook_says_what_is_not_written_and_no_more(
    whole_course: Course, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "deep_nets"
    shutil.copytree(whole_course.root / "release" / "deep_nets", folder)
    said = validate(folder, name, seconds=500)
    own = [question for question in whole_course.assignment("deep_nets").questions if question.notebook == name]
    assert f"VALIDATION FAILED ON {len(own)} CELL(S)" in said
    assert said.count("You did not provide a response.") == sum(question.manual for question in own)
    checked = [question for question in own if not question.manual and question.grade_id != "target"]
    # nbgrader cuts what it shows of an error at 80 characters a line
    assert len(re.findall(r"CheckFailed: \S+ is not written yet \(nndl/\w+\.py, line ", said)) == len(checked)
    assert not re.search(r"layer_tests\.py|checks_\w+\.py|autograder", said)


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_validate_passes_a_whole_notebook_and_interrupts_no_training(
    solved_release: Path, whole_course: Course, name: str, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(cifar10_dir))
    source = nbformat.read(whole_course.root / "source" / "deep_nets" / f"{name}.ipynb", as_version=4)
    written = {cell.id: cell.source for cell in source.cells if cell.cell_type == "code"}

    def write(nb: NotebookNode) -> None:
        for cell in nb.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = written[cell.id]

    edit(solved_release, name, write)
    assert validate(solved_release, name, seconds=1400) == "Success! Your notebook passes all the tests."
