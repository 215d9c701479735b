"""The child's loop: import the hand-in, answer calls on it.

An answer that is no value is a fault, told in codes and numbers only, never in text that the hand-in can choose:

    {"fault": "raised", "type": builtin exception name, "file": module of the package, "line": n}
    {"fault": "count", "got": n}        a tuple of another length than expected (got 0: no tuple)
    {"fault": "kind", "position": i, "got": type name of a small list}
    {"fault": "absent"}                 no such function, attribute or key

While the hand-in is imported no hidden input is in this process yet, so that fault alone carries the error's text.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import random
import socket
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from . import lockdown, wire

_KINDS = ("NoneType", "ndarray", "tuple", "list", "dict", "int", "float", "bool", "str", "float32", "float64")


def lay_over(home: ModuleType, others: Sequence[ModuleType], given: dict[str, Any]) -> None:
    """Put the functions `given` by name into `home`, and in `others` wherever its own ones are bound.

    Another public name of `home` for the same function stays (`layernorm_backward = batchnorm_backward`): it answers
    another question.
    """
    own: dict[int, list[str]] = {}
    for name in given:
        if hasattr(home, name):
            own.setdefault(id(getattr(home, name)), []).append(name)
    public = {key for key in vars(home) if not key.startswith("_")}
    for other in others:
        for key, value in list(vars(other).items()):
            names = own.get(id(value), [])
            if key in names or (names and key not in public):
                setattr(other, key, given[key if key in names else names[0]])
    for name, function in given.items():
        setattr(home, name, function)


class HandIn:
    """The package of one hand-in, the objects that stay here behind handles, and the channel to the examiner."""

    def __init__(self, package: str, folder: str, channel: socket.socket) -> None:
        self.package, self.folder, self.channel = package, folder, channel
        self.objects: list[object] = []
        self.modules: dict[str, ModuleType] = {}

    def load(self, modules: Sequence[str], where: dict[str, str], overlay: dict[str, Any]) -> bool:
        """Import `modules`, lay the overlay's functions over them, and say whether that worked."""
        try:
            for name in modules:
                self.modules[name] = importlib.import_module(where.get(name, f"{self.package}.{name}"))
            if overlay:
                self._lay_over(overlay["folder"], overlay["functions"])
        except BaseException as error:
            told = self._place(error)
            if isinstance(error, SyntaxError) and error.filename:
                told = {"file": os.path.basename(error.filename), "line": error.lineno or 0}
            self.reply({"fault": "import", "type": type(error).__name__[:80], "text": self.words(error), **told})
            return False
        self.reply({"ready": True})
        return True

    def _lay_over(self, folder: str, functions: Sequence[str]) -> None:
        """Put the reference's `functions` ("layers.relu_forward") wherever the hand-in's own are bound."""
        root = self.folder + os.sep
        others = [each for each in sys.modules.values() if str(getattr(each, "__file__", "")).startswith(root)]
        for module in dict.fromkeys(name.partition(".")[0] for name in functions):
            spec = importlib.util.spec_from_file_location(f"_overlay_{module}", os.path.join(folder, f"{module}.py"))
            assert spec is not None
            assert spec.loader is not None
            given = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(given)
            names = [name.partition(".")[2] for name in functions if name.startswith(f"{module}.")]
            lay_over(self.modules[module], others, {name: getattr(given, name) for name in names})

    def reply(self, header: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]] = ()) -> None:
        """Answer the examiner."""
        wire.send(self.channel, header, arrays)

    def keep(self, value: object) -> int:
        """Keep an object here; its handle."""
        self.objects.append(value)
        return len(self.objects) - 1

    def begin(self, seed: int, cpu_seconds: int) -> None:
        """Another check begins: nothing is kept, the generators are seeded, all the CPU seconds are there again."""
        self.objects.clear()
        random.seed(seed)
        np.random.seed(seed)
        lockdown.grant(cpu_seconds)

    def _place(self, error: BaseException) -> dict[str, Any]:
        """File and line of the hand-in's own code where `error` came up."""
        root = self.folder + os.sep
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith(root):
                return {"file": os.path.basename(frame.filename), "line": frame.lineno or 0}
        return {"file": "", "line": 0}

    def words(self, error: BaseException) -> str:
        """The error's own text, without the folder it happened to lie in."""
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        return str(text).replace(self.folder + os.sep, "")[:300]

    def raised(self, error: BaseException) -> dict[str, Any]:
        """The fault for an exception: the nearest built-in type's name, and its place."""
        names = (kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
        return {"fault": "raised", "type": next(names, "Exception"), **self._place(error)}


class Fault(Exception):
    """A result that is not of the kind the examiner asked for."""


def _one(hand_in: HandIn, value: Any, kind: str, position: int, arrays: wire.Arrays) -> Any:
    """One result in the form asked for: "array", "float", "arrays" (a dict of arrays), "handle", or "any" of them."""
    try:
        if kind == "handle":
            return {"h": hand_in.keep(value)}
        if kind == "array" and value is not None and not isinstance(value, (str, dict)):
            arrays.append(wire.plain(value))
            return {"a": len(arrays) - 1}
        if kind == "float":
            arrays.append(wire.plain(value).astype("<f8").reshape(()))
            return {"f": len(arrays) - 1}
        if kind == "arrays" and hasattr(value, "items"):
            return {"d": [[str(key), _one(hand_in, item, "array", position, arrays)] for key, item in value.items()]}
        if kind == "any":
            return wire.pack(value, arrays)
    except (TypeError, ValueError, RecursionError):
        pass
    got = type(value).__name__
    raise Fault({"fault": "kind", "position": position, "got": got if got in _KINDS else "object"})


def _results(hand_in: HandIn, value: Any, kinds: Sequence[str]) -> tuple[dict[str, Any], wire.Arrays]:
    arrays: wire.Arrays = []
    if len(kinds) == 1:
        return {"value": _one(hand_in, value, kinds[0], 0, arrays)}, arrays
    got = len(value) if isinstance(value, (tuple, list)) else 0
    if got != len(kinds):
        raise Fault({"fault": "count", "got": min(got, 99)})
    pairs = enumerate(zip(value, kinds, strict=True))
    return {"value": {"t": [_one(hand_in, item, kind, i, arrays) for i, (item, kind) in pairs]}}, arrays


_ABSENT = object()


def _reach(hand_in: HandIn, path: Sequence[Any]) -> Any:
    """Follow a path: a module's name or a handle's number, then attributes, or keys written as [key]."""
    first = path[0]
    value: Any = hand_in.modules.get(first, _ABSENT) if isinstance(first, str) else hand_in.objects[first]
    for step in path[1:]:
        if isinstance(step, list):
            value = value[step[0]] if hasattr(value, "keys") and step[0] in value else _ABSENT
        else:
            value = getattr(value, step, _ABSENT)
        if value is _ABSENT:
            break
    if value is _ABSENT:
        raise Fault({"fault": "absent"})
    return value


def _answer(hand_in: HandIn, request: dict[str, Any], arrays: wire.Arrays) -> tuple[dict[str, Any], wire.Arrays]:
    def value_of(tree: object) -> Any:
        return wire.unpack(tree, arrays, hand_in.objects.__getitem__)

    operation, path = request["do"], request.get("path", [])
    if operation == "begin":
        hand_in.begin(request["seed"], request["cpu_seconds"])
        return {"value": None}, []
    if operation == "seed":
        random.seed(request["seed"])
        np.random.seed(request["seed"])
        return {"value": None}, []
    if operation == "dict":
        return {"value": {"h": hand_in.keep(value_of(request["items"]))}}, []
    if operation == "keys":
        return {"value": {"l": [str(key) for key in _reach(hand_in, path)]}}, []
    if operation == "update":
        found = _reach(hand_in, path)
        for key, value in value_of(request["items"]).items():
            found[key] = value
        return {"value": None}, []
    target = _reach(hand_in, path)
    if operation == "call":
        keywords = {key: value_of(tree) for key, tree in request["keywords"].items()}
        target = target(*[value_of(tree) for tree in request["arguments"]], **keywords)
    return _results(hand_in, target, request["kinds"])


def serve(hand_in: HandIn) -> None:
    """Answer requests until the examiner goes away or a limit ends the process."""
    while True:
        request, arrays = wire.receive(hand_in.channel)
        given = [array.tobytes() for array in arrays]
        answer: tuple[dict[str, Any], wire.Arrays]
        try:
            answer = _answer(hand_in, request, arrays)
        except Fault as fault:
            answer = fault.args[0], []
        except BaseException as error:
            answer = hand_in.raised(error), []
        header, out = answer
        changed = any(array.tobytes() != before for array, before in zip(arrays, given, strict=True))
        hand_in.reply({**header, "id": request["id"], "changed": changed}, out)
