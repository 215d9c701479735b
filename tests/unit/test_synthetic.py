"""The stand-in: the layout of CIFAR-10, the same bytes everywhere, and classes that can be told apart."""

import hashlib
import os
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.examiner import guard

DATASETS = Path(__file__).parents[2] / "datasets"
sys.path.insert(0, str(DATASETS))
import synthetic  # noqa: E402 - it lies beside the data, in no package
import unpacking  # noqa: E402

IMAGES = 300
NAMES = (*unpacking.BATCHES, "batches.meta", "SOURCE.json")
# SHA-256 over pixels of make_batch(1, 300) and make_batch(6, 300); a change of the stand-in changes it on purpose.
PIXELS = "759847c414e0f1af74f6ac5136f1c797b5bf5899bee603402e2b6f9a3759bff7"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand_in") / "cifar-10-batches-py"
    folder.mkdir()
    synthetic.write(folder, images=IMAGES)
    return folder


def load(path):
    with path.open("rb") as file:
        return pickle.load(file, encoding="bytes")


def test_stand_in_has_the_official_keys_types_and_shapes(folder):
    for name in unpacking.BATCHES:
        batch = load(folder / name)
        assert list(batch) == [b"batch_label", b"labels", b"data", b"filenames"]
        assert batch[b"data"].shape == (IMAGES, 3072)
        assert batch[b"data"].dtype == np.uint8
        assert type(batch[b"labels"]) is list
        assert {type(label) for label in batch[b"labels"]} == {int}
        assert len(set(batch[b"filenames"])) == IMAGES
    meta = load(folder / "batches.meta")
    assert meta[b"num_cases_per_batch"] == IMAGES
    assert meta[b"num_vis"] == 3072
    assert meta[b"label_names"][:2] == [b"airplane", b"automobile"]
    assert len(meta[b"label_names"]) == 10


def test_stand_in_pickles_hold_what_was_made(folder):
    X, y = synthetic.make_batch(3, IMAGES)
    batch = load(folder / "data_batch_3")
    np.testing.assert_array_equal(batch[b"data"], X)
    assert batch[b"labels"] == y.tolist()


@pytest.mark.cifar10
def test_stand_in_uses_the_opcodes_of_the_real_files(folder, cifar10_dir):
    def opcodes(path):
        with path.open("rb") as file:
            return [(op.name, value if op.name == "GLOBAL" else None) for op, value, _ in pickletools.genops(file)]

    def array_part(path):
        ops = opcodes(path)
        start = next(i for i, (name, _) in enumerate(ops) if name == "GLOBAL")
        return ops[start : ops.index(("BUILD", None), ops.index(("NEWFALSE", None))) + 1]

    assert opcodes(folder / "batches.meta") == opcodes(cifar10_dir / "cifar-10-batches-py" / "batches.meta")
    real = cifar10_dir / "cifar-10-batches-py" / "data_batch_2"
    assert array_part(folder / "data_batch_2") == array_part(real)


def test_stand_in_says_what_it_is_wherever_one_looks(folder):
    assert '"name": "synthetic stand-in, not CIFAR-10"' in (folder / "SOURCE.json").read_text()
    for name in unpacking.BATCHES:
        assert load(folder / name)[b"batch_label"].startswith(b"synthetic stand-in, not CIFAR-10")


def test_stand_in_is_read_by_the_students_package(folder):
    from nndl import data_utils

    data = data_utils.get_CIFAR10_data(1200, 300, 300, subtract_mean=False, directory=folder.parent)
    X, y = synthetic.make_batch(5, IMAGES)
    np.testing.assert_array_equal(data["X_val"].reshape(IMAGES, 3072), X)
    np.testing.assert_array_equal(data["y_val"], y)
    assert data_utils.data_name(folder.parent) == "synthetic stand-in, not CIFAR-10"


def test_stand_in_passes_the_layout_check(folder):
    assert unpacking.layout_problem(folder, IMAGES) is None


def test_stand_in_is_the_same_as_ever():
    found = hashlib.sha256()
    for number in (1, 6):
        X, y = synthetic.make_batch(number, IMAGES)
        found.update(X.tobytes())
        found.update(y.astype("<i8").tobytes())
    assert found.hexdigest() == PIXELS


@pytest.mark.parametrize("kernel", ["Prescott", "Nehalem", "Haswell", "SkylakeX"])
def test_stand_in_does_not_depend_on_the_kernel_of_the_matrix_products(kernel):
    # OpenBLAS sums in another order for each processor; it ignores a name that it, or this processor, does not know.
    program = "import hashlib, synthetic; print(hashlib.sha256(synthetic.make_batch(2, 200)[0]).hexdigest())"
    environment = os.environ | {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=DATASETS, env=environment, capture_output=True, text=True)
    if run.returncode < 0:
        pytest.skip(f"this processor lacks the instructions of {kernel}")
    assert run.stdout.strip() == hashlib.sha256(synthetic.make_batch(2, 200)[0]).hexdigest(), run.stderr


def test_pixels_are_those_of_whole_number_arithmetic():
    # The oracle does the same sums in 64-bit integers, where nothing can be lost.
    latent = 4 * synthetic._Draws(7).normal(6, 3, 32, 32)
    cosines = synthetic._COSINES.astype(np.int64)
    whole = np.rint(latent * synthetic._AMPLITUDE).astype(np.int64)
    half = np.rint(np.einsum("ncuv,vj->ncuj", whole, cosines) / 256).astype(np.int64)
    pixels = np.rint(np.einsum("ui,ncuj->ncij", cosines, half) / 256) / 4
    np.testing.assert_array_equal(synthetic._planes(latent), pixels)


def test_cosine_transform_is_orthonormal_up_to_its_rounding():
    cosines = synthetic._COSINES / 256
    np.testing.assert_allclose(cosines @ cosines.T, np.eye(32), atol=0.02)


def test_labels_are_balanced_and_shuffled():
    _, y = synthetic.make_batch(6, IMAGES)
    np.testing.assert_array_equal(np.bincount(y), np.full(10, IMAGES // 10))
    assert np.any(y[:20] != np.arange(20) % 10)


def test_batches_and_seeds_differ():
    X, _ = synthetic.make_batch(1, 20)
    for other in (synthetic.make_batch(2, 20), synthetic.make_batch(1, 20, seed=232)):
        assert np.mean(other[0] == X) < 0.1


def test_pixels_have_the_statistics_of_photographs():
    # CIFAR-10: mean 121, standard deviation within an image 54 on average, 0.6 % of the pixels black, 1.2 % white.
    X = synthetic.make_batch(1, 1000)[0].astype(np.float64)
    assert 115 < X.mean() < 127
    assert 45 < X.std(axis=1).mean() < 62
    assert np.mean(X == 0) < 0.08
    assert np.mean(X == 255) < 0.08


def test_a_nearest_mean_finds_some_of_the_classes_and_not_all():
    X, y = synthetic.make_batch(1, 3000)
    X_test, y_test = synthetic.make_batch(6, 1000)
    means = np.stack([X[y == c].mean(axis=0) for c in range(10)])
    scores = X_test @ means.T - 0.5 * (means**2).sum(axis=1)
    assert 0.17 < np.mean(scores.argmax(axis=1) == y_test) < 0.40  # chance is .10, CIFAR-10 gives about .27


def test_a_changed_image_stays_in_its_class():
    # The guard of the target asks for mirrored and shifted images: what holds for photographs must hold here.
    X, y = synthetic.make_batch(1, 3000)
    X_test, y_test = synthetic.make_batch(6, 2000)
    means = np.stack([X[y == c].mean(axis=0) for c in range(10)])

    def accuracy(images):
        scores = images.reshape(-1, 3072) @ means.T - 0.5 * (means**2).sum(axis=1)
        return np.mean(scores.argmax(axis=1) == y_test)

    pixels = X_test.reshape(-1, 3, 32, 32).astype(np.float32)
    assert accuracy(pixels) - accuracy(guard.changed(pixels, np.random.default_rng(1))) < guard.CHANGE


@pytest.mark.parametrize("images", [0, 65536])
def test_write_refuses_a_count_the_layout_cannot_hold(tmp_path, images):
    with pytest.raises(ValueError, match="fix: use 10000"):
        synthetic.write(tmp_path, images)
    assert list(tmp_path.iterdir()) == []
