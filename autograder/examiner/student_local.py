"""A student in this process: the reference, a misconception or a test's own functions, seen as a hand-in is seen.

Only code of ours may come here: nothing stands between it and the examiner. Arguments and results are copied by the
same rules as on the wire, so a check that passes here passes behind a wall.
"""

from __future__ import annotations

import functools
import importlib.util
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from autograder.editions import CANONICAL, Reading, edition
from autograder.examiner.dialect import PLAIN, Dialect, worn
from autograder.examiner.student import Remote, Student
from autograder.worker import wire
from autograder.worker.serve import lay_over


@dataclass
class _Reference:
    """The package whose modules are the reference: `nndl` of this kit, until `use_reference` names another."""

    folder: Path | None = None
    modules: tuple[str, ...] = ("layers", "layer_utils", "optim", "fc_net")


_reference = _Reference()


class LocalRemote(Remote):
    """Answers what a worker would answer, by calling in this process.

    Parameters
    ----------
    modules : mapping of str to module or namespace
        What stands for the package's modules.
    dialect : Dialect, optional
        What they speak.
    """

    def __init__(self, modules: Mapping[str, Any], dialect: Dialect = PLAIN) -> None:
        self._hung, self.starved, self.dialect = set(), Counter(), dialect
        self._modules = modules
        self._objects: list[Any] = []

    def ready(self) -> None:
        """The modules are there already."""

    def ask(
        self,
        name: str,
        operation: str,
        path: Sequence[Any] = (),
        returns: Sequence[tuple[str, str]] = (("any", ""),),
        **parts: Any,
    ) -> Any:
        """One request and its value."""
        arrays: wire.Arrays = []
        packed = {part: self._pack_part(part, value, arrays) for part, value in parts.items()}

        def value_of(tree: object) -> Any:
            return wire.unpack(tree, arrays, self._objects.__getitem__)

        if operation == "seed":
            random.seed(parts["seed"])
            np.random.seed(parts["seed"])
            return None
        if operation == "dict":
            return self._keep(value_of(packed["items"]))
        found = self._reach(name, path, returns)
        if operation == "keys":
            return [str(key) for key in found]
        if operation == "update":
            for key, value in value_of(packed["items"]).items():
                found[key] = value
            return None
        if operation == "call":
            arguments = [value_of(tree) for tree in packed["arguments"]]
            keywords = {key: value_of(tree) for key, tree in packed["keywords"].items()}
            found = self._called(name, found, arguments, keywords, returns)
        return self._results(name, found, returns)

    def _keep(self, value: object) -> int:
        self._objects.append(value)
        return len(self._objects) - 1

    def _reach(self, name: str, path: Sequence[Any], returns: Sequence[tuple[str, str]]) -> Any:
        first = path[0]
        found = self._modules[first] if isinstance(first, str) else self._objects[first]
        try:
            for step in path[1:]:
                found = found[step[0]] if isinstance(step, list) else getattr(found, step)
        except (KeyError, AttributeError, TypeError):
            raise self._fault(name, {"fault": "absent"}, returns) from None
        return found

    def _called(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        keywords: dict[str, Any],
        returns: Sequence[tuple[str, str]],
    ) -> Any:
        try:
            return function(*arguments, **keywords)
        except Exception as error:
            raise self._fault(name, {"fault": "raised", "type": type(error).__name__}, returns) from error

    def _results(self, name: str, value: Any, returns: Sequence[tuple[str, str]]) -> Any:
        if len(returns) == 1:
            return self._one(name, value, 0, returns)
        got = len(value) if isinstance(value, (tuple, list)) else 0
        if got != len(returns):
            raise self._fault(name, {"fault": "count", "got": got}, returns)
        return tuple(self._one(name, item, position, returns) for position, item in enumerate(value))

    def _one(self, name: str, value: Any, position: int, returns: Sequence[tuple[str, str]]) -> Any:
        kind = returns[position][0]
        try:
            if kind == "handle":
                return self._keep(value)
            if kind == "array" and value is not None:
                return wire.plain(value)
            if kind == "float":
                return float(wire.plain(value).reshape(()))
            if kind == "arrays" and hasattr(value, "items"):
                return {str(key): wire.plain(item) for key, item in value.items()}
            if kind == "any":
                arrays: wire.Arrays = []
                return wire.unpack(wire.pack(value, arrays), arrays)
        except (TypeError, ValueError):
            pass
        raise self._fault(name, {"fault": "kind", "position": position, "got": type(value).__name__}, returns)


class LocalStudent(Student):
    """The interface of `Student`, answered in this process.

    Parameters
    ----------
    modules : mapping of str to module or namespace
        layers, layer_utils, optim, fc_net, as far as they are called; they speak as the reference does.
    dialect : Dialect, optional
        The dress in which they are handed in.

    Examples
    --------
    >>> student = LocalStudent.of_reference()
    >>> out, cache = student.layers.dropout_forward(np.ones((2, 3)), {"mode": "test", "p": 0.5})
    >>> out.shape
    (2, 3)
    """

    def __init__(self, modules: Mapping[str, Any], dialect: Dialect = PLAIN) -> None:
        super().__init__(LocalRemote(worn(modules, dialect), dialect))
        self.modules = modules

    @classmethod
    def of_reference(
        cls,
        layers: Mapping[str, Any] | None = None,
        *,
        layer_utils: Mapping[str, Any] | None = None,
        optim: Mapping[str, Any] | None = None,
        fc_net: Mapping[str, Any] | None = None,
        appended: Mapping[str, str] | None = None,
        edition_name: str = CANONICAL,
        reading: Reading | None = None,
    ) -> LocalStudent:
        """The reference, freshly imported, with some of it replaced wherever it is used.

        Parameters
        ----------
        layers, layer_utils, optim, fc_net : mapping of str to object, optional
            Names of that module and what stands there instead.
        appended : mapping of str to str, optional
            Module name and source text that is put at that module's end, as in a hand-in's file.
        edition_name : str
            The dialect in whose dress all this is handed in. Checks see the same, through the dialect's translation.
        reading : "keep" or "drop", optional
            What p means, where the dialect leaves it open.
        """
        replaced = {"layers": layers, "layer_utils": layer_utils, "optim": optim, "fc_net": fc_net}
        given = {module: dict(functions) for module, functions in replaced.items() if functions}
        added = appended or {}
        texts = {name: f"{text}\n\n{added.get(name, '')}" for name, text in reference_texts().items()}
        spoken = edition(edition_name)
        dialect = Dialect(spoken, reading or spoken.dropout.readings[0])
        return cls(_fresh_modules(texts, given), dialect)

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], lent: Sequence[str] = (), dialect: Dialect = PLAIN) -> LocalStudent:
        """A hand-in whose files have these texts.

        Parameters
        ----------
        texts : mapping of str to str
            Module name ("layers") and source text, for every file that students write.
        lent : sequence of str
            Functions ("layers.relu_forward") in whose place the reference's are put, as a worker does.
        dialect : Dialect, optional
            The dress in which it is handed in.
        """
        modules = _fresh_modules(texts, {})
        reference = _fresh_modules(reference_texts(), {}) if lent else {}
        for module in dict.fromkeys(name.partition(".")[0] for name in lent):
            names = [name.partition(".")[2] for name in lent if name.startswith(f"{module}.")]
            given = {name: getattr(reference[module], name) for name in names}
            lay_over(modules[module], list(modules.values()), given)
        return cls(modules, dialect)


def use_reference(package: Path, modules: Iterable[str]) -> None:
    """From here on the reference is this package, and students write these of its modules."""
    _reference.folder, _reference.modules = package, tuple(modules)
    reference_texts.cache_clear()


def _reference_folder() -> Path:
    if _reference.folder is None:
        spec = importlib.util.find_spec("nndl")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("nndl, the reference package, is not importable")
        _reference.folder = Path(spec.origin).parent
    return _reference.folder


@functools.cache
def reference_texts() -> Mapping[str, str]:
    """The source text of each module of the reference that students write."""
    return {name: (_reference_folder() / f"{name}.py").read_text(encoding="utf-8") for name in _reference.modules}


def _fresh_modules(texts: Mapping[str, str], replaced: Mapping[str, dict[str, Any]]) -> dict[str, ModuleType]:
    """Modules of these texts that know only one another.

    They are imported under the reference's name, whose modules are out of sys.modules for that moment: whatever way a
    module imports another one (`from nndl import layers`, `from .layers import *`), it gets the new one.
    """
    folder = _reference_folder()
    own = folder.name
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name == own or name.startswith(f"{own}.")}
    try:
        package = ModuleType(own)
        package.__path__ = [str(folder)]
        sys.modules[own] = package
        modules = {}
        for name in _reference.modules:
            module = ModuleType(f"{own}.{name}")
            module.__package__ = own
            module.__file__ = str(folder / f"{name}.py")
            sys.modules[module.__name__] = module
            exec(_code(f"{own}/{name}.py", texts[name]), vars(module))
            vars(module).update(replaced.get(name, {}))
            setattr(package, name, module)
            modules[name] = module
        return modules
    finally:
        for name in [name for name in sys.modules if name == own or name.startswith(f"{own}.")]:
            del sys.modules[name]
        sys.modules.update(hidden)


@functools.lru_cache(maxsize=256)
def _code(name: str, text: str) -> CodeType:
    """The compiled source of a module, kept because tests and fingerprints build many students."""
    return compile(text, name, "exec")
