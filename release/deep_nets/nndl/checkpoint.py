"""Checkpoints of a Solver: one .npz file of plain arrays, read and written without pickle.

A pickle can run any program when it is opened; this file cannot. Nested dicts and lists are kept as JSON text in the
array ``state``; every array among them is an array of its own.
"""

import json
import os
from pathlib import Path

import numpy as np

_FORMAT = 1


def save(path, state):
    """Write a nested state to one file, in one step.

    Parameters
    ----------
    path : str or Path
        File to write. A crash leaves the old file or none, never half of the new one.
    state : dict
        Dicts (with text keys), lists, numbers, text, None and arrays, nested as you like. Tuples come back as lists.

    Raises
    ------
    TypeError
        If it holds anything else.

    Examples
    --------
    >>> save("state.npz", {"W1": np.zeros((2, 3)), "t": 7})  # doctest: +SKIP
    """
    arrays = {}
    text = json.dumps(_pack({"format": _FORMAT, **state}, arrays))
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, state=np.array(text), **arrays)
    os.replace(part, path)


def load(path):
    """Read what `save` wrote.

    Parameters
    ----------
    path : str or Path
        File to read.

    Returns
    -------
    dict
        The state, with arrays of the same dtype and floats of the same bits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a checkpoint, or one of another format.

    Examples
    --------
    >>> load("state.npz")["t"]  # doctest: +SKIP
    7
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state = _unpack(json.loads(str(arrays["state"])), arrays)
        written_as = state["format"]
    except FileNotFoundError:
        raise
    except Exception as error:  # the readers of zip, npy and JSON raise many kinds; each means the same here
        raise ValueError(f"{path} is not a checkpoint of Solver ({error}); fix: name a file *_epoch_*.npz") from error
    if written_as != _FORMAT:
        raise ValueError(f"{path} has format {written_as}, this Solver reads {_FORMAT}; fix: train anew")
    return state


def require_fit(path, state, params, num_train):
    """Raise ValueError unless a checkpoint fits the model's parameters and the number of training images.

    Parameters
    ----------
    path : str or Path
        Where it came from, for the error text.
    state : dict
        What `load` returned.
    params : dict of ndarray
        The model's parameters.
    num_train : int
        Training images.

    Raises
    ------
    ValueError
        If names or shapes differ, or the number of images.

    Examples
    --------
    >>> require_fit("a.npz", {"params": {"b1": np.zeros(3)}, "num_train": 8}, {"b1": np.ones(3)}, 8)
    """
    saved = {name: w.shape for name, w in state["params"].items()}
    given = {name: w.shape for name, w in params.items()}
    if saved != given:
        raise ValueError(f"{path} holds a net {saved}, the model is {given}; fix: build the model as it was")
    if state["num_train"] != num_train:
        raise ValueError(f"{path} saw {state['num_train']} images, data has {num_train}; fix: pass the same data")


def _pack(value, arrays):
    """Turn nested dicts and lists into JSON; every array goes to ``arrays`` and leaves its name."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(
                f"a checkpoint holds dicts with text keys only, got {list(value)!r}; fix: use names as keys"
            )
        return {"dict": {key: _pack(item, arrays) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"list": [_pack(item, arrays) for item in value]}
    if isinstance(value, (np.ndarray, np.generic)):
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        if arrays[name].dtype.hasobject:
            raise TypeError("a checkpoint cannot hold an array of objects; fix: use an array of numbers")
        return {"scalar" if isinstance(value, np.generic) else "array": name}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}; fix: use numbers, text, arrays, lists, dicts")


def _unpack(value, arrays):
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {key: _unpack(item, arrays) for key, item in content.items()}
    if kind == "list":
        return [_unpack(item, arrays) for item in content]
    return arrays[content][()] if kind == "scalar" else arrays[content]
