"""`student.layers.dropout_forward(...)`: a hand-in's functions, called in the worker, their results checked here.

Arrays come back as plain ndarrays; caches, nets and dicts stay in the worker behind handles. Everything that goes
wrong becomes a StudentError whose text is made here from codes and numbers, never from words the hand-in chose.
"""

from __future__ import annotations

import builtins
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checks.api import MEASURING, CallFailed
from autograder.examiner.dialect import PLAIN, Dialect
from autograder.examiner.repeating import MOST_NOTES, MOST_SHOWN, Note, of_layer, of_net
from autograder.examiner.session import Channel
from autograder.worker import wire

Array = np.ndarray[Any, Any]

# What each function returns: kinds and names, in order. Everything else returns one array.
_RETURNS: dict[str, tuple[tuple[str, str], ...]] = {
    "affine_backward": (("array", "dx"), ("array", "dw"), ("array", "db")),
    "softmax_loss": (("float", "loss"), ("array", "dx")),
    "svm_loss": (("float", "loss"), ("array", "dx")),
    "affine_relu_backward": (("array", "dx"), ("array", "dw"), ("array", "db")),
    "batchnorm_backward": (("array", "dx"), ("array", "dgamma"), ("array", "dbeta")),
    "batchnorm_backward_alt": (("array", "dx"), ("array", "dgamma"), ("array", "dbeta")),
    "layernorm_backward": (("array", "dx"), ("array", "dgamma"), ("array", "dbeta")),
}
_FORWARD = (("array", "out"), ("handle", "cache"))
_RULE = (("array", "next_w"), ("handle", "config"))
_EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}

KEY = r"[a-z_]{1,16}|[Wb][0-9]{1,2}|(gamma|beta)[0-9]{1,2}"  # keys that may be told: others could carry messages

# Type names that may be told to a student.
_TYPES = ("NoneType", "ndarray", "tuple", "list", "dict", "int", "float", "bool", "str", "float32", "float64")

_QUOTES = re.compile(r"[\"\u00ab\u00bb\u201c-\u201f\u2039\u203a\u275d\u275e\u300c-\u300f\u301d-\u301f\uff02]")
STARVED = 2  # so often may a function run out of memory: filling it takes as long as all checks of a right hand-in


class StudentError(CallFailed):
    """A call that gave no usable answer. `code` is "stub", "hung", "memory" or "wrong"; the text is for the student."""

    def __init__(self, text: str, code: str = "wrong", function: str = "") -> None:
        super().__init__(text)
        self.code, self.function = code, function


def _returns(module: str, name: str) -> tuple[tuple[str, str], ...]:
    if module == "optim":
        return _RULE
    return _RETURNS.get(name, _FORWARD if name.endswith("_forward") else (("array", "dx"),))


def _place(fault: dict[str, Any], places: Mapping[str, int]) -> str:
    """ " (layers.py, line 12)" if the hand-in has such a line, else nothing: a place must not carry messages."""
    file, line = fault.get("file"), fault.get("line")
    if isinstance(file, str) and type(line) is int and 1 <= line <= places.get(file, 0):
        return f" ({file}, line {line})"
    return ""


def tidy(text: object, size: int) -> str:
    """At most `size` printable letters of what the worker sent: no control characters, no halves of letters."""
    return "".join(letter for letter in str(text if text is not None else "")[:size] if letter.isprintable())


def _is(value: object, kind: str) -> bool:
    if kind == "arrays":
        return isinstance(value, dict) and all(isinstance(item, np.ndarray) for item in value.values())
    expected = {"array": np.ndarray, "float": float, "handle": int}
    return kind == "any" or isinstance(value, expected[kind])


def _checked(value: Any, returns: Sequence[tuple[str, str]]) -> Any:
    """`value` if it is of the kinds that were asked for: the worker's word is not taken for it."""
    kinds = [kind for kind, _ in returns]
    values = value if len(kinds) > 1 else (value,)
    if not isinstance(values, tuple) or len(values) != len(kinds) or not all(map(_is, values, kinds)):
        raise wire.WireError("a value of another kind")
    return value


class Remote:
    """The calls of one fork: sends requests, turns faults into sentences, and does not call again what hung.

    `notes` are the calls that must give the same when they are made again (repeating.py); None: nothing is noted.
    `seeded` is what the generators were seeded with just before the next call.

    Parameters
    ----------
    channel : Channel
        The fork.
    hung : set of str
        Names of functions that did not return, shared by all forks of one hand-in.
    dialect : Dialect, optional
        What the hand-in speaks.
    """

    notes: list[Note] | None = None
    seeded: int | None = None

    def __init__(self, channel: Channel, hung: set[str], dialect: Dialect = PLAIN) -> None:
        self._channel, self._hung, self.dialect = channel, hung, dialect
        self.changed: set[str] = set()  # functions that write into their arguments
        self.starved: Counter[str] = Counter()  # how often a function ran out of memory; shared like `hung`

    def ready(self) -> None:
        """Wait until the hand-in is imported; StudentError with the reason when it cannot be."""
        try:
            answer, _ = self._channel.receive()
        except wire.WireError:
            raise self._ended("the import of your package") from None
        if answer.get("ready") is not True:
            raise StudentError(import_reason(answer, self._channel.places))

    def begin(self, seed: int) -> bool:
        """Begin another check in this fork; False where a fresh one is needed."""
        try:
            if self._channel.open:
                self._channel.begin(seed)
        except wire.WireError:
            self._channel.end()
        return self._channel.open

    def call(
        self,
        name: str,
        path: Sequence[Any],
        returns: Sequence[tuple[str, str]],
        arguments: Any = (),
        keywords: Any = None,
    ) -> Any:
        """Call what lies at `path`; `name` is what the student knows it by."""
        if name in self._hung:
            raise StudentError(f"{name} did not return in an earlier check, so it was not called again.", "hung", name)
        if self.starved[name] >= STARVED:
            text = f"{name} needed more memory than it may use in earlier checks, so it was not called again."
            raise StudentError(text, "memory", name)
        return self.ask(name, "call", path, returns, arguments=arguments, keywords=keywords or {})

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
        request = {"do": operation, "path": list(path), "kinds": [kind for kind, _ in returns]}
        for part, value in parts.items():
            request[part] = self._pack_part(part, value, arrays)
        try:
            answer, out = self._channel.request(request, arrays)
            if operation == "call" and answer.get("changed") is True:
                self.changed.add(name)
            if "fault" not in answer:
                return _checked(wire.unpack(answer.get("value"), out, lambda number: number), returns)
        except wire.WireError:
            raise self._ended(name) from None
        fault = self._fault(name, answer, returns, self._channel.places)
        self.starved[name] += fault.code == "memory"
        raise fault

    @staticmethod
    def _pack_part(part: str, value: Any, arrays: wire.Arrays) -> Any:
        def pack(item: Any) -> Any:
            return wire.pack(item, arrays, lambda thing: thing.number if isinstance(thing, Handle) else None)

        if part == "arguments":
            return [pack(item) for item in value]
        if part == "keywords":
            return {key: pack(item) for key, item in value.items()}
        return pack(value) if part == "items" else value

    def _ended(self, name: str) -> StudentError:
        """Why the channel closed: the fork's limits, or a crash."""
        usage = self._channel.end()
        if usage.ended == "idle":
            self._hung.add(name)
            return StudentError(f"{name} did not return: it waits for something that never comes.", "hung", name)
        if usage.ended in ("cpu", "wall"):
            self._hung.add(name)
            text = f"{name} did not return within {self._channel.cpu_seconds} seconds."
            return StudentError(f"{text} Look for a loop that never ends.", "hung", name)
        return StudentError(f"{name} ended the Python process or broke the connection to it.", function=name)

    @staticmethod
    def _fault(
        name: str, answer: dict[str, Any], returns: Sequence[tuple[str, str]], places: Mapping[str, int] | None = None
    ) -> StudentError:
        names = ", ".join(label for _, label in returns)
        kind = answer.get("fault")
        if kind == "raised":
            error = answer.get("type")
            error = error if isinstance(error, str) and error in _EXCEPTIONS else "an exception"
            if error == "NotImplementedError":
                return StudentError(f"{name} is not written yet.", "stub", name)
            if error == "MemoryError":
                return StudentError(f"{name} needs more memory than it may use.", "memory", name)
            return StudentError(f"{name} raised {error}{_place(answer, places or {})}.", function=name)
        if kind == "count" and type(answer.get("got")) is int and 0 <= answer["got"] < 100:
            got = f"a tuple of {answer['got']}" if answer["got"] else "something that is no tuple"
            return StudentError(
                f"{name} must return {len(returns)} values ({names}); it returned {got}.", function=name
            )
        if kind == "kind" and type(answer.get("position")) is int and 0 <= answer["position"] < len(returns):
            wanted, label = returns[answer["position"]]
            kind_got = answer.get("got")
            got = kind_got if kind_got in _TYPES else "object"
            wanted = {"array": "an array of real numbers", "float": "one number", "arrays": "a dict of arrays"}.get(
                wanted, wanted
            )
            told = f"{name} must return {wanted}; it returned a value of type {got}."
            if label:
                told = f"{name} must return {wanted} as {label}; it returned a value of type {got}."
            return StudentError(told, function=name)
        if kind == "absent":
            return StudentError(f"{name} was not found in your package.", function=name)
        return StudentError(f"{name} gave an answer that cannot be read.", function=name)


def import_reason(answer: dict[str, Any], places: Mapping[str, int]) -> str:
    """Why a package could not be imported. No hidden input was near, so the error's own text is kept, in quotes."""
    words, place = own_words(answer.get("type"), answer.get("text")), _place(answer, places)
    return f"Your package could not be imported. Python or your code, not the course, says: {words}{place}"


def own_words(kind: object, text: object) -> str:
    """An error's own text in quotes that it cannot close: whoever wrote the code chose it, and it may sound like ours.

    Examples
    --------
    >>> print(own_words("ValueError", 'no". The course says: "full marks'))
    "ValueError: no'. The course says: 'full marks"
    """
    name = "".join(letter for letter in tidy(kind, 80) if letter.isalnum() or letter == "_")
    words = _QUOTES.sub("'", ": ".join(part for part in (name, tidy(text, 400)) if part))
    return '"' + words + '"'


class Handle:
    """Something that stays in the worker: a cache, or a dict whose entries can be read and written by our names.

    `rule` is the update rule whose config it is, if it is one: what its keys are called follows from that.
    """

    def __init__(self, remote: Remote, number: int, name: str, rule: str | None = None) -> None:
        self._remote, self.number, self._name, self._rule = remote, number, name, rule

    def _path(self) -> list[Any]:
        return [self.number]

    def _key(self, key: str) -> str:
        return self._remote.dialect.key(self._rule, key)

    def __getitem__(self, key: str) -> Any:
        own = self._key(key)
        shown = f'{self._name}["{own if re.fullmatch(KEY, own) else "..."}"]'
        return self._remote.dialect.value(key, self._remote.ask(shown, "get", [*self._path(), [own]]))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, items: Mapping[str, Any]) -> None:
        """Write these entries, in this order."""
        dialect = self._remote.dialect
        own = {self._key(key): dialect.value(key, value) for key, value in items.items()}
        self._remote.ask(self._name, "update", self._path(), items=own)

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """The keys of the dict."""
        keys = self._remote.ask(self._name, "keys", self._path())
        own = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
        return self._remote.dialect.our_keys(self._rule, own)

    def snapshot(self) -> dict[str, Any]:
        """All entries as they are now."""
        return {key: self[key] for key in self.keys()}


class _Params(Handle):
    """The `params` of a net, which every dialect names alike."""

    written: dict[str, Any] | None = None  # what was written last, by its name

    def _path(self) -> list[Any]:
        return [self.number, "params"]

    def _key(self, key: str) -> str:
        return key

    def update(self, items: Mapping[str, Any]) -> None:
        """Write these entries, in this order."""
        super().update(items)
        if self.written is not None:
            self.written.update(items)


class Net(Handle):
    """A net in the worker: `loss(X)` gives scores, `loss(X, y)` gives (loss, grads)."""

    def __init__(self, remote: Remote, number: int, name: str, made: Callable[[Student], Any] | None = None) -> None:
        super().__init__(remote, number, name)
        self._made = made
        self._written: dict[str, Any] = {}
        self._shown: list[Array] = []  # the images of calls without labels so far, as far as they are noted

    @property
    def params(self) -> _Params:
        """The net's parameters, read and written one by one."""
        params = _Params(self._remote, self.number, "params")
        params.written = self._written
        return params

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """Scores (N, C) without y, else the loss (nats) and the dict of gradients."""
        path, name = [self.number, "loss"], f"{self._name}.loss"
        if y is None:
            if self._remote.notes is not None and len(self._shown) < MOST_SHOWN:
                self._shown.append(X)
            return self._remote.call(name, path, [("array", "scores")], [X])
        seeded, self._remote.seeded = self._remote.seeded, None
        loss, grads = self._remote.call(name, path, [("float", "loss"), ("arrays", "grads")], [X, y])
        if self._remote.notes is not None and MEASURING.on and self._made is not None:
            self._remote.notes.append(of_net(self._made, dict(self._written), self._shown, (X, y), seeded, loss))
        return loss, grads


class _Module:
    def __init__(self, remote: Remote, module: str) -> None:
        self._remote, self._module = remote, module

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            arguments, keywords = self._remote.dialect.call(self._module, name, given, named)
            seeded, self._remote.seeded = self._remote.seeded, None
            if name[0].isupper():
                number = self._remote.call(name, [self._module, name], [("handle", "net")], arguments, keywords)
                made = functools.partial(_made, module=self._module, name=name, given=given, named=dict(named))
                return Net(self._remote, number, name, made)
            returns = _returns(self._module, name)
            value = self._remote.call(name, [self._module, name], returns, arguments, keywords)
            notes = self._remote.notes
            if notes is not None and len(notes) < MOST_NOTES and (note := of_layer(name, given, named, seeded, value)):
                notes.append(note)
            if len(returns) == 1:
                return value
            rule = name if self._module == "optim" else None
            pairs = zip(value, returns, strict=True)
            return tuple(
                Handle(self._remote, item, f"{name}'s {r[1]}", rule) if r[0] == "handle" else item for item, r in pairs
            )

        return call


def _made(student: Student, module: str, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """A net that is made as another one was."""
    return getattr(getattr(student, module), name)(*given, **named)


class Student:
    """A hand-in, seen from a check: `student.layers` is its module layers.py, and so on for every editable file."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __getattr__(self, module: str) -> Any:
        if module.startswith("_"):
            raise AttributeError(module)
        return _Module(self._remote, module)

    def dict(self, **items: Any) -> Handle:
        """A dict that lives with the student's code, so that what is written into it can be read."""
        number = self._remote.ask("dict", "dict", items=self._remote.dialect.items(None, items))
        return Handle(self._remote, number, "the dict")

    def seed(self, number: int) -> None:
        """Seed `random` and NumPy's global generator where the student's code runs."""
        self._remote.ask("seed", "seed", seed=number)
        self._remote.seeded = number
