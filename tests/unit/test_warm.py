"""Runs of pytest in forks of a warm process: each for itself, in its own time; a killed one stops no other."""

import multiprocessing
import os
import shutil
import time
import uuid

import pytest

from autograder.course import Course
from autograder.examiner import recognise, warm
from autograder.examiner.student_local import use_reference

WORK = Course.find().assignment("deep_nets")
PATIENCE = 300.0


@pytest.fixture
def run(tmp_path):
    """Run some tests, given as text; exit code, CPU seconds, what was printed."""

    def run(text, *, patience=PATIENCE, **environment):
        (tmp_path / "test_it.py").write_text(text)
        printed = tmp_path / "printed.txt"
        arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": os.environ["PATH"]}
        code, cpu = warm.run(arguments, tmp_path, environment, printed, patience)
        return code, cpu, printed.read_text()

    return run


def test_run_gives_exit_code_seconds_and_what_was_printed(run):
    code, cpu, printed = run("def test_it():\n    sum(range(3_000_000))\n")
    assert (code, cpu > 0.01) == (0, True)
    assert "1 passed" in printed
    code, _, printed = run("def test_it():\n    assert not 'what must hold'\n")
    assert code == 1
    assert "what must hold" in printed


def test_run_leaves_nothing_to_the_next(run, tmp_path):
    spoils = (
        "import os, sys, numpy\ndef test_it():\n    os.environ['SEED'] = 'mine'\n    os.chdir('/')\n    del numpy.dot\n"
    )
    assert run(spoils, SEED="1")[0] == 0
    looks = (
        "import os, numpy\ndef test_it():\n    assert os.environ['SEED'] == '2'\n"
        f"    assert os.getcwd() == {str(tmp_path)!r}\n    assert numpy.dot\n"
    )
    assert run(looks, SEED="2")[0] == 0
    assert "HOME" not in os.environ or run("import os\ndef test_it():\n    assert 'HOME' not in os.environ\n")[0] == 0


def test_run_that_takes_too_long_is_killed_and_the_next_one_works(run):
    run("def test_it(): pass")  # the imports are not what is timed
    began = time.monotonic()
    with pytest.raises(warm.TookTooLong):
        run("import time\ndef test_it():\n    time.sleep(600)\n", patience=1.0)
    assert time.monotonic() - began < PATIENCE
    assert run("def test_it(): pass")[0] == 0


def test_run_that_is_killed_says_so_and_the_next_one_works(run):
    kills = "import os, signal\ndef test_it():\n    os.kill({}, signal.SIGKILL)\n"
    assert run(kills.format("os.getpid()"))[0] == -9
    assert run(kills.format("os.getppid()"))[0] == -9
    assert run("def test_it(): pass")[0] == 0


def test_process_of_a_pool_has_a_warm_process_of_its_own(run):
    run("def test_it(): pass")
    mine = warm._process().pid
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send((warm._process().pid, warm._end(warm._process()))))
    child.start()
    assert ours.recv()[0] != mine
    child.join()
    assert warm._process().pid == mine
    assert run("def test_it(): pass")[0] == 0


def test_fingerprint_that_a_run_took_is_known_to_the_next(run):
    name = uuid.uuid4().hex
    use = "from autograder.examiner import recognise\ndef test_it():\n    known = recognise.known().get"
    assert run(f"{use}\n    recognise.remember({{'{name}': {{'share': 0.25, 'works': 'shared mask'}}}})\n")[0] == 0
    assert run(f"{use}('{name}')\n    assert known == {{'share': 0.25, 'works': 'shared mask'}}\n")[0] == 0


def test_fingerprint_is_of_the_reference_in_use(tmp_path):
    question = "relu_forward"
    right = recognise._of_reference(question)
    shutil.copytree(WORK.package, tmp_path / "nndl", ignore=shutil.ignore_patterns("__pycache__"))
    layers = tmp_path / "nndl" / "layers.py"
    layers.write_text(layers.read_text() + "\n\ndef relu_forward(x):\n    return -x, x\n")
    try:
        use_reference(tmp_path / "nndl", ["layers", "layer_utils", "optim", "fc_net"])
        assert recognise._of_reference(question) != right
    finally:
        use_reference(WORK.package, ["layers", "layer_utils", "optim", "fc_net"])
    assert recognise._of_reference(question) == right
