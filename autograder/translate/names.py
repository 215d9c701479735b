"""What our names are called in another course's dialect, from its edition: modules, arguments, keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from autograder.course import Assignment
from autograder.editions import Edition
from autograder.errors import CourseError
from autograder.package import package_files

NETS = ("TwoLayerNet", "FullyConnectedNet")
KEEP, NORM = "dropout_keep_ratio", "normalization"
KINDS = ("batchnorm", "layernorm")


@dataclass(frozen=True)
class Names:
    """The names of one dialect for the modules of our package."""

    edition: Edition = field(hash=False)  # holds dicts; what is remembered of a translation is found by the rest
    package: str
    modules: frozenset[str]

    @classmethod
    def of(cls, assignment: Assignment, edition: Edition) -> Names:
        """The names of `edition` for an assignment.

        Raises
        ------
        CourseError
            If p is not the probability of keeping there, or the dialect lacks a name.
        """
        if edition.dropout.p != "keep":
            raise CourseError(
                f'in the edition "{edition.name}" p is not the probability of keeping, as it is in every text here',
                fix="release in an edition whose p means keep; docs/editions.md has a table",
            )
        if edition.normalization.flag and not edition.normalization.layernorm:
            raise CourseError(
                "has flags for normalization and none for layernorm",
                where=f"editions/{edition.name}.toml",
                fix='add `layernorm = "use_layernorm"` below [normalization]',
            )
        modules = frozenset(path.stem for path in package_files(assignment)) - {"__init__"}
        return cls(edition, assignment.settings.package, modules)

    def file(self, place: Path) -> Path:
        """Where a file of our package lies: layers.py -> cs231n/layers.py."""
        if place.stem in self.modules:
            return Path(*self.edition.place(place.stem).split(".")).with_suffix(place.suffix)
        return self.edition.package / place

    def arguments(self, net: str) -> dict[str, str]:
        """The arguments of a net's constructor that have another name; flags are not among them."""
        table = dict(self.edition.arguments.get(net, {}))
        if net == "FullyConnectedNet":
            table[KEEP] = self.edition.dropout.argument
            if not self.flags:
                table[NORM] = self.edition.normalization.argument
        return {ours: own for ours, own in table.items() if ours != own}

    @property
    def flags(self) -> dict[str, str]:
        """Kind of normalization -> the flag that asks for it; empty where one argument names the kind."""
        normalization = self.edition.normalization
        pair = (normalization.argument, normalization.layernorm)
        return dict(zip(KINDS, pair, strict=True)) if normalization.flag else {}

    @cached_property
    def keys(self) -> dict[str, str]:
        """Keys of update rules that have another name."""
        return {ours: own for table in self.edition.config.values() for ours, own in table.items()}

    def text(self, text: str) -> str:
        """A string, a comment or code in a text, with what it mentions by name translated, and nothing else.

        It mentions modules (nndl/layers.py, nndl.layers, nndl), keys (config["cache"]) and arguments. Names are made
        of ASCII: in Korean and Chinese the next letter of a sentence may follow at once.
        """
        text = self._mention.sub(self._module, text)
        text = _KEY.sub(lambda found: found[1] + self.keys.get(found[2], found[2]) + found[3], text)
        text = re.sub(rf"\b{KEEP}\b", self.edition.dropout.argument, text, flags=re.ASCII)
        return _KIND.sub(self._kind, text) if self.flags else text

    @cached_property
    def _mention(self) -> re.Pattern[str]:
        # After \n in a literal there is no edge of a word.
        return re.compile(rf"(?:\b|(?<=\\n)){self.package}\b(?:([/.]|\\+)(\w+))?", re.ASCII)

    def _module(self, found: re.Match[str]) -> str:
        between, name = found[1], found[2]
        if between is None:
            return self.edition.package
        place = self.edition.place(name) if name in self.modules else f"{self.edition.package}.{name}"
        return place.replace(".", between)

    def _kind(self, found: re.Match[str]) -> str:
        kind = found[2]
        return f"{self.flags.get(kind, self.flags['batchnorm'])}={kind in self.flags}"


_KEY = re.compile(r"""(\bconfig\[\\?["'])(\w+)(\\?["']\])""", re.ASCII)
_KIND = re.compile(rf"""\b{NORM}=(?:None|(\\?["'])(\w+)\1)""", re.ASCII)
