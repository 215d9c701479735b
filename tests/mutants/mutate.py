"""The mutants of a file: its text with one small change in a solution region, made by the operators of mutmut.

Docstrings, error texts and functions that are given stay as they are, because nothing of them is graded.
"""

import difflib
from dataclasses import dataclass, field

import libcst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from autograder.cut import solution_regions


@dataclass(frozen=True)
class Mutant:
    """One change of one function. What names it outlives edits of other lines.

    Parameters
    ----------
    function : "layers.relu_forward"
    line : what stood there, without indentation
    becomes : what stands there now
    text : the whole file with the change
    """

    function: str
    line: str
    becomes: str
    text: str = field(repr=False)

    @property
    def module(self):
        """The file that it is a version of: "layers"."""
        return self.function.partition(".")[0]

    @property
    def key(self):
        """What it is known by."""
        return self.function, self.line, self.becomes


def mutants_of(module, text):
    """Every mutant of a file, in the order of its lines.

    Parameters
    ----------
    module : "layers", for the names of functions
    text : the file, with its solution regions
    """
    functions = {
        number: f"{module}.{name}"
        for name, (first, last) in solution_regions(text, module)
        for number in range(first + 1, last)
    }
    wrapper = MetadataWrapper(libcst.parse_module(text))
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()), set(functions))
    wrapper.visit(visitor)
    return [
        _named(functions, text, wrapper.module.deep_replace(found.original_node, found.mutated_node).code)
        for found in visitor.mutations
    ]


def _named(functions, text, mutated):
    old, new = text.split("\n"), mutated.split("\n")
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    ((_, first, last, new_first, new_last),) = [change for change in changes if change[0] != "equal"]
    return Mutant(functions[first + 1], _joined(old[first:last]), _joined(new[new_first:new_last]), mutated)


def _joined(lines):
    return " ".join(line.strip() for line in lines)
