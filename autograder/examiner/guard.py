"""The guard: an accuracy that rests on looked-up labels, or on training with the validation images, does not count.

All labels of CIFAR-10 are public, and those of the validation images are with the student's code, because the
Solver needs them. So once training is over the same net also classifies changed images: the validation images, and
the 9,000 test images that no worker ever sees with their labels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nndl import data_utils

from autograder.examiner.target_data import IMAGES, validation
from autograder.results import Guard

SHIFT = 2  # pixels, at most, in each direction
NOISE = (2.0, 6.0)  # standard deviation of the noise of one image, in levels of 0 to 255
OTHERS = 3000  # test images that are asked for, of the 9,000
BATCH = 500  # images in one question

# What honest nets lose, in shares of 1 (docs/grading.md has the table, benchmarks/recipes.py measures it): on average,
# between one run and another, and by the chance of finitely many images.
CHANGE = 0.03  # between images and the same images changed
LUCK = 0.02  # between the validation images, on which the best epoch is chosen, and others
SIGMAS = 4.5  # of the standard error of a share that is one half

Array = np.ndarray[Any, Any]


def changed(images: Array, rng: np.random.Generator) -> Array:
    """Each image a little different: mirrored or not, shifted by up to SHIFT pixels, with noise.

    Every image is changed in almost every pixel, so no hash of it is the same. What lies outside of a shifted image
    repeats its border.

    Parameters
    ----------
    images : array, shape (N, 3, 32, 32)
        Pixels 0 to 255.
    rng : Generator
        Where the changes are drawn from.

    Returns
    -------
    array, float32, shape (N, 3, 32, 32)
        Whole numbers from 0 to 255.
    """
    count, _, height, width = images.shape
    wide = np.pad(images, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="edge")
    mirrored = rng.random(count) < 0.5
    wide[mirrored] = wide[mirrored, :, :, ::-1]
    moved = np.empty(images.shape, np.float32)
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, count))
    for y in range(2 * SHIFT + 1):
        for x in range(2 * SHIFT + 1):
            here = (down == y) & (right == x)
            moved[here] = wide[here, :, y : y + height, x : x + width]
    strength = rng.uniform(*NOISE, (count, 1, 1, 1)).astype(np.float32)
    moved += strength * rng.standard_normal(moved.shape, dtype=np.float32)
    return np.clip(np.rint(moved), 0, 255)


class GuardImages:
    """The images that the guard asks for, with labels that stay here."""

    def __init__(self, data: Path) -> None:
        """Read them from `data`, the folder that holds CIFAR-10 with all labels."""
        self.own, self.own_labels = validation(data)
        images, labels = data_utils.read_batch(data_utils.find_data(data) / data_utils.TEST_BATCH)
        self.others, self.other_labels = images[IMAGES:], labels[IMAGES:]

    def examine(self, classify: Callable[[Array], Array | None], rng: np.random.Generator) -> Guard | None:
        """Have images classified in mixed batches; None where a batch got no answer.

        Parameters
        ----------
        classify : callable
            Gives classes, integers of shape (n,), for images of shape (n, 3, 32, 32).
        rng : Generator
            Which images are asked for, how they are changed, and in which order.
        """
        chosen = rng.permutation(len(self.others))[:OTHERS]
        others = self.others[chosen].astype(np.float32)
        images = np.concatenate([changed(self.own, rng), changed(others, rng), others])
        labels = np.concatenate([self.own_labels, self.other_labels[chosen], self.other_labels[chosen]])
        right = np.zeros(len(images), bool)
        order = rng.permutation(len(images))
        for start in range(0, len(order), BATCH):
            asked = order[start : start + BATCH]
            classes = classify(images[asked])
            if classes is None:
                return None
            right[asked] = classes.shape == asked.shape and classes == labels[asked]
        own, changed_others, plain_others = np.split(right, [len(self.own), len(self.own) + len(others)])
        return Guard(
            validation_changed=float(own.mean()),
            others=float(plain_others.mean()),
            others_changed=float(changed_others.mean()),
            images=len(others),
        )


def unexplained(accuracy: float, seen: Guard) -> list[str]:
    """What chance and the known losses of honest nets do not explain, a sentence each; none for an honest net.

    Examples
    --------
    >>> seen = Guard(validation_changed=0.53, others=0.53, others_changed=0.52, images=3000)
    >>> unexplained(0.55, seen)
    []
    >>> len(unexplained(1.0, seen))
    2
    """
    one = SIGMAS * 0.5 / np.sqrt(IMAGES)
    other = SIGMAS * 0.5 / np.sqrt(seen.images)
    found = []
    if accuracy - seen.validation_changed > CHANGE + one:
        found.append("It knows the validation images as they are, but not slightly changed.")
    if accuracy - seen.others > LUCK + float(np.hypot(one, other)):
        found.append("It does much better on the validation images than on others.")
    if seen.others - seen.others_changed > CHANGE + other:
        found.append("It knows test images as they are, but not slightly changed.")
    return found
