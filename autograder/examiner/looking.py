"""Reads what a hand-in's files say without running them: definitions, stubs, signatures, docstrings, keys.

Only syntax trees are looked at. A file that is no Python 3 is described in one sentence.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What gives Python 2 away in the line that Python 3 stumbles over, and what it is called.
_PYTHON_2 = (
    (re.compile(r"^\s*print\b(?!\s*\()|\bprint\s*>>"), "a print statement"),
    (re.compile(r"\bexcept\b[^:]*,\s*\w+\s*:"), "an except clause with a comma"),
    (re.compile(r"\braise\s+\w+\s*,"), "a raise with a comma"),
    (re.compile(r"^\s*exec\b(?!\s*\()"), "an exec statement"),
    (re.compile(r"<>"), "the operator <>"),
    (re.compile(r"`"), "backquotes"),
    (re.compile(r"\b0\d+\b|\d[lL]\b"), "a number in an old notation"),
    (re.compile(r"\b[uU][rR]['\"]"), "an old kind of text"),
    (re.compile(r"\bdef\b[^:]*\(\s*\(|lambda\s*\("), "a tuple among the parameters"),
)


MAX_LETTERS = 300_000  # of a text that is parsed: some take time that grows with their square
MAX_LINE = 500  # letters of a line that is searched, for the same reason
MAX_DEPTH = 200  # of its tree
MAX_RETURNS = 20  # of a function that may be a stub: for each of them the whole function is searched
_ENCODINGS = re.compile("utf-8|ascii|iso8859|cp[0-9]|gb|big5|euc|shift|koi8|mac")  # others take long, or raise at all


class NotPython(ValueError):
    """A text that is no Python 3; the words say where, and whether it is Python 2."""


@dataclass(frozen=True)
class Source:
    """The text of one file, `name` as it is told to people."""

    name: str
    text: str

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Source:
        """Decoded as Python would, every line ended by \\n; bytes that are no such text are replaced."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
            known = _ENCODINGS.match(codecs.lookup(encoding).name)
        except (SyntaxError, LookupError):
            known = None
        text = content.decode(encoding if known else "latin-1", "replace").lstrip("\ufeff")
        return cls(name, text.replace("\r\n", "\n").replace("\r", "\n"))

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; NotPython with one sentence when there is none."""
        if len(self.text) > MAX_LETTERS:
            raise NotPython(f"{self.name} holds more than {MAX_LETTERS:,} letters")
        try:
            return _shallow(ast.parse(self.text))
        except SyntaxError as error:
            raise NotPython(self._sentence(error)) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise NotPython(f"{self.name} cannot be read as Python ({type(error).__name__})") from None

    def _sentence(self, error: SyntaxError) -> str:
        number = error.lineno or 0
        lines = self.text.splitlines()
        line = lines[number - 1][:MAX_LINE] if 1 <= number <= len(lines) else ""
        if isinstance(error, TabError):
            return f"{self.name}, line {number}, is Python 2 only (tabs and spaces mixed); this course runs Python 3"
        for pattern, what in _PYTHON_2:
            if pattern.search(line.partition("#")[0]):
                return f"{self.name}, line {number}, is Python 2 only ({what}); this course runs Python 3"
        return f"{self.name}, line {number}: {type(error).__name__}: {error.msg}"

    @property
    def readable(self) -> bool:
        """Whether it is Python 3."""
        try:
            return bool(self.tree) or True
        except NotPython:
            return False

    @cached_property
    def definitions(self) -> dict[str, ast.AST]:
        """What its top level defines: functions, classes, assigned names. The last definition of a name counts."""
        found: dict[str, ast.AST] = {}
        for node in _top_level(self.tree.body):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found[node.name] = node
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {
                    name.id: node for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
                }
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: node for alias in node.names if alias.name != "*"}
        return found


def _shallow(tree: ast.Module) -> ast.Module:
    """The tree; RecursionError when it is too deep for what walks it."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise RecursionError


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, also those in `if` and `try` at its top."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
            for handler in node.handlers:
                yield from _top_level(handler.body)


def method(node: ast.AST | None, name: str) -> Function | None:
    """A class's method."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    found = [item for item in body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name]
    return found[-1] if found else None


def takes(function: Function | None) -> frozenset[str] | None:
    """Names of its parameters but self; None where they cannot be known."""
    if function is None or function.args.kwarg is not None:
        return None
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return frozenset(argument.arg for argument in every if argument.arg != "self")


def default(function: Function | None, name: str) -> object:
    """The constant a parameter has by default; None where there is none."""
    if function is None:
        return None
    plain = [*function.args.posonlyargs, *function.args.args]
    pairs = [*zip(reversed(plain), reversed(function.args.defaults), strict=False)]
    pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d]
    for argument, value in pairs:
        if argument.arg == name and isinstance(value, ast.Constant):
            return value.value
    return None


_SIGNS = {ast.Gt: ">", ast.NotEq: "!=", ast.Lt: "<"}


def condition(function: Function | None, name: str) -> str:
    """The first comparison of a parameter with 0 or 1, such as "!= 1"; "" where there is none."""
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == name:
            value = node.comparators[0]
            number = value.value if isinstance(value, ast.Constant) else None
            if isinstance(number, (int, float)) and number in (0, 1) and type(node.ops[0]) in _SIGNS:
                return f"{_SIGNS[type(node.ops[0])]} {int(number)}"
    return ""


def texts(node: ast.AST | None) -> frozenset[str]:
    """Every text constant in a definition."""
    return frozenset(
        item.value
        for item in (ast.walk(node) if node is not None else ())
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    )


def is_stub(node: ast.AST | None) -> bool:
    """Whether a starter's function was left as it was handed out.

    It does nothing, raises NotImplementedError at once, leaves the branch for training empty, or returns a name that
    nothing was ever put into. A class is one if its `loss` is.
    """
    if isinstance(node, ast.ClassDef):
        inherited = bool(node.bases) and not (isinstance(node.bases[0], ast.Name) and node.bases[0].id == "object")
        loss = method(node, "loss")
        return _is_unwritten(loss) if loss is not None else not inherited
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return _is_unwritten(node) or any(_is_empty_training(item) for item in ast.walk(node))


def _is_unwritten(node: Function) -> bool:
    body = [item for item in node.body if not _idle(item)]
    if not body or _raises_not_written(body[0]):
        return True
    returns = [item for item in ast.walk(node) if isinstance(item, ast.Return)]
    if not returns:
        return all(_only_prepares(item) for item in body)
    if len(returns) > MAX_RETURNS:
        return False
    return all(_returns_nothing(item, node) for item in returns)


def _idle(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _raises_not_written(node: ast.stmt) -> bool:
    raised = node.exc if isinstance(node, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_empty_training(node: ast.AST) -> bool:
    """`if mode == "train":` with nothing in it."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    compared = node.test.comparators[0]
    return isinstance(compared, ast.Constant) and compared.value == "train" and all(_idle(item) for item in node.body)


def _only_prepares(node: ast.stmt) -> bool:
    """An assignment of plain names or constants, as starters unpack a cache."""
    return isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Constant, ast.Tuple))


def _returns_nothing(node: ast.Return, function: Function) -> bool:
    value = node.value
    if isinstance(value, ast.Tuple) and value.elts:
        value = value.elts[0]
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return True
    return isinstance(value, ast.Name) and _never_filled(value.id, function)


def _never_filled(name: str, function: Function) -> bool:
    """Whether nothing but constants, or itself, is ever put into a name. A parameter is filled by the caller."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    if name in {argument.arg for argument in every if argument is not None}:
        return False
    constants = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            constants -= 1
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                constants += _put_constants(target, node.value, name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return False
    return constants == 0


def _put_constants(target: ast.expr, value: ast.expr, name: str) -> int:
    """How often an assignment puts a constant, or something made of the name alone, into the name."""
    if isinstance(target, (ast.Tuple, ast.List)):
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        if len(values) != len(target.elts):
            return 0
        return sum(_put_constants(one, item, name) for one, item in zip(target.elts, values, strict=True))
    if not (isinstance(target, ast.Name) and target.id == name):
        return 0
    own = (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and isinstance(value.func.value, ast.Name)
        and value.func.value.id == name
    )
    return int(isinstance(value, ast.Constant) or own)


@dataclass(frozen=True)
class Import:
    """A module that is imported: its dotted name, the dots before it, and whether an ImportError would be caught."""

    module: str
    level: int
    guarded: bool
    line: int
    names: tuple[str, ...] = ()


def imports(tree: ast.Module) -> list[Import]:
    """Every import of a module, also inside functions."""
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(_catches_imports(handler) for handler in node.handlers)
        for item in node.body
        for inner in ast.walk(item)
    }
    found = []
    for node in ast.walk(tree):
        caught = id(node) in guarded
        if isinstance(node, ast.Import):
            found += [Import(alias.name, 0, caught, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append(Import(node.module or "", node.level, caught, node.lineno, names))
    return found


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(caught & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
