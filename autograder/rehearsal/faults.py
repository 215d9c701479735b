"""What is wrong with a hand-in that is no misconception: broken files, parts not written, and code that attacks.

Each says what it costs. A function that never gives a right answer earns nothing for its question; questions that rest
on it are examined with the reference's in its place. A package that cannot be imported earns nothing at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Files = dict[str, str]  # path in the hand-in: text

# Functions with a question of their own name, for faults that are put into one function.
FUNCTIONS = {
    "layers": (
        *("affine_forward", "affine_backward", "relu_forward", "relu_backward"),
        *("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt", "layernorm_forward"),
        *("layernorm_backward", "dropout_forward", "dropout_backward"),
    ),
    "optim": ("sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam"),
}


@dataclass(frozen=True)
class Fault:
    """What was done, and the questions that earn nothing by it; None: all of them."""

    about: str
    nothing: tuple[str, ...] | None


Change = Callable[[Files, random.Random, str, str], Fault]  # files, draw, package, the target's question


def _no_package(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    for path in [path for path in files if path.startswith(f"{package}/")]:
        del files[path]
    return Fault(f"no folder {package}/", None)


def _missing_file(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_modules(files, package))
    del files[path]
    return Fault(f"no {path}", None)


def _syntax_error(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_modules(files, package))
    files[path] += "\n\ndef one_more_helper(x:\n    return x\n"
    return Fault(f"syntax error in {path}", None)


def _name_error(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_modules(files, package))
    files[path] += "\n\nprint(last_result)\n"
    return Fault(f"{path} uses a variable of the notebook", None)


def _half_a_notebook(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_notebooks(files))
    whole = files[path]
    files[path] = whole[: len(whole) // 2]
    return Fault(f"half of {path}", _lost(whole, target))


def _no_notebook(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_notebooks(files))
    return Fault(f"no {path}", _lost(files.pop(path), target))


def _empty(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    files.clear()
    files["notes.txt"] = "I could not finish. I am sorry.\n"
    return Fault("nothing but a note", None)


def _unwritten(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    body = '    """My own."""\n    # YOUR CODE HERE\n    raise NotImplementedError()\n'
    return _in_a_function(files, draw, package, "", body, "is not written")


BROKEN: dict[str, Change] = {
    "syntax-error": _syntax_error,
    "missing-file": _missing_file,
    "half-a-notebook": _half_a_notebook,
    "empty": _empty,
    "unwritten": _unwritten,
    "no-notebook": _no_notebook,
    "no-package": _no_package,
    "name-error": _name_error,
}


def _exit(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    return _in_a_function(files, draw, package, "import os\n\n\n", "    os._exit(0)\n", "ends the process")


def _loop(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    return _in_a_function(files, draw, package, "", "    while True:\n        pass\n", "never ends")


def _memory(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    body = "    kept = []\n    while True:\n        kept.append(bytearray(1 << 24))\n"
    return _in_a_function(files, draw, package, "", body, "takes all memory")


def _recursion(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    body = "    return {name}(*everything, **named)\n"
    return _in_a_function(files, draw, package, "", body, "calls itself for ever")


def _exit_at_import(files: Files, draw: random.Random, package: str, target: str) -> Fault:
    path = draw.choice(_modules(files, package))
    files[path] += "\n\nimport os\n\nos._exit(0)\n"
    return Fault(f"{path} ends the process that imports it", None)


HOSTILE: dict[str, Change] = {
    "exit": _exit,
    "loop": _loop,
    "memory": _memory,
    "recursion": _recursion,
    "exit-at-import": _exit_at_import,
}


def _in_a_function(files: Files, draw: random.Random, package: str, head: str, body: str, does: str) -> Fault:
    """Put a function at the end of its module, over the one that is there."""
    module = draw.choice(sorted(FUNCTIONS))
    name = draw.choice(FUNCTIONS[module])
    function = f"def {name}(*everything, **named):\n{body.replace('{name}', name)}"
    files[f"{package}/{module}.py"] += f"\n\n{head}{function}"
    return Fault(f"{module}.{name} {does}", (name,))


def _lost(notebook: str, target: str) -> tuple[str, ...]:
    """What a notebook that cannot be read costs: the target, if it is trained there. The package is still read."""
    return (target,) if f'"grade_id": "{target}"' in notebook else ()


def _modules(files: Files, package: str) -> list[str]:
    return sorted(path for path in files if path.startswith(f"{package}/"))


def _notebooks(files: Files) -> list[str]:
    return sorted(path for path in files if path.endswith(".ipynb"))
