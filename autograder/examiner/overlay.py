"""Cuts named functions out of the reference, so that a worker that borrows some of them sees no other answer."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def only(source: str, names: Iterable[str]) -> str:
    """The module `source` with no definitions but `names` and what they use; imports and constants stay.

    Examples
    --------
    >>> only("import math\\ndef f(): return g()\\ndef g(): return 1\\ndef answer(): return 2", ["f"]).count("def")
    2
    """
    module = ast.parse(source)
    defined = {node.name: node for node in module.body if isinstance(node, _Definition)}
    wanted: set[str] = set()
    waiting = [name for name in names if name in defined]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            used = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
            waiting += [other for other in sorted(used) if other in defined]
    module.body = [node for node in module.body if not isinstance(node, _Definition) or node.name in wanted]
    return ast.unparse(module) + "\n"
