"""Hand-ins whose texts are to hold up, break or fill whoever reads them, before anything of them is run."""

import json
import os
import resource
import signal

import pytest
from courses import COURSES, dropout_notebook, files, notebook_of

from autograder.course import Course
from autograder.examiner import finding, target_foreign, target_section
from autograder.examiner.examine import Examination
from autograder.examiner.stage_found import lay_out
from autograder.hand_in_notebook import parse

CPU, MEMORY = 30, 2 << 30  # seconds, bytes, for reading one hand-in; an honest one takes less than one second
OLD = COURSES["cs231n-2017"]
OURS = files(OLD)
LAYERS, NETS = "cs231n/layers.py", "cs231n/classifiers/fc_net.py"
TRAINS = "model = FullyConnectedNet([10])\nsolver = Solver(model, data)\nsolver.train()\n"


def _long_docstring():
    docstring = f'    """{"keep" * 50_000}"""\n'
    return OURS[LAYERS] + f"\n\ndef dropout_forward(x, dropout_param):\n{docstring}    return x, None\n"


def _old_line_ends():
    return OURS[NETS].replace("\n", "\r").encode()


# What is put into a hand-in, by the attacker's claim.
TEXTS = {
    "a line of excepts takes a search for Python 2 hours": {LAYERS: "x = 1 2 " + "except ," * 30_000},
    "a line of defs takes it hours": {LAYERS: "x = 1 2 " + "def ( " * 40_000},
    "a docstring of one long word takes hours": {LAYERS: _long_docstring()},
    "empty lines of a notebook take the search for magics hours": {"More.ipynb": notebook_of("\n" * 250_000)},
    "an encoding takes time that grows with the square": {LAYERS: b"# coding: punycode\n" + b"a-" + b"z9a" * 500_000},
    "an encoding raises whatever is decoded": {LAYERS: b"# coding: undefined\n" + OURS[LAYERS].encode()},
    "lines end as on an old Mac, so numbers of lines lead past the end": {NETS: _old_line_ends()},
    "magics have the whole cell read again for each": {
        "Dropout.ipynb": dropout_notebook(OLD, "!a\n" * 10_000 + TRAINS)
    },
    "calls without brackets have it read again for each": {
        "Dropout.ipynb": dropout_notebook(OLD, "/a\n" * 10_000 + TRAINS)
    },
    "every cell needs every other": {
        "Dropout.ipynb": notebook_of(*(f"a{i} = a{i - 1}\n{TRAINS}" for i in range(1, 1900)))
    },
    "a notebook has a million cells": {"More.ipynb": json.dumps({"cells": [{}] * 1_000_000, "nbformat": 4})},
    "hundreds of packages fill the memory": {f"copy{i}/layers.py": "a;" * 140_000 for i in range(30)},
    "notebooks full of code fill the memory": {f"n{i}.ipynb": notebook_of("a;" * 140_000) for i in range(30)},
    "thousands of missing modules do not fit into a message": {
        LAYERS: OURS[LAYERS] + "".join(f"import m{i}\n" for i in range(20_000))
    },
    "thousands of old words fill the page": {LAYERS: OURS[LAYERS] + "\n" + "a.has_key\n" * 20_000},
}


@pytest.fixture(scope="module")
def course():
    return Course.find().assignment("deep_nets")


def read(assignment, folder):
    """Lay the hand-in out, find what would be trained; how many remarks there are and what travels to a worker."""
    staged = lay_out(assignment, folder, "auto")
    try:
        if staged.found is not None:
            target_foreign.sections(staged.found)
    except ValueError:
        pass
    finally:
        staged.remove()
    assert len(staged.remarks) <= 50
    assert len(json.dumps([staged.stand_ins, staged.aliases])) < 20_000


def ended(action):
    """How a process that does this ended: its exit status, or minus the signal."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        action()
        status = 0
    finally:
        os._exit(status)


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.parametrize("claim", TEXTS)
def test_a_text_neither_breaks_nor_holds_up_its_reader(claim, course, tmp_path, record_property):
    record_property("attack on", "texts")
    for place, text in {**OURS, "Dropout.ipynb": dropout_notebook(OLD, TRAINS), **TEXTS[claim]}.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert ended(lambda: read(course, tmp_path)) == 0


@pytest.mark.hostile
def test_a_notebook_of_a_terabyte_of_nothing_is_not_read(course, tmp_path, record_property):
    record_property("attack on", "texts")
    with (tmp_path / "Dropout.ipynb").open("wb") as file:
        file.truncate(1 << 40)
    staged = lay_out(course, tmp_path)
    try:
        assert len(Examination(course, "seed", tmp_path, staged).key("target")) == 64
    finally:
        staged.remove()


@pytest.mark.hostile
def test_a_notebook_of_nothing_but_brackets_is_not_read(tmp_path, record_property):
    record_property("attack on", "texts")
    path = tmp_path / "Dropout.ipynb"
    path.write_bytes(b'{"nbformat": 4, "cells": [], "metadata": {"a": [' + b"{}," * 5_000_000 + b"{}]}}")

    def readers():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for reader in (finding.read_notebook, target_section._cells, lambda path: parse(path.read_bytes())):
            with pytest.raises(ValueError, match="not a notebook"):
                reader(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KB; the file has 15 MB

    assert ended(readers) == 0
