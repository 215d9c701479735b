"""Inert stand-ins for what a hand-in may import but does not need here: plots, progress bars, notebooks' helpers."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

NAMES = ("matplotlib", "pylab", "seaborn", "tqdm", "IPython", "ipywidgets")


class Inert:
    """Answers every attribute, call and index with something inert, so that drawing code runs and draws nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Whatever is called answers with itself."""
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None: ...


_INERT = Inert()


def _subplots(rows: int = 1, columns: int = 1, **_: Any) -> tuple[Any, Any]:
    """A figure and axes in the shape that matplotlib gives, so that they can be unpacked and looped over."""
    axes = np.full((rows, columns), _INERT, dtype=object)
    return _INERT, _INERT if axes.size == 1 else axes.squeeze()


class _Bar(Inert):
    """tqdm: hands its items on."""

    def __init__(self, items: Any = (), *_: Any, **__: Any) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


def _range(*bounds: int, **_: Any) -> range:
    return range(*bounds)


_REAL: dict[str, Any] = {"subplots": _subplots, "tqdm": _Bar, "tqdm_notebook": _Bar, "trange": _range}


class _Module(types.ModuleType):
    __all__: Sequence[str] = ()
    __path__: list[str] = []  # noqa: RUF012  a package to the import system: its submodules are found here too

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _REAL.get(name, _INERT)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] in NAMES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None: ...


def install() -> None:
    """Put the stand-ins behind everything that can really be imported."""
    sys.meta_path.append(_Finder())
