"""`nndl.hand_in`: what is missing is named, the final task is tried, the zip holds what it should. All of it is real:
the package's own files in a folder like a student's, a process of its own, no imitation but Colab's.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PureWindowsPath

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nndl.hand_in import hand_in, main, name_inside
from nndl.hand_in_look import what_is_missing, what_is_optional, without_magics
from nndl.hand_in_try import try_target

PACKAGE = Path(__file__).resolve().parents[2] / "assignments" / "deep_nets" / "nndl"
SETUP = """\
import sys
from pathlib import Path, PureWindowsPath
ON_COLAB = "google.colab" in sys.modules
if ON_COLAB:
    from google.colab import drive
    drive.mount("/content/drive")
%matplotlib inline
import numpy as np
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver
"""
DATA = """\
X = np.random.RandomState(0).randn(200, 12)
y = np.arange(200) % 3
data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
"""
TRAIN = """\
model = FullyConnectedNet([8], input_dim=12, num_classes=3)
solver = Solver(model, data, num_epochs=1000000, batch_size=10, verbose=False)
solver.train()
print(solver.val_acc_history[-1])
"""


def cell(grade_id, source, *, grade=False, solution=False, words=False):
    meta = {"nbgrader": {"grade_id": grade_id, "grade": grade, "solution": solution, "locked": not solution}}
    make = new_markdown_cell if words else new_code_cell
    return make(source, id=grade_id, metadata=meta)


def notebook(data=DATA, train=TRAIN, answer="Because.", before=""):
    return new_notebook(
        cells=[
            cell("setup", SETUP),
            new_code_cell(before, id="before"),
            cell("explain_gap", answer, grade=True, solution=True, words=True),
            cell("target_section", "## Final task", words=True),
            new_code_cell(data, id="target_data"),
            cell("target_solution", train, solution=True),
            cell("target", "1 / 0", grade=True),
        ]
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An assignment folder in which everything is done; the working folder."""
    place = tmp_path / "deep nets (1)"
    (place / "nndl").mkdir(parents=True)
    for path in PACKAGE.glob("*.py"):
        shutil.copyfile(path, place / "nndl" / path.name)
    nbformat.write(notebook(), place / "Dropout.ipynb")
    monkeypatch.chdir(place)
    return place


def about(folder, **content):
    (folder / "release.json").write_text(json.dumps({"kit": "9.9", **content}), encoding="utf-8")


def unwritten(folder, name):
    """Take the body of a function away, as the release does."""
    path = folder / "nndl" / "layers.py"
    text = re.sub(
        rf"(def {name}\(.*?\n)( *)### BEGIN SOLUTION\n.*?### END SOLUTION\n",
        r"\1\2# YOUR CODE HERE\n\2raise NotImplementedError()\n",
        path.read_text(encoding="utf-8"),
        count=1,
        flags=re.DOTALL,
    )
    path.write_text(text, encoding="utf-8")


def command(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "nndl.hand_in", *arguments],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_finished_work_is_packed_and_nothing_is_missing(folder):
    run = command(folder)
    assert run.returncode == 0, run.stderr
    assert "Nothing is missing" in run.stdout
    assert "The final task runs by itself: the first training step was done." in run.stdout
    assert run.stderr == ""
    with zipfile.ZipFile(folder / "deep_nets_hand_in.zip") as archive:
        names = archive.namelist()
    assert set(names) == {
        "deep_nets/Dropout.ipynb",
        "deep_nets/manifest.json",
        *(f"deep_nets/nndl/{path.name}" for path in PACKAGE.glob("*.py")),
    }


def test_zip_holds_no_data_no_copies_no_checkpoints_and_no_links(folder):
    for name in ("datasets/cifar-10-batches-py/data_batch_1", ".ipynb_checkpoints/Dropout.ipynb", "night_epoch_1.npz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "nndl" / "__pycache__").mkdir()
    (folder / "nndl" / "__pycache__" / "layers.pyc").write_bytes(b"x")
    (folder / "nndl" / "linked.py").symlink_to(PACKAGE / "layers.py")
    shutil.copyfile(folder / "Dropout.ipynb", folder / "Dropout-Copy1.ipynb")
    about(folder, notebooks={"Dropout": []})
    hand_in(try_out=False)
    with zipfile.ZipFile(folder / "deep_nets_hand_in.zip") as archive:
        names = set(archive.namelist())
    assert {name for name in names if not name.startswith("deep_nets/nndl/")} == {
        "deep_nets/Dropout.ipynb",
        "deep_nets/manifest.json",
    }
    assert not {name for name in names if "pyc" in name or "linked" in name}


def test_manifest_names_hashes_and_kit_and_neither_place_nor_person(folder):
    about(folder, notebooks={"Dropout": []})
    hand_in(name="Ada Lovelace", try_out=False)
    with zipfile.ZipFile(folder / "deep_nets_hand_in_Ada-Lovelace.zip") as archive:
        text = archive.read("deep_nets/manifest.json").decode()
        manifest = json.loads(text)
        for name, digest in manifest["files"].items():
            assert hashlib.sha256(archive.read(f"deep_nets/{name}")).hexdigest() == digest
    assert manifest["kit"] == "9.9"
    assert set(manifest) == {"schema", "assignment", "kit", "files"}
    assert "Ada" not in text
    assert str(folder.parent) not in text


def test_equal_files_give_equal_bytes(folder, tmp_path):
    hand_in(output=tmp_path / "one.zip", try_out=False)
    for path in folder.rglob("*"):
        os.utime(path, (10**9, 10**9))
    hand_in(output=tmp_path / "two.zip", try_out=False)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("name", ["Dropout.ipynb", r"nndl\layers.py"])
def test_zip_made_on_windows_has_the_names_of_one_made_elsewhere(name):
    folder = PureWindowsPath(r"C:\Users\Ada Lovelace\OneDrive\deep_nets (1)")
    assert name_inside(folder / name, folder) == name.replace("\\", "/")


def test_windows_line_ends_and_a_console_without_greek_letters_do_no_harm(folder):
    for path in [*(folder / "nndl").glob("*.py"), folder / "Dropout.ipynb"]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with (folder / "nndl" / "optim.py").open("ab") as file:
        file.write("\r\n\r\ndef λ():\r\n    raise NotImplementedError()\r\n".encode())
    run = command(folder, PYTHONIOENCODING="cp1252")
    assert (run.returncode, run.stderr) == (0, "")
    assert re.findall(r"^  - (.*)$", run.stdout, flags=re.MULTILINE) == ["nndl/optim.py: not written yet: ?."]
    assert (folder / "deep_nets_hand_in.zip").is_file()


def test_on_colab_the_zip_is_in_the_drive_and_it_is_said_how_to_get_it(folder, tmp_path, monkeypatch, capsys):
    drive = tmp_path / "content" / "drive" / "MyDrive" / "Colab Notebooks" / "deep_nets"
    shutil.copytree(folder, drive)
    monkeypatch.chdir(drive)
    hand_in(try_out=False)
    assert (drive / "deep_nets_hand_in.zip").is_file()
    assert "It lies in your Drive. Download it from there." in capsys.readouterr().out


def test_output_may_be_a_folder_and_a_bad_place_is_said(folder, tmp_path, capsys):
    assert main(["--output", str(tmp_path), "--no-try"]) == 0
    assert (tmp_path / "deep_nets_hand_in.zip").is_file()
    assert main(["--output", str(tmp_path / "nowhere" / "x.zip"), "--no-try"]) == 1
    assert "could not be written" in capsys.readouterr().out


def test_everything_that_is_missing_is_named_and_it_is_packed_all_the_same(folder, capsys):
    unwritten(folder, "relu_forward")
    unwritten(folder, "dropout_backward")
    nbformat.write(
        notebook(train="# Train\n# YOUR CODE HERE\nraise NotImplementedError()", answer="YOUR ANSWER HERE"),
        folder / "Dropout.ipynb",
    )
    (folder / "nndl" / "optim.py").unlink()
    (folder / "nndl" / "fc_net.py").write_text("x = 1\ndef f(:\n", encoding="utf-8")
    about(folder, notebooks={"Dropout": ["dropout_forward", "target"], "Optimization": []}, editable=["optim.py"])
    assert main([]) == 0
    out = capsys.readouterr().out
    assert (folder / "deep_nets_hand_in.zip").is_file()
    rows = re.findall(r"^  - (.*)$", out, flags=re.MULTILINE)
    assert rows[:4] == [
        "Dropout.ipynb: the graded cell dropout_forward is gone. Copy it back.",
        "Dropout.ipynb: explain_gap is not answered yet.",
        "Dropout.ipynb: the code cell target_solution is not written yet.",
        "Optimization.ipynb is not in this folder.",
    ]
    assert rows[4].startswith("nndl/fc_net.py is not valid Python, line 2")
    assert "nndl/layers.py: not written yet: relu_forward, dropout_backward." in rows
    assert "nndl/optim.py is not in this folder." in rows
    assert "You can hand in now" in out


def test_methods_are_named_with_their_class(folder):
    (folder / "nndl" / "fc_net.py").write_text(
        "class Net:\n    def loss(self):\n        raise NotImplementedError\n", encoding="utf-8"
    )
    assert what_is_missing(folder) == ["nndl/fc_net.py: not written yet: Net.loss."]


STUB = "    raise NotImplementedError()\n"


def test_helper_that_nothing_calls_and_open_cell_without_points_are_optional(folder, capsys):
    (folder / "nndl" / "layer_utils.py").write_text(f"def joined(x):\n{STUB}", encoding="utf-8")
    (folder / "nndl" / "fc_net.py").write_text("class Net:\n    pass\n", encoding="utf-8")
    book = notebook()
    book.cells.append(cell("overfit_solution", STUB.strip(), solution=True))
    nbformat.write(book, folder / "Dropout.ipynb")
    assert what_is_missing(folder) == []
    assert what_is_optional(folder) == [
        "Dropout.ipynb: the code cell overfit_solution is not written yet.",
        "nndl/layer_utils.py: not written yet: joined.",
    ]
    hand_in(try_out=False)
    out = capsys.readouterr().out
    assert "Nothing that carries points is missing" in out
    assert "lose these points" not in out
    assert "Optional" in out


def test_helper_that_the_net_calls_is_missing(folder):
    (folder / "nndl" / "layer_utils.py").write_text(
        f"def joined(x):\n{STUB}\n\ndef spare(x):\n{STUB}", encoding="utf-8"
    )
    (folder / "nndl" / "fc_net.py").write_text(
        "from nndl import layer_utils\n\n\ndef loss(x):\n    return layer_utils.joined(x)\n", encoding="utf-8"
    )
    assert what_is_missing(folder) == ["nndl/layer_utils.py: not written yet: joined."]
    assert what_is_optional(folder) == ["nndl/layer_utils.py: not written yet: spare."]


@pytest.mark.parametrize("text", ["{'", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "code", "metadata": []}]}'])
def test_broken_notebook_is_named_and_packed(folder, text, capsys):
    (folder / "Dropout.ipynb").write_text(text, encoding="utf-8")
    assert main([]) == 0
    assert "Dropout.ipynb is not a notebook that can be read" in capsys.readouterr().out


def test_nothing_to_pack_gives_exit_code_1(tmp_path):
    (tmp_path / "nndl").mkdir()
    for name in ("__init__", "hand_in", "hand_in_look", "hand_in_try"):
        shutil.copyfile(PACKAGE / f"{name}.py", tmp_path / "nndl" / f"{name}.py")
    run = command(tmp_path)
    assert run.returncode == 1
    assert "nothing to pack" in run.stdout
    assert list(tmp_path.glob("*.zip")) == []


def test_folder_is_found_from_below_and_by_the_place_of_the_package(folder, tmp_path):
    (folder / "notes").mkdir()
    assert command(folder / "notes", "--no-try", PYTHONPATH=str(folder)).returncode == 0
    (folder / "deep_nets_hand_in.zip").unlink()
    assert command(tmp_path, "--no-try", PYTHONPATH=str(folder)).returncode == 0
    assert (folder / "deep_nets_hand_in.zip").is_file()


def test_packing_needs_the_standard_library_only(folder):
    run = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path.insert(0, '.'); from nndl.hand_in import main; main([])"],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (folder / "deep_nets_hand_in.zip").is_file()


def tried(folder, *, seconds=60, **cells):
    nbformat.write(notebook(**cells), folder / "Dropout.ipynb")
    return try_target(folder, seconds)


def test_undefined_name_is_named_with_the_cell_that_makes_it(folder):
    missing, _ = tried(folder, before="small_data = 3", data="x = 1\ndata = small_data")
    assert missing == [
        "The final task does not run by itself: small_data is not defined in Dropout.ipynb, cell 5 ('x = 1'), line 2. "
        "Cell 2 makes it, which is not part of the final task."
    ]


def test_error_is_told_with_cell_and_function(folder):
    missing, _ = tried(folder, train=TRAIN.replace("input_dim=12", "input_dim=11"))
    assert len(missing) == 1
    assert re.search(r"stops with ValueError: .*cell 6 \('model = Fully.*line 3, in \w+ \(nndl/layers\.py", missing[0])


def test_unwritten_function_is_named_where_the_final_task_needs_it(folder):
    unwritten(folder, "affine_backward")
    missing, _ = tried(folder)
    assert len(missing) == 1
    assert re.fullmatch(r"The final task needs .*: affine_backward \(nndl/layers\.py, line \d+\)\.", missing[0])


def test_final_task_without_a_net_is_told(folder):
    assert tried(folder, train="net = 1")[0] == ["Dropout.ipynb: the final task leaves no net in `model`."]


def test_a_students_own_copy_of_a_notebook_is_not_tried(folder):
    about(folder, notebooks={"Dropout": []})
    nbformat.write(notebook(train="1 / 0"), folder / "Dropout-Copy1.ipynb")
    assert try_target(folder) == ([], ["The final task runs by itself: the first training step was done."])


def test_open_final_task_is_not_tried(folder):
    assert tried(folder, train="raise NotImplementedError()") == (
        [],
        ["Not tried: the final task is not written yet."],
    )


def test_images_that_are_not_here_are_no_fault_of_the_hand_in(folder, monkeypatch):
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    missing, notes = tried(folder, data="from nndl.data_utils import get_CIFAR10_data\ndata = get_CIFAR10_data()")
    assert (missing, notes) == ([], ["Not tried: the images are not on this computer."])


def test_endless_final_task_is_ended(folder):
    missing, notes = tried(folder, seconds=4, train="while True:\n    pass")
    assert missing == []
    assert notes == ["No error came up within 4 seconds. It was ended there."]


def test_final_task_that_ends_its_process_is_told(folder):
    missing, _ = tried(folder, train="import os\nos._exit(3)")
    assert missing == ["Dropout.ipynb: the final task ended its process: exit code 3."]


def test_trial_does_not_mount_a_drive(folder):
    # A Python in which google.colab is there from the start, as sitecustomize may make it.
    (folder / "sitecustomize.py").write_text(
        "import sys, types\n"
        "def mount(place):\n    raise RuntimeError('mounted')\n"
        "sys.modules['google'] = types.ModuleType('google')\n"
        "sys.modules['google.colab'] = types.ModuleType('google.colab')\n"
        "sys.modules['google.colab'].drive = types.SimpleNamespace(mount=mount)\n",
        encoding="utf-8",
    )
    run = command(folder, PYTHONPATH=str(folder))
    assert "The final task runs by itself" in run.stdout, run.stdout


def test_hand_in_packs_nothing_while_nbgrader_validates(folder, monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    hand_in()
    assert list(folder.glob("*.zip")) == []
    assert "Nothing is packed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if x:\n    !ls\n", "if x:\n    pass\n"),
        ("files = !ls", "files = None"),
        ("%time solver.train()", "solver.train()"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("%%bash\nls", "pass"),
        ("np.dot?", "pass"),
        ('text = """\n%d of\n"""', 'text = """\n%d of\n"""'),
        ("y = x %2", "y = x %2"),
    ],
)
def test_magics_are_taken_out_and_strings_are_left(source, plain):
    assert without_magics(source) == plain
