"""Speaks a hand-in's dialect: calls go out as its course writes them, and what is read comes back in our words.

Checks, misconceptions and the reference speak one language, the canonical one. `Dialect` turns a canonical call into
the dialect's, `worn` does the reverse: it dresses canonical modules so that they answer like a hand-in in the dialect.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.editions import CANONICAL, Edition, Reading, edition

_NET, _KEEP, _NORM = "FullyConnectedNet", "dropout_keep_ratio", "normalization"


@dataclass(frozen=True)
class Dialect:
    """An edition as one hand-in speaks it.

    Parameters
    ----------
    edition : Edition
        The course's dialect.
    reading : "keep" or "drop"
        What p means.
    takes : mapping of str to set of str
        The arguments of a class's constructor, as far as they are known from its text.
    config : mapping of str to dict, optional
        Keys of update rules that this hand-in names otherwise than its edition does.
    """

    edition: Edition
    reading: Reading = "keep"
    takes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    config: Mapping[str, Mapping[str, str]] | None = None

    def p(self, p: Any) -> Any:
        """The keep probability from the dialect's p, and back."""
        return 1 - p if self.reading == "drop" and isinstance(p, (int, float)) else p

    def argument(self, name: str, ours: str) -> str:
        """What the constructor of class `name` calls the argument that we call `ours`."""
        usual = self._usual(name, ours)
        takes = self.takes.get(name)
        if takes is None or usual in takes:
            return usual
        return next((other for other in _other_names(name, ours) if other in takes), usual)

    def _usual(self, name: str, ours: str) -> str:
        if name == _NET and ours == _KEEP:
            return self.edition.dropout.argument
        if name == _NET and ours == _NORM:
            return self.edition.normalization.argument
        return self.edition.arguments.get(name, {}).get(ours, ours)

    def key(self, rule: str | None, ours: str) -> str:
        """The dialect's key for our key of a config; without a rule, whichever rule has such a key."""
        tables = self._config
        table = tables.get(rule, {}) if rule else {key: own for keys in tables.values() for key, own in keys.items()}
        return table.get(ours, ours)

    def our_keys(self, rule: str | None, theirs: Sequence[str]) -> list[str]:
        """Our names of a config's keys."""
        tables = self._config
        fitting = [rule] if rule else [name for name in tables if set(tables[name].values()) <= set(theirs)]
        fitting.sort(key=lambda name: -len(tables.get(name, {})))
        table = {own: key for key, own in tables.get(fitting[0], {}).items()} if fitting else {}
        return [table.get(key, key) for key in theirs]

    @property
    def _config(self) -> Mapping[str, Mapping[str, str]]:
        return self.edition.config if self.config is None else self.config

    def items(self, rule: str | None, value: Any) -> Any:
        """The dialect's dict for one of ours; anything else stays as it is."""
        if not isinstance(value, dict):
            return value
        return {self.key(rule, key): self.value(key, item) for key, item in value.items()}

    def value(self, key: str, value: Any) -> Any:
        """The value under a key, from our words and back."""
        return self.p(value) if key == "p" else value

    def call(
        self, module: str, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a canonical call as the dialect wants them."""
        if self.edition.canonical:
            return list(arguments), dict(keywords)
        if name[0].isupper():
            return list(arguments), self._constructor(name, keywords)
        rule = name if module == "optim" else None
        if name == "layernorm_forward" and not self.edition.normalization.layernorm_mode:
            arguments = [_without_mode(item) for item in arguments]
        return [self.items(rule, item) for item in arguments], {
            key: self.items(rule, item) for key, item in keywords.items()
        }

    def _constructor(self, name: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if name == _NET and _KEEP not in keywords:
            keywords = {**keywords, _KEEP: 1}  # the starter's own default need not mean a plain net
        takes = self.takes.get(name)
        for ours, value in keywords.items():
            own = self.argument(name, ours)
            plain = (ours == _KEEP and value == 1) or (ours == _NORM and value is None)
            if name == _NET and plain and takes is not None and own not in takes:
                continue
            if name == _NET and ours == _KEEP:
                value = self.edition.dropout.off if value == 1 else self.p(value)
            elif name == _NET and ours == _NORM and _is_flag(own):
                layernorm = self.edition.normalization.layernorm
                own, value = (layernorm, True) if value == "layernorm" and layernorm else (own, value == "batchnorm")
            found[own] = value
        return found

    def lent(self, module: str) -> str:
        """Source put behind the reference's functions that a hand-in borrows, so that they speak its dialect."""
        return _LENT_DROPOUT if module == "layers" and self.reading == "drop" else ""

    def words(self, question: str) -> str:
        """What to tell a student of this dialect about our sentences; "" where they say the same."""
        told = []
        if self.reading == "drop" and "dropout" in question:
            told.append("where the sentences here say p, they mean the probability of keeping: 1 - p in your course")
        told += [f"{ours} is your {own}" for ours, own in self._other_words(question)]
        return "; ".join(told)

    def _other_words(self, question: str) -> Iterator[tuple[str, str]]:
        """Pairs of what we write and what this dialect writes."""
        argument, norm = self.argument(_NET, _KEEP), self.argument(_NET, _NORM)
        if "net_dropout" in question and argument != _KEEP:
            yield _KEEP, argument
        for ours, own in self._config.get(question, {}).items():
            yield f'"{ours}"', f'"{own}"'
        if question == "fc_net_batchnorm" and norm != _NORM:
            yield f'{_NORM}="batchnorm"', f"{norm}=True"
        layernorm = self.edition.normalization.layernorm
        if question == "fc_net_layernorm" and layernorm:
            yield f'{_NORM}="layernorm"', f"{layernorm}=True"


def _without_mode(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "mode"} if isinstance(value, dict) else value


_LENT_DROPOUT = """
_canonical = dropout_forward


def dropout_forward(x, dropout_param):
    return _canonical(x, {**dropout_param, "p": 1 - dropout_param["p"]})
"""


@functools.cache
def _other_names(name: str, ours: str) -> tuple[str, ...]:
    """What the editions call an argument."""
    from autograder.editions import editions

    return tuple(dict.fromkeys([Dialect(each)._usual(name, ours) for each in editions()]))


@functools.cache
def _is_flag(argument: str) -> bool:
    from autograder.editions import editions

    return any(each.normalization.flag and each.normalization.argument == argument for each in editions())


PLAIN = Dialect(edition(CANONICAL))


def worn(modules: Mapping[str, Any], dialect: Dialect) -> Mapping[str, Any]:
    """Canonical modules in the dress of a dialect: a hand-in of that course with their behaviour."""
    if dialect.edition.canonical:
        return modules
    rules = {name: _worn_rule(modules["optim"], name, dialect) for name in dialect.edition.config}
    dropout = _worn_dropout(modules["layers"], dialect)
    nets = {name: _worn_class(modules["fc_net"], name, dialect) for name in ("TwoLayerNet", _NET)}
    dressed = {"optim": rules, "layers": dropout, "fc_net": nets}
    return {name: _Worn(module, dressed.get(name, {})) for name, module in modules.items()}


class _Worn:
    """A module of which some functions are dressed; the others are the module's own, also when they change."""

    def __init__(self, module: Any, dressed: Mapping[str, Any]) -> None:
        self._module = module
        vars(self).update(dressed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _worn_rule(module: Any, name: str, dialect: Dialect) -> Callable[..., Any]:
    def rule(w: Any, dw: Any, config: Any = None) -> Any:
        keys = [] if config is None else dialect.our_keys(name, list(config))
        ours = None if config is None else dict(zip(keys, config.values(), strict=True))
        given = () if ours is None else (ours,)  # its default may be what is wrong with it
        next_w, back = getattr(module, name)(w, dw, *given)
        theirs = dialect.items(name, back)
        if config is not None and back is ours:  # written into the dict that was given
            config.clear()
            config.update(theirs)
            theirs = config
        return next_w, theirs

    return rule


def _worn_dropout(module: Any, dialect: Dialect) -> Mapping[str, Callable[..., Any]]:
    """Both functions. What they write into their dict, backward through the cache, shows in the one that was given."""
    lately: deque[tuple[dict[str, Any], Any]] = deque(maxlen=20)

    def show(ours: dict[str, Any], theirs: Any) -> None:
        theirs.update({key: value for key, value in ours.items() if key != "p"})
        for gone in set(theirs) - set(ours):
            del theirs[gone]

    def dropout_forward(x: Any, dropout_param: Any) -> Any:
        ours = dialect.items(None, dict(dropout_param))
        lately.append((ours, dropout_param))
        result = module.dropout_forward(x, ours)
        show(ours, dropout_param)
        return result

    def dropout_backward(dout: Any, cache: Any) -> Any:
        before = [dict(ours) for ours, _ in lately]
        result = module.dropout_backward(dout, cache)
        for old, (ours, theirs) in zip(before, lately, strict=True):
            if old.keys() != ours.keys() or any(old[key] is not ours[key] for key in ours):
                show(ours, theirs)
        return result

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


def _worn_class(module: Any, name: str, dialect: Dialect) -> Callable[..., Any]:
    def build(*arguments: Any, **keywords: Any) -> Any:
        keep, norm = (dialect.argument(name, ours) for ours in (_KEEP, _NORM))
        ours = {
            next((key for key in (_KEEP, _NORM, "hidden_dim") if dialect.argument(name, key) == own), own): value
            for own, value in keywords.items()
        }
        if name == _NET and keep in keywords:
            off = keywords[keep] == dialect.edition.dropout.off
            ours[_KEEP] = 1 if off else dialect.p(keywords[keep])
        if name == _NET and norm in keywords and _is_flag(norm):
            ours[_NORM] = "batchnorm" if keywords[norm] else None
        layernorm = dialect.edition.normalization.layernorm
        if ours.pop(layernorm, False):
            ours[_NORM] = "layernorm"
        return getattr(module, name)(*arguments, **ours)

    return build
