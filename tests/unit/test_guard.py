"""The guard: how images are changed, how a section's way of preparing them is repeated, what is not explained."""

import numpy as np
import pytest

from autograder.examiner.guard import NOISE, SHIFT, changed, unexplained
from autograder.examiner.target_data import validation
from autograder.results import Guard
from autograder.worker import pixels
from datasets import synthetic


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32)).astype(np.float32)


def smooth(count):
    """Images without borders or noise of their own: a gradient from left to right, another one down."""
    right, down = np.meshgrid(np.arange(32.0), np.arange(32.0))
    return np.tile(np.stack([4 * right + 60, 4 * down + 60, 0 * right + 128]), (count, 1, 1, 1)).astype(np.float32)


def test_validation_images_of_the_stand_in_are_read_without_a_word(tmp_path, capsys):
    # The standard output may be a verb's JSON. A student's reader says what the data is.
    (tmp_path / "cifar-10-batches-py").mkdir()
    synthetic.write(tmp_path / "cifar-10-batches-py", images=1200)
    images, labels = validation(tmp_path)
    assert (images.shape, labels.shape, images.max() <= 255) == ((1000, 3, 32, 32), (1000,), True)
    assert capsys.readouterr().out == ""


def test_change_mirrors_half_of_the_images_and_shifts_all_by_little():
    images = changed(smooth(4000), np.random.default_rng(1))
    centre = images[:, :, 8:24, 8:24]
    slope = (centre[:, 0, :, -1] - centre[:, 0, :, 0]).mean(axis=1) / 15
    assert 0.46 < (slope < 0).mean() < 0.54
    moved = (centre[:, 1] - smooth(1)[0, 1, 8:24, 8:24]).mean(axis=(1, 2)) / 4
    assert np.abs(moved).max() < SHIFT + 0.45
    assert {round(float(step)) for step in moved} == set(range(-SHIFT, SHIFT + 1))


def test_change_adds_noise_of_the_stated_strength_to_pixels_0_to_255():
    images = changed(smooth(500), np.random.default_rng(2))
    noise = images[:, 2].std(axis=(1, 2))
    assert NOISE[0] - 0.3 < noise.min() < noise.max() < NOISE[1] + 0.5
    assert np.array_equal(images, np.rint(images))
    assert changed(pictures(50), np.random.default_rng(3)).max() <= 255


def test_no_changed_image_is_one_of_the_originals():
    originals = pictures(300)
    known = {image.tobytes() for image in originals}
    assert not known & {image.tobytes() for image in changed(originals, np.random.default_rng(4))}


MEAN, STD = pictures(1, 8)[0], 20 + pictures(1, 9)[0] / 9
WAYS = {
    "as they are": lambda x: x,
    "mean image taken off": lambda x: x - MEAN,
    "0 to 1, float64": lambda x: x.astype(np.float64) / 255,
    "standardised pixel by pixel": lambda x: (x - MEAN) / STD,
    "colours last": lambda x: (x - MEAN).transpose(0, 2, 3, 1),
    "flat": lambda x: x.reshape(len(x), -1) / 127.5 - 1,
    "each image standardised, flat": lambda x: (
        (x.reshape(len(x), -1) - x.mean(axis=(1, 2, 3))[:, None]) / x.std(axis=(1, 2, 3))[:, None]
    ),
    "a pixel that says nothing": lambda x: x * (np.arange(32) > 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_preparation_of_a_section_is_repeated_on_other_images(way):
    prepare = pixels.learned(pictures(200), WAYS[way](pictures(200)))
    expected = WAYS[way](pictures(30, seed=5))
    found = prepare(pictures(30, seed=5))
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "after",
    [
        np.random.default_rng(0).random((200, 3, 32, 32)),
        pictures(200)[::-1],
        pictures(200)[:, :1],
        pictures(200) ** 2,
        np.full((200, 3, 32, 32), np.nan),
    ],
    ids=["noise", "another order", "one colour", "squared", "nan"],
)
def test_preparation_that_is_not_known_is_not_guessed(after):
    assert pixels.learned(pictures(200), after) is None


def seen(own, others, others_changed):
    return Guard(validation_changed=own, others=others, others_changed=others_changed, images=3000)


@pytest.mark.parametrize(
    ("accuracy", "figures", "count"),
    [
        (0.57, (0.53, 0.55, 0.52), 0),  # the mean of honest nets
        (0.57, (0.50, 0.51, 0.45), 0),  # the largest losses that were measured
        (1.00, (0.53, 0.55, 0.52), 2),  # validation labels looked up
        (1.00, (0.10, 1.00, 0.10), 2),  # all public labels looked up
        (0.90, (0.85, 0.55, 0.52), 1),  # trained on the validation images, changed ones too
        (0.57, (0.55, 0.80, 0.55), 1),  # test images known
    ],
)
def test_only_what_chance_and_honest_losses_leave_open_is_unexplained(accuracy, figures, count):
    assert len(unexplained(accuracy, seen(*figures))) == count


def test_few_images_leave_more_to_chance():
    assert unexplained(0.60, seen(0.57, 0.45, 0.43))
    assert not unexplained(0.60, seen(0.57, 0.45, 0.43).model_copy(update={"images": 100}))
