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
RULES = ("sgd", "sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam")
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
    """The cells of the notebook on dropout."""
    return after_running("Dropout", cifar10_dir)[0]


@pytest.fixture
def plain_nets(cifar10_dir):
    """The cells of the notebook on fully connected nets."""
    return after_running("FullyConnectedNets", cifar10_dir)[0]


@pytest.fixture
def optimization(cifar10_dir):
    """The cells of the notebook on optimization."""
    return after_running("Optimization", cifar10_dir)[0]


@pytest.fixture
def batchnorm(cifar10_dir):
    """The cells of the notebook on normalization."""
    return after_running("BatchNormalization", cifar10_dir)[0]


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(cells, name):
    """What a page shows of a cell's prints: each return of the carriage begins its line anew."""
    outputs = cells[name].outputs
    text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    return re.sub(r"[^\n]*\r", "", text)


def figures(cells):
    """Name of each cell that drew, and how many figures."""
    drawn = {
        name: sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for name, cell in cells.items()
    }
    return {name: count for name, count in drawn.items() if count}


pytestmark = [pytest.mark.slow, pytest.mark.cifar10, pytest.mark.timeout(5 * 60 * MINUTES)]


def test_notebook_runs_within_six_minutes(ran):
    # CPU seconds on one core: unlike the clock on the wall they do not depend on what else the machine is doing.
    assert 5 < ran[1] < 60 * MINUTES


def test_cells_write_nothing_to_stderr(ran):
    # nbgrader takes any text on stderr of a graded cell for a failure; a page shows it as a red box.
    for name, cell in ran[0].items():
        assert [output.text for output in cell.get("outputs", []) if output.get("name") == "stderr"] == [], name


def test_dropout_prints_the_means_and_losses_of_the_course(dropout):
    # The mean and the zeros for p = 0.25 and the first two losses are printed in CS231n's Dropout notebook of 2021.
    # Its third loss rests on a layer that reseeds the global generator; this is the one of a generator of its own.
    assert re.search(r"^0\.25 \| +10\.0141 \| +0\.7498 \|", printed(dropout, "forward_try"), flags=re.MULTILINE)
    losses = re.findall(r"keep ratio (\S+): first loss (\S+)", printed(dropout, "net_try"))
    assert losses == [("1", "2.300479"), ("0.75", "2.302371"), ("0.5", "2.298295")]


@pytest.mark.parametrize(("name", "largest"), [("backward_try", 1e-8), ("net_try", 1e-6)])
def test_dropout_gradients_are_as_good_as_the_text_says(dropout, name, largest):
    errors = [float(error) for error in re.findall(r"error (?:of dx )?(\S+)$", printed(dropout, name), re.MULTILINE)]
    assert len(errors) == {"backward_try": 2, "net_try": 18}[name]
    assert max(errors) < largest


def test_dropout_closes_the_gap_in_both_experiments(dropout):
    for name in ("experiment_a", "experiment_b"):
        rows = re.findall(r"^keep \S+ +\| +(\S+)% \| +(\S+)% \| +(\S+)%$", printed(dropout, name), re.MULTILINE)
        (plain, _, plain_gap), (dropped, _, dropped_gap) = [[float(number) for number in row] for row in rows]
        assert plain > 95  # percent: overfitted
        assert dropped < plain - 5
        assert dropped_gap < plain_gap - 5


def test_dropout_reference_reaches_the_target_and_full_points(dropout):
    accuracy = float(re.search(r"validation accuracy (\S+)%", printed(dropout, "target")).group(1))
    assert accuracy >= 55
    assert "10.00 of 10 points" in printed(dropout, "target")
    test_accuracy = float(re.search(r"test accuracy +(\S+)%", printed(dropout, "test_accuracy")).group(1))
    assert 50 < test_accuracy < 70


def test_dropout_draws_every_figure_once(dropout):
    assert figures(dropout) == dict.fromkeys(
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


def ends(cells, name):
    """Loss of the last epoch and final training accuracy (percent) of every rule in a comparison."""
    rows = re.findall(r"^(\w+) +\| +(\S+) \| +(\S+)% \|", printed(cells, name), flags=re.MULTILINE)
    return {rule: (float(loss), float(accuracy)) for rule, loss, accuracy in rows}


def test_momentum_beats_sgd_and_nesterov_beats_momentum_on_the_training_images(optimization):
    losses, accuracies = zip(*(ends(optimization, "three_rules")[rule] for rule in RULES[:3]), strict=True)
    assert losses[0] - 0.1 > losses[1] > losses[2] + 0.03
    assert accuracies[0] + 5 < accuracies[1] < accuracies[2]


def test_all_five_rules_are_compared_and_the_adaptive_ones_end_near_nesterov(optimization):
    found = ends(optimization, "five_rules")
    assert tuple(found) == RULES
    assert max(abs(found[rule][0] - found["sgd_nesterov_momentum"][0]) for rule in ("rmsprop", "adam")) < 0.15
    assert all(found[rule][0] < found["sgd_momentum"][0] for rule in ("rmsprop", "adam"))


def test_every_rule_has_a_best_learning_rate_inside_the_range_that_is_tried(optimization):
    rows = dict(re.findall(r"^(\w+) +\| +(\S+) \| \S+ \(\S+\)$", printed(optimization, "rates"), flags=re.MULTILINE))
    assert tuple(rows) == RULES
    code = optimization["rates"].source
    for rule, best in rows.items():
        tried = [float(rate) for rate in re.search(rf'"{rule}": \[(.*)\]', code).group(1).split(",")]
        assert min(tried) < float(best) < max(tried)


def test_the_net_of_four_layers_passes_fifty_percent(optimization):
    validation, test = (
        float(re.search(rf"^{name} accuracy +(\S+)%", printed(optimization, "test_accuracy"), re.MULTILINE).group(1))
        for name in ("validation", "test")
    )
    assert validation > 50
    assert "past 50 %" in printed(optimization, "best_net")
    assert 46 < test < 60


def test_optimization_draws_every_figure_once(optimization):
    names = ("nesterov_picture", "three_rules", "bias_picture", "paths_picture", "five_rules", "rates", "best_net")
    assert figures(optimization) == dict.fromkeys(names, 1)


def final_training_accuracies(cells, name):
    """Percent after ten epochs, by normalization and batch size."""
    rows = re.findall(r"^(\w+), (\d+) +\|(?: +\S+% \|){2} +(\S+)% \|", printed(cells, name), flags=re.MULTILINE)
    return {(kind, int(size)): float(percent) for kind, size, percent in rows}


def test_batchnorm_learns_the_training_images_faster(batchnorm):
    found = re.findall(r"training: (\S+)% after 2 epochs, (\S+)% at the end", printed(batchnorm, "deep_experiment"))
    without, with_it = [tuple(map(float, pair)) for pair in found]
    assert with_it[0] > without[0] + 8
    assert with_it[1] > without[1] + 10


def test_batchnorm_learns_at_more_scales_of_the_first_weights(batchnorm):
    rows = re.findall(
        r"^(\w+) +\| +(\S+)% \| +(\S+)% \| (\S+)$", printed(batchnorm, "scale_picture"), flags=re.MULTILINE
    )
    means = {name: tuple(map(float, numbers)) for name, *numbers in rows}
    for i in (0, 1):
        assert means["batchnorm"][i] > means["without"][i] + 4
    assert means["batchnorm"][2] < 3 < means["without"][2]


def test_a_small_batch_hurts_batchnorm_and_hurts_layernorm_less(batchnorm):
    batch, layer = (final_training_accuracies(batchnorm, f"{name}batch_experiment") for name in ("", "layernorm_"))
    assert batch["batchnorm", 5] + 8 < batch["batchnorm", 10] < batch["batchnorm", 50] - 8
    assert batch["batchnorm", 5] < batch["without", 50]
    gaps = [batch["batchnorm", 50] - batch["batchnorm", 5], layer["layernorm", 50] - layer["layernorm", 5]]
    assert gaps[1] < 0.7 * gaps[0]


def test_alternative_backward_is_faster(batchnorm):
    speed_up = float(re.search(r"speed-up (\S+)", printed(batchnorm, "alternative_try")).group(1))
    assert speed_up > 1.1


def test_every_experiment_draws_its_figure_and_shows_a_bar(batchnorm):
    for name in ("deep_experiment", "scale_picture", "batch_experiment", "layernorm_batch_experiment"):
        assert any("image/png" in output.get("data", {}) for output in batchnorm[name].outputs), name
    for name in ("deep_experiment", "scale_experiment", "batch_experiment", "layernorm_batch_experiment"):
        written = "".join(output.get("text", "") for output in batchnorm[name].outputs)
        assert "/s]" in written, name
