"""What is particular to the notebook on dropout: the target, and the cells for setting up and saving."""

import ast
import builtins
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "source" / "deep_nets" / "Dropout.ipynb"
PACKAGE = ROOT / "assignments" / "deep_nets" / "nndl"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def cells(notebook):
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture
def released(notebook):
    """What nbgrader's own preprocessors leave for students."""
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return {cell.id: cell.source for cell in notebook.cells}


def grading(cell):
    meta = cell.metadata.get("nbgrader", {})
    return tuple(bool(meta.get(key)) for key in ("grade", "solution", "locked"))


@pytest.mark.parametrize(
    ("right", "points"), [(320, "0.00"), (435, "5.00"), (500, "7.82"), (549, "9.95"), (550, "10.00")]
)
def test_target_cell_reports_the_linear_share_rounded_down(released, right, points):
    printed = run_cell(released["target"], accuracy=lambda *_: right / 1000)
    assert f"{right / 1000:.1%}: this would give {points} of 10" in printed


@pytest.mark.parametrize("right", [0, 319, 551, 1000])
def test_target_cell_reports_no_points_beyond_none_and_all(released, right):
    printed = run_cell(released["target"], accuracy=lambda *_: right / 1000)
    assert f"give {10.0 if right > 500 else 0.0:.2f} of 10" in printed


def test_target_cell_calls_points_on_the_stand_in_provisional(released):
    stand_in = "synthetic stand-in, not CIFAR-10"
    assert "provisional" in run_cell(released["target"], data_name=lambda: stand_in)
    assert "provisional" not in run_cell(released["target"])


def run_cell(source, **names):
    """What the target cell prints, with these names in place of the setup cell's."""
    import numpy as np

    printed = []
    data = {"X_val": None, "y_val": None}
    common = {"np": np, "model": None, "data": data, "accuracy": lambda *_: 0.5, "data_name": lambda: "CIFAR-10"}
    exec(source, common | {"print": printed.append} | names)
    return "\n".join(printed)


def test_target_section_needs_no_cell_but_the_setup_cell(notebook):
    """Its code is run right after the setup cell when a hand-in is graded."""
    order = [cell.id for cell in notebook.cells]
    section = notebook.cells[order.index("target_section") : order.index("target") + 1]
    assert section[0].cell_type == "markdown"
    assert section[0].source.startswith("## ")
    used, defined = set(), set(dir(builtins))
    for cell in [notebook.cells[order.index("setup")], *section]:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(without_magics(cell.source))):
                if isinstance(node, ast.Name):
                    (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
                elif isinstance(node, ast.alias):
                    defined.add((node.asname or node.name).partition(".")[0])
                elif isinstance(node, ast.FunctionDef):
                    defined |= {node.name, *(argument.arg for argument in node.args.args)}
                elif isinstance(node, ast.ExceptHandler) and node.name:
                    defined.add(node.name)
    assert used - defined == set()
    assert "get_CIFAR10_data()" in "".join(cell.source for cell in section)


def test_text_and_cell_of_the_target_say_what_the_settings_say(cells):
    target = tomllib.loads((PACKAGE.parent / "assignment.toml").read_text(encoding="utf-8"))["target"]
    text, cell = cells["target_section"].source, cells["target"].source
    assert f"at least **{target['accuracy']:.0%}**".replace("%", " %") in text
    assert rf"\frac{{a - {target['floor']}}}{{{target['accuracy']} - {target['floor']}}}" in text
    assert f"(val_accuracy - {target['floor']}) / ({target['accuracy']} - {target['floor']})" in cell
    assert f"{target['cpu_seconds'] / 60:g} minutes of processor time" in text
    assert f"{target['memory_mb'] / 1024:g} GB of memory" in text
    assert [target[key] for key in ("question", "section", "setup")] == ["target", "target_section", "setup"]


def test_heading_of_the_target_section_is_locked_so_that_graders_find_it(cells):
    assert grading(cells["target_section"]) == (False, False, True)
    assert grading(cells["target_solution"]) == (False, True, False)


def test_release_holds_nothing_of_the_net_that_reaches_the_target(released):
    assert "solver = Solver(\n    model,\n    data," not in "\n".join(released.values())
    assert released["target_solution"].splitlines()[1:] == ["# YOUR CODE HERE", "raise NotImplementedError()"]


def without_magics(source):
    return re.sub(r"^%.*$", "pass", source, flags=re.MULTILINE)


def run_setup(cells, folder, *, before="", after="", drive=None):
    """Run the setup cell as a script in `folder`; with `drive`, on an imitation of Colab that mounts it.

    Colab itself cannot be had here. What is imitated is all the cell asks of it: the module google.colab, and the
    folder it mounts.
    """
    code = without_magics(cells["setup"].source)
    if drive is not None:
        before += (
            "import sys, types\n"
            "colab = types.ModuleType('google.colab')\n"
            "colab.drive = types.SimpleNamespace(mount=lambda place: print('mounted', place))\n"
            "sys.modules['google'], sys.modules['google.colab'] = types.ModuleType('google'), colab\n"
        )
        code = code.replace("/content/drive", str(drive))
    script = folder / "setup_cell.py"
    script.write_text(before + code + "\n" + after, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CIFAR10_DIR"}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def make_assignment(folder):
    """An unzipped assignment: nndl/, and a data script that leaves a note that it was run."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "nndl").mkdir()
    for path in PACKAGE.glob("*.py"):
        (folder / "nndl" / path.name).write_bytes(path.read_bytes())
    note = "from pathlib import Path\nPath('datasets/fetched').touch()\n"
    (folder / "datasets" / "get_datasets.py").write_text(note, encoding="utf-8")
    return folder


def test_magics_of_the_setup_cell_are_known_to_ipython(cells):
    code = TransformerManager().transform_cell(cells["setup"].source)
    ast.parse(code)
    assert code.count("run_line_magic") == 3
    assert "get_ipython" not in without_magics(cells["setup"].source)


def test_setup_cell_finds_the_folder_from_below_and_says_how_to_get_the_data(cells, tmp_path):
    assignment = make_assignment(tmp_path / "deep_nets")
    below = assignment / "my notes"
    below.mkdir()
    done = run_setup(cells, below, after="import nndl, os; print('nndl of', nndl.__file__, 'in', os.getcwd())")
    assert done.returncode == 0, done.stderr
    assert f"nndl of {assignment / 'nndl' / '__init__.py'} in {assignment}" in done.stdout
    assert "images: not found" in done.stdout
    assert "get_datasets.sh" in done.stdout
    assert not (assignment / "datasets" / "fetched").exists(), (
        "on a student's own computer nothing is downloaded unasked"
    )


def test_setup_cell_takes_the_nndl_of_its_folder_before_any_other_or_says_that_it_does_not(cells, tmp_path):
    assignment, other = make_assignment(tmp_path / "deep_nets"), make_assignment(tmp_path / "other")
    both = f"import sys; sys.path[:] = [{str(other)!r}, *sys.path, {str(assignment)!r}]\n"
    own = run_setup(cells, assignment, before=both, after="print('layers of', layer_tests.__file__)")
    assert f"layers of {assignment}" in own.stdout, own.stderr
    assert "TAKE CARE" not in own.stdout
    too_late = run_setup(cells, assignment, before=both + "import nndl.layer_tests\n")
    assert f"TAKE CARE: nndl/ does not come from this folder, but from {other / 'nndl'}" in too_late.stdout


def test_setup_cell_on_colab_finds_its_folder_goes_there_and_gets_the_data(cells, tmp_path):
    assignment = make_assignment(tmp_path / "drive" / "MyDrive" / "Colab Notebooks" / "course" / "deep_nets")
    elsewhere = tmp_path / "content"
    elsewhere.mkdir()
    done = run_setup(cells, elsewhere, drive=tmp_path / "drive", after="import os; print('in', os.getcwd(), ON_COLAB)")
    assert done.returncode == 0, done.stderr
    assert f"mounted {tmp_path / 'drive'}" in done.stdout
    assert f"in {assignment} True" in done.stdout
    assert (assignment / "datasets" / "fetched").exists()


def test_setup_cell_on_colab_does_not_guess_between_two_folders(cells, tmp_path):
    for name in ("deep_nets", "deep_nets (1)"):
        make_assignment(tmp_path / "MyDrive" / name)
    done = run_setup(cells, tmp_path, drive=tmp_path)
    assert done.returncode == 1
    assert "RuntimeError: several folders hold nndl/" in done.stderr
    assert "deep_nets (1)" in done.stderr


def test_setup_cell_on_colab_says_what_to_do_without_a_folder(cells, tmp_path):
    (tmp_path / "MyDrive").mkdir()
    done = run_setup(cells, tmp_path, drive=tmp_path)
    assert done.returncode == 1
    assert "FileNotFoundError: no nndl/ in your Drive: put the unzipped assignment folder there" in done.stderr


def test_setup_cell_on_colab_shows_why_the_data_could_not_be_fetched(cells, tmp_path):
    assignment = make_assignment(tmp_path / "MyDrive" / "deep_nets")
    failing = "import sys\nsys.exit('error: no route to the server')\n"
    (assignment / "datasets" / "get_datasets.py").write_text(failing, encoding="utf-8")
    done = run_setup(cells, tmp_path, drive=tmp_path)
    assert done.returncode == 1
    assert "error: no route to the server" in done.stdout
    assert "RuntimeError: the images could not be fetched" in done.stderr


def test_save_cell_copies_edited_files_back_to_drive(cells, tmp_path):
    assignment = make_assignment(tmp_path / "MyDrive" / "deep_nets")
    copy = make_assignment(tmp_path / "copy")
    (copy / "nndl" / "layers.py").write_text("# edited\n", encoding="utf-8")
    move = f"os.chdir({str(copy)!r})\n"
    done = run_setup(cells, tmp_path, drive=tmp_path, after=move + cells["save"].source)
    assert done.returncode == 0, done.stderr
    assert (assignment / "nndl" / "layers.py").read_text(encoding="utf-8") == "# edited\n"
    assert f"{assignment / 'nndl' / 'layers.py'}: 9 bytes" in done.stdout


def test_save_cell_does_nothing_on_ones_own_computer(cells, tmp_path):
    assignment = make_assignment(tmp_path / "deep_nets")
    done = run_setup(cells, assignment, after=cells["save"].source)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Not on Colab: nothing to do")
