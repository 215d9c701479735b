"""Says which edition a hand-in is written in, and why.

Every edition gets points for what the hand-in shows of it and loses points for what contradicts it; the one with the
most is chosen. The evidence is told with the choice, so that a person can overrule it.

What a docstring or a comment says is no evidence: nothing rests on it, so whoever hands in could choose what p means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.editions import AUTO, Edition, Reading, edition, editions
from autograder.errors import CourseError
from autograder.examiner.dialect import Dialect
from autograder.examiner.finding import Package, named, package_at, packages

CLOSE = 1.5  # points: two editions nearer than that are not told apart


@dataclass(frozen=True)
class Found:
    """A hand-in's package, its edition, and what p may mean in it; `evidence` and `remarks` are sentences."""

    package: Package
    edition: Edition
    readings: tuple[Reading, ...]
    evidence: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def dialect(self, reading: Reading) -> Dialect:
        """How checks speak to this hand-in."""
        return Dialect(self.edition, reading, self.package.takes, _config(self.package, self.edition))

    @property
    def name(self) -> str:
        """The package's name, under which it is laid out."""
        flat = self.package.name != self.package.folder.name
        return self.edition.package if flat and self.package.name not in self.package.imported else self.package.name

    def module(self, name: str) -> str:
        """Where a module lies in the package: "classifiers/fc_net.py"."""
        place = self.edition.modules[name].replace(".", "/") + ".py"
        if not self._is_flat:
            return self.package.place(name) or place
        return f"{name}.py" if name == "fc_net" and self.package.looks_beside(name) else place

    @property
    def _is_flat(self) -> bool:
        """Whether the files lie in no package of that name, so that the edition says where they belong."""
        return self.package.folder.name != self.name

    @property
    def supports(self) -> tuple[str, ...]:
        """The packages that hold solver and data_utils."""
        usual = () if self.edition.support[0] == self.edition.package else (self.edition.support[0],)
        own = (self.name,) if not usual else ()
        return tuple(dict.fromkeys([*self.package.support, *usual, *own]))


def find(root: Path, name: str = AUTO, place: Path | None = None) -> Found:
    """The package in a hand-in, and its edition.

    Parameters
    ----------
    root : Path
        The hand-in's folder.
    name : str
        An edition's name; AUTO lets the evidence decide.
    place : Path, optional
        The package's folder, from `root`; by default the most complete one is taken.

    Raises
    ------
    ValueError
        In words for people, when there is no package.
    CourseError
        If there is no such edition, or `place` leads out of the hand-in.
    """
    root = root.resolve()
    given = None if name == AUTO else edition(name)
    candidates = packages(root) if place is None else [_at(root, place)]
    if not candidates:
        wanted = given.package if given is not None else named(dict.fromkeys(each.package for each in editions()))
        raise ValueError(
            f"there is no package in the hand-in: no folder ({wanted}) with layers.py, optim.py, fc_net.py"
        )
    chosen = candidates[0]
    scored = sorted(
        ((sum(points for points, _ in signs(each, chosen)), each) for each in editions()), key=lambda pair: -pair[0]
    )
    best = given or scored[0][1]
    evidence = [f"package {chosen.shown}"]
    if len(candidates) > 1:
        others = named(each.shown for each in candidates[1:4])
        evidence[0] += f" (the most complete of {len(candidates)}; also {others}; --package takes another)"
    if given is None:
        evidence += [told for points, told in signs(best, chosen) if points > 0]
        evidence += [f"but {told}" for points, told in signs(best, chosen) if points < 0]
    close = [other for points, other in scored if given is None and scored[0][0] - points < CLOSE]
    spoken = [best] if best.canonical else close or [best]
    readings = tuple(dict.fromkeys(reading for each in spoken for reading in each.dropout.readings))
    remarks = [] if best.canonical else list(_contradictions(best, chosen))
    if len(readings) > 1 and chosen.p_words in readings:
        readings = tuple(sorted(readings, key=lambda reading: reading != chosen.p_words))
    if len(close) > 1:
        evidence.append(f"{named(other.name for other in close[1:])} would fit as well")
    return Found(chosen, best, readings, tuple(evidence), tuple(remarks))


def _at(root: Path, place: Path) -> Package:
    folder = (root / place).resolve()
    if not folder.is_dir() or not folder.is_relative_to(root):
        raise CourseError("there is no such folder in the hand-in", where=place, fix="give its place below the hand-in")
    return package_at(root, folder)


def _contradictions(best: Edition, package: Package) -> Iterator[str]:
    """Where a hand-in's own texts say two things about p."""
    if best.dropout.p == "either" or not package.p_words or package.p_words == best.dropout.p:
        return
    yield (
        f'the docstring of dropout_forward speaks of p as "{package.p_words}", '
        f'the rest of this course as "{best.dropout.p}"; a docstring is no evidence'
    )


def signs(each: Edition, package: Package) -> Iterator[tuple[float, str]]:
    """What speaks for an edition (points above 0) and against it."""
    known = {other.package for other in editions()}
    if package.name == each.package:
        yield 8, f"its name {package.name} is that of {each.title}"
    elif package.name in known:
        yield -8, f"its name is {package.name}"
    yield from _signs_of_dropout(each, package)
    yield from _signs_of_keys(each, package)
    takes = package.takes.get("FullyConnectedNet")
    arguments = {other.normalization.argument for other in editions()}
    if takes and each.normalization.argument in takes:
        yield 3, f"FullyConnectedNet takes {each.normalization.argument}"
    elif takes and arguments & takes:
        yield -3, f"FullyConnectedNet takes {named(arguments & takes)}"
    for name in each.signs.functions:
        yield (1, f"{name} is there") if package.defines(name) else (-1, f"{name} is not there")
    for name in each.signs.no_functions:
        if package.defines(name):
            yield -1, f"{name} is there"
    for numbers in each.signs.lists:
        if numbers in package.lists:
            yield 1, f"a notebook loops over {list(numbers)}"
    if each.signs.init is not None and each.signs.init == ("__init__.py" in package.files):
        yield 0.25, "it has an __init__.py" if each.signs.init else "it has no __init__.py"
    if package.support:
        usual = package.support[0]
        yield (1, f"solver is {usual}.solver") if usual == each.support[0] else (-0.5, f"solver is {usual}.solver")


def _signs_of_dropout(each: Edition, package: Package) -> Iterator[tuple[float, str]]:
    dropout = each.dropout
    if package.argument is not None:
        right = package.argument == dropout.argument
        yield 4 if right else -4, f"FullyConnectedNet takes {package.argument}"
    if isinstance(package.default, (int, float)) and package.default in (0, 1):
        yield 2 if package.default == dropout.default else -2, f"its default is {package.default}"
    if package.condition:
        yield 3 if package.condition == dropout.on else -3, f"it has dropout layers when that is {package.condition}"


def _signs_of_keys(each: Edition, package: Package) -> Iterator[tuple[float, str]]:
    for rule, own in (("rmsprop", ("cache",)), ("adam", ("m", "v"))):
        keys = package.keys(rule)
        table = each.config.get(rule, {})
        mine = {table.get(key, key) for key in own}
        theirs = {other.config.get(rule, {}).get(key, key) for other in editions() for key in own} - mine
        shown = named(f'"{key}"' for key in sorted(keys & (mine | theirs)))
        if mine <= keys and not theirs & keys:
            yield 2, f"{rule} uses the keys {shown}"
        elif theirs & keys:
            yield -2, f"{rule} uses the keys {shown}"


def _config(package: Package, best: Edition) -> dict[str, dict[str, str]] | None:
    """Keys of update rules that this hand-in takes from another edition throughout; None when it takes none."""
    config = {rule: dict(keys) for rule, keys in best.config.items()}
    for other in editions():
        for rule in ("rmsprop", "adam"):
            mine, theirs = best.config.get(rule, {}), other.config.get(rule, {})
            ours = {"rmsprop": ("cache",), "adam": ("m", "v")}[rule]
            used = package.keys(rule)
            has = {theirs.get(key, key) for key in ours} <= used
            lacks = {mine.get(key, key) for key in ours} - used
            if mine != theirs and has and lacks:
                config[rule] = dict(theirs)
    return None if config == best.config else config
