"""Releases in other languages: only words differ from the English one, and work handed in from them earns all."""

import ast
import os

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import Course
from autograder.errors import CourseError
from autograder.examining import Options, examine
from autograder.languages import ENGLISH, LANGUAGES
from autograder.languages.release import translate_notebook, translated_files
from autograder.release import release

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
COURSE = Course.find()
ENGLISH_RELEASE = COURSE.root / "release" / "deep_nets"
NOTEBOOKS = [path.stem for path in COURSE.assignment("deep_nets").notebooks]


@pytest.fixture(scope="module", params=OTHERS)
def made(request, tmp_path_factory):
    """The folder that holds the release of one notebook in a language."""
    output = tmp_path_factory.mktemp(request.param)
    release(COURSE, COURSE.assignment("deep_nets"), notebooks=["Dropout"], output=output, language=request.param)
    return output


def without_words(source):
    """A module's code, every text of it blank."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = [ast.unparse(part) for part in node.values if isinstance(part, ast.FormattedValue)]
            node.values = [ast.Constant(" ".join(sorted(values)))]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def test_check_knows_the_language_of_a_release(made):
    release(COURSE, COURSE.assignment("deep_nets"), check=True, output=made)


def test_only_the_words_of_a_notebook_differ(made):
    ours, theirs = (
        nbformat.read(folder / "Dropout.ipynb", as_version=4).cells for folder in (ENGLISH_RELEASE, made / "deep_nets")
    )
    for cell, told in zip(ours, theirs, strict=True):
        assert cell.id == told.id
        about, other = (dict(each.metadata.get("nbgrader", {})) for each in (cell, told))
        about.pop("checksum", None), other.pop("checksum", None)
        assert about == other
        same = cell.cell_type == "code" or about.get("solution")
        assert (cell.source == told.source) == bool(same), cell.id


def test_only_the_sentences_of_the_package_differ(made):
    changed = 0
    for path in sorted((ENGLISH_RELEASE / "nndl").glob("*.py")):
        told = (made / "deep_nets" / "nndl" / path.name).read_text(encoding="utf-8")
        english = path.read_text(encoding="utf-8")
        assert without_words(told) == without_words(english), path.name
        changed += told != english
    assert changed > 8


def test_unknown_language_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no language"):
        release(COURSE, COURSE.assignment("deep_nets"), output=tmp_path, language="xx")


@pytest.fixture(scope="module", params=OTHERS)
def solved(request, tmp_path_factory):
    """Notebooks and package with their solutions, in a language: what a student with all points has in the end."""
    folder = tmp_path_factory.mktemp("solved")
    assignment = COURSE.assignment("deep_nets")
    texts = {f"nndl/{path.name}": path.read_text(encoding="utf-8") for path in assignment.package.glob("*.py")}
    for name, text in translated_files(texts, "nndl", request.param).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for path in assignment.notebooks:
        nb = nbformat.read(path, as_version=4)
        translate_notebook(nb, path.stem, request.param)
        nbformat.write(nb, folder / path.name)
    return folder


def test_hand_in_in_another_language_earns_all(solved):
    result = examine(COURSE.assignment("deep_nets"), solved, Options(with_target=False))
    assert {question.question: question.share for question in result.questions if question.share < 1} == {}
    assert len(result.questions) > 15


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_translated_notebook_runs_with_the_translated_package(solved, name, cifar10_dir):
    notebook = nbformat.read(solved / f"{name}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "hand_in"]
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(solved)}})
    # The package of this folder, not the instructor's that the environment maps.
    environment = os.environ | {"CIFAR10_DIR": str(cifar10_dir), "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(solved)}
    client.execute(env=environment)
