"""Finds how a section prepares its images, from the same images before and after, to prepare others alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
CLOSE = 1e-3  # largest deviation from a straight line, in standard deviations of what was prepared

_LAYOUTS = ((0, 1, 2, 3), (0, 2, 3, 1))  # colours first, as in the course; colours last


def _as_it_is(rows: Array) -> Array:
    return rows


def _by_itself(rows: Array) -> Array:
    """Each image with its own mean 0 and deviation 1."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows /= rows.std(axis=1, keepdims=True) + 1e-8
    return rows


def learned(before: Array, after: Array) -> Callable[[Array], Array] | None:
    """A function that prepares images as `after` was made from `before`; None where none of the known ways fits.

    Known are: any factor and offset for each pixel (mean image, standard deviation, / 255), on the pixels as they are
    or on each image with its own mean and deviation taken out; colours first or last; flat or not; any float type.

    Parameters
    ----------
    before : array, shape (N, 3, 32, 32)
        Pixels 0 to 255.
    after : array, shape (N, ...)
        The same images in the same order, as the section prepared them.
    """
    wanted = after.reshape(len(after), -1).astype(np.float64)
    if len(before) != len(after) or wanted[0].size != before[0].size or not np.isfinite(wanted).all():
        return None
    deviation = wanted.std() or 1.0
    for layout in _LAYOUTS:
        for first in (_as_it_is, _by_itself):
            rows = first(before.transpose(layout).reshape(len(before), -1).astype(np.float64))
            factor, offset = _lines(rows, wanted)
            if np.abs(rows * factor + offset - wanted).max() <= CLOSE * deviation:
                return _Prepare(layout, first, factor, offset, after)
    return None


def _lines(rows: Array, wanted: Array) -> tuple[Array, Array]:
    """For each pixel the straight line through (rows, wanted), by least squares."""
    centre = rows.mean(axis=0)
    spread = rows - centre
    factor = (spread * wanted).sum(axis=0) / np.maximum((spread**2).sum(axis=0), 1e-12)
    return factor, wanted.mean(axis=0) - factor * centre


class _Prepare:
    """Prepares images, (n, 3, 32, 32) with pixels 0 to 255, in the way that was found."""

    def __init__(
        self, layout: tuple[int, ...], first: Callable[[Array], Array], factor: Array, offset: Array, like: Array
    ) -> None:
        self._layout, self._first = layout, first
        self._factor, self._offset = factor.astype(np.float32), offset.astype(np.float32)
        self._shape, self._dtype = like.shape[1:], like.dtype

    def __call__(self, images: Array) -> Array:
        rows = self._first(images.transpose(self._layout).reshape(len(images), -1))
        return (rows * self._factor + self._offset).reshape(len(images), *self._shape).astype(self._dtype)
