"""Every instructor notebook: what nbgrader, the graders and students rely on. Nothing is run here."""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nndl import layer_tests

SOURCE = Path(__file__).resolve().parents[2] / "source" / "deep_nets"
POINTS = {
    "FullyConnectedNets": {
        "affine_forward": 2,
        "affine_backward": 2,
        "relu_forward": 1,
        "relu_backward": 1,
        "two_layer_net": 4,
        "fc_net": 6,
        "explain_depth": 2,
        "explain_gradient_check": 2,
    },
    "Optimization": {
        "sgd_momentum": 3,
        "sgd_nesterov_momentum": 3,
        "rmsprop": 3,
        "adam": 5,
        "explain_rules": 3,
        "explain_bias_correction": 3,
    },
    "BatchNormalization": {
        "batchnorm_forward": 8,
        "batchnorm_backward": 5,
        "batchnorm_backward_alt": 3,
        "fc_net_batchnorm": 4,
        "layernorm_forward": 2,
        "layernorm_backward": 2,
        "fc_net_layernorm": 1,
        "explain_weight_scale": 2,
        "explain_batch_size": 2,
        "explain_layernorm": 1,
    },
    "Dropout": {
        "dropout_forward": 5,
        "dropout_backward": 3,
        "explain_scaling": 2,
        "fc_net_dropout": 5,
        "explain_curves": 2,
        "explain_small_layers": 2,
        "target": 10,
        "explain_gap": 1,
    },
}
NOTEBOOKS = sorted(SOURCE.glob("*.ipynb"))


def questions(*, in_words):
    """(notebook, question) of all questions of the notebooks that there are."""
    return [
        pytest.param(path, name, id=f"{path.stem}-{name}")
        for path in NOTEBOOKS
        for name in POINTS[path.stem]
        if name.startswith("explain_") == in_words
    ]


def read(path):
    return nbformat.read(path, as_version=4)


def cells_of(path):
    return {cell.id: cell for cell in read(path).cells}


def released(path):
    """What nbgrader's own preprocessors leave for students."""
    notebook = read(path)
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return {cell.id: cell.source for cell in notebook.cells}


def grading(cell):
    meta = cell.metadata.get("nbgrader", {})
    return tuple(bool(meta.get(key)) for key in ("grade", "solution", "locked"))


def without_magics(source):
    return re.sub(r"^%.*$", "pass", source, flags=re.MULTILINE)


every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
every_autograded = pytest.mark.parametrize(("path", "name"), questions(in_words=False))
every_question_in_words = pytest.mark.parametrize(("path", "name"), questions(in_words=True))


def test_points_of_the_course_sum_to_a_hundred():
    assert sum(sum(points.values()) for points in POINTS.values()) == 100
    assert {path.stem for path in NOTEBOOKS} <= set(POINTS)


@every_notebook
def test_notebook_satisfies_the_notebook_format_and_nbgraders_validator(path):
    nbformat.validate(read(path))
    MetadataValidator().validate_nb(read(path))


@every_notebook
def test_notebook_is_written_as_nbformat_writes_it(path):
    text = path.read_text(encoding="utf-8")
    assert text == nbformat.writes(read(path)) + "\n", "save it with nbformat, so that a diff shows changes only"


@every_notebook
def test_notebook_holds_no_outputs_and_no_traces_of_running(path):
    for cell in read(path).cells:
        assert set(cell.metadata) <= {"nbgrader"}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


@every_notebook
def test_cell_ids_are_unique_readable_and_the_grade_ids(path):
    cells = read(path).cells
    assert [name for name, count in Counter(cell.id for cell in cells).items() if count > 1] == []
    for cell in cells:
        assert re.fullmatch(r"[a-z][a-z_]{3,}", cell.id), cell.id
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id


@every_notebook
def test_points_are_those_agreed_on(path):
    graded = {cell.id: cell.metadata.nbgrader.points for cell in read(path).cells if grading(cell)[0]}
    assert graded == POINTS[path.stem]


@every_notebook
def test_table_of_points_says_what_the_metadata_says(path):
    text, points = cells_of(path)["points"].source, POINTS[path.stem]
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|[^|]*\|$", text, flags=re.MULTILINE)
    assert {name: int(number) for name, number in rows} == points
    assert f"| **{sum(points.values())}** |" in text


@every_notebook
def test_code_cells_are_python(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            ast.parse(without_magics(cell.source))


@every_notebook
def test_hidden_checks_are_told_in_words(path):
    text = cells_of(path)["hidden_checks"].source
    assert "on fresh inputs, in a process of our own" in text
    assert len(text.split()) > 150


@every_notebook
def test_setup_cell_finds_the_folder_in_the_same_way_everywhere(path):
    def finding(name):
        source = cells_of(SOURCE / f"{name}.ipynb")["setup"].source
        return source[source.index("ON_COLAB =") : source.index("%load_ext")] + source[source.index('print("folder:') :]

    assert finding(path.stem) == finding("Dropout")
    assert grading(cells_of(path)["setup"]) == (False, False, True)


@every_notebook
def test_release_holds_no_solution_and_no_hidden_test(path):
    text = "\n".join(released(path).values())
    for word in ("SOLUTION", "HIDDEN", "autograder", "Rubric", "Model answer"):
        assert word not in text


@every_notebook
def test_every_autograded_question_that_is_a_function_has_visible_checks(path):
    names = {name for name in POINTS[path.stem] if not name.startswith("explain_")} - {"target"}
    assert names <= set(layer_tests.questions())


@every_autograded
def test_autograded_cell_is_locked_and_ends_with_the_rerun_of_its_own_question(path, name):
    cell = cells_of(path)[name]
    assert grading(cell) == (True, False, True)
    assert cell.source.splitlines()[-3:] == [
        "### BEGIN HIDDEN TESTS",
        f'import autograder; autograder.rerun("{name}")',
        "### END HIDDEN TESTS",
    ]


@every_autograded
def test_autograded_cell_shows_the_visible_checks_of_its_own_question(path, name):
    if name != "target":
        assert released(path)[name].strip() == f'layer_tests.check("{name}")'


@every_question_in_words
def test_question_in_words_is_locked_and_stands_right_before_its_answer(path, name):
    order, cells = [cell.id for cell in read(path).cells], cells_of(path)
    assert order[order.index(name) - 1] == f"{name}_question"
    assert grading(cells[f"{name}_question"]) == (False, False, True)
    assert grading(cells[name]) == (True, True, False)
    assert cells[name].cell_type == "markdown"


@every_question_in_words
def test_question_in_words_has_a_model_answer_and_a_rubric_that_adds_up(path, name):
    cells, points = cells_of(path), POINTS[path.stem][name]
    answer, _, rubric = cells[name].source.partition("**Rubric.**")
    assert "**Model answer.**" in answer
    assert len(answer.split()) > 40
    assert sum(int(number) for number in re.findall(r"^- (\d+) points?:", rubric, flags=re.MULTILINE)) == points
    assert f"({points} point" in cells[f"{name}_question"].source


@every_question_in_words
def test_release_leaves_nothing_of_an_answer(path, name):
    assert released(path)[name] == "YOUR ANSWER HERE"


@every_notebook
def test_text_above_a_cell_that_trains_says_how_long_it_takes(path):
    above, silent, trains = "", [], re.compile(r"(?<!def )\b(train|train_\w+|overfit|four_layers)\(")
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            above = cell.source
        elif trains.search(re.sub(r"(?ms)^def .*?(?=^\S)", "", cell.source)) and not re.search("second|minute", above):
            silent.append(cell.id)
    assert silent == []
