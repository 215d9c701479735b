"""Writes hand-ins in the layout of each course: its package, its names, its starter's habits, its notebook.

The texts in tests/hand_ins/courses are written for the purpose, in the manner of the courses' starters, with places
that differ from course to course marked <<so>>. `change` puts something else into one file.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).resolve().parents[1] / "hand_ins" / "courses"
KEEPS = "We keep each neuron output with probability p."
DROPS = "We drop each neuron output with probability p."
KEEP_MASK, DROP_MASK = "(np.random.rand(*x.shape) < p) / p", "(np.random.rand(*x.shape) >= p) / (1 - p)"
IN_CHINESE = "每一个神经元的输出都以概率p保持不变。"


@dataclass(frozen=True)
class Course:
    """One edition as its starter writes it."""

    package: str
    support: str
    argument: str
    default: str
    on: str
    words: str
    lists: tuple[str, str]
    flag: bool  # use_batchnorm in place of normalization
    inner: str = "classifiers/"
    fault: bool = False

    @property
    def drops(self) -> bool:
        return self.words == DROPS

    @property
    def nndl(self) -> bool:
        return self.package == "nndl"


_NEW = ("[0.25, 0.4, 0.7]", "[1, 0.75, 0.5]")
_OLD = ("[0.3, 0.6, 0.75]", "[0, 0.25, 0.5]")
COURSES = {
    "cs231n-2017": Course("cs231n", "cs231n", "dropout", "0", "> 0", DROPS, _OLD, True, fault=True),
    "cs231n-2018": Course("cs231n", "cs231n", "dropout", "1", "!= 1", KEEPS, _NEW, False),
    "dasecv": Course("daseCV", "daseCV", "dropout", "1", "!= 1", IN_CHINESE, _NEW, False),
    "cs231n-2021": Course("cs231n", "cs231n", "dropout_keep_ratio", "1", "!= 1", KEEPS, _NEW, False),
    "nndl-2018": Course("nndl", "cs231n", "dropout", "0", "> 0", DROPS, _OLD, True, inner="", fault=True),
    "nndl-2023": Course(
        "nndl", "utils", "dropout", "1", "< 1", KEEPS, ("[0.3, 0.6, 0.75]", "[0.5, 0.75, 1.0]"), True, inner=""
    ),
    "nndl-mixed": Course("nndl", "utils", "dropout", "0", "> 0", KEEPS, _OLD, True, inner="", fault=True),
}

Changes = Mapping[str, tuple[str, str]]  # file name: (old text, new text)


def _text(name: str) -> str:
    return (TEXTS / name).read_text(encoding="utf-8")


Replacements = Sequence[tuple[str, str]]


def files(
    course: Course,
    *,
    mask: str = "",
    out: str = "x * mask",
    dx: str = "dout * mask",
    optim_change: Replacements = (),
) -> dict[str, str]:
    """The student's files by their place below the hand-in."""
    norm = "use_batchnorm=False" if course.flag else "normalization=None"
    keys = ("a", "v", "a") if course.nndl else ("cache", "m", "v")
    dots = ".." if course.inner else "."
    two = "" if course.argument == "dropout_keep_ratio" else _text("two_layer_net.py")
    marks = {
        "TWO": two,
        "argument": course.argument,
        "default": course.default,
        "on": course.on,
        "norm": norm,
        "USES_BN": "use_batchnorm" if course.flag else 'normalization == "batchnorm"',
        "USES_LN": "False" if course.flag else 'normalization == "layernorm"',
        "MODE": "mode" if course.fault else "'mode'",
        "WORDS": course.words,
        "MASK": mask or (DROP_MASK if course.drops else KEEP_MASK),
        "OUT": out,
        "DX": dx,
        "MORE": ("" if course.nndl else _text("layers_cs231n.py"))
        + ("" if course.flag else _text("layers_layernorm.py")),
        "NESTEROV": _text("optim_nesterov.py") if course.nndl else "",
        "FAST": "" if course.nndl else "from .fast_layers import *",
        "hidden_dim": "hidden_dims" if course.nndl else "hidden_dim",
        "DROPOUT0": "dropout=0, " if course.nndl else "",
        "cache": keys[0],
        "m": keys[1],
        "v": keys[2],
    }
    head = {
        "layers.py": "import numpy as np",
        "fc_net.py": f"import numpy as np\n\nfrom {dots}layers import *\nfrom {dots}layer_utils import *",
    }
    made = {}
    for name in ("layers.py", "layer_utils.py", "optim.py", "fc_net.py"):
        text = _text(name)
        for old, new in optim_change if name == "optim.py" else ():
            assert old in text, f"optim.py does not hold {old}"
            text = text.replace(old, new)
        for mark, value in {"HEAD": head.get(name, ""), **marks}.items():
            text = text.replace(f"<<{mark}>>", value)
        assert "<<" not in text, text[text.index("<<") :][:40]
        made[f"{course.package}/{course.inner if name == 'fc_net.py' else ''}{name}"] = text
    return made


def write(root: Path, course: Course, change: Changes | None = None, **more: Any) -> Path:
    """Write a hand-in; the folder."""
    made = files(course, **more)
    for name, (old, new) in (change or {}).items():
        [place] = [place for place in made if place.rpartition("/")[2] == name]
        assert old in made[place], f"{name} does not hold {old}"
        made[place] = made[place].replace(old, new)
    return _write(root, made | {"Dropout.ipynb": dropout_notebook(course)})


_GIVEN = ("softmax_loss", "sgd", "affine_relu_forward", "affine_relu_backward", "__init__")


def write_starter(root: Path, course: Course) -> Path:
    """Write what the course handed out: what students write is left out, in the ways starters leave things out."""
    made = {place: _starter(text, unset=course.nndl) for place, text in files(course).items()}
    return _write(root, made | {"Dropout.ipynb": dropout_notebook(course)})


_LEFT = {  # what starters leave of functions that are more than names set to None
    "dropout_forward": "p, mode = dropout_param['p'], dropout_param['mode']\nmask = None\nout = None\n"
    "if mode == 'train':\n  pass\nelif mode == 'test':\n  pass\n"
    "cache = (dropout_param, mask)\nout = out.astype(x.dtype, copy=False)",
    "dropout_backward": "dropout_param, mask = cache\nmode = dropout_param['mode']\ndx = None\n"
    "if mode == 'train':\n  pass\nelif mode == 'test':\n  dx = dout",
    "loss": "scores = None\nif y is None:\n  return scores\nloss, grads = 0, {}",
    "batchnorm_backward_alt": "dx, dgamma, dbeta = None, None, None\nreturn dx, dgamma, dbeta",
}


def _starter(text: str, *, unset: bool) -> str:
    """Each function keeps its head, docstring and return; the names it returns are None, or (`unset`) never set."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in _GIVEN:
            docstring = node.body[:1] if ast.get_docstring(node) else []
            returned = [each.id for each in ast.walk(node.body[-1]) if isinstance(each, ast.Name)]
            empty = "pass" if unset else f"{', '.join(returned)} = {', '.join(['None'] * len(returned))}"
            left = ast.parse(_LEFT.get(node.name, empty)).body
            node.body = [*docstring, *left, *([] if isinstance(left[-1], ast.Return) else node.body[-1:])]
    return ast.unparse(tree) + "\n"


def _write(root: Path, made: Mapping[str, str]) -> Path:
    for place, text in made.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def notebook_of(*cells: str) -> str:
    """A notebook of these code cells; a text cell begins with "#%% "."""
    made = []
    for cell in cells:
        kind = "markdown" if cell.startswith("#%% ") else "code"
        made.append({"cell_type": kind, "metadata": {}, "source": cell.removeprefix("#%% ")})
        if kind == "code":
            made[-1] |= {"outputs": [], "execution_count": None}
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 2})


def dropout_notebook(course: Course, *target: str) -> str:
    """The Dropout notebook: imports with magics, two loops, and the cells of a final section."""
    inner = "classifiers." if course.inner else ""
    setup = (
        "import time\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
        f"from {course.package}.{inner}fc_net import *\nfrom {course.package}.layers import *\n"
        f"from {course.support}.data_utils import get_CIFAR10_data\nfrom {course.support}.solver import Solver\n"
        f"%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n"
    )
    return notebook_of(
        setup,
        "data = get_CIFAR10_data()\nfor k in data.keys():\n  print('{}: {} '.format(k, data[k].shape))",
        f"x = np.random.randn(500, 500) + 10\nfor p in {course.lists[0]}:\n"
        "  out, _ = dropout_forward(x, {'mode': 'train', 'p': p})",
        f"for dropout in {course.lists[1]}:\n  model = FullyConnectedNet([20, 30], {course.argument}=dropout)",
        *target,
    )
