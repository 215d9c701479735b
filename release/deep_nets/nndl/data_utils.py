"""Read CIFAR-10 and cut it as the course does.

The official files are Python pickles, and a pickle can run any program. The reader here admits only what those
files hold: numbers, text, lists, dicts and arrays of bytes.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009 (the data and its layout).
"""

import codecs
import json
import os
import pickle
from pathlib import Path

import numpy as np

CIFAR10_CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES_FOLDER = "cifar-10-batches-py"
TRAINING_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"

OFFICIAL = "CIFAR-10"
STAND_IN = "synthetic stand-in, not CIFAR-10"
UNKNOWN_SOURCE = "CIFAR-10 layout, not the official file"

_GET_THE_DATA = (
    "fix: run `bash get_datasets.sh` (on Windows `python datasets\\get_datasets.py`) in the course folder, "
    f"or set CIFAR10_DIR to a folder that holds {BATCHES_FOLDER}"
)
_FETCH_AGAIN = "fix: delete the folder and run `bash get_datasets.sh` again"
_announced = set()  # folders that were already said to hold the stand-in


def get_CIFAR10_data(  # noqa: N802 - the course's name
    num_training=49000, num_validation=1000, num_test=1000, subtract_mean=True, directory=None
):
    """Load CIFAR-10 in the course's split, ready for a net.

    Training images are the first ``num_training`` of the 50,000, validation images the last ``num_validation`` of
    them (by default number 49,000 to 49,999), test images the first ``num_test`` of the 10,000. Pixels run from 0
    to 255; with ``subtract_mean`` the mean image of the training images is taken from all three parts.

    Parameters
    ----------
    num_training, num_validation, num_test : int
        Number of images of each part.
    subtract_mean : bool
        Subtract the training images' mean image.
    directory : str or Path, optional
        A folder that holds ``cifar-10-batches-py``. By default $CIFAR10_DIR, else ``datasets/`` in the working
        folder or in one of the folders above it.

    Returns
    -------
    dict of ndarray
        ``X_train``, ``X_val``, ``X_test``: float32, (N, 3, 32, 32), channels red, green, blue.
        ``y_train``, ``y_val``, ``y_test``: int64, (N,), classes 0 to 9 (names in CIFAR10_CLASSES).

    Raises
    ------
    FileNotFoundError
        If there is no data; the text names the command that gets it.
    ValueError
        If a file is not laid out as CIFAR-10, or if more images are asked for than there are.

    Examples
    --------
    >>> data = get_CIFAR10_data(num_training=500)  # doctest: +SKIP
    >>> data["X_train"].shape, data["X_train"].dtype  # doctest: +SKIP
    ((500, 3, 32, 32), dtype('float32'))
    """
    folder = find_data(directory)
    _announce(folder)
    # One array for both parts, so that the largest array exists only once (memory, not speed, is what runs out).
    X, y = _read(folder, TRAINING_BATCHES, first=num_training, last=num_validation)
    X_test, y_test = _read(folder, (TEST_BATCH,), first=num_test, last=0)
    if subtract_mean:
        # Summed in float64: 49,000 float32 terms would lose the last digits.
        mean_image = np.mean(X[:num_training], axis=0, dtype=np.float64).astype(np.float32)
        X -= mean_image
        X_test -= mean_image
    return {
        "X_train": X[:num_training],
        "y_train": y[:num_training],
        "X_val": X[num_training:],
        "y_val": y[num_training:],
        "X_test": X_test,
        "y_test": y_test,
    }


def load_CIFAR10(directory=None):  # noqa: N802 - the course's name
    """Load all of CIFAR-10 as it is, no split and no mean taken off.

    Parameters
    ----------
    directory : str or Path, optional
        A folder that holds ``cifar-10-batches-py``; found as by `get_CIFAR10_data` when left out.

    Returns
    -------
    X_train, y_train, X_test, y_test : ndarray
        Images float32 (N, 3, 32, 32) with pixels 0 to 255, labels int64 (N,).

    Raises
    ------
    FileNotFoundError, ValueError
        As `get_CIFAR10_data`.

    Examples
    --------
    >>> X_train, y_train, X_test, y_test = load_CIFAR10()  # doctest: +SKIP
    >>> X_train.shape, y_test.shape  # doctest: +SKIP
    ((50000, 3, 32, 32), (10000,))
    """
    folder = find_data(directory)
    _announce(folder)
    return *_read(folder, TRAINING_BATCHES), *_read(folder, (TEST_BATCH,))


def data_name(directory=None):
    """Say what the data is: CIFAR-10 itself, the synthetic stand-in, or files of unknown origin.

    Parameters
    ----------
    directory : str or Path, optional
        As in `get_CIFAR10_data`.

    Returns
    -------
    str
        "CIFAR-10", "synthetic stand-in, not CIFAR-10" or "CIFAR-10 layout, not the official file". It is read from
        the marker ``SOURCE.json`` that get_datasets writes beside the batches.

    Raises
    ------
    FileNotFoundError
        If there is no data.

    Examples
    --------
    >>> data_name()  # doctest: +SKIP
    'CIFAR-10'
    """
    marker = find_data(directory) / "SOURCE.json"
    try:
        source = json.loads(marker.read_text(encoding="utf-8"))
        name = source["name"]
    except (OSError, ValueError, TypeError, KeyError):
        return UNKNOWN_SOURCE
    return name if name in (OFFICIAL, STAND_IN) else UNKNOWN_SOURCE


def find_data(directory=None):
    """Find the folder ``cifar-10-batches-py``.

    Parameters
    ----------
    directory : str or Path, optional
        As in `get_CIFAR10_data`.

    Returns
    -------
    Path
        The folder of the batch files.

    Raises
    ------
    FileNotFoundError
        If it is not there. A ``directory`` or a $CIFAR10_DIR without data is an error and not passed over, so that
        nobody trains on other data than was asked for.

    Examples
    --------
    >>> find_data("datasets")  # doctest: +SKIP
    PosixPath('datasets/cifar-10-batches-py')
    """
    named = directory if directory is not None else os.environ.get("CIFAR10_DIR")
    if named:
        places = [Path(named).expanduser()]
    else:
        here = Path.cwd()
        places = [folder / "datasets" for folder in (here, *here.parents)]
    for place in places:
        for folder in (place / BATCHES_FOLDER, place):
            if folder.name == BATCHES_FOLDER and folder.is_dir():
                return folder
    looked = places[0] if named else f"datasets/ in {Path.cwd()} or above"
    raise FileNotFoundError(f"no CIFAR-10 in {looked} (no folder {BATCHES_FOLDER}); {_GET_THE_DATA}")


def _announce(folder):
    if folder not in _announced and data_name(folder) == STAND_IN:
        _announced.add(folder)
        print(f"Data: {STAND_IN} ({folder}). Accuracies here do not compare with those on CIFAR-10.")


def _read(folder, names, first=None, last=0):
    """The first ``first`` and the last ``last`` images of some batches, as one float32 array, and their labels.

    One batch of bytes at a time is turned into floats in its place, so the peak is the result plus one batch.
    """
    pixels, labels = read_batch(folder / names[0])
    size = len(labels)  # of every batch
    total = size * len(names)
    first = total if first is None else first
    if first < 0 or last < 0 or first + last > total:
        raise ValueError(f"asked for {first} + {last} images, but {folder} has {total} of them; fix: ask for fewer")
    X, y = np.empty((first + last, 3, 32, 32), dtype=np.float32), np.empty(first + last, dtype=np.int64)
    parts = ((0, first, 0), (total - last, total, first))  # from image, to image, goes to row
    for i, name in enumerate(names):
        start, stop = i * size, (i + 1) * size
        if i > 0 and first <= start and stop <= total - last:
            continue  # nothing of this batch is wanted
        if i > 0:
            pixels, labels = read_batch(folder / name)
        if len(labels) != size:
            raise ValueError(f"{folder / name}: {len(labels)} images, but {names[0]} has {size}; {_FETCH_AGAIN}")
        for low, high, row in parts:
            begin, end = max(low, start), min(high, stop)
            if begin < end:
                rows = slice(row + begin - low, row + end - low)
                X[rows], y[rows] = pixels[begin - start : end - start], labels[begin - start : end - start]
    return X, y


def read_batch(path):
    """Read one batch file, safely.

    Parameters
    ----------
    path : Path
        Such as ``datasets/cifar-10-batches-py/test_batch``.

    Returns
    -------
    pixels : ndarray (N, 3, 32, 32), uint8 0 to 255
    labels : ndarray (N,), int64

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds anything but a batch in CIFAR-10's layout; nothing of it is run.

    Examples
    --------
    >>> pixels, labels = read_batch(find_data() / "test_batch")  # doctest: +SKIP
    """
    try:
        with path.open("rb") as file:
            batch = _Cifar10Unpickler(file, encoding="latin1").load()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; {_FETCH_AGAIN}") from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise ValueError(f"{path} is not a CIFAR-10 batch ({error}); {_FETCH_AGAIN}") from error
    wrong = _what_is_wrong(batch)
    if wrong:
        raise ValueError(f"{path} is not a CIFAR-10 batch ({wrong}); {_FETCH_AGAIN}")
    return batch["data"].reshape(-1, 3, 32, 32), np.array(batch["labels"], dtype=np.int64)


def _what_is_wrong(batch):
    if not isinstance(batch, dict) or not {"data", "labels"} <= set(batch):
        return "it must hold a dict with data and labels"
    data, labels = batch["data"], batch["labels"]
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3 * 32 * 32:
        return "data must be an array of bytes (uint8) of shape (N, 3072)"
    if not isinstance(labels, list) or len(labels) != len(data) or len(data) == 0:
        return "labels must be a list with one label for each image"
    if not all(type(label) is int and 0 <= label < len(CIFAR10_CLASSES) for label in labels):
        return "every label must be an integer from 0 to 9"
    return None


def _empty_array(kind, shape, typecode):
    """NumPy's _reconstruct, for the one call that array pickles make; the bytes follow later."""
    if kind is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array is built in an unusual way")
    return np.ndarray((0,), dtype=np.int8)


def _byte_dtype(code, align=False, copy=True):
    if code != "u1":
        raise pickle.UnpicklingError(f"an array holds {code!r}, only bytes (u1) are admitted")
    return np.dtype("u1", align=bool(align), copy=True)


def _latin1(text, encoding="latin1"):
    """How Python 3 writes bytes in an old pickle protocol."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text is encoded as {encoding!r}")
    return codecs.encode(text, "latin1")


class _Cifar10Unpickler(pickle.Unpickler):
    """Reads pickles of numbers, text, lists, dicts and uint8 arrays, and refuses to look up anything else."""

    ADMITTED = {  # noqa: RUF012 - a constant
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): _byte_dtype,
        ("_codecs", "encode"): _latin1,
    }

    def find_class(self, module, name):
        try:
            return self.ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 file needs") from None
