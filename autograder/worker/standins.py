"""Stand-ins for what a hand-in may import or name and does not find here.

Plots, progress bars, notebooks' helpers and modules that are not installed become inert. Names that NumPy and Python
had once are put back, so that old code runs as it did. Of scipy.stats there is what a mask may be drawn from.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.abc
import importlib.machinery
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        """Whatever is called answers with itself; a decorator leaves the function as it is."""
        return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType) else self

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return ()

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


# What Python 2 had, and where `past`, `future` and `six` keep it.
BUILTINS: dict[str, Any] = {
    "xrange": range,
    "unicode": str,
    "basestring": str,
    "long": int,
    "unichr": chr,
    "raw_input": input,
    "reduce": functools.reduce,
}
OLD = ("past", "future", "six")
MOVED = {"cPickle": "pickle", "Queue": "queue", "StringIO": "io", "ConfigParser": "configparser"}
_REAL: dict[str, Any] = {
    "subplots": _subplots,
    "tqdm": _Bar,
    "tqdm_notebook": _Bar,
    "trange": _range,
    **BUILTINS,
    "range": range,
    "zip": zip,
    "map": map,
    "filter": filter,
    "input": input,
    "cPickle": pickle,
    "iteritems": lambda d: iter(d.items()),
    "itervalues": lambda d: iter(d.values()),
    "old_div": lambda a, b: a / b,
    "string_types": (str,),
    "text_type": str,
    "integer_types": (int,),
    "PY2": False,
    "PY3": True,
}

# Names that NumPy once had.
NUMPY: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "object": object,
    "str": str,
    "complex": complex,
    "unicode": str,
    "float_": np.float64,
    "complex_": np.complex128,
    "int0": np.intp,
    "uint0": np.uintp,
    "string_": np.bytes_,
    "unicode_": np.str_,
    "long": int,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "alltrue": np.all,
    "sometrue": np.any,
    "round_": np.round,
    "in1d": lambda a, b, **more: np.isin(np.ravel(a), b, **more),
    "row_stack": np.vstack,
    "trapz": np.trapezoid,
    "asscalar": lambda a: np.asarray(a).item(),
    "msort": lambda a: np.sort(a, axis=0),
    "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype=dtype),
}


class Distribution:
    """A distribution of scipy.stats: `rvs`, and frozen by a call. It draws from NumPy's global generator, as there."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw

    def __call__(self, *parameters: Any, **named: Any) -> Distribution:
        """The same with these parameters."""

        def frozen(source: Any, size: Any = None) -> Any:
            return self._draw(source, *parameters, size=size, **named)

        return Distribution(frozen)

    def rvs(self, *parameters: Any, random_state: Any = None, **named: Any) -> Any:
        """Random numbers, of the shape `size`."""
        if random_state is None:
            return self._draw(np.random, *parameters, **named)
        seeded = np.random.RandomState(random_state) if isinstance(random_state, (int, np.integer)) else random_state
        return self._draw(seeded, *parameters, **named)


def _binom(source: Any, n: Any, p: Any, loc: Any = 0, size: Any = None) -> Any:
    return source.binomial(n, p, size) + loc


def _bernoulli(source: Any, p: Any, loc: Any = 0, size: Any = None) -> Any:
    return source.binomial(1, p, size) + loc


def _uniform(source: Any, loc: Any = 0, scale: Any = 1, size: Any = None) -> Any:
    return source.uniform(loc, np.add(loc, scale), size)


def _norm(source: Any, loc: Any = 0, scale: Any = 1, size: Any = None) -> Any:
    return source.normal(loc, scale, size)


# What masks and weights are drawn from, by its name in scipy.stats.
STATS = {
    "bernoulli": Distribution(_bernoulli),
    "binom": Distribution(_binom),
    "uniform": Distribution(_uniform),
    "norm": Distribution(_norm),
}


class _Module(types.ModuleType):
    __all__: Sequence[str] = ()
    __version__ = "0"
    __path__: list[str] = []  # noqa: RUF012  a package to the import system: its submodules are found here too

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        own = STATS if self.__name__ == "scipy.stats" else _REAL
        return own.get(name, _INERT)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Inert modules under some top-level names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None: ...


class _Scipy(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """scipy with nothing but these distributions in scipy.stats; what else is asked of it is an ImportError."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        found = name in ("scipy", "scipy.stats")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if found else None

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == "scipy.stats":
            vars(module).update(STATS)


class _Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Other names of modules."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in self._names else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        found = importlib.import_module(self._names[spec.name])
        spec.loader_state = found.__spec__
        return found

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


def _reshape(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def reshape(a: Any, *shape: Any, newshape: Any = None, **more: Any) -> Any:
        return real(a, *shape, **more) if newshape is None else real(a, newshape, *shape, **more)

    return reshape


def install(names: Sequence[str] = (), aliases: Mapping[str, str] | None = None) -> None:
    """Put the stand-ins behind everything that can really be imported, and old names back.

    Parameters
    ----------
    names : sequence of str
        More modules that become inert.
    aliases : mapping of str to str, optional
        Top-level names that mean another module.
    """
    sys.meta_path += [_Aliases({**MOVED, **(aliases or {})}), _Finder((*NAMES, *OLD, *names)), _Scipy()]
    for name, value in NUMPY.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _reshape(np.reshape)
    for name, value in BUILTINS.items():
        if not hasattr(builtins, name):
            setattr(builtins, name, value)
