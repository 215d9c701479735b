"""The data that a worker trains on: CIFAR-10 in the official layout, with the labels of the course's images only."""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from nndl import data_utils

from autograder.wall import places

IMAGES = 1000  # validation images of the course; as many test images may be seen with their labels


def validation(folder: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The course's validation images, pixels 0 to 255 of shape (1000, 3, 32, 32), and their labels.

    What the students' reader prints about the data is left out: the standard output may be a verb's JSON.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        course = data_utils.get_CIFAR10_data(directory=folder, num_training=1, subtract_mean=False)
    return course["X_val"], course["y_val"]


def prepared_data(source: Path, folder: Path) -> Path:
    """A folder in the official layout for workers: labels of the course's images only.

    Of the test batch the first 1,000 images are kept; the other 9,000 are blank and carry label 0.
    """
    origin = source / "cifar-10-batches-py"
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(origin.glob("*_batch*"))]
    final = folder / f"data-{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"
    if final.is_dir():
        return final
    images, labels = data_utils.read_batch(origin / "test_batch")
    images, labels = images.copy(), np.array(labels)
    images[IMAGES:], labels[IMAGES:] = 0, 0
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        made = Path(temporary) / "data" / origin.name
        made.mkdir(parents=True)
        for path in sorted(origin.iterdir()):
            if path.name != "test_batch":
                (made / path.name).write_bytes(path.read_bytes())
        batch = {"data": images.reshape(len(images), -1), "labels": [int(label) for label in labels]}
        (made / "test_batch").write_bytes(pickle.dumps(batch, protocol=2))
        places.show(made.parent, everyone=True)
        try:
            made.parent.rename(final)
        except OSError:
            if not final.is_dir():
                raise
    return final
