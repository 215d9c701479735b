"""Releases in each language and each course's names: safe, complete, run with the reference, graded in full."""

import ast
import importlib.util
import itertools
import json
import re
import shutil

import nbformat
import pytest
from dialect_releases import ALL, EDITIONS, ROOT, WORK, dressed
from nbclient import NotebookClient
from small_course import make_course

from autograder.editions import edition
from autograder.errors import CourseError
from autograder.examining import Options, examine
from autograder.languages import ENGLISH, PACKAGE, catalogue, read_catalogue
from autograder.languages.templates import template_of
from autograder.proof import leaks
from autograder.release import release
from autograder.stripping import without_magics
from autograder.translate.names import Names
from autograder.translate.tree import translated

BOOKS = sorted(path.stem for path in WORK.notebooks)


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "dialects"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(params=ALL, ids="-".join)
def made(request, shared):
    """Each release in turn."""
    return dressed(*request.param, shared)


@pytest.fixture(params=[pair for pair in ALL if pair[1] in EDITIONS], ids="-".join)
def elsewhere(request, shared):
    """Those in another course's names."""
    return dressed(*request.param, shared)


@pytest.fixture(params=[pair for pair in ALL if pair[0] != ENGLISH], ids="-".join)
def told(request, shared):
    """Those in another language."""
    return dressed(*request.param, shared)


def code_cells(folder):
    for path in sorted(folder.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path.name, cell.source


def texts(folder):
    """Every file of a release, notebooks as their cells."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
        yield path.relative_to(folder).as_posix(), text


def test_check_proves_it_fresh(made):
    # `release` raises as well where anything is given away, or a module does not import.
    release(WORK.course, WORK, check=True, output=made.release.parent)


def test_a_translated_solution_line_that_is_left_in_is_found(shared):
    made = dressed(ENGLISH, "nndl-2023", shared)
    folder = shared / "with-a-leak"
    shutil.copytree(made.release, folder, dirs_exist_ok=True)
    line = 'config["a"] = decay * config["a"] + (1 - decay) * dw**2'  # as no source of ours has it
    (folder / "README.md").write_text(line)
    assert leaks(made.work, folder) == [f"README.md: a solution line: {line}"]
    assert leaks(WORK, folder) == []


WORDS_OF_OURS = {
    "cs231n-2021": ("nndl",),
    "dasecv": ("nndl", "dropout_keep_ratio"),
    "nndl-2023": ("dropout_keep_ratio", "normalization=", r"nndl[./](solver|data_utils|gradient_check|vis_utils)"),
}
WORDS_OF_THEIRS = {
    "cs231n-2021": ("from cs231n.classifiers.fc_net import", "from cs231n.solver import Solver"),
    "dasecv": ("from daseCV.classifiers.fc_net import", "dropout=keep"),
    "nndl-2023": ("from utils.solver import Solver", "dropout=keep", 'use_batchnorm=normalization == "batchnorm"'),
}


def test_students_find_the_names_they_were_taught_and_none_of_ours(elsewhere):
    for place, text in texts(elsewhere.release):
        for word in WORDS_OF_OURS[elsewhere.name]:
            assert re.findall(rf"\b{word}(?!\w)", text, re.ASCII) == [], place
    code = "\n".join(source for _, source in code_cells(elsewhere.release))
    for word in WORDS_OF_THEIRS[elsewhere.name]:
        assert word in code


def test_files_lie_where_the_course_has_them(elsewhere):
    home, support = elsewhere.package, edition(elsewhere.name).support[0]
    inner = "" if elsewhere.name == "nndl-2023" else "classifiers/"
    expected = {f"{home}/{name}.py" for name in ("layers", "layer_utils", "optim", f"{inner}fc_net", "layer_tests")}
    expected |= {f"{support}/{name}.py" for name in ("solver", "data_utils", "gradient_check", "vis_utils")}
    assert expected <= {place for place, _ in texts(elsewhere.release)}
    about = json.loads((elsewhere.release / "release.json").read_text())
    assert {f"{home}/{name}" for name in about["editable"]} <= expected
    assert about["options"]["edition"] == elsewhere.name


def test_notebooks_parse_and_import_only_what_is_there(elsewhere):
    seen = 0
    for book, source in code_cells(elsewhere.release):
        for node in ast.walk(ast.parse(without_magics(source))):
            if not isinstance(node, ast.ImportFrom) or node.module.partition(".")[0] not in (
                elsewhere.package,
                "utils",
            ):
                continue
            seen += 1
            place = elsewhere.release.joinpath(*node.module.split("."))
            for alias in node.names:
                if place.is_dir():
                    assert (place / f"{alias.name}.py").is_file(), (book, alias.name)
                else:
                    known = ast.parse(place.with_suffix(".py").read_text()).body
                    assert alias.name in {getattr(each, "name", "") for each in known}, (book, alias.name)
    assert seen > 20


class PutBack(ast.NodeTransformer):
    """Every text as one constant: its template, and for a translated sentence that of the English one."""

    def __init__(self, english):
        self.english, self.changed = english, 0

    def _put(self, node):
        template = template_of(node)
        self.changed += template in self.english
        return ast.Constant(self.english.get(template, template))

    def visit_JoinedStr(self, node):
        return self._put(node)

    def visit_Constant(self, node):
        return self._put(node) if isinstance(node.value, str) else node


def test_only_sentences_of_the_catalogue_differ_in_the_package(told, shared):
    names, english = told.work.names, dressed(ENGLISH, told.name, shared).release
    pairs = [(message.string, message.id) for message in read_catalogue(told.language) if message.context == PACKAGE]
    back = PutBack({names.text(string): names.text(template) for string, template in pairs})
    for path in sorted(english.rglob("*.py")):
        put = back.visit(ast.parse((told.release / path.relative_to(english)).read_text(encoding="utf-8")))
        ours = PutBack({}).visit(ast.parse(path.read_text(encoding="utf-8")))
        assert ast.dump(put) == ast.dump(ours), path.name
    assert back.changed > 200


def test_only_texts_differ_in_the_notebooks(told, shared):
    english = dressed(ENGLISH, told.name, shared)
    for book, kind in itertools.product(BOOKS, ("release", "solved")):
        ours, theirs = (
            nbformat.read(getattr(each, kind) / f"{book}.ipynb", as_version=4).cells for each in (english, told)
        )
        for cell, other in zip(ours, theirs, strict=True):
            about, shown = (dict(each.metadata.get("nbgrader", {})) for each in (cell, other))
            about.pop("checksum", None), shown.pop("checksum", None)
            assert (cell.id, cell.cell_type, about) == (other.id, other.cell_type, shown)
            same = cell.cell_type == "code" or about.get("solution")
            assert (cell.source == other.source) == bool(same), cell.id


ALL_CHECKS = """
import importlib, pathlib, sys
home = sys.argv[1]
for name in sorted(path.with_suffix("").as_posix().replace("/", ".") for path in pathlib.Path(".").glob("*/**/*.py")):
    if name.split(".")[0] in (home, "utils"):
        assert importlib.import_module(name).__file__.startswith(str(pathlib.Path.cwd())), name
tests = importlib.import_module(f"{home}.layer_tests")
for question in tests.questions():
    tests.check(question)
print("all", len(tests.questions()))
"""


def test_every_visible_check_passes_with_the_translated_reference(made):
    run = made.run("-c", f"import sys; sys.path.insert(0, '.')\n{ALL_CHECKS}", made.package)
    assert run.stdout.endswith("all 22\n"), run.stdout[-2000:] + run.stderr


def test_hand_in_tool_names_what_is_not_written_where_the_course_has_it(elsewhere):
    path = elsewhere.release / elsewhere.package / "hand_in_look.py"
    spec = importlib.util.spec_from_file_location(f"look_{elsewhere.package}", path)
    look = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(look)
    found = "\n".join(look.what_is_missing(elsewhere.release))
    place = edition(elsewhere.name).place("fc_net").replace(".", "/")
    methods = ("TwoLayerNet.__init__", "TwoLayerNet.loss", "FullyConnectedNet.__init__", "FullyConnectedNet.loss")
    line = next(line for line in found.splitlines() if f"{place}.py" in line)
    assert ", ".join(methods) in line
    for place in ("path.name", "where"):
        sentence = catalogue(elsewhere.language).text(PACKAGE, f"{{{place}}} is not in this folder.")
        assert sentence.rpartition("}")[2] not in found


def test_hand_in_is_graded_in_full_and_every_question_counts(made, tmp_path):
    packed = made.run("-m", f"{made.package}.hand_in", "--no-try", "--output", str(tmp_path / "ada.zip"))
    assert packed.returncode == 0, packed.stdout + packed.stderr
    result = examine(WORK, tmp_path / "ada.zip", Options(with_target=False, edition="auto"))
    assert (result.state, result.edition) == ("graded", made.name), result.reason
    shares = {question.question: question.share for question in result.questions}
    assert shares == {question.grade_id: 1.0 for question in WORK.auto_questions if question.grade_id != "target"}
    assert not result.not_counted


def test_translating_into_our_own_names_changes_no_byte(tmp_path):
    work = translated(WORK, edition("canonical"), tmp_path)
    copies = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(copies) > 25
    for path in copies:
        assert path.read_bytes() == (ROOT / path.relative_to(tmp_path)).read_bytes(), path.name
    assert work.settings == WORK.settings


# A small course: the whole stage.


def test_release_remembers_its_edition_and_check_proves_it_fresh(tmp_path):
    course = make_course(tmp_path)
    work, out = course.assignment("deep_nets"), tmp_path / "out"
    folder = release(course, work, edition="dasecv", output=out).folder
    assert (folder / "daseCV" / "layers.py").is_file()
    assert not (tmp_path / "release").exists()
    before = (folder.parent / "deep_nets.zip").read_bytes()
    release(course, work, edition="dasecv", output=out)
    assert (folder.parent / "deep_nets.zip").read_bytes() == before
    release(course, work, check=True, output=out)
    (folder / "daseCV" / "given.py").write_text("changed = True\n")
    with pytest.raises(CourseError, match=r"daseCV/given\.py: out of date"):
        release(course, work, check=True, output=out)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"edition": "dasecv"}, "--output"),
        ({"edition": "dasecV", "output": "out"}, "there is no edition"),
        ({"language": "xx", "output": "out"}, "no language"),
        ({"edition": "nndl-2018", "output": "out"}, "p is not the probability of keeping"),
    ],
)
def test_release_refuses_what_it_cannot_say(options, told, tmp_path):
    course = make_course(tmp_path)
    if "output" in options:
        options = {**options, "output": tmp_path / "out"}
    with pytest.raises(CourseError) as error:
        release(course, course.assignment("deep_nets"), **options)
    assert told in str(error.value)
    assert not (tmp_path / "out").exists()


def test_an_edition_with_a_flag_needs_one_for_layernorm_too():
    flagged = edition("nndl-2023")
    bare = flagged.model_copy(update={"normalization": flagged.normalization.model_copy(update={"layernorm": ""})})
    with pytest.raises(CourseError, match="none for layernorm"):
        Names.of(WORK, bare)


# Every cell of every notebook is run. What full training gives is tested with our own names (test_notebooks_run.py).
FEW_IMAGES = """
def _of_few(whole):
    def build(solver, model, data, *arguments, **settings):
        few = {key: part[:100] for key, part in data.items()}
        whole(solver, model, few, *arguments, **settings)
    return build
Solver.__init__ = _of_few(Solver.__init__)
"""


@pytest.mark.slow
@pytest.mark.cifar10
@pytest.mark.timeout(900)
@pytest.mark.parametrize("book", BOOKS)
def test_notebook_runs_with_the_translated_reference(made, book, cifar10_dir, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("CIFAR10_DIR", str(cifar10_dir))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    nb = nbformat.read(made.solved / f"{book}.ipynb", as_version=4)
    nb.cells = [cell for cell in nb.cells if cell.id != "hand_in"]
    setup = next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup")
    setup.source += FEW_IMAGES
    NotebookClient(nb, timeout=None, resources={"metadata": {"path": str(made.solved)}}).execute()
    said = "".join(output.get("text", "") for output in setup.outputs)
    assert f"folder: {made.solved}" in said
    assert "TAKE CARE" not in said
