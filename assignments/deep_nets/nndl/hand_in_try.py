"""Try the final task for one training step: the setup cell, then its section, in a fresh process.

The same cells are run again when a hand-in is graded. A name that only another cell defines is found here.
"""

import ast
import builtins
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SETUP, SECTION, TARGET = "setup", "target_section", "target"  # nbgrader's grade_id of three cells
SECONDS = 120  # after so long without an error the trial is ended
# Not here is a fault of this computer, not of the hand-in.
_ENVIRONMENT = ("numpy", "matplotlib", "tqdm", "IPython")


def try_target(folder, seconds=SECONDS):
    """Run the final task's cells until the Solver has done one step.

    Parameters
    ----------
    folder : Path
        The assignment folder.
    seconds : float
        When to end it.

    Returns
    -------
    missing : list of str
        What is wrong, a sentence each; empty if nothing is.
    notes : list of str
        What was found out, or why nothing could be.
    """
    from nndl.hand_in_look import notebooks, read_cells, without_magics

    for path in notebooks(folder):
        try:
            cells = read_cells(path)
        except (OSError, ValueError):
            continue  # said elsewhere
        names = [cell["id"] for cell in cells]
        if SECTION in names:
            break
    else:
        return [], ["No notebook here has a final task."]
    if SETUP not in names:
        return [f"{path.name}: the setup cell is gone. Copy it back."], []
    first = names.index(SECTION)
    last = names.index(TARGET, first) if TARGET in names[first:] else len(names)
    chosen = [names.index(SETUP), *range(first, last)]
    work = [
        {"number": i + 1, "source": without_magics(cells[i]["source"])} for i in chosen if cells[i]["type"] == "code"
    ]
    answer = _in_fresh_process(folder, work, seconds)
    elsewhere = [(i + 1, cell) for i, cell in enumerate(cells) if i not in chosen and cell["type"] == "code"]
    return _in_words(path.name, answer, elsewhere, seconds)


def _in_fresh_process(folder, work, seconds):
    """What `_run` found, as a dict; {"event": "slow"} when it took too long."""
    with tempfile.TemporaryDirectory() as temporary:
        task, found = Path(temporary) / "task.json", Path(temporary) / "found.json"
        task.write_text(json.dumps(work), encoding="utf-8")
        environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), str(folder), str(task), str(found)]
        options = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        try:
            run = subprocess.run(command, **options, stderr=subprocess.PIPE, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return {"event": "slow"}
        except OSError as error:
            return {"event": "lost", "text": str(error)}
        if not found.is_file():
            said = run.stderr.decode("utf-8", "replace").strip().splitlines()
            return {"event": "lost", "text": said[-1] if said else f"exit code {run.returncode}"}
        return json.loads(found.read_text(encoding="utf-8"))


def _in_words(notebook, answer, elsewhere, seconds):
    event = answer["event"]
    if event == "slow":
        return [], [f"No error came up within {seconds:g} seconds. It was ended there."]
    if event == "lost":
        return [f"{notebook}: the final task ended its process: {answer['text']}."], []
    if event == "done":
        steps = "the first training step was done" if answer["steps"] else "it ran, but no Solver was trained"
        if answer["model"]:
            return [], [f"The final task runs by itself: {steps}."]
        return [f"{notebook}: the final task leaves no net in `model`."], []
    place = f"{notebook}, cell {answer['cell']} ({answer['first']!r}), line {answer['line']}"
    kind, name = answer["type"], answer["name"]
    if kind == "NotImplementedError":
        if not answer["inside"]:  # the open cell itself, which is named as missing already
            return [], ["Not tried: the final task is not written yet."]
        return [f"The final task needs something that is not written yet: {answer['inside']}."], []
    if kind == "ModuleNotFoundError" and name.partition(".")[0] in _ENVIRONMENT:
        return [], [f"Not tried: this Python has no {name}. Use the environment that you worked in."]
    if kind == "FileNotFoundError" and "get_datasets" in answer["text"]:
        return [], ["Not tried: the images are not on this computer."]
    if kind == "NameError" and name:
        where = [number for number, cell in elsewhere if name in _names_made(cell["source"])]
        hint = f" Cell {where[-1]} makes it, which is not part of the final task." if where else ""
        return [f"The final task does not run by itself: {name} is not defined in {place}.{hint}"], []
    inside = f", in {answer['inside']}" if answer["inside"] else ""
    return [f"The final task stops with {kind}: {answer['text']} ({place}{inside})."], []


def _names_made(source):
    from nndl.hand_in_look import without_magics

    try:
        tree = ast.parse(without_magics(source))
    except (SyntaxError, ValueError):
        return set()
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
    return made - set(dir(builtins))


class _Shell:
    """`get_ipython()` outside of IPython: it takes every call and does nothing."""

    def __getattr__(self, name):
        return lambda *arguments, **keywords: None


def _run(work):
    """In the fresh process: run the cells in one namespace."""
    # The setup cell mounts the Drive where it sees Colab; the folder is known here.
    sys.modules.pop("google.colab", None)
    steps = [0]

    def stop_after_a_step():
        from nndl.solver import Solver

        whole = Solver._advance

        def advance(solver):
            whole(solver)  # with the first check of accuracy, so that the histories hold something
            steps[0] += 1
            return True

        Solver._advance = advance

    namespace = {"__name__": "__main__", "get_ipython": _Shell, "display": lambda *arguments, **keywords: None}
    for cell in work:
        try:
            if cell is work[0]:
                stop_after_a_step()
            exec(compile(cell["source"], f"<cell {cell['number']}>", "exec"), namespace)
        except SystemExit:
            break
        except BaseException as error:
            return _fault(error, cell)
    return {"event": "done", "steps": steps[0], "model": hasattr(namespace.get("model"), "loss")}


def _fault(error, cell):
    """What went wrong and where: the line in the cell, and the line in nndl/ if it came from there."""
    line, inside = getattr(error, "lineno", None) or 1, ""
    if isinstance(error, SyntaxError) and error.filename and _place(error.filename):
        inside, line = f"{_place(error.filename)}, line {error.lineno}", 1
    for frame in traceback.extract_tb(error.__traceback__):
        place = _place(frame.filename)
        if frame.filename == f"<cell {cell['number']}>":
            line = frame.lineno
        elif place and Path(place).name != Path(__file__).name:
            inside = f"{frame.name} ({place}, line {frame.lineno})"
    first = next((text.strip() for text in cell["source"].splitlines() if text.strip() != "pass" and text.strip()), "")
    return {
        "event": "fault",
        "type": type(error).__name__,
        "text": str(error)[:300],
        "name": getattr(error, "name", None) or "",
        "cell": cell["number"],
        "first": first[:50],
        "line": line,
        "inside": inside,
    }


def _place(filename):
    """The name of a file of the package as people know it, such as "nndl/optim.py"; "" for any other file."""
    path = Path(filename)
    packages = [folder for folder in list(path.parents)[:2] if folder.name == "nndl"]
    return path.relative_to(packages[0].parent).as_posix() if packages else ""


if __name__ == "__main__":
    _folder, _task, _found = sys.argv[1:]
    sys.path[0] = _folder  # was this file's own folder, whose modules are no top-level modules
    _answer = _run(json.loads(Path(_task).read_text(encoding="utf-8")))
    Path(_found).write_text(json.dumps(_answer), encoding="utf-8")
