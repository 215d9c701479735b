"""A slow import put off until it is needed.

nbformat imports jsonschema, which imports rfc3987-syntax, which builds 38 parsers: 1.3 CPU seconds at the start of a
command, for a check of internationalised addresses that no notebook's schema asks for. They are built when it is asked.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

NAME = "rfc3987_syntax"


class _PutOff(ModuleType):
    """Stands for the module until something of it is called or looked up."""

    def is_valid_syntax(self, term: str, value: str) -> bool:
        """What jsonschema calls."""
        return bool(_real().is_valid_syntax(term, value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(), name)


def _real() -> ModuleType:
    if isinstance(sys.modules.get(NAME), _PutOff):
        del sys.modules[NAME]
    return importlib.import_module(NAME)


def put_off() -> None:
    """From here on importing the module costs nothing. Where it is not installed, it stays so."""
    if NAME in sys.modules:
        return
    spec = importlib.util.find_spec(NAME)
    if spec is not None:
        sys.modules[NAME] = stand_in = _PutOff(NAME)
        stand_in.__spec__ = spec
