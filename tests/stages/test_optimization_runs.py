"""The notebook on optimization runs from top to bottom with the reference, and its curves show what its text says."""

import os
import re
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SOURCE = Path(__file__).resolve().parents[2] / "source" / "deep_nets"
MINUTES = 6
RULES = ("sgd", "sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam")

pytestmark = [pytest.mark.slow, pytest.mark.cifar10, pytest.mark.timeout(5 * 60 * MINUTES)]


@pytest.fixture(scope="module")
def run(cifar10_dir):
    """The notebook's cells after it ran, and the CPU seconds it took. A cell that fails is raised here."""
    notebook = nbformat.read(SOURCE / "Optimization.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(SOURCE)}})
    started = cpu_seconds_of_children()
    client.execute(env=os.environ | {"CIFAR10_DIR": str(cifar10_dir), "OPENBLAS_NUM_THREADS": "1"})
    return {cell.id: cell for cell in notebook.cells}, cpu_seconds_of_children() - started


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(run, name):
    return "".join(output.get("text", "") for output in run[0][name].outputs if output.get("name") == "stdout")


def ends(run, name):
    """Loss of the last epoch and final training accuracy (percent) of every rule in a comparison."""
    rows = re.findall(r"^(\w+) +\| +(\S+) \| +(\S+)% \|", printed(run, name), flags=re.MULTILINE)
    return {rule: (float(loss), float(accuracy)) for rule, loss, accuracy in rows}


def test_optimization_runs_within_six_minutes(run):
    # CPU seconds on one core: unlike the clock on the wall they do not depend on what else the machine is doing.
    assert 20 < run[1] < 60 * MINUTES


def test_momentum_beats_sgd_and_nesterov_beats_momentum_on_the_training_images(run):
    losses, accuracies = zip(*(ends(run, "three_rules")[rule] for rule in RULES[:3]), strict=True)
    assert losses[0] - 0.1 > losses[1] > losses[2] + 0.03
    assert accuracies[0] + 5 < accuracies[1] < accuracies[2]


def test_all_five_rules_are_compared_and_the_adaptive_ones_end_near_nesterov(run):
    found = ends(run, "five_rules")
    assert tuple(found) == RULES
    assert max(abs(found[rule][0] - found["sgd_nesterov_momentum"][0]) for rule in ("rmsprop", "adam")) < 0.15
    assert all(found[rule][0] < found["sgd_momentum"][0] for rule in ("rmsprop", "adam"))


def test_every_rule_has_a_best_learning_rate_inside_the_range_that_is_tried(run):
    rows = dict(re.findall(r"^(\w+) +\| +(\S+) \| \S+ \(\S+\)$", printed(run, "rates"), flags=re.MULTILINE))
    assert tuple(rows) == RULES
    code = run[0]["rates"].source
    for rule, best in rows.items():
        tried = [float(rate) for rate in re.search(rf'"{rule}": \[(.*)\]', code).group(1).split(",")]
        assert min(tried) < float(best) < max(tried)


def test_the_net_of_four_layers_passes_fifty_percent(run):
    validation, test = (
        float(re.search(rf"^{name} accuracy +(\S+)%", printed(run, "test_accuracy"), re.MULTILINE).group(1))
        for name in ("validation", "test")
    )
    assert validation > 50
    assert "past 50 %" in printed(run, "best_net")
    assert 46 < test < 60


def test_optimization_draws_every_figure_once(run):
    figures = {
        name: sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for name, cell in run[0].items()
    }
    assert {name: count for name, count in figures.items() if count} == dict.fromkeys(
        ("nesterov_picture", "three_rules", "bias_picture", "paths_picture", "five_rules", "rates", "best_net"), 1
    )


def test_graded_cells_write_nothing_to_stderr(run):
    # nbgrader takes any text on stderr for a failure.
    for name, cell in run[0].items():
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            assert [output.text for output in cell.outputs if output.get("name") == "stderr"] == [], name
