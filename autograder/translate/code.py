"""Python code in another course's names, by its syntax tree (LibCST): what is not renamed keeps every letter."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node

from autograder.translate.names import KEEP, NETS, NORM, Names
from autograder.translate.texts import docstring

Helpers = frozenset[tuple[str, str]]  # pairs (function, net that it hands its **keywords on to)
_READS_KEY = frozenset({"get", "setdefault", "pop"})


@functools.lru_cache(maxsize=4096)
def python(text: str, names: Names, helpers: Helpers | None = None) -> str:
    """Python source with our names translated.

    Parameters
    ----------
    text : str
        A module, a cell, or a line of an example.
    names : Names
        The dialect.
    helpers : frozenset, optional
        What `helpers_of` found; by default it looks in `text`.
    """
    known = helpers_of([text]) if helpers is None else helpers
    return cst.parse_module(text).visit(_Translator(names, known)).code


def helpers_of(sources: Iterable[str]) -> Helpers:
    """Functions that hand their keywords on to a net's constructor, so that calls of them name its arguments."""
    pairs = {pair for source in sources if "**" in source for pair in _hands_on(source)}
    found = frozenset((net, net) for net in NETS)
    while True:
        more = found | {(helper, net) for helper, called in pairs for name, net in found if name == called}
        if more == found:
            return found
        found = more


@functools.lru_cache(maxsize=4096)
def _hands_on(source: str) -> frozenset[tuple[str, str]]:
    finder = _Helpers()
    cst.parse_module(source).visit(finder)
    return frozenset(finder.hands_on)


def _called(call: cst.Call) -> str:
    """The last part of the name of what is called."""
    return (get_full_name_for_node(call.func) or "").rpartition(".")[2]


def _dotted(place: str) -> cst.Name | cst.Attribute:
    """The node of a dotted name."""
    node = cst.parse_expression(place)
    assert isinstance(node, cst.Name | cst.Attribute)
    return node


class _Helpers(cst.CSTVisitor):
    """Pairs (function, what it calls with its own **keywords)."""

    def __init__(self) -> None:
        self.hands_on: set[tuple[str, str]] = set()
        self._around: list[tuple[str, str]] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        keywords = node.params.star_kwarg
        self._around.append((node.name.value, keywords.name.value if keywords else ""))

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._around.pop()

    def visit_Call(self, node: cst.Call) -> None:
        for function, keywords in self._around:
            if any(arg.star == "**" and keywords and m.matches(arg.value, m.Name(keywords)) for arg in node.args):
                self.hands_on.add((function, _called(node)))


class _Translator(cst.CSTTransformer):
    """One pass over a tree. Methods named leave_X get what their parts have become."""

    def __init__(self, names: Names, helpers: Helpers) -> None:
        self._names, self._helpers = names, helpers
        self._classes: list[str] = []
        self._renamed: list[dict[str, str]] = [{}]  # names inside of the functions around
        self._docstrings: dict[cst.CSTNode, dict[str, str]] = {}

    # Modules.

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        package, _, module = (get_full_name_for_node(original_node) or "").partition(".")
        if package == self._names.package and module in self._names.modules:
            return _dotted(self._names.edition.place(module))
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        if original_node.value == self._names.package:
            return updated_node.with_changes(value=self._names.edition.package)
        return updated_node.with_changes(value=self._renamed[-1].get(original_node.value, original_node.value))

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        """`from nndl import fc_net, layers`: a line for each place that they come from."""
        from_package = m.ImportFrom(m.Name(self._names.package), relative=[])
        if not m.matches(original_node, m.SimpleStatementLine([from_package])):
            return updated_node
        line = cst.ensure_type(updated_node.body[0], cst.ImportFrom)
        if isinstance(line.names, cst.ImportStar):
            return updated_node
        parts: dict[str, list[cst.ImportAlias]] = {}
        for alias in line.names:
            place = self._names.edition.place(cst.ensure_type(alias.name, cst.Name).value)
            parts.setdefault(place.rpartition(".")[0], []).append(alias)
        if len(parts) == 1:
            return updated_node.with_changes(body=[line.with_changes(module=_dotted(*parts))])
        made = []
        for place, part in parts.items():
            names = [alias.with_changes(comma=cst.MaybeSentinel.DEFAULT) for alias in part]
            made.append(cst.SimpleStatementLine([cst.ImportFrom(_dotted(place), names)]))
        made[0] = made[0].with_changes(leading_lines=updated_node.leading_lines)
        made[-1] = made[-1].with_changes(trailing_whitespace=updated_node.trailing_whitespace)
        return cst.FlattenSentinel(made)

    # Nets: the constructors, and calls of them.

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._classes.append(node.name.value)
        table = self._names.arguments(node.name.value)
        if node.name.value == "FullyConnectedNet" and self._names.flags:
            table[NORM] = ", ".join(self._names.flags.values())
        self._note_docstring(node.body, table)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._classes.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        table = self._renamed[-1]
        if self._is_constructor(node):
            table = self._names.arguments(self._classes[-1])
        self._renamed.append(table)
        self._note_docstring(node.body, self._names.edition.config.get(node.name.value, {}))

    def _is_constructor(self, node: cst.FunctionDef) -> bool:
        return node.name.value == "__init__" and bool(self._classes) and self._classes[-1] in NETS

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._renamed.pop()
        if not (self._names.flags and self._is_constructor(original_node) and self._classes[-1] == "FullyConnectedNet"):
            return updated_node
        body = cst.ensure_type(updated_node.body, cst.IndentedBlock)
        unfit = m.If(test=m.Comparison(m.Name(NORM), [m.ComparisonTarget(m.NotIn())]))  # flags can hold no wrong word
        lines = [line for line in body.body if not m.matches(line, unfit)]
        first = 1 if original_node.get_docstring() is not None else 0
        batchnorm, layernorm = self._names.flags.values()
        made = [
            cst.parse_statement(f"self.{batchnorm} = {batchnorm}"),
            cst.parse_statement(f'{NORM} = "batchnorm" if {batchnorm} else "layernorm" if {layernorm} else None'),
        ]
        return updated_node.with_changes(body=body.with_changes(body=[*lines[:first], *made, *lines[first:]]))

    def leave_Param(
        self, original_node: cst.Param, updated_node: cst.Param
    ) -> cst.Param | cst.FlattenSentinel[cst.Param]:
        """The arguments of FullyConnectedNet, with their defaults."""
        if self._classes[-1:] != ["FullyConnectedNet"] or original_node.default is None:
            return updated_node
        if original_node.name.value == KEEP:
            return updated_node.with_changes(default=cst.parse_expression(f"{self._names.edition.dropout.default:g}"))
        if original_node.name.value == NORM and self._names.flags:
            false = cst.Name("False")
            flags = self._names.flags.values()
            return cst.FlattenSentinel(updated_node.with_changes(name=cst.Name(flag), default=false) for flag in flags)
        return updated_node

    def leave_Comparison(self, original_node: cst.Comparison, updated_node: cst.Comparison) -> cst.BaseExpression:
        """When a net has dropout layers, and "m" in config."""
        has_dropout = m.Comparison(m.Name(KEEP), [m.ComparisonTarget(m.NotEqual(), m.Integer("1"))])
        if m.matches(original_node, has_dropout):
            left = cst.ensure_type(updated_node.left, cst.Name).value
            return cst.parse_expression(f"{left} {self._names.edition.dropout.on}")
        if m.matches(updated_node, m.Comparison(comparisons=[m.ComparisonTarget(m.In() | m.NotIn())])):
            return updated_node.with_changes(left=self._key(updated_node.left))
        return updated_node

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if m.matches(original_node.func, m.Attribute(attr=m.Name())) and _called(original_node) in _READS_KEY:
            first = [arg.with_changes(value=self._key(arg.value)) for arg in updated_node.args[:1]]
            return updated_node.with_changes(args=[*first, *updated_node.args[1:]])
        nets = [net for helper, net in sorted(self._helpers) if helper == _called(original_node)]
        if not nets:
            return updated_node
        return updated_node.with_changes(args=[made for arg in updated_node.args for made in self._argument(arg, nets)])

    def _argument(self, arg: cst.Arg, nets: Sequence[str]) -> Iterator[cst.Arg]:
        """One keyword as the dialect writes it: two where a word becomes two flags."""
        ours = arg.keyword.value if arg.keyword else ""
        if ours == NORM and self._names.flags:
            flags = list(self._flags(arg.value))
            for i, (flag, value) in enumerate(flags):
                comma = arg.comma if i == len(flags) - 1 else _COMMA
                yield arg.with_changes(keyword=cst.Name(flag), value=value, comma=comma)
            return
        table = {key: own for net in nets for key, own in self._names.arguments(net).items()}
        yield arg.with_changes(keyword=cst.Name(table[ours])) if ours in table else arg

    def _flags(self, value: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
        """Each flag with its value, for the value of `normalization`."""
        flags = self._names.flags
        if m.matches(value, m.Name("None")):
            yield flags["batchnorm"], cst.Name("False")
        elif isinstance(value, cst.SimpleString) and value.raw_value in flags:
            yield flags[value.raw_value], cst.Name("True")
        else:
            if not (value.lpar or isinstance(value, cst.Name | cst.Attribute | cst.Subscript | cst.Call)):
                value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            for kind, flag in flags.items():
                yield flag, cst.Comparison(value, [cst.ComparisonTarget(cst.Equal(), cst.SimpleString(f'"{kind}"'))])

    # Keys of update rules.

    def _key(self, node: cst.BaseExpression) -> cst.BaseExpression:
        if isinstance(node, cst.SimpleString) and not node.prefix and node.raw_value in self._names.keys:
            return node.with_changes(value=node.quote + self._names.keys[node.raw_value] + node.quote)
        return node

    def leave_Index(self, original_node: cst.Index, updated_node: cst.Index) -> cst.Index:
        return updated_node.with_changes(value=self._key(updated_node.value))

    def leave_DictElement(self, original_node: cst.DictElement, updated_node: cst.DictElement) -> cst.DictElement:
        return updated_node.with_changes(key=self._key(updated_node.key))

    def leave_Tuple(self, original_node: cst.Tuple, updated_node: cst.Tuple) -> cst.Tuple:
        return updated_node.with_changes(elements=self._all_keys(updated_node.elements))

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.List:
        return updated_node.with_changes(elements=self._all_keys(updated_node.elements))

    def _all_keys(self, elements: Sequence[cst.BaseElement]) -> Sequence[cst.BaseElement]:
        """Elements that are keys if all of them are: ("m", "v")."""
        made = [self._key(element.value) for element in elements]
        if any(new is element.value for new, element in zip(made, elements, strict=True)):
            return elements
        return [element.with_changes(value=new) for new, element in zip(made, elements, strict=True)]

    # Words.

    def _note_docstring(self, body: cst.BaseSuite, table: dict[str, str]) -> None:
        first = m.SimpleStatementLine([m.Expr(m.SaveMatchedNode(m.SimpleString(), "text"))])
        found = m.extract(body, m.IndentedBlock([first, m.ZeroOrMore()]))
        if found:
            self._docstrings[cst.ensure_type(found["text"], cst.SimpleString)] = table

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        table = self._docstrings.get(original_node)
        if table is None:
            return updated_node.with_changes(value=self._names.text(updated_node.value))

        def translate(example: str) -> str:
            return python(example, self._names, self._helpers)

        return updated_node.with_changes(value=docstring(updated_node.value, self._names, table, translate))

    def leave_FormattedStringText(
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        return updated_node.with_changes(value=self._names.text(updated_node.value))

    def leave_Comment(self, original_node: cst.Comment, updated_node: cst.Comment) -> cst.Comment:
        return updated_node.with_changes(value=self._names.text(updated_node.value))


_COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
