"""The dialects of the course: CS231n, UCLA's nndl, daseCV, and our own, as data.

Every edition is a TOML file of this folder. It says how a course lays out its package, what its functions and
arguments are called and what they mean. Nothing here is code that knows a single course: docs/editions.md shows how
to add one.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.errors import CourseError

AUTO = "auto"
CANONICAL = "canonical"
FOLDER = Path(__file__).parent
MODULES = ("layers", "layer_utils", "optim", "fc_net")

Reading = Literal["keep", "drop"]
READINGS: tuple[Reading, ...] = ("keep", "drop")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dropout(_Part):
    """`[dropout]`: what p means, and the argument of FullyConnectedNet.

    `off` is the argument's value for a net without dropout, `default` and `on` are what the starter wrote: the default
    value, and when the net has dropout layers (such as "> 0"). Where the course contradicts itself p is "either".
    """

    p: Literal["keep", "drop", "either"] = "keep"
    argument: str = "dropout_keep_ratio"
    off: float = 1
    default: float = 1
    on: str = "!= 1"

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What p may mean; the likelier first."""
        return READINGS if self.p == "either" else (self.p,)


class Normalization(_Part):
    """`[normalization]`: the argument of FullyConnectedNet, and whether it is a flag for batchnorm only.

    `layernorm_mode` says whether the net puts a mode into layernorm's dict. Where none does, a layernorm that reads
    one, because it stands on batchnorm, is right.
    """

    argument: str = "normalization"
    flag: bool = False
    layernorm_mode: bool = False


class TargetOverride(_Part):
    """`[target]`: full points from `accuracy` on; with another support package, from `accuracy_with` it on.

    `notebooks` are parts of notebook names in which the final section is looked for first.
    """

    accuracy: float | None = Field(default=None, gt=0, le=1)
    accuracy_with: dict[str, float] = {}
    notebooks: tuple[str, ...] = ("dropout",)


class Signs(_Part):
    """`[signs]`: what else tells this dialect from its neighbours."""

    functions: tuple[str, ...] = ()  # "layers.layernorm_forward": its starter has it
    no_functions: tuple[str, ...] = ()  # its starter does not
    lists: tuple[tuple[float, ...], ...] = ()  # what the Dropout notebook loops over
    init: bool | None = None  # whether the package holds an __init__.py


class Edition(_Part):
    """One dialect."""

    name: str
    title: str
    package: str
    support: tuple[str, ...]  # packages that hold solver.py and data_utils.py; the usual one first
    modules: dict[str, str]  # layers, layer_utils, optim, fc_net: where they lie in the package
    stand_ins: tuple[str, ...] = ()  # modules of the starter that nothing here needs: empty where they are missing
    dropout: Dropout = Dropout()
    normalization: Normalization = Normalization()
    arguments: dict[str, dict[str, str]] = {}  # class: {our argument: its name there}
    config: dict[str, dict[str, str]] = {}  # update rule: {our key: its key there}
    lacks: tuple[str, ...] = ()  # questions that this course does not ask
    may_lack: tuple[str, ...] = ()  # questions that some of its hand-ins do not hold
    faults: tuple[str, ...] = ()  # mistakes of the starter itself, by name (examiner/faults.py)
    accept_inherited_faults: bool = True
    target: TargetOverride = TargetOverride()
    signs: Signs = Signs()

    @property
    def canonical(self) -> bool:
        """Whether this is our own dialect."""
        return self.name == CANONICAL


@functools.cache
def editions() -> tuple[Edition, ...]:
    """Every edition, sorted by name.

    Raises
    ------
    CourseError
        If a file is no TOML, or says something that an edition does not have.
    """
    return tuple(read(path) for path in sorted(FOLDER.glob("*.toml")))


def read(path: Path) -> Edition:
    """The edition in one file; its name is the file's."""
    try:
        found = Edition.model_validate({"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))})
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"not valid TOML: {error}", where=path, fix="mend that line") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CourseError(f"{key}: {first['msg']}", where=path, fix="mend or remove that key") from None
    if set(found.modules) != set(MODULES):
        raise CourseError("modules: must name all four", where=path, fix=f"name {', '.join(MODULES)}")
    return found


def names() -> tuple[str, ...]:
    """Names of all editions."""
    return tuple(edition.name for edition in editions())


def edition(name: str) -> Edition:
    """The edition of that name.

    Examples
    --------
    >>> edition("nndl-2018").dropout.p
    'drop'
    >>> edition("cs231n-2021").config
    {}
    """
    for found in editions():
        if found.name == name:
            return found
    raise CourseError(f'there is no edition "{name}"', fix=f"choose from: {', '.join((AUTO, *names()))}")
