"""What students get: made by nbgrader and by us alike, refused where nbgrader would be silent, proved before use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from small_course import LAYERS, ROOT, cell_of, in_words, plain, write_notebook

from autograder.cli import main
from autograder.course import Course
from autograder.delimiters import resembles
from autograder.errors import CourseError
from autograder.package import released_files
from autograder.proof import leaks
from autograder.release import Release, release, write_archive

Edit = Callable[[Callable[[NotebookNode], None]], None]


def make(course: Course, **options: bool) -> Release:
    return release(course, course.assignment("deep_nets"), **options)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def layers(course: Course) -> Path:
    return course.assignment("deep_nets").package / "layers.py"


def nbgrader(course: Course, *, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    # An unactivated environment: nbgrader's own helper commands are not on the path.
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    command = [python, "-m", "nbgrader", "generate_assignment", "deep_nets"]
    return subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=120, env=environment)


def test_release_holds_everything_a_student_needs(course: Course) -> None:
    made = make(course)
    assert made.files == (
        "Dropout.ipynb",
        "README.md",
        "datasets/checksums.txt",
        "datasets/get_datasets.py",
        "environment.yml",
        "get_datasets.sh",
        "nndl/__init__.py",
        "nndl/given.py",
        "nndl/layers.py",
        "release.json",
        "requirements.txt",
    )
    assert (made.folder / "nndl" / "layers.py").read_text() == LAYERS.replace(
        "    ### BEGIN SOLUTION\n    secret_mask = (np.random.rand(*x.shape) < p) / p\n    out = x * secret_mask\n"
        "    ### END SOLUTION\n",
        "    # YOUR CODE HERE\n    raise NotImplementedError()\n",
    ).replace(
        "    ### BEGIN SOLUTION\n    return dout * cache\n    ### END SOLUTION\n",
        "    # YOUR CODE HERE\n    raise NotImplementedError()\n",
    )


def test_release_strips_solutions_hidden_tests_and_outputs_of_notebooks(course: Course, edit_notebook: Edit) -> None:
    def run(nb: NotebookNode) -> None:
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [new_output("stream", text="0.9876")], 7
                cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}

    edit_notebook(run)
    text = (make(course).folder / "Dropout.ipynb").read_text()
    for secret in ("hidden_recipe", "model answer", "rerun", "HIDDEN", "SOLUTION", "0.9876", "2026-01-01"):
        assert secret not in text
    assert "YOUR ANSWER HERE" in text


def test_plain_nbgrader_and_release_make_the_same_bytes(course: Course) -> None:
    (course.root / "gradebook.db").unlink()  # no set-up before
    done = nbgrader(course)
    assert done.returncode == 0, done.stderr
    plain = tree(course.root / "release" / "deep_nets")
    assert tree(make(course).folder) == plain


def test_plain_nbgrader_replaces_an_older_release(course: Course) -> None:
    stale = course.root / "release" / "deep_nets" / "old.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    assert nbgrader(course).returncode == 0
    assert not stale.exists()


def test_plain_nbgrader_leaves_no_release_when_a_file_is_refused(course: Course) -> None:
    make(course)
    layers(course).write_text(LAYERS.replace("### BEGIN SOLUTION", "### begin solution", 1))
    done = nbgrader(course)
    assert done.returncode == 1
    assert "layers.py, line 9" in done.stderr
    assert not (course.root / "release" / "deep_nets").exists()


def test_release_does_not_depend_on_who_saved_the_notebook(course: Course, edit_notebook: Edit) -> None:
    first = tree(make(course).folder)

    def saved_elsewhere(nb: NotebookNode) -> None:
        nb.metadata["kernelspec"] = {"name": "deep-nets", "display_name": "My Python", "language": "python"}
        nb.metadata["language_info"] = {"name": "python", "version": "3.13.1"}
        nb.metadata["widgets"] = {"a": 1}
        nb.cells[0].metadata["collapsed"] = False

    edit_notebook(saved_elsewhere)
    assert tree(make(course).folder) == first


def test_release_says_the_same_in_another_folder(course: Course, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "course"
    shutil.copytree(course.root, other)
    assert tree(make(course).folder) == tree(make(Course(other)).folder)


BAD_LAYERS = {
    "misspelt begin": (("### BEGIN SOLUTION", "### BEGIN SOLUTON"), "looks like a delimiter", 9),
    "lower case": (("### BEGIN SOLUTION", "### begin solution"), "looks like a delimiter", 9),
    "extra words": (("### BEGIN SOLUTION", "### BEGIN SOLUTION (mask)"), "looks like a delimiter", 9),
    "trailing space": (("### BEGIN SOLUTION", "### BEGIN SOLUTION "), "looks like a delimiter", 9),
    "two spaces": (("### BEGIN SOLUTION", "### BEGIN  SOLUTION"), "looks like a delimiter", 9),
    "no-break space": (("### BEGIN SOLUTION", "### BEGIN\u00a0SOLUTION"), "looks like a delimiter", 9),
    "other letters": (("### BEGIN SOLUTION", "### BEGIN SOLUTIОN"), "looks like a delimiter", 9),  # noqa: RUF001
    "misspelt end": (("### END SOLUTION", "### END SOLUTIN"), "looks like a delimiter", 12),
    "one hash": (("### BEGIN SOLUTION", "# BEGIN SOLUTION"), "looks like a delimiter", 9),
    "other word": (("### BEGIN SOLUTION", "### BEGIN ANSWER"), "looks like a delimiter", 9),
    "after code": (('p = dropout_param["p"]', "p = 1  ### BEGIN SOLUTION"), "looks like a delimiter", 8),
    "stray end": (("    ### BEGIN SOLUTION\n", ""), "END SOLUTION has no BEGIN", 11),
    "unclosed": (("    ### END SOLUTION\n    return out", "    return out"), "inside the SOLUTION region", 17),
    "unclosed at the end": (("cache\n    ### END SOLUTION", "cache"), "has no END SOLUTION", 18),
    "nested": (("    secret_mask =", "    ### BEGIN SOLUTION\n    secret_mask ="), "BEGIN SOLUTION inside", 10),
    "hidden tests": (("    secret_mask =", "    ### END HIDDEN TESTS\n    secret_mask ="), "is not allowed here", 10),
    "in a docstring": (
        ('"""Drop values."""', '"""Drop.\n\n    ### BEGIN SOLUTION\n    x\n    ### END SOLUTION\n    """'),
        "inside a string",
        9,
    ),
    "named in a docstring": (('"""Drop values."""', '"""Drop; see BEGIN SOLUTION."""'), "looks like a delimiter", 7),
    "named in a string": (('p = dropout_param["p"]', 'p = "END SOLUTION"'), "looks like a delimiter", 8),
    "in brackets": (
        (
            "    secret_mask = (np.random.rand(*x.shape) < p) / p\n",
            "    secret_mask = 1\n    out = (\n        "
            "### BEGIN SOLUTION\n        1\n        ### END SOLUTION\n    )\n",
        ),
        "inside the SOLUTION",
        12,
    ),
    "part of an expression": (
        (
            "    ### BEGIN SOLUTION\n    secret_mask = (np.random.rand(*x.shape) < p) / p\n    out = x * secret_mask\n"
            "    ### END SOLUTION\n",
            "    out, secret_mask = x, (\n        ### BEGIN SOLUTION\n        1\n        ### END SOLUTION\n    )\n",
        ),
        "not valid Python",
        None,
    ),
    "indented otherwise": (("    ### BEGIN SOLUTION", "### BEGIN SOLUTION"), "not indented alike", 9),
    "empty region": (
        ("    ### END SOLUTION", "    ### END SOLUTION\n    ### BEGIN SOLUTION\n    ### END SOLUTION"),
        "empty",
        13,
    ),
    "outside a function": (
        ("import numpy as np\n", "### BEGIN SOLUTION\nimport numpy as np\n### END SOLUTION\n"),
        "stubs inside",
        None,
    ),
    "windows lines": (("\n", "\r\n"), "Windows line ends", 1),
    "tabs": (("    p = dropout", "\tp = dropout"), "indented with a tab", 8),
    "syntax": (("def dropout_forward(", "def dropout_forward(("), "not valid Python", 6),
    "byte order mark": (('"""Layers."""', '\ufeff"""Layers."""'), "byte order mark", None),
    "no region left": (("### ", "# - "), "looks like a delimiter", 9),
    "no region": (("### BEGIN SOLUTION", "pass"), None, None),
}


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_release_refuses_a_package_that_nbgrader_would_release_wrong(course: Course, name: str) -> None:
    (old, new), what, line = BAD_LAYERS[name]
    text = LAYERS.replace(old, new, -1 if name in {"windows lines", "no region left"} else 1)
    if name == "no region":
        text, what = re.sub(r" *### .*\n", "", LAYERS), "holds no solution region"
    assert text != LAYERS
    layers(course).write_bytes(text.encode())
    with pytest.raises(CourseError, match=what) as caught:
        released_files(course.assignment("deep_nets"))
    place = f"layers.py, line {line}:" if line else "layers.py"
    assert place in str(caught.value)
    assert "\n  fix: " in str(caught.value)


def test_release_refuses_a_package_that_is_not_utf8(course: Course) -> None:
    layers(course).write_bytes(LAYERS.replace("Drop values", "Größe").encode("latin-1"))
    with pytest.raises(CourseError, match="not UTF-8") as caught:
        released_files(course.assignment("deep_nets"))
    assert "layers.py, line 7" in str(caught.value)


def test_release_refuses_solutions_in_a_file_that_is_given(course: Course) -> None:
    given = layers(course).with_name("given.py")
    given.write_text(LAYERS)
    with pytest.raises(CourseError, match="given to students"):
        released_files(course.assignment("deep_nets"))


@pytest.mark.parametrize("name", ["layers.pyc", "notes.txt", "old/answers.ipynb"])
def test_release_refuses_anything_but_python_in_the_package(course: Course, name: str) -> None:
    path = layers(course).parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(CourseError, match="Python files only"):
        released_files(course.assignment("deep_nets"))


@pytest.mark.parametrize("name", ["get_datasets.sh", "datasets/checksums.txt", "requirements.lock"])
def test_release_refuses_to_go_without_a_support_file(course: Course, name: str) -> None:
    (course.root / name).unlink()
    with pytest.raises(CourseError, match=r"missing"):
        released_files(course.assignment("deep_nets"))


def _insert(cell: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.cells.append(cell)


def _source(grade_id: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        cell = cell_of(nb, grade_id)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def _same_id(nb: NotebookNode) -> None:
    nb.cells[1].id = nb.cells[0].id


BAD_NOTEBOOKS: dict[str, tuple[Callable[[NotebookNode], None], str]] = {
    "misspelt": (
        _source("target_solution", "BEGIN SOLUTION", "BEGIN SOLUTOIN"),
        'cell "target_solution", line 2: .*looks like',
    ),
    "in words": (
        _source("explain_scaling", "### BEGIN SOLUTION", "### Begin solution"),
        'cell "explain_scaling", line 1',
    ),
    "hidden": (_source("target", "BEGIN HIDDEN TESTS", "BEGIN HIDEN TEST"), 'cell "target", line 2: .*looks like'),
    "hidden lower": (
        _source("target", "BEGIN HIDDEN TESTS", "begin hidden tests"),
        'cell "target", line 2: .*looks like',
    ),
    "no hidden": (lambda nb: cell_of(nb, "target").update(source="x = 1"), "names no hidden test"),
    "unclosed": (_source("target", "\n### END HIDDEN TESTS", ""), "has no END HIDDEN TESTS"),
    "in a plain cell": (_insert(new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION")), "is not allowed here"),
    "in plain words": (_insert(new_markdown_cell("### BEGIN SOLUTION\nx\n### END SOLUTION")), "is not allowed here"),
    "hidden in a plain cell": (
        _insert(new_code_cell("### BEGIN HIDDEN TESTS\nx = 1\n### END HIDDEN TESTS")),
        "is not allowed",
    ),
    "in a string": (
        _source("setup", "import numpy as np", 'x = """\n### BEGIN SOLUTION\n### END SOLUTION\n"""'),
        "not allowed|string",
    ),
    "string in solution": (
        _source("target_solution", "epochs = 2", 'epochs = """\n### BEGIN SOLUTION\n2\n### END SOLUTION\n"""'),
        "inside a string",
    ),
    "syntax": (_source("setup", "import numpy as np", "import numpy as"), "not valid Python"),
    "in brackets": (
        _insert(plain("more", "x = (\n    ### BEGIN SOLUTION\n    1\n    ### END SOLUTION\n)", solution=True)),
        "not valid Python",
    ),
    "windows lines": (_source("setup", "\n", "\r\n"), "Windows line ends"),
    "a cell without an id": (lambda nb: nb.cells[2].pop("id"), "cell 3: cells have no ids"),
    "two cells of one id": (_same_id, "cell 2: two cells have the id"),
}


@pytest.mark.parametrize("name", BAD_NOTEBOOKS)
def test_release_refuses_a_notebook_that_nbgrader_would_release_wrong(course: Course, name: str) -> None:
    change, what = BAD_NOTEBOOKS[name]
    path = course.root / "source" / "deep_nets" / "Dropout.ipynb"
    nb = nbformat.read(path, as_version=4)
    change(nb)
    path.write_text(json.dumps(nb))  # nbformat would mend what a test breaks
    with pytest.raises(CourseError, match=what):
        make(course)
    assert not (course.root / "release").exists()


def test_release_refuses_an_unclosed_solution_and_keeps_the_release_in_place(course: Course) -> None:
    before = tree(make(course).folder)
    layers(course).write_text(LAYERS.replace("cache\n    ### END SOLUTION", "cache"))
    with pytest.raises(CourseError, match="no END SOLUTION"):
        make(course)
    assert tree(course.root / "release" / "deep_nets") == before
    assert [path.name for path in course.root.glob(".release-*")] == []


@pytest.mark.parametrize(
    "line",
    [
        "# the resolution of an image",
        "and solutions of the equation",
        "# hidden layers",
        "At the end, the solution is near.",
        "begin, end = max(low, start), min(high, stop)",
        "## Solutions in words",
        "# end of the loop over tests",
        "# mark the start",
    ],
)
def test_ordinary_lines_are_not_taken_for_delimiters(line: str) -> None:
    assert not resembles(line, python=not line.startswith("##"))


def test_check_passes_on_a_fresh_release_and_writes_nothing(course: Course) -> None:
    make(course)
    before = tree(course.root)
    make(course, check=True)
    assert tree(course.root) == before


def test_check_of_a_release_that_is_not_fresh_ends_with_exit_code_1(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    (make(course).folder / "README.md").write_text("# Stop here\n")
    monkeypatch.chdir(course.root)
    monkeypatch.setattr(sys, "argv", ["autograder", "release", "--check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


def test_check_lists_every_file_that_differs(course: Course) -> None:
    folder = make(course).folder
    (folder / "README.md").write_text("# Stop here\n")
    (folder / "answers.py").write_text("x = 1\n")
    (folder / "nndl" / "given.py").unlink()
    (folder / "datasets" / "cifar-10-batches-py").mkdir()
    (folder / "datasets" / "cifar-10-batches-py" / "data_batch_1").write_text("fetched by somebody who tried it out")
    with pytest.raises(CourseError) as caught:
        make(course, check=True)
    assert str(caught.value).splitlines()[1:] == [
        "  README.md: out of date, first in line 1",
        "  answers.py: not part of the release",
        "  nndl/given.py: missing",
        "  fix: run `autograder release deep_nets` and commit release/deep_nets",
    ]


def test_release_proves_that_no_solution_line_is_given_away(course: Course, edit_notebook: Edit) -> None:
    # A way past all stripping: the line also stands in a file that students get, but only when it is released.
    edit_notebook(_insert(new_code_cell("x = 1  # out = x * secret_mask")))
    make(course)  # the line stands outside regions in the sources, too, so it is no secret
    folder = course.root / "release" / "deep_nets"
    (folder / "nndl" / "given.py").write_text("model = hidden_recipe\n### BEGIN HIDDEN TESTS\n")
    nb = nbformat.read(folder / "Dropout.ipynb", as_version=4)
    cell_of(nb, "setup").outputs = [new_output("stream", text="1")]
    nb.cells[0].source += f"\nThe model answer of explain_scaling. {course.root}"
    nbformat.write(nb, folder / "Dropout.ipynb")
    assert leaks(course.assignment("deep_nets"), folder) == [
        "Dropout.ipynb: a solution line: The model answer of explain_scaling.",
        "Dropout.ipynb: a path of this machine",
        "nndl/given.py: a solution line: model = hidden_recipe",
        "nndl/given.py: the delimiter BEGIN HIDDEN TESTS",
        "Dropout.ipynb: cell 2 has outputs",
    ]


def test_release_refuses_a_package_that_does_not_import(course: Course) -> None:
    layers(course).with_name("given.py").write_text("from nndl.nowhere import x\n")
    with pytest.raises(CourseError, match=r"nndl\.given does not import: ModuleNotFoundError"):
        make(course)


def test_release_refuses_a_package_that_calls_its_stubs_when_imported(course: Course) -> None:
    layers(course).write_text(LAYERS + "\n\nzero = dropout_backward(0, 0)\n")
    with pytest.raises(CourseError, match=r"nndl\.layers does not import: NotImplementedError"):
        make(course)


def test_release_refuses_a_function_that_answers_although_it_is_not_written(course: Course) -> None:
    layers(course).write_text(
        LAYERS.replace('    p = dropout_param["p"]\n', "    if x is not None:\n        return x, 1\n")
    )
    with pytest.raises(CourseError, match=r"dropout_forward gives an answer although it is not written yet"):
        make(course)


def test_release_says_what_to_do_when_cells_change_after_hand_ins(course: Course, edit_notebook: Edit) -> None:
    from nbgrader.api import Gradebook

    make(course)
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as book:
        book.update_or_create_student("ada")
        book.update_or_create_submission("deep_nets", "ada")
    edit_notebook(_insert(in_words("explain_more", 1)))
    with pytest.raises(CourseError, match="after hand-ins were graded"):
        make(course)


def test_release_without_notebooks_says_where_they_belong(course: Course) -> None:
    shutil.rmtree(course.root / "source" / "deep_nets")
    with pytest.raises(CourseError, match="no notebooks"):
        make(course)


def test_gradebook_never_holds_a_hidden_test(course: Course) -> None:
    make(course)
    assert b"rerun" not in (course.root / "gradebook.db").read_bytes()


def test_archive_has_equal_bytes_for_equal_files_and_runnable_scripts(course: Course) -> None:
    made = make(course)
    first = made.archive.read_bytes()
    for path in made.folder.rglob("*"):
        os.utime(path, (10**9, 10**9))
        if path.is_file():
            path.chmod(0o600)
    assert write_archive(made.folder, made.archive).read_bytes() == first
    with zipfile.ZipFile(made.archive) as archive:
        assert archive.namelist() == [f"deep_nets/{name}" for name in sorted(made.files, key=lambda name: Path(name))]
        assert archive.getinfo("deep_nets/get_datasets.sh").external_attr >> 16 == 0o755


def test_release_keeps_data_that_was_fetched_into_the_old_one(course: Course) -> None:
    data = make(course).folder / "datasets" / "cifar-10-batches-py" / "data_batch_1"
    data.parent.mkdir()
    data.write_text("pixels")
    assert "datasets/cifar-10-batches-py/data_batch_1" not in make(course).files
    assert data.read_text() == "pixels"


def test_release_of_several_notebooks(course: Course) -> None:
    write_notebook(
        new_notebook(cells=[in_words("explain_more", 3)]), course.root / "source" / "deep_nets" / "More.ipynb"
    )
    assert {"Dropout.ipynb", "More.ipynb"} <= set(make(course).files)


@pytest.mark.skipif(not (ROOT / "release" / "deep_nets").is_dir(), reason="no committed release")
def test_the_committed_release_is_fresh() -> None:
    make(Course(ROOT), check=True)
