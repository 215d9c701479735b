"""What is particular to the notebook on optimization: its numbers by hand, its published values, its pictures."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nndl import optim, vis_utils

NOTEBOOK = Path(__file__).resolve().parents[2] / "source" / "deep_nets" / "Optimization.ipynb"
RULES = {name: getattr(optim, name) for name in ("sgd", "sgd_momentum", "sgd_nesterov_momentum", "rmsprop", "adam")}
CHEAP = (
    "sgd_try",
    "momentum_try",
    "nesterov_picture",
    "nesterov_try",
    "rmsprop_try",
    "bias_picture",
    "adam_try",
    "paths_picture",
)


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def ran(cells):
    """What the cells that train nothing print, and the figures they draw, with the reference."""
    mpl.use("Agg")
    names, printed, figures = {"np": np, "plt": plt, "vis_utils": vis_utils, **RULES}, {}, {}
    for cell in CHEAP:
        plt.close("all")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(cells[cell].source.replace("plt.show()", ""), names)
        printed[cell] = out.getvalue()
        figures[cell] = [plt.figure(number) for number in plt.get_fignums()]
    return printed, figures


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


@pytest.mark.parametrize("cell", ["momentum_try", "nesterov_try", "rmsprop_try", "adam_try"])
def test_one_step_of_the_reference_gives_the_published_values(ran, cell):
    errors = [float(error) for error in re.findall(r"^error of \w+ +(\S+)$", ran[0][cell], flags=re.MULTILINE)]
    assert len(errors) == (3 if cell == "adam_try" else 2)
    assert 0 < max(errors) < 2e-7  # rounded in their eighth digit


def test_examples_by_hand_are_what_the_rules_do(ran, cells):
    velocities = numbers(ran[0]["momentum_try"].splitlines()[0])
    assert velocities[:4] == [-0.1, -0.15, -0.175, -0.1875]
    assert velocities[:4] == numbers(re.search(r"Then \$v = (.*?)\\dots", cells["momentum_heading"].source).group(1))
    weights = numbers(ran[0]["nesterov_try"].splitlines()[0])
    assert weights[:2] == [-0.15, -0.325]
    assert all(f"= {weight}$" in cells["nesterov_text"].source for weight in weights[:2])


def test_size_of_the_gradient_does_not_matter_to_rmsprop_and_adam(ran):
    for cell in ("rmsprop_try", "adam_try"):
        moves = [numbers(line.split("move by")[1]) for line in ran[0][cell].splitlines() if "move by" in line]
        assert len(moves) >= 3
        for move in moves:
            np.testing.assert_allclose(np.abs(move), abs(move[0]), rtol=2e-3)
            assert np.sign(move).tolist() == [-1, 1, -1]
    assert all(move == [-0.1, 0.1, -0.1] for move in moves), "Adam's steps have the size of the learning rate"


def test_sgd_diverges_above_the_learning_rate_that_the_text_names(ran):
    ends = {row[0]: abs(row[2]) for row in map(numbers, ran[0]["sgd_try"].splitlines()[1:])}
    below, above = ([end for rate, end in ends.items() if (rate > 0.02) == over] for over in (False, True))
    assert max(below) < 1 < min(above)  # y starts at 1


@pytest.mark.parametrize("cell", ["nesterov_picture", "bias_picture", "paths_picture"])
def test_every_axis_of_a_picture_has_a_name(ran, cell):
    (figure,) = ran[1][cell]
    for ax in figure.axes:
        assert ax.get_xlabel(), cell
        assert ax.get_ylabel(), cell
        assert ax.get_title() or ax.get_legend(), cell


def test_every_rule_comes_near_the_lowest_point_and_plain_sgd_is_slow(ran):
    rows = dict(re.findall(r"^(\w+) +\| +\S+ \| +(\S+)$", ran[0]["paths_picture"], flags=re.MULTILINE))
    assert list(rows) == list(RULES)
    heights = {rule: float(height) for rule, height in rows.items()}
    assert max(heights.values()) == heights["sgd"] < 3  # they start at 82
    assert max(height for rule, height in heights.items() if rule != "sgd") < 0.2
    assert heights["sgd_nesterov_momentum"] < heights["sgd_momentum"]


def test_first_step_without_correction_is_as_long_as_the_model_answer_says(cells):
    w, dw = np.zeros(1), np.ones(1)
    corrected = optim.adam(w, dw, {"learning_rate": 1.0})[0].item()
    m, v = 0.1, 0.001
    answer = cells["explain_bias_correction"].source
    assert f"{(-m / np.sqrt(v)) / corrected:.2f}$ times the learning rate" in answer
    t = np.arange(1, 100)
    largest = ((1 - 0.9**t) / np.sqrt(1 - 0.999**t)).max()
    assert 6 < largest < 7
    assert "more than 6 after ten to twenty steps" in answer


def test_test_images_are_looked_at_once_after_everything_is_chosen(cells):
    order = [name for name, cell in cells.items() if cell.cell_type == "code"]
    looking = [name for name in order if "X_test" in cells[name].source]
    assert looking == ["test_accuracy"]
    assert order.index("choose_rate") < order.index("best_net") < order.index("test_accuracy")


def test_nothing_is_used_before_it_is_written(cells):
    code = "\n".join(cell.source for cell in cells.values() if cell.cell_type == "code")
    assert "normalization" not in code
    assert "dropout" not in code


@pytest.mark.parametrize(
    "name", ["three_rules_heading", "five_rules_heading", "rates_heading", "best_heading", "best_text"]
)
def test_an_experiment_says_beforehand_how_long_it_takes(cells, name):
    assert re.search(r"takes (about )?(a|\d+|\d+ to \d+) (second|minute)s?, up to", cells[name].source)
