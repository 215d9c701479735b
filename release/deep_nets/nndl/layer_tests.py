"""Visible checks: `check("dropout_forward")` says at once whether a step is right.

    from nndl import layer_tests
    layer_tests.check("dropout_forward")

A check tests what must hold (shapes, means, gradients), never the exact random numbers, so every right way to write a
function passes. The hidden checks of the grader test the same properties with other numbers.

This module runs the checks and prints the table. The checks themselves are the generators in nndl/checks_*.py: each
yields one `Row` for everything it looked at, made by `holds`, `close`, `within`, `share` or `remark`.
"""

import importlib
import math
import traceback
import unicodedata
from collections import namedtuple
from pathlib import Path

import numpy as np

from nndl.gradient_check import rel_error

# Probability that one `share` row fails for right code. At most a hundred rows: below 1e-9 together.
FALSE_ALARM = 1e-11

_HERE = Path(__file__).parent
_CHECK_MODULES = ("nndl.checks_layers", "nndl.checks_optim", "nndl.checks_nets", "nndl.checks_dropout")

Row = namedtuple("Row", "what value wanted passed hint")


class CheckFailed(AssertionError):
    """A visible check failed; the table above it says which and why."""

    def _render_traceback_(self):
        # IPython asks for these lines in place of its own: the table says more than our stack does.
        return [f"CheckFailed: {self}"]


def questions():
    """List the ids that `check` knows.

    Returns
    -------
    list of str
        The ids, in the order in which the functions rest on each other.

    Examples
    --------
    >>> "dropout_forward" in questions()
    True
    """
    return [question for name in _CHECK_MODULES for question in importlib.import_module(name).CHECKS]


def check(question_id):
    """Run the visible checks of one question and print a table of them.

    NumPy's global generator is put back afterwards, so that a check does not change the numbers of later cells.

    Parameters
    ----------
    question_id : str
        One of `questions`, such as "dropout_forward".

    Raises
    ------
    CheckFailed
        If a check failed, or if the function is not written yet (said in one line).
    ValueError
        If the id is unknown.

    Examples
    --------
    >>> check("dropout_backward")  # doctest: +SKIP
    dropout_backward
      dx = dout * out / x, p = 0.25    error 1.2e-16    <= 1e-06    pass
    """
    try:
        known = {k: v for name in _CHECK_MODULES for k, v in importlib.import_module(name).CHECKS.items()}
    except (ImportError, SyntaxError) as error:
        raise CheckFailed(f"the package cannot be imported: {error}; fix: mend that line first") from error
    if question_id not in known:
        raise ValueError(f"no visible check is named {question_id!r}; fix: use one of {', '.join(known)}")
    state = np.random.get_state()
    try:
        rows, crash = _run(known[question_id])
    finally:
        np.random.set_state(state)
    if isinstance(crash, NotImplementedError):
        name, place = _where(crash)
        text = f"{name} is not written yet (nndl/{place})"
        print(text)
        raise CheckFailed(text) from None
    print(_table(question_id, rows))
    failed = [row for row in rows if not row.passed]
    if crash is not None:
        print(_own_lines(crash))
    if failed:
        raise CheckFailed(f"{question_id}: {len(failed)} of {len(rows)} checks failed; the first: {failed[0].what}")


def holds(what, passed, hint=""):
    """Row for something that holds or does not.

    Parameters
    ----------
    what : str
        What must hold.
    passed : bool
        Whether it does.
    hint : str
        Shown when it does not.

    Returns
    -------
    Row

    Examples
    --------
    >>> holds("dx has x's shape", (2, 3) == (2, 3)).passed
    True
    """
    return Row(what, "yes" if passed else "no", "yes", bool(passed), hint)


def close(what, got, want, tolerance=1e-6, hint=""):
    """Row for an array that must agree with another in norm-relative error.

    Axes of length 1 too many or too few, as in a bias gradient of shape (1, M), are accepted.

    Parameters
    ----------
    what : str
        What is compared.
    got, want : array_like
        The answer and what it should be.
    tolerance : float
        Largest norm-relative error that passes.
    hint : str
        Shown when it does not pass.

    Returns
    -------
    Row

    Examples
    --------
    >>> close("db", np.ones((1, 3)), np.ones(3)).passed, close("db", np.ones((2, 3)), np.ones(3)).passed
    (True, False)
    """
    got, want = np.asarray(got), np.asarray(want)
    if got.dtype.kind not in "fiub":
        return Row(
            what, f"{got.dtype} {got.shape}", f"numbers {want.shape}", False, hint or "return an array of numbers"
        )
    if _squeezed(got.shape) != _squeezed(want.shape):
        return Row(what, f"shape {got.shape}", f"shape {want.shape}", False, "the shape is wrong; see the docstring")
    error = rel_error(got.reshape(want.shape), want)
    return Row(what, f"error {error:.1e}", f"<= {tolerance:.0e}", error <= tolerance, hint)


def share(what, hits, want, hint="", spread=1.0):
    """Row for the mean of independent random numbers, each between 0 and ``spread``.

    The tolerance is Hoeffding's: P(|mean - want| >= t) <= 2 exp(-2 n t^2 / spread^2) = FALSE_ALARM. It holds for every
    distribution, so right code fails at most once in 10^11 runs.

    Parameters
    ----------
    what : str
        What is counted.
    hits : ndarray
        The n random numbers, often booleans.
    want : float
        Their expected value.
    hint : str
        Shown when the mean is further away.
    spread : float
        Length of the range they lie in.

    Returns
    -------
    Row

    Examples
    --------
    >>> share("share of zeros", np.arange(100).reshape(4, 25) % 2 == 0, 0.5).wanted
    '0.500 +- 0.361'
    """
    return within(what, float(np.mean(hits)), want, tolerance_of_mean(np.size(hits), spread), hint)


def within(what, value, want, tolerance, hint=""):
    """Row for a number that must lie near another.

    Parameters
    ----------
    what : str
        What the number is.
    value, want, tolerance : float
        The number, what it should be, and how far from it it may lie.
    hint : str
        Shown when it lies further away.

    Returns
    -------
    Row

    Examples
    --------
    >>> within("mean", 0.5, want=0.25, tolerance=0.1).passed
    False
    """
    return Row(what, f"{value:.4f}", f"{want:.3f} +- {tolerance:.3f}", bool(abs(value - want) <= tolerance), hint)


def tolerance_of_mean(n, spread=1.0, looks=1):
    """Hoeffding's tolerance for the mean of n numbers from a range of length ``spread``, looked at ``looks`` times.

    Parameters
    ----------
    n : int
        Numbers in each mean.
    spread : float
        Length of the range they lie in.
    looks : int
        Number of means compared with it; the probability is shared among them.

    Returns
    -------
    float
        Tolerance t with P(|mean - expected| >= t) <= FALSE_ALARM / looks.

    Examples
    --------
    >>> round(tolerance_of_mean(10000), 4)
    0.0361
    """
    return spread * math.sqrt(math.log(2 * looks / FALSE_ALARM) / (2 * n))


def remark(what, hint):
    """Row for something that is no mistake but worth a word; it passes.

    Parameters
    ----------
    what, hint : str
        What was seen, and what to think of it.

    Returns
    -------
    Row

    Examples
    --------
    >>> remark("x was changed", "work on a copy").passed
    True
    """
    return Row(what, "-", "-", True, "remark: " + hint)


def _squeezed(shape):
    return tuple(size for size in shape if size != 1)


def _run(generator):
    """All rows of a check, and the exception that ended it, if any; it has a row of its own."""
    rows = []
    try:
        for row in generator():
            rows.append(row)
    except NotImplementedError as error:
        return rows, error
    except Exception as error:
        name, place = _where(error)
        hint = f"{type(error).__name__} in {name} (nndl/{place}): {error}"
        if not _student_frames(error):  # the answer was such that the check itself fell over it
            hint = f"what your function returned cannot be used ({error}); return what its docstring says"
        rows.append(Row("runs without an error", "no", "yes", False, hint))
        return rows, error
    return rows, None


def _student_frames(error):
    """(name, FrameSummary) of every frame of the traceback, without the checks' own."""
    names = [frame.f_code.co_qualname for frame, _ in traceback.walk_tb(error.__traceback__)]
    frames = list(zip(names, traceback.extract_tb(error.__traceback__), strict=True))
    while frames and _is_ours(Path(frames[0][1].filename)):
        frames.pop(0)
    return frames


def _is_ours(path):
    return path.name in (Path(__file__).name, "gradient_check.py") or path.name.startswith("checks_")


def _where(error):
    """Name of the function of the package that an exception came from, and "file.py, line n", the file below nndl/."""
    frames = [pair for pair in _student_frames(error) if _HERE in Path(pair[1].filename).parents]
    if frames:
        name, frame = frames[-1]
        return name, f"{Path(frame.filename).relative_to(_HERE).as_posix()}, line {frame.lineno}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return "the check", f"{Path(frame.filename).name}, line {frame.lineno}"


def _own_lines(error):
    """The traceback without the checks' own frames."""
    lines = traceback.format_list([frame for _, frame in _student_frames(error)]) + traceback.format_exception_only(
        error
    )
    return "\n" + "".join(lines)


def _columns(text):
    """How wide a text is drawn: Chinese and Korean letters take two columns each."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def _table(title, rows):
    """Plain aligned text, hints of failed rows and remarks below their row."""
    widths = [max((_columns(row[i]) for row in rows), default=0) for i in range(3)]
    lines = [title]
    for row in rows:
        padded = [cell + " " * (width - _columns(cell)) for cell, width in zip(row[:3], widths, strict=True)]
        cells = "  ".join(padded)
        lines.append(f"  {cells}  {'pass' if row.passed else 'FAIL'}")
        if row.hint and (not row.passed or row.value == "-"):
            lines.append(f"      -> {row.hint}")
    passed = sum(row.passed for row in rows)
    lines.append(f"  {passed} of {len(rows)} passed")
    return "\n".join(lines)
