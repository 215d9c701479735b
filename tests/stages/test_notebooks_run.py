"""The instructor notebooks run from top to bottom with the reference package, on CIFAR-10, in reasonable time."""

import functools
import os
import re
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SOURCE = Path(__file__).resolve().parents[2] / "source" / "deep_nets"
MINUTES = 6


NAMES = sorted(path.stem for path in SOURCE.glob("*.ipynb"))


@functools.cache
def after_running(name, cifar10_dir):
    """The cells of a notebook after it ran, and the CPU seconds it took. A cell that fails is raised here."""
    notebook = nbformat.read(SOURCE / f"{name}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "hand_in"]  # it packs a student's folder
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(SOURCE)}})
    environment = os.environ | {"CIFAR10_DIR": str(cifar10_dir), "OPENBLAS_NUM_THREADS": "1"}
    started = cpu_seconds_of_children()
    client.execute(env=environment)
    return {cell.id: cell for cell in notebook.cells}, cpu_seconds_of_children() - started


@pytest.fixture(params=NAMES)
def ran(request, cifar10_dir):
    """Each notebook in turn."""
    return after_running(request.param, cifar10_dir)


@pytest.fixture
def dropout(cifar10_dir):
    """The dropout notebook."""
    return after_running("Dropout", cifar10_dir)


@pytest.fixture
def plain_nets(cifar10_dir):
    """The cells of the notebook on fully connected nets."""
    return after_running("FullyConnectedNets", cifar10_dir)[0]


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(cells, name):
    outputs = cells[name].outputs
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


pytestmark = [pytest.mark.slow, pytest.mark.cifar10, pytest.mark.timeout(5 * 60 * MINUTES)]


def test_notebook_runs_within_six_minutes(ran):
    # CPU seconds on one core: unlike the clock on the wall they do not depend on what else the machine is doing.
    assert 5 < ran[1] < 60 * MINUTES


def test_graded_cells_write_nothing_to_stderr(ran):
    # nbgrader takes any text on stderr for a failure.
    for name, cell in ran[0].items():
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            assert [output.text for output in cell.outputs if output.get("name") == "stderr"] == [], name


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


def figures(cells):
    """Name of each cell that drew, and how many figures."""
    drawn = {
        name: sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for name, cell in cells.items()
    }
    return {name: count for name, count in drawn.items() if count}


def test_dropout_draws_every_figure_once(dropout):
    assert figures(dropout[0]) == dict.fromkeys(
        ("data_pictures", "order_picture", "forward_picture", "experiment_a", "experiment_b", "test_accuracy"), 1
    )


def test_plain_nets_print_the_numbers_of_the_course(plain_nets):
    assert "[3.25553199 3.5141327  3.77273342]" in printed(plain_nets, "affine_try")
    losses = re.findall(r"reg = (\S+): loss (\S+)", printed(plain_nets, "two_layer_try"))
    assert losses == [("0.0", "3.4702243556"), ("1.0", "26.5948426952")]
    losses = re.findall(r"reg = (\S+): first loss (\S+)", printed(plain_nets, "net_try"))
    assert losses == [("0", "2.3004790898"), ("3.14", "7.0521147765")]


@pytest.mark.parametrize(
    ("name", "count", "largest"),
    [
        ("affine_backward_try", 3, 1e-8),
        ("relu_backward_try", 1, 1e-8),
        ("sandwich_try", 3, 1e-8),
        ("loss_try", 2, 1e-6),
        ("two_layer_try", 8, 1e-6),
        ("net_try", 12, 1e-6),
    ],
)
def test_plain_nets_gradients_are_as_good_as_the_text_says(plain_nets, name, count, largest):
    errors = [float(error) for error in re.findall(r"error (\S+)$", printed(plain_nets, name), re.MULTILINE)]
    assert len(errors) == count
    assert max(errors) < largest


def test_plain_nets_reach_fifty_percent_and_learn_by_heart(plain_nets):
    assert ": reached" in printed(plain_nets, "two_layer_accuracy")
    assert printed(plain_nets, "overfit_try").count("best training accuracy 100.0%") == 2


def test_plain_nets_show_that_five_layers_are_more_sensitive(plain_nets):
    counts = re.findall(r"(\d+) of 36 settings learn more than half, (\d+) learn all", printed(plain_nets, "sweep"))
    (three, three_all), (five, five_all) = ((int(half), int(whole)) for half, whole in counts)
    assert three >= five + 3
    assert min(three_all, five_all) >= 3


def test_plain_nets_draw_every_figure_once(plain_nets):
    names = ("data_pictures", "numeric_picture", "two_layer_accuracy", "weights_picture")
    assert figures(plain_nets) == dict.fromkeys((*names, "overfit_try", "sweep", "depth_picture"), 1)
