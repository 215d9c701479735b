"""What is still missing in a hand-in, found by reading notebooks and modules. Nothing is run here.

`release.json`, which lies beside the notebooks, says what belongs to the assignment. Without it everything that is
there is looked at.
"""

import ast
import json
from pathlib import Path

ASSIGNMENT = "deep_nets"
ABOUT = "release.json"
STUB_IN_WORDS = "YOUR ANSWER HERE"
FINAL_TASK = "target_solution"  # the open code cell that points rest on; other open code cells carry none
HELPERS = "layer_utils.py"  # its functions are optional until another part of the work calls them


def read_about(folder):
    """What release.json says of this assignment.

    Parameters
    ----------
    folder : Path
        The assignment folder.

    Returns
    -------
    dict
        ``kit`` (version), ``notebooks`` ({name: ids of the graded cells}), ``editable`` (files that students
        write), ``solved`` (functions that were given).
    """
    about = {"kit": "", "notebooks": {}, "editable": [], "solved": []}
    try:
        found = json.loads((Path(folder) / ABOUT).read_text(encoding="utf-8"))
        about.update({key: found[key] for key, value in about.items() if isinstance(found.get(key), type(value))})
    except (OSError, ValueError, AttributeError):
        pass  # an early release, or a file that was lost: everything that is there is looked at
    return about


def notebooks(folder):
    """The notebooks of the assignment, those that are missing included; a student's own copies are none.

    Parameters
    ----------
    folder : Path
        The assignment folder.

    Returns
    -------
    list of Path
    """
    names = read_about(folder)["notebooks"]
    return [folder / f"{name}.ipynb" for name in names] or sorted(folder.glob("*.ipynb"))


def modules(folder):
    """The Python files of the package, sorted, those one folder further down included; copies of Jupyter are none.

    Parameters
    ----------
    folder : Path
        The assignment folder.

    Returns
    -------
    list of Path
    """
    package = folder / "nndl"
    return sorted(path for path in (*package.glob("*.py"), *package.glob("[!.]*/*.py")))


def what_is_missing(folder):
    """Everything that is not done yet and carries points, a sentence each, notebooks first.

    Parameters
    ----------
    folder : Path
        The assignment folder.

    Returns
    -------
    list of str
    """
    return [sentence for sentence, points in _open_work(folder) if points]


def what_is_optional(folder):
    """Everything that is not done yet and carries no points, a sentence each.

    That is: open code cells other than the final task's, and functions of layer_utils.py that nothing calls.

    Parameters
    ----------
    folder : Path
        The assignment folder.

    Returns
    -------
    list of str
    """
    return [sentence for sentence, points in _open_work(folder) if not points]


def _open_work(folder):
    """(sentence, whether points rest on it) of everything that is not done yet."""
    about = read_about(folder)
    found = []
    for path in notebooks(folder):
        found += _in_notebook(path, about["notebooks"].get(path.stem, []))
    files = {folder / "nndl" / name for name in about["editable"]} | set(modules(folder))
    for path in sorted(files):
        found += _in_module(path, path.relative_to(folder).as_posix(), files)
    return found


def read_cells(path):
    """The cells of a notebook: dicts with ``type``, ``source``, ``id``, ``solution`` and ``grade``.

    Parameters
    ----------
    path : Path
        The notebook.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If the file is no notebook.
    """
    try:
        raw = json.loads(path.read_bytes().decode("utf-8-sig"))
        cells = []
        for cell in raw["cells"]:
            source, meta = cell.get("source", ""), cell.get("metadata", {}).get("nbgrader", {})
            cells.append(
                {
                    "type": cell["cell_type"],
                    "source": source if isinstance(source, str) else "".join(source),
                    "id": meta.get("grade_id", cell.get("id", "")),
                    "solution": bool(meta.get("solution")),
                    "grade": bool(meta.get("grade")),
                }
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a notebook that can be read; fix: save it in Jupyter again") from error
    return cells


def without_magics(source):
    """A cell as plain Python: IPython's lines become ``pass``, ``%time`` keeps what it times.

    Parameters
    ----------
    source : str
        The text of a code cell.

    Returns
    -------
    str

    Examples
    --------
    >>> without_magics("%matplotlib inline\\n%time x = 1")
    'pass\\nx = 1'
    """
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        words = lines[first][2:].split()
        if words[:1] and words[0] not in ("time", "timeit", "capture", "prun"):
            return "pass"  # another language
        lines[first] = "pass"
    if _parses("\n".join(lines)):
        return "\n".join(lines)
    for i, line in enumerate(lines):
        bare = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        left, equals, right = line.partition("=")
        if bare.startswith("%time ") and _parses(bare[6:]):
            lines[i] = indent + bare[6:]
        elif bare.startswith(("%", "!", "?")) or (bare.endswith("?") and not bare.startswith("#")):
            lines[i] = indent + "pass"
        elif equals and right.lstrip().startswith(("%", "!")) and left.strip().isidentifier():
            lines[i] = f"{left.rstrip()} = None"
    return "\n".join(lines)


def _parses(text):
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _in_notebook(path, graded):
    if not path.is_file():
        return [(f"{path.name} is not in this folder.", True)]
    try:
        cells = read_cells(path)
    except ValueError as error:
        return [(str(error), True)]
    there = {cell["id"] for cell in cells}
    gone = [name for name in graded if name not in there]
    found = [(f"{path.name}: the graded cell {name} is gone. Copy it back.", True) for name in gone]
    for cell in cells:
        if not cell["solution"]:
            continue
        text = cell["source"].strip()
        if cell["type"] != "code":
            if text in ("", STUB_IN_WORDS):
                found.append((f"{path.name}: {cell['id']} is not answered yet.", True))
            continue
        where = f"{path.name}: the code cell {cell['id']}"
        sentences = _in_code(without_magics(text), where) if text else [f"{where} is empty."]
        found += [(sentence, cell["grade"] or cell["id"] == FINAL_TASK) for sentence in sentences]
    return found


def _in_code(text, where):
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        return [f"{where} is not valid Python: {error}."]
    return [f"{where} is not written yet."] if any(_is_stub(node) for node in ast.walk(tree)) else []


def _in_module(path, where, files):
    if not path.is_file():
        return [(f"{where} is not in this folder.", True)]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f", line {line}" if line else ""
        return [(f"{where} is not valid Python{place}: {getattr(error, 'msg', error)}.", True)]
    names = list(dict.fromkeys(_unwritten(tree, "")))
    needed = _names_used(files) if path.name == HELPERS else set(names)
    groups = {True: [name for name in names if name in needed], False: [name for name in names if name not in needed]}
    return [(f"{where}: not written yet: {', '.join(some)}.", points) for points, some in groups.items() if some]


def _names_used(files):
    """Names that the code of the files reads, alone or after a dot. A file that is no Python reads nothing."""
    used = set()
    for path in files:
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # said elsewhere
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
    return used


def _unwritten(node, name):
    """Names of the functions below `node` in which `raise NotImplementedError` stands, in order."""
    for child in ast.iter_child_nodes(node):
        inner = name
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = f"{name}.{child.name}" if name else child.name
        if _is_stub(child):
            yield name or "code outside of functions"
        yield from _unwritten(child, inner)


def _is_stub(node):
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
