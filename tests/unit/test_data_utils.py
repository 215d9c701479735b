import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from nndl import data_utils

SIZE = 20  # images in one batch of the small data set


def write_batch(path, data, labels, **more):
    path.write_bytes(pickle.dumps({"data": data, "labels": labels, **more}, protocol=2))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A data set in CIFAR-10's layout: image i of the training set has every pixel equal to i, label i % 10."""
    folder = tmp_path / "datasets" / data_utils.BATCHES_FOLDER
    folder.mkdir(parents=True)
    for batch in range(5):
        numbers = np.arange(batch * SIZE, (batch + 1) * SIZE)
        write_batch(
            folder / f"data_batch_{batch + 1}",
            np.repeat(numbers.astype(np.uint8)[:, None], 3072, axis=1),
            [int(i % 10) for i in numbers],
        )
    pixels = np.random.RandomState(0).randint(0, 256, (SIZE, 3072)).astype(np.uint8)
    write_batch(folder / "test_batch", pixels, list(range(10)) * 2)
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    return folder.parent


def test_split_takes_the_first_images_and_the_last(small):
    data = data_utils.get_CIFAR10_data(50, 30, 7, subtract_mean=False, directory=small)
    assert data["X_train"][:, 1, 2, 3].tolist() == list(range(50))
    assert data["X_val"][:, 2, 31, 0].tolist() == list(range(70, 100))
    assert data["y_train"].tolist() == [i % 10 for i in range(50)]
    assert data["y_val"].tolist() == [i % 10 for i in range(70, 100)]
    assert data["X_test"].shape == (7, 3, 32, 32)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 0), (0, 1), (20, 20), (19, 21), (60, 40), (99, 1), (0, 100)])
def test_split_agrees_with_slices_of_the_whole(small, first, last):
    X, y, _, _ = data_utils.load_CIFAR10(small)
    data = data_utils.get_CIFAR10_data(first, last, 1, subtract_mean=False, directory=small)
    assert np.array_equal(data["X_train"], X[:first])
    assert np.array_equal(data["y_train"], y[:first])
    assert np.array_equal(data["X_val"], X[100 - last :])
    assert np.array_equal(data["y_val"], y[100 - last :])


def test_arrays_are_float32_and_labels_int64(small):
    for key, array in data_utils.get_CIFAR10_data(50, 30, 7, directory=small).items():
        assert array.dtype == (np.float32 if key.startswith("X") else np.int64), key


def test_channels_are_the_planes_of_a_row(small):
    row = np.arange(3072, dtype=np.uint32).astype(np.uint8)
    write_batch(small / data_utils.BATCHES_FOLDER / "test_batch", np.tile(row, (SIZE, 1)), [3] * SIZE)
    _, _, X_test, _ = data_utils.load_CIFAR10(small)
    # Byte 1024 * c + 32 * r + k is channel c, row r, column k.
    for c, r, k in [(0, 0, 0), (1, 0, 5), (2, 31, 31), (0, 7, 30)]:
        assert X_test[4, c, r, k] == (1024 * c + 32 * r + k) % 256


def test_mean_image_comes_from_the_training_images_alone(small):
    plain = data_utils.get_CIFAR10_data(50, 30, 7, subtract_mean=False, directory=small)
    centred = data_utils.get_CIFAR10_data(50, 30, 7, directory=small)
    assert abs(centred["X_train"].mean(axis=0)).max() < 1e-4
    for part in ("train", "val", "test"):  # the training images' mean is (0 + ... + 49) / 50
        assert np.allclose(plain[f"X_{part}"] - 24.5, centred[f"X_{part}"])


def test_more_images_than_there_are_is_refused(small):
    with pytest.raises(ValueError, match="has 100 of them; fix"):
        data_utils.get_CIFAR10_data(90, 11, 5, directory=small)
    with pytest.raises(ValueError, match="has 20 of them"):
        data_utils.get_CIFAR10_data(50, 30, 21, directory=small)
    with pytest.raises(ValueError, match="fix"):
        data_utils.get_CIFAR10_data(-1, 30, 5, directory=small)


def test_data_is_found_by_argument_then_variable_then_folders_above(small, monkeypatch, tmp_path):
    batches = small / data_utils.BATCHES_FOLDER
    work = tmp_path / "release" / "deep_nets"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    assert data_utils.find_data() == batches
    assert data_utils.find_data(batches) == batches
    monkeypatch.chdir("/")
    monkeypatch.setenv("CIFAR10_DIR", str(small))
    assert data_utils.find_data() == batches
    with pytest.raises(FileNotFoundError, match="no CIFAR-10"):
        data_utils.find_data(work)


def test_missing_data_names_the_command_that_gets_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"get_datasets\.sh.*CIFAR10_DIR"):
        data_utils.get_CIFAR10_data()


def test_missing_batch_is_named(small):
    (small / data_utils.BATCHES_FOLDER / "data_batch_3").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_3 is missing"):
        data_utils.load_CIFAR10(small)


@pytest.mark.parametrize(
    ("marker", "name"),
    [
        (json.dumps({"name": "CIFAR-10"}), "CIFAR-10"),
        (json.dumps({"name": "synthetic stand-in, not CIFAR-10"}), "synthetic stand-in, not CIFAR-10"),
        (json.dumps({"name": "CIFAR-10 (trust me)"}), "CIFAR-10 layout, not the official file"),
        (json.dumps(["CIFAR-10"]), "CIFAR-10 layout, not the official file"),
        (json.dumps({"name": ["CIFAR-10"]}), "CIFAR-10 layout, not the official file"),
        ("{", "CIFAR-10 layout, not the official file"),
        (None, "CIFAR-10 layout, not the official file"),
    ],
)
def test_data_name_believes_only_a_sound_marker(small, marker, name):
    if marker is not None:
        (small / data_utils.BATCHES_FOLDER / "SOURCE.json").write_text(marker)
    assert data_utils.data_name(small) == name


def test_stand_in_is_announced_once(small, capsys):
    (small / data_utils.BATCHES_FOLDER / "SOURCE.json").write_text(json.dumps({"name": data_utils.STAND_IN}))
    data_utils.get_CIFAR10_data(5, 5, 5, directory=small)
    assert "synthetic stand-in, not CIFAR-10" in capsys.readouterr().out
    data_utils.get_CIFAR10_data(5, 5, 5, directory=small)
    assert capsys.readouterr().out == ""


class Bomb:
    """Unpickling it makes a file, if anything is let through."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickle_that_runs_a_program_is_refused_and_runs_nothing(small, tmp_path, protocol):
    batch = {"more": Bomb(tmp_path / "ran"), "data": np.zeros((SIZE, 3072), np.uint8), "labels": [0] * SIZE}
    path = small / data_utils.BATCHES_FOLDER / "data_batch_1"
    path.write_bytes(pickle.dumps(batch, protocol=protocol))
    with pytest.raises(ValueError, match=r"data_batch_1 is not a CIFAR-10 batch \(it asks for .*mkdir"):
        data_utils.load_CIFAR10(small)
    assert not (tmp_path / "ran").exists()


PIXELS = np.zeros((SIZE, 3072), np.uint8)


@pytest.mark.parametrize(
    "batch",
    [
        [1, 2, 3],
        {"data": PIXELS},
        {"data": PIXELS, "labels": [0] * (SIZE - 1)},
        {"data": PIXELS, "labels": [10] * SIZE},
        {"data": PIXELS, "labels": [-1] * SIZE},
        {"data": PIXELS, "labels": [0.5] * SIZE},
        {"data": PIXELS, "labels": "0" * SIZE},
        {"data": PIXELS[:, :3000], "labels": [0] * SIZE},
        {"data": PIXELS.astype(np.float32), "labels": [0] * SIZE},
        {"data": PIXELS.astype(object), "labels": [0] * SIZE},
        {"data": PIXELS[:0], "labels": []},
        {"data": [[0] * 3072] * SIZE, "labels": [0] * SIZE},
    ],
)
def test_wrong_layout_is_refused_with_the_file_and_a_fix(small, batch):
    path = small / data_utils.BATCHES_FOLDER / "data_batch_1"
    path.write_bytes(pickle.dumps(batch, protocol=2))
    with pytest.raises(ValueError, match=r"data_batch_1 is not a CIFAR-10 batch .*fix: delete"):
        data_utils.load_CIFAR10(small)


@pytest.mark.parametrize("keep", [0, 1, 100, 30000])
def test_broken_file_is_refused(small, keep):
    path = small / data_utils.BATCHES_FOLDER / "data_batch_1"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="is not a CIFAR-10 batch"):
        data_utils.load_CIFAR10(small)


def test_batches_of_unequal_size_are_refused(small):
    write_batch(small / data_utils.BATCHES_FOLDER / "data_batch_4", PIXELS[:5], [0] * 5)
    with pytest.raises(ValueError, match=r"data_batch_4: 5 images, but data_batch_1 has 20"):
        data_utils.load_CIFAR10(small)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_batches_written_by_a_newer_python_are_read(small, protocol):
    path = small / data_utils.BATCHES_FOLDER / "data_batch_1"
    pixels = np.random.RandomState(1).randint(0, 256, PIXELS.shape).astype(np.uint8)
    path.write_bytes(pickle.dumps({"data": pixels, "labels": [1] * SIZE}, protocol=protocol))
    X, _, _, _ = data_utils.load_CIFAR10(small)
    assert np.array_equal(X[:SIZE].reshape(SIZE, -1), pixels)


MEASURE = """
import resource, sys
from nndl.data_utils import get_CIFAR10_data
data = get_CIFAR10_data(directory=sys.argv[1])
print([data[key].shape for key in ("X_train", "X_val", "X_test")])
print(float(abs(data["X_train"].mean(axis=0, dtype="float64")).max()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.cifar10
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts other units elsewhere")
def test_loading_cifar10_needs_at_most_one_gigabyte(cifar10_dir):
    # 49,000 + 1,000 float32 images are 0.57 GiB; the rest is Python, NumPy and one batch of bytes.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(cifar10_dir)], capture_output=True, text=True, check=True, timeout=120
    )
    *_, shapes, mean, gigabytes = done.stdout.splitlines()
    assert shapes == "[(49000, 3, 32, 32), (1000, 3, 32, 32), (1000, 3, 32, 32)]"
    assert float(mean) < 1e-4
    assert float(gigabytes) <= 1.0
