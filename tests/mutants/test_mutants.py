"""The mutation test kills what a check fails, names what none fails, and outlives a mutant that never ends."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from judge import Kill, judged, questions_of
from mutate import Mutant, mutants_of
from mutation_report import Report, as_page

from autograder.course import Course
from autograder.examiner.student_local import reference_texts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SETTINGS = Course(ROOT).assignment("deep_nets").settings
SMALL = '''"""Adds 1."""


def given(x):
    return x + 1


def step(x):
    """Adds 1."""
    ### BEGIN SOLUTION
    y = x + 1
    ### END SOLUTION
    return y
'''


def with_relu(line):
    """The reference, with another line in relu_forward."""
    texts = dict(reference_texts())
    right = "out = np.maximum(x, 0)"
    assert texts["layers"].count(right) == 1
    return {**texts, "layers": texts["layers"].replace(right, line)}


def test_mutants_change_solutions_only():
    found = mutants_of("layers", SMALL)
    assert {(mutant.function, mutant.line) for mutant in found} == {("layers.step", "y = x + 1")}
    assert {mutant.becomes for mutant in found} == {"y = None", "y = x - 1", "y = x + 2"}
    assert {mutant.text for mutant in found} == {SMALL.replace("y = x + 1", mutant.becomes) for mutant in found}


def test_questions_of_a_function_are_its_own_and_those_that_rest_on_it():
    own, resting = questions_of("layers.relu_forward", SETTINGS)
    assert own == ("relu_forward",)
    assert {"relu_backward", "two_layer_net", "fc_net"} <= set(resting)
    assert questions_of("layer_utils.hidden_layer_forward", SETTINGS)[0][0] == "fc_net_dropout"
    assert questions_of("fc_net.TwoLayerNet.loss", SETTINGS) == (("two_layer_net",), ())


def test_a_wrong_mutant_is_killed_a_right_one_survives_and_endless_ones_are_ended():
    lines = ("out = np.minimum(x, 0)", "out = np.maximum(0, x)", "while True: x = -x", "out = np.ones(2**50)")
    found = dict(judged([(with_relu(line), ("relu_forward",)) for line in lines], workers=2, cpu_seconds=4))
    assert found[0].question == "relu_forward"
    assert found[0].code == "wrong"
    assert found[1] is None
    assert found[2] == Kill("", "", "hung")
    assert found[3].code == "memory"


def test_the_report_names_survivors_and_reasons_that_are_out_of_date():
    killed, excused, survivor = (Mutant("layers.step", "y = x + 1", becomes, "") for becomes in ("a", "b", "c"))
    kill = Kill("step", "test_step", "wrong")
    reasons = {excused.key: "It is the same.", killed.key: "So it seemed.", ("layers.gone", "a", "b"): "It was."}
    report = Report([(killed, kill), (excused, None), (survivor, None)], reasons, {killed.key, excused.key})
    complaints = list(report.complaints())
    assert [text.split(":")[0] for text in complaints] == [
        "survived",
        "equivalent.toml calls this no fault, and test_step fails it",
        "equivalent.toml explains a mutant that there is no more",
    ]
    assert report.line() == "mutants 3, killed 1 (33.3 %), no fault 1 (33.3 %), survived 1"
    assert "| layers.step | 3 | 1 | 1 | 1 | step 1 (rests on it) |" in as_page(report, SETTINGS)


def test_every_reason_belongs_to_a_line_of_the_reference_and_stands_in_the_docs():
    page = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    for entry in tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8"))["equivalent"]:
        assert entry["reason"] in page
        for mutant in entry["mutants"]:
            text = reference_texts()[mutant["function"].partition(".")[0]]
            assert mutant["line"] in [line.strip() for line in text.split("\n")]
            assert f"| `{mutant['becomes']}` |" in page


@pytest.mark.slow
def test_every_mutant_of_a_sample_is_killed_or_explained():
    command = [sys.executable, "tests/mutants", "--sample", "100", "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mutants 100," in done.stdout
