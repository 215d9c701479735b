import matplotlib

matplotlib.use("agg")

import io
import sys

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nndl import vis_utils


class Trained:
    """What a Solver leaves behind: 4 epochs of 25 iterations, 5 checks."""

    def __init__(self, shift=0.0, loss=None):
        self.epoch = 4
        self.loss_history = list(np.linspace(2.3, 1.0, 100)) if loss is None else loss
        self.train_acc_history = [0.1, 0.3, 0.4, 0.5, 0.6]
        self.val_acc_history = [0.1 + shift, 0.3, 0.45, 0.4, 0.35]


PAIR = {"keep 1": Trained(), "keep 0.25": Trained(shift=0.05)}


def test_side_by_side_draws_what_the_solvers_hold_on_one_scale():
    left, right = vis_utils.plot_side_by_side(PAIR, title="500 images").axes
    for ax, history in ((left, "train_acc_history"), (right, "val_acc_history")):
        curves = [line for line in ax.get_lines() if len(line.get_xdata()) == 5]
        assert [line.get_xdata().tolist() for line in curves] == [[0, 1, 2, 3, 4]] * 2
        assert [line.get_ydata().tolist() for line in curves] == [getattr(s, history) for s in PAIR.values()]
    assert left.get_ylim() == right.get_ylim()


def test_best_validation_epoch_is_marked():
    _, right = vis_utils.plot_side_by_side(PAIR).axes
    rings = [line for line in right.get_lines() if len(line.get_xdata()) == 1]
    assert [(ring.get_xdata()[0], ring.get_ydata()[0]) for ring in rings] == [(2, 0.45), (2, 0.45)]


@pytest.mark.parametrize("plot", [vis_utils.plot_side_by_side, vis_utils.plot_histories])
def test_axes_are_named_with_units_and_every_curve_has_a_legend(plot):
    figure = plot(PAIR)
    figure.canvas.draw()
    for ax in figure.axes:
        assert ax.get_xlabel() == "epoch"
        assert "(%)" in ax.get_ylabel() or "(nats)" in ax.get_ylabel()
        named = " ".join(text.get_text() for text in ax.get_legend().get_texts())
        assert all(label in named for label in PAIR)
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "30" in ticks, "accuracy is shown in percent"


def test_loss_curve_keeps_the_mean_and_ends_at_the_last_epoch():
    figure = vis_utils.plot_histories({"net": Trained()})
    x, y = figure.axes[1].get_lines()[0].get_data()
    # Runs of 2 iterations, a tenth of the 25 of one epoch; the first is at iteration 1 of 25.
    assert y == pytest.approx(np.linspace(2.3, 1.0, 100).reshape(50, 2).mean(axis=1))
    assert x[0] == pytest.approx(1 / 25)
    assert x[-1] == pytest.approx(99 / 25)


def test_long_training_and_a_huge_first_loss_stay_readable():
    loss = np.concatenate([[1e6], np.linspace(2.3, 1.0, 99999)])
    ax = vis_utils.plot_histories({"net": Trained(loss=loss.tolist())}).axes[1]
    assert len(ax.get_lines()[0].get_xdata()) <= 400
    assert ax.get_ylim()[1] < 5
    assert "cut off" in ax.get_ylabel()


def test_loss_that_became_nan_can_be_drawn():
    figure = vis_utils.plot_histories({"net": Trained(loss=[2.0] * 30 + [float("nan")] * 70)})
    figure.savefig(io.BytesIO())


def test_untrained_or_no_solver_is_refused():
    untrained = Trained()
    untrained.val_acc_history = []
    with pytest.raises(ValueError, match="'net' was not trained; fix"):
        vis_utils.plot_histories({"net": untrained})
    with pytest.raises(ValueError, match="no solver to draw; fix"):
        vis_utils.plot_side_by_side({})


def test_images_stand_below_the_name_of_their_class():
    y = np.arange(30) % 10
    X = np.zeros((30, 3, 32, 32), np.uint8)
    X[:, 0] = 20 * y[:, None, None]  # the red of a class
    figure = vis_utils.show_images(X, y, per_class=3)
    assert len(figure.axes) == 30
    for place, ax in enumerate(figure.axes):
        assert ax.get_images()[0].get_array()[5, 5].tolist() == [20 * (place % 10), 0, 0]
    assert [ax.get_title() for ax in figure.axes[:10]] == list(vis_utils.CIFAR10_CLASSES)


def test_class_with_too_few_images_leaves_its_place_empty():
    figure = vis_utils.show_images(np.zeros((3, 3, 4, 4)), [0, 0, 1], names=("a", "b"), per_class=2)
    assert len(figure.axes) == 3


def test_images_without_their_mean_are_brought_back_into_range_together():
    X = np.zeros((2, 3, 4, 4), np.float32)
    X[0], X[1] = -100, 100
    first, second = vis_utils.show_images(X).axes
    assert first.get_images()[0].get_array().max() == 0
    assert second.get_images()[0].get_array().min() == 255


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"got \(2, 3072\); fix"):
        vis_utils.show_images(np.zeros((2, 3072)))
    with pytest.raises(ValueError, match="fix: pass y"):
        vis_utils.show_images(np.zeros((2, 3, 4, 4)), per_class=1)


def test_figures_do_not_pile_up_in_pyplot_and_are_small():
    before = plt.get_fignums()
    figure = vis_utils.plot_side_by_side(PAIR)
    vis_utils.show_images(np.zeros((4, 3, 32, 32)))
    assert plt.get_fignums() == before
    png = io.BytesIO()
    figure.savefig(png, dpi=100)
    assert len(png.getvalue()) < 100_000


def test_notebook_shows_the_figure_exactly_once(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own backend is what is tested
    code = "import numpy as np\nfrom nndl import vis_utils\nvis_utils.show_images(np.zeros((4, 3, 32, 32)))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": sys.executable, "language": "python"}
    NotebookClient(notebook, timeout=60).execute()
    shown = [output for output in notebook.cells[0].outputs if "image/png" in output.get("data", {})]
    assert len(shown) == 1
