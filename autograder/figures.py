"""Figures of the pages, as SVG that takes its colours from the page, so that it is read in light and in dark.

matplotlib draws with stand-in colours, which become CSS variables. Equal numbers give equal bytes.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Stand-in colours, each for a variable of the page's style sheet.
INK, MUTED, LINE, ACCENT, MARK = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {INK: "--ink", MUTED: "--muted", LINE: "--line", ACCENT: "--accent", MARK: "--mark"}
_STYLE = {
    "svg.fonttype": "none",  # letters stay letters, in the page's own font
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "grid.color": LINE,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "path.simplify": False,
}
WIDTH, HEIGHT = 4.2, 2.3  # inches: at the width of a phone the letters are as large as the text around


def training_curve(history: Sequence[float], required: float, best_epoch: int | None, words: dict[str, str]) -> Markup:
    """Accuracy after each epoch, the accuracy that earns all points, and the best epoch.

    Parameters
    ----------
    history : sequence of float
        Accuracies, shares of 1.
    required : float
        What earns all points.
    best_epoch : int or None
        Counted from 1.
    words : dict
        Text for "label" (read aloud in place of the picture), "x", "y", "target", "best".
    """
    with matplotlib.rc_context(_style("curve")):
        figure, axes = _axes()
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, history, color=ACCENT, linewidth=1.8, marker="o", markersize=3)
        axes.axhline(required, color=MARK, linewidth=1.4, linestyle=(0, (5, 3)))
        axes.annotate(words["target"], (0.01, required), (0, 4), xycoords=("axes fraction", "data"),
                      textcoords="offset points", color=MARK, va="bottom")  # fmt: skip
        if best_epoch is not None:
            best = history[best_epoch - 1]
            axes.plot([best_epoch], [best], color=ACCENT, marker="o", markersize=8)
            side = "right" if best_epoch > len(history) / 2 else "left"
            above = best >= required  # so that the label lies beside neither line
            axes.annotate(words["best"], (best_epoch, best), (0, 8 if above else -10), textcoords="offset points",
                          ha=side, va="bottom" if above else "top")  # fmt: skip
        low, high = min([*history, required]), max([*history, required])
        room = max(high - low, 0.05)
        axes.set_ylim(max(0.0, low - 0.25 * room), min(1.06, high + 0.25 * room))
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel(words["x"])
        axes.set_ylabel(words["y"])
        return _svg(figure, "curve", words["label"])


def histogram(
    counts: Sequence[int],
    edges: Sequence[float],
    words: dict[str, str],
    *,
    name: str,
    marks: Sequence[tuple[float, str]] = (),
    percent: bool = False,
    small: bool = False,
) -> Markup:
    """Bars of how many hand-ins lie between two edges.

    Parameters
    ----------
    counts, edges : sequences
        As `numpy.histogram` gives them: one edge more than counts.
    words : dict
        Text for "label", "x", "y".
    name : str
        Different for each figure of a page.
    marks : sequence of (float, str)
        Where to draw a line upwards, and what to write beside it.
    percent : bool
        Whether edges are shares of 1.
    small : bool
        One of several side by side.
    """
    with matplotlib.rc_context(_style(name)):
        figure, axes = _axes(small)
        widths = [right - left for left, right in itertools.pairwise(edges)]
        axes.bar(list(edges[:-1]), list(counts), [0.92 * width for width in widths], align="edge", color=ACCENT)
        top = max([*counts, 1])
        axes.set_ylim(0, top * (1.2 if marks else 1.05))
        axes.set_xlim(edges[0], edges[-1])
        for where, text in marks:
            axes.axvline(where, color=MARK, linewidth=1.4, linestyle=(0, (5, 3)))
            right = where > (edges[0] + edges[-1]) / 2
            axes.annotate(text, (where, 1), (-4 if right else 4, -1), xycoords=("data", "axes fraction"), color=MARK,
                          textcoords="offset points", ha="right" if right else "left", va="top")  # fmt: skip
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3 if small else 5, min_n_ticks=1))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if small else 10, steps=[1, 2, 2.5, 5, 10]))
        if percent:
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel(words["x"])
        axes.set_ylabel(words["y"])
        return _svg(figure, name, words["label"])


def _style(salt: str) -> Any:  # matplotlib's type lists every key there is
    """Settings under which figures are drawn; ids in them follow from their content and `salt`."""
    return {**_STYLE, "svg.hashsalt": salt}


def _axes(small: bool = False) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH / 1.5, HEIGHT / 1.3) if small else (WIDTH, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(axis="y", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return figure, axes


def _svg(figure: Figure, name: str, label: str) -> Markup:
    """The figure as an element of a page: no prologue, no metadata, no ids that another figure may have."""
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    made = io.StringIO()
    with warnings.catch_warnings():  # matplotlib's own font has no Chinese and no Korean letters; the page's has
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(made, format="svg", metadata={"Date": None})
    text = made.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    width, height = (72 * inches for inches in figure.get_size_inches())
    head = f'<svg class="figure" role="img" aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}">'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: head, text, count=1))  # ours; all words were escaped
