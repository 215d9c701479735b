"""What is particular to the notebook on normalization: its published numbers, its example by hand, its pictures."""

import contextlib
import io
import re
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from nndl import layers
from nndl.fc_net import FullyConnectedNet
from nndl.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array, rel_error

NOTEBOOK = Path(__file__).resolve().parents[2] / "source" / "deep_nets" / "BatchNormalization.ipynb"
CHEAP = (
    "idea_picture",
    "forward_try",
    "test_mode_try",
    "graph_picture",
    "backward_try",
    "alternative_try",
    "net_try",
    "layernorm_picture",
    "layernorm_forward_try",
    "layernorm_backward_try",
    "layernorm_net_try",
)
POINTS = {
    "batchnorm_forward": 8,
    "batchnorm_backward": 5,
    "batchnorm_backward_alt": 3,
    "fc_net_batchnorm": 4,
    "explain_weight_scale": 2,
    "explain_batch_size": 2,
    "layernorm_forward": 2,
    "layernorm_backward": 2,
    "fc_net_layernorm": 1,
    "explain_layernorm": 1,
}


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def names():
    """What the setup and data cells leave, as far as the cheap cells need it; noise stands for the images."""
    mpl.use("Agg")
    given = {name: getattr(layers, name) for name in dir(layers) if "norm" in name}
    images = np.random.RandomState(0).randn(500, 3, 32, 32) * 60
    return given | {
        "np": np,
        "plt": plt,
        "time": time,
        "Rectangle": Rectangle,
        "FullyConnectedNet": FullyConnectedNet,
        "eval_numerical_gradient": eval_numerical_gradient,
        "eval_numerical_gradient_array": eval_numerical_gradient_array,
        "rel_error": rel_error,
        "data": {"X_train": images},
    }


@pytest.fixture(scope="module")
def ran(cells, names):
    """What the cells that train nothing print, and the figures they draw, with the reference."""
    printed, figures = {}, {}
    for cell in CHEAP:
        plt.close("all")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(cells[cell].source.replace("plt.show()", ""), names)
        printed[cell] = out.getvalue()
        figures[cell] = [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")
    return printed, figures


def test_points_are_those_agreed_on(cells):
    graded = {
        name: cell.metadata.nbgrader.points
        for name, cell in cells.items()
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert graded == POINTS
    assert sum(POINTS.values()) == 30


def test_test_mode_cell_prints_the_published_means_and_deviations(ran, cells):
    printed = ran[0]["test_mode_try"]
    for number in ("-0.03927354", "-0.04349152", "-0.10452688", "1.01531428", "1.01238373", "0.97819988"):
        assert number in printed
        assert number in cells["forward_check"].source


@pytest.mark.parametrize(
    ("cell", "text", "losses"),
    [
        ("net_try", "net_check", ["2.2611955101", "6.9965332201"]),
        ("layernorm_net_try", "layernorm_net_text", ["2.2378310041", "7.1021378273"]),
    ],
)
def test_nets_print_the_published_first_losses(ran, cells, cell, text, losses):
    assert re.findall(r"first loss (\S+)", ran[0][cell]) == losses
    assert all(loss in cells[text].source for loss in losses)


def test_errors_are_as_small_as_the_text_says(ran):
    for cell, count, largest in (
        ("backward_try", 3, 1e-7),
        ("layernorm_backward_try", 3, 1e-7),
        ("layernorm_net_try", 20, 1e-6),
        ("net_try", 16, 1e-3),
    ):
        found = [float(e) for e in re.findall(r"error(?: of \w+)? +(\d\S+)$", ran[0][cell], re.MULTILINE)]
        assert len(found) == count, cell
        assert max(found) < largest
    others = re.findall(r"^ +(?!W1)\w+ *: error (\S+)$", ran[0]["net_try"], re.MULTILINE)
    assert max(map(float, others)) < 1e-5


def test_example_by_hand_is_what_the_layer_gives(ran, cells):
    by_hand = re.search(r"about \$\((.*?)\)\$", cells["forward_heading"].source).group(1).split(", ")
    printed = re.search(r"example by hand: \[(.*?)\]", ran[0]["forward_try"]).group(1).split()
    assert printed == by_hand


def test_running_variance_settles_and_the_alternative_is_the_same(ran):
    dots, line, mean = ran[1]["test_mode_try"][0].axes[0].lines
    target = mean.get_ydata()[0]
    assert line.get_ydata()[0] < 0.2 * target
    assert abs(line.get_ydata()[-1] / target - 1) < 0.1
    assert np.std(line.get_ydata()[30:]) < 0.5 * np.std(dots.get_ydata()[30:])
    differences = [float(d) for d in re.findall(r"difference of \w+ +(\S+)", ran[0]["alternative_try"])]
    assert len(differences) == 3
    assert max(differences) < 1e-12


def test_spread_shrinks_stays_or_grows_without_normalization_and_stays_with_it(ran):
    left, right = ran[1]["idea_picture"][0].axes
    shrinking, staying, growing = (np.array(line.get_ydata()) for line in left.lines[:3])
    assert np.all(shrinking[1:] / shrinking[:-1] < 0.12)
    assert np.all(growing[1:] / growing[:-1] > 5)
    assert 0.5 < staying[-1] / staying[0] < 2
    for line in right.lines[:3]:
        np.testing.assert_allclose(line.get_ydata(), 1, rtol=0.05)


def test_every_axis_of_a_plot_has_a_name_and_several_lines_a_legend(ran):
    for cell, figures in ran[1].items():
        for figure in figures:
            for ax in figure.axes:
                if ax.axison:
                    assert ax.get_xlabel(), cell
                    assert ax.get_ylabel() or figure.axes[0].get_ylabel(), cell
                    assert len(ax.lines) < 2 or ax.get_legend(), cell


def test_experiments_measure_in_test_mode_and_gradient_functions_use_their_argument(cells):
    source = "\n".join(cell.source for cell in cells.values() if cell.cell_type == "code")
    assert "bn_param[mode]" not in source
    for argument, body in re.findall(r"lambda (\w+): ([^\n]+)", source):
        assert argument == "_" or re.search(rf"\b{argument}\b", body), body
    # eval_numerical_gradient changes model.params in place: there the argument is not needed.
    assert re.findall(r"lambda _: (\S+)", source) == ["model.loss(X,"]
