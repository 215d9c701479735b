"""Figures for the notebooks: images, and what training did.

Every function returns the matplotlib Figure, closed in pyplot. A notebook shows it when the call is the last line of a
cell; elsewhere write ``display(plot_histories(...))``. Each net has one colour in all panels; the colours are Okabe and
Ito's, which colour-blind readers can tell apart.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nndl.data_utils import CIFAR10_CLASSES

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LOSS_POINTS = 400  # of one curve: more cannot be seen, and would only make the notebook's file large


def show_images(X, y=None, names=CIFAR10_CLASSES, per_class=None, count=10, title=None):
    """Show images, in rows by class when ``per_class`` is given.

    Parameters
    ----------
    X : ndarray (N, 3, H, W)
        Images, channels first; uint8 0 to 255, or float. Floats outside 0 to 255 (after the mean image was taken off)
        are shifted and scaled together, so that the images still compare.
    y : ndarray (N,), optional
        Classes.
    names : sequence of str
        Names of the classes.
    per_class : int, optional
        Show the first so many images of every class, one class a column; needs ``y``.
    count : int
        Images to show when ``per_class`` is not given.
    title : str, optional
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If X is not (N, 3, H, W), or if ``per_class`` is given without ``y``.

    Examples
    --------
    >>> len(show_images(np.zeros((6, 3, 8, 9), np.uint8), count=5).axes)
    5
    """
    X = np.asarray(X)
    if X.ndim != 4 or X.shape[1] != 3 or len(X) == 0:
        raise ValueError(f"X must have shape (N, 3, H, W) with N > 0, got {X.shape}; fix: X.reshape(-1, 3, 32, 32)")
    if per_class is not None and y is None:
        raise ValueError("per_class needs the classes; fix: pass y")
    if per_class is None:
        grid, columns = list(range(min(count, len(X)))), min(count, len(X), 10)
    else:
        grid, columns = _first_of_each_class(np.asarray(y), len(names), per_class), len(names)
    rows = -(-len(grid) // columns)
    figure = plt.figure(figsize=(max(columns, 3) * 1.0, rows * 1.0 + 0.35), layout="constrained")
    chosen = [i for i in grid if i is not None]
    pixels = dict(zip(chosen, _displayable(X[chosen]), strict=True))
    for place, index in enumerate(grid):
        if index is None:
            continue
        ax = figure.add_subplot(rows, columns, place + 1)
        ax.imshow(pixels[index])
        ax.axis("off")
        if y is not None and (per_class is None or place < columns):
            ax.set_title(names[int(y[index])], fontsize=9)
    if title:
        figure.suptitle(title)
    plt.close(figure)  # left open it would be shown twice, and kept in memory for ever
    return figure


def _first_of_each_class(y, num_classes, per_class):
    """Row by row: indices of the k-th image of every class, None where a class has fewer."""
    columns = [np.flatnonzero(y == c)[:per_class].tolist() for c in range(num_classes)]
    return [column[k] if k < len(column) else None for k in range(per_class) for column in columns]


def _displayable(X):
    """(N, 3, H, W) of any range to uint8 (N, H, W, 3)."""
    X = X.transpose(0, 2, 3, 1)
    if X.dtype == np.uint8:
        return X
    low, high = float(X.min()), float(X.max())
    if low < 0 or high > 255:
        X = (X - low) * (255 / max(high - low, 1e-12))
    return X.astype(np.uint8)


def plot_histories(solvers, title=None):
    """Draw accuracy and loss of trained solvers against the epoch.

    Parameters
    ----------
    solvers : dict of str to Solver
        Label of each curve and the solver it comes from (after ``train``).
    title : str, optional
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Left the accuracy in percent (training dashed, validation solid, the best validation epoch marked), right the
        loss of the minibatches in nats, averaged over a tenth of an epoch or more.

    Raises
    ------
    ValueError
        If there is no solver, or if one was not trained.

    Examples
    --------
    >>> plot_histories({"keep 1": plain, "keep 0.5": dropout})  # doctest: +SKIP
    """
    _require_trained(solvers)
    figure, left, right = _two_panels()
    for (label, solver), colour in zip(solvers.items(), _colours(solvers), strict=True):
        epochs, train, val = _accuracies(solver)
        left.plot(epochs, train, "--", color=colour, linewidth=1.2, label=f"{label}, training")
        left.plot(epochs, val, "-", color=colour, label=f"{label}, validation")
        _mark_best(left, epochs, val, colour)
        right.plot(*_smooth_loss(solver), color=colour, label=label)
    _name_axes(left, "accuracy (%)")
    left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    _name_axes(right, "minibatch loss (nats)")
    _limit_loss(right, solvers)
    if title:
        figure.suptitle(title)
    plt.close(figure)
    return figure


def plot_side_by_side(solvers, title=None):
    """Draw training accuracy left and validation accuracy right, with one scale: the picture for dropout.

    Parameters
    ----------
    solvers : dict of str to Solver
        Label of each curve and the solver it comes from, such as ``{"keep 1": a, "keep 0.25": b}``.
    title : str, optional
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no solver, or if one was not trained.

    Examples
    --------
    >>> plot_side_by_side({"keep 1": plain, "keep 0.25": dropout})  # doctest: +SKIP
    """
    _require_trained(solvers)
    figure, left, right = _two_panels(share_y=True)
    for (label, solver), colour in zip(solvers.items(), _colours(solvers), strict=True):
        epochs, train, val = _accuracies(solver)
        left.plot(epochs, train, ".-", color=colour, label=f"{label}, at the end {train[-1]:.1%}")
        right.plot(epochs, val, ".-", color=colour, label=f"{label}, best {np.nanmax(val):.1%}")
        _mark_best(right, epochs, val, colour)
    _name_axes(left, "accuracy (%)")
    _name_axes(right, "accuracy (%)")
    left.set_title("training images")
    right.set_title("validation images (ring: best epoch)")
    left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    if title:
        figure.suptitle(title)
    plt.close(figure)
    return figure


def _two_panels(share_y=False):
    figure = plt.figure(figsize=(11, 4), layout="constrained")
    left = figure.add_subplot(1, 2, 1)
    return figure, left, figure.add_subplot(1, 2, 2, sharey=left if share_y else None)


def _require_trained(solvers):
    if not solvers:
        raise ValueError("no solver to draw; fix: pass a dict such as {'keep 0.5': solver}")
    for label, solver in solvers.items():
        if not solver.val_acc_history:
            raise ValueError(f"the solver {label!r} was not trained; fix: call its train() first")


def _colours(solvers):
    return [COLOURS[i % len(COLOURS)] for i in range(len(solvers))]


def _accuracies(solver):
    """Epoch of every check, training and validation accuracy. The first check comes after the first iteration."""
    train, val = np.array(solver.train_acc_history), np.array(solver.val_acc_history)
    return np.arange(len(val)) + solver.epoch - (len(val) - 1), train, val


def _mark_best(ax, epochs, accuracy, colour):
    best = int(np.argmax(accuracy))
    ax.plot(epochs[best], accuracy[best], "o", markersize=9, markerfacecolor="none", markeredgecolor=colour)


def _smooth_loss(solver):
    """Epochs and means of equal runs of the loss history, at most _LOSS_POINTS of them."""
    loss = np.array(solver.loss_history, dtype=float)
    per_epoch = len(loss) / max(solver.epoch, 1)
    width = max(round(per_epoch / 10), -(-len(loss) // _LOSS_POINTS), 1)
    starts = np.arange(0, len(loss), width)
    sizes = np.diff(np.append(starts, len(loss)))
    return (starts + sizes / 2) / per_epoch, np.add.reduceat(loss, starts) / sizes


def _limit_loss(ax, solvers):
    """Keep one huge first loss from pressing the rest of the curves to the floor."""
    losses = np.concatenate([_smooth_loss(solver)[1] for solver in solvers.values()])
    losses = losses[np.isfinite(losses)]
    if len(losses) > 20:
        low, high = losses.min(), np.percentile(losses, 98, method="lower")
        if high < losses.max() / 2 and high > low:
            ax.set_ylim(max(low - 0.05 * (high - low), 0), high + 0.1 * (high - low))
            ax.set_ylabel(ax.get_ylabel() + ", the highest 2 % cut off")


def _name_axes(ax, ylabel):
    ax.set_xlabel("epoch")
    ax.set_ylabel(ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.legend(fontsize=9)
