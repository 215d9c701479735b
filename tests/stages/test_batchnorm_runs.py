"""The notebook on normalization runs from top to bottom with the reference, and its nets do what its text says."""

import os
import re
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SOURCE = Path(__file__).resolve().parents[2] / "source" / "deep_nets"
MINUTES = 6

pytestmark = [pytest.mark.slow, pytest.mark.cifar10, pytest.mark.timeout(5 * 60 * MINUTES)]


@pytest.fixture(scope="module")
def run(cifar10_dir):
    """The notebook's cells after it ran, and the CPU seconds it took. A cell that fails is raised here."""
    notebook = nbformat.read(SOURCE / "BatchNormalization.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(SOURCE)}})
    started = cpu_seconds_of_children()
    client.execute(env=os.environ | {"CIFAR10_DIR": str(cifar10_dir), "OPENBLAS_NUM_THREADS": "1"})
    return {cell.id: cell for cell in notebook.cells}, cpu_seconds_of_children() - started


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(run, name):
    return "".join(output.get("text", "") for output in run[0][name].outputs if output.get("name") == "stdout")


def final_training_accuracies(run, name):
    """Percent after ten epochs, by normalization and batch size."""
    rows = re.findall(r"^(\w+), (\d+) +\|(?: +\S+% \|){2} +(\S+)% \|", printed(run, name), flags=re.MULTILINE)
    return {(kind, int(size)): float(percent) for kind, size, percent in rows}


def test_batchnorm_runs_within_six_minutes(run):
    # CPU seconds on one core: unlike the clock on the wall they do not depend on what else the machine is doing.
    assert 10 < run[1] < 60 * MINUTES


def test_batchnorm_learns_the_training_images_faster(run):
    found = re.findall(r"training: (\S+)% after 2 epochs, (\S+)% at the end", printed(run, "deep_experiment"))
    without, batchnorm = [tuple(map(float, pair)) for pair in found]
    assert batchnorm[0] > without[0] + 8
    assert batchnorm[1] > without[1] + 10


def test_batchnorm_learns_at_more_scales_of_the_first_weights(run):
    rows = re.findall(r"^(\w+) +\| +(\S+)% \| +(\S+)% \| (\S+)$", printed(run, "scale_picture"), flags=re.MULTILINE)
    means = {name: tuple(map(float, numbers)) for name, *numbers in rows}
    for i in (0, 1):
        assert means["batchnorm"][i] > means["without"][i] + 4
    assert means["batchnorm"][2] < 3 < means["without"][2]


def test_a_small_batch_hurts_batchnorm_and_hurts_layernorm_less(run):
    batch, layer = (final_training_accuracies(run, f"{name}batch_experiment") for name in ("", "layernorm_"))
    assert batch["batchnorm", 5] + 8 < batch["batchnorm", 10] < batch["batchnorm", 50] - 8
    assert batch["batchnorm", 5] < batch["without", 50]
    gaps = [batch["batchnorm", 50] - batch["batchnorm", 5], layer["layernorm", 50] - layer["layernorm", 5]]
    assert gaps[1] < 0.7 * gaps[0]


def test_alternative_backward_is_faster(run):
    speed_up = float(re.search(r"speed-up (\S+)", printed(run, "alternative_try")).group(1))
    assert speed_up > 1.1


def test_every_experiment_draws_its_figure_and_shows_a_bar(run):
    for name in ("deep_experiment", "scale_picture", "batch_experiment", "layernorm_batch_experiment"):
        assert any("image/png" in output.get("data", {}) for output in run[0][name].outputs), name
    for name in ("deep_experiment", "scale_experiment", "batch_experiment", "layernorm_batch_experiment"):
        written = "".join(output.get("text", "") for output in run[0][name].outputs)
        assert "/s]" in written, name
