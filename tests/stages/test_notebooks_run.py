"""The instructor notebooks run from top to bottom with the reference package, on CIFAR-10, in reasonable time."""

import os
import re
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SOURCE = Path(__file__).resolve().parents[2] / "source" / "deep_nets"
MINUTES = 6


@pytest.fixture(scope="module")
def dropout(cifar10_dir):
    """The dropout notebook after it ran, and the CPU seconds it took. A cell that fails is raised here."""
    notebook = nbformat.read(SOURCE / "Dropout.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(SOURCE)}})
    environment = os.environ | {"CIFAR10_DIR": str(cifar10_dir), "OPENBLAS_NUM_THREADS": "1"}
    started = cpu_seconds_of_children()
    client.execute(env=environment)
    return {cell.id: cell for cell in notebook.cells}, cpu_seconds_of_children() - started


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(cells, name):
    outputs = cells[name].outputs
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


pytestmark = [pytest.mark.slow, pytest.mark.cifar10, pytest.mark.timeout(5 * 60 * MINUTES)]


def test_dropout_runs_within_six_minutes(dropout):
    # CPU seconds on one core: unlike the clock on the wall they do not depend on what else the machine is doing.
    assert 20 < dropout[1] < 60 * MINUTES


def test_dropout_prints_the_means_and_losses_of_the_course(dropout):
    # The mean and the zeros for p = 0.25 and the first two losses are printed in CS231n's Dropout notebook of 2021.
    # Its third loss rests on a layer that reseeds the global generator; this is the one of a generator of its own.
    assert re.search(r"^0\.25 \| +10\.0141 \| +0\.7498 \|", printed(dropout[0], "forward_try"), flags=re.MULTILINE)
    losses = re.findall(r"keep ratio (\S+): first loss (\S+)", printed(dropout[0], "net_try"))
    assert losses == [("1", "2.300479"), ("0.75", "2.302371"), ("0.5", "2.298295")]


@pytest.mark.parametrize(("name", "largest"), [("backward_try", 1e-8), ("net_try", 1e-6)])
def test_dropout_gradients_are_as_good_as_the_text_says(dropout, name, largest):
    errors = [float(error) for error in re.findall(r"error (?:of dx )?(\S+)$", printed(dropout[0], name), re.MULTILINE)]
    assert len(errors) == {"backward_try": 2, "net_try": 18}[name]
    assert max(errors) < largest


def test_dropout_closes_the_gap_in_both_experiments(dropout):
    for name in ("experiment_a", "experiment_b"):
        rows = re.findall(r"^keep \S+ +\| +(\S+)% \| +(\S+)% \| +(\S+)%$", printed(dropout[0], name), re.MULTILINE)
        (plain, _, plain_gap), (dropped, _, dropped_gap) = [[float(number) for number in row] for row in rows]
        assert plain > 95  # percent: overfitted
        assert dropped < plain - 5
        assert dropped_gap < plain_gap - 5


def test_dropout_reference_reaches_the_target_and_full_points(dropout):
    accuracy = float(re.search(r"validation accuracy (\S+)%", printed(dropout[0], "target")).group(1))
    assert accuracy >= 55
    assert "10.00 of 10 points" in printed(dropout[0], "target")
    test_accuracy = float(re.search(r"test accuracy +(\S+)%", printed(dropout[0], "test_accuracy")).group(1))
    assert 50 < test_accuracy < 70


def test_dropout_draws_every_figure_once(dropout):
    figures = {
        name: sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for name, cell in dropout[0].items()
    }
    assert {name: count for name, count in figures.items() if count} == dict.fromkeys(
        ("data_pictures", "order_picture", "forward_picture", "experiment_a", "experiment_b", "test_accuracy"), 1
    )


def test_dropout_graded_cells_write_nothing_to_stderr(dropout):
    # nbgrader takes any text on stderr for a failure.
    for name, cell in dropout[0].items():
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            assert [output.text for output in cell.outputs if output.get("name") == "stderr"] == [], name
