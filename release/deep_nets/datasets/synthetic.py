"""The synthetic stand-in: images that are about as hard for small nets as CIFAR-10, made in seconds.

    python datasets/synthetic.py FOLDER [--images 10000] [--seed 231]

writes the six batch files of CIFAR-10's Python version into FOLDER. There is nothing to see in the pictures. Each is

    image = 120 + contrast * (class mean + sign * size * template + noise) + grain        clipped to 0..255

- class mean: one smooth pattern a class, its own mirror image. It is what a linear classifier can find.
- template: one of three smooth patterns of the class, mirrored at random, shifted by up to 3 pixels, added or
  taken away. A linear classifier cannot use it, a net with hidden layers can.
- noise: random pictures with the spectrum of CIFAR-10's photographs (strong at low frequencies, more in brightness
  than in colour). Patterns are built in the same spectrum, so no frequency gives the class away.

The same seed gives the same bytes on every machine. All randomness comes from the bytes of NumPy's MT19937, which
never change. Matrix products, whose rounding depends on the machine, get whole numbers with sums below 2**24 only:
float32 holds these exactly in any order. Exponentials and logarithms are used in tables only, and are rounded there.
"""

import argparse
import hashlib
import json
import struct
from pathlib import Path
from statistics import NormalDist

import numpy as np

NAME = "synthetic stand-in, not CIFAR-10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SEED = 231
MEAN_STRENGTH = 1.8  # in standard deviations of the noise, like the next one
TEMPLATE_STRENGTH = 3.6
MEAN_SLOPE, TEMPLATE_SLOPE = 2.0, 0.8  # strength falls off as frequency to minus this
TEMPLATES = 3  # a class
SHIFT = 3  # pixels
CONTRAST_SPREAD, COLOUR_SPREAD, SIZE_SPREAD = 0.35, 0.5, 0.25  # standard deviations of logarithms
GRAIN = 4.0  # grey levels
FIXED_POINT = 4.0  # whole numbers stand for quarters of a grey level inside the matrix products

# Standard deviations of CIFAR-10's cosine transform (orthonormal, 32 x 32, grey levels) by radial frequency, measured
# on data_batch_1, in brightness (R + G + B), red against blue, and green against both.
FREQUENCY = (0.5, 1, 2, 3, 4.2, 6, 8.5, 12, 17, 24, 31, 36, 43)
SPECTRA = (
    (1773, 900, 642, 387, 301, 188, 131, 80, 46.5, 24.4, 12.3, 6.5, 4.5),
    (693, 200, 150, 88, 66, 37, 18, 7.6, 3.6, 1.7, 1.0, 0.7, 0.6),
    (304, 90, 74, 44, 33, 21, 12, 4.9, 2.3, 1.1, 0.8, 0.5, 0.5),
)

_POSITION = np.arange(32)
_RADIUS = np.hypot(_POSITION[:, None], _POSITION[None, :])
# (3, 32, 32): how strong each frequency is in each plane, in whole quarters of a grey level
_AMPLITUDE = np.stack(
    [
        np.rint(FIXED_POINT * np.exp(np.interp(np.log(np.maximum(_RADIUS, 0.5)), np.log(FREQUENCY), np.log(row))))
        for row in SPECTRA
    ]
).astype(np.float32)
# (32, 32): the cosine transform times 256. Row u is frequency u, column i is pixel i.
_COSINES = np.rint(256 * np.sqrt(2 / 32) * np.cos(np.pi * (_POSITION[None, :] + 0.5) * _POSITION[:, None] / 32))
_COSINES[0] = 256 * np.sqrt(1 / 32)
_COSINES = np.rint(_COSINES).astype(np.float32)


class _Draws:
    """Random numbers made of nothing but MT19937's bytes."""

    normal_table = np.array([round(1024 * NormalDist().inv_cdf((i + 0.5) / 65536)) for i in range(65536)], np.float32)
    normal_table /= 1024

    def __init__(self, *seed):
        self.bytes = np.random.RandomState(seed).bytes

    def whole(self, below, n):
        """Return n whole numbers 0..below-1, shape (n,)."""
        return np.frombuffer(self.bytes(4 * n), "<u4") % below

    def normal(self, *shape):
        """Return standard normal numbers in 65,536 steps, float32 of the given shape."""
        return self.normal_table[np.frombuffer(self.bytes(2 * int(np.prod(shape))), "<u2")].reshape(shape)

    def lognormal(self, spread, n):
        """Return exp(spread * normal) in steps of 1/1024, shape (n, 1, 1, 1)."""
        return np.rint(1024 * np.exp(spread * self.normal(n, 1, 1, 1).astype(np.float64))).astype(np.float32) / 1024

    def order(self, n):
        """Return a permutation of 0..n-1."""
        return np.argsort(np.frombuffer(self.bytes(8 * n), "<u8"), kind="stable")


def _planes(latent):
    """Turn frequencies into pixels: latent (N, 3, 32, 32), in standard deviations -> planes of the same shape.

    The exact part: both products see whole numbers only, see the head of this file.
    """
    half = np.rint((np.rint(latent * _AMPLITUDE) @ _COSINES) / 256)
    return np.rint((_COSINES.T @ half) / 256) / np.float32(FIXED_POINT)


def _patterns(draws, n, slope, symmetric=False):
    """Return n smooth patterns (n, 3, 32, 32) in frequencies, of length 1 in standard deviations of the noise.

    Every second cosine changes its sign in the mirror; what is symmetric has none of these.
    """
    weight = np.where(_RADIUS <= 8, np.maximum(_RADIUS, 1.0) ** -slope, 0.0)
    if symmetric:
        weight[:, 1::2] = 0.0
    latent = draws.normal(n, 3, 32, 32) * weight
    return latent / np.sqrt((latent**2).sum(axis=(1, 2, 3), keepdims=True))


def _classes(seed):
    """Return class means (10, 3, 32, 32) and windows of the templates (10 * TEMPLATES * 2, 3, 7, 7, 32, 32)."""
    draws = _Draws(seed, 0)
    means = _patterns(draws, 10, MEAN_SLOPE, symmetric=True)
    means = _planes(MEAN_STRENGTH * (means - means.mean(axis=0)))
    templates = _planes(TEMPLATE_STRENGTH * _patterns(draws, 10 * TEMPLATES, TEMPLATE_SLOPE))
    both = np.stack([templates, templates[..., ::-1]], axis=1).reshape(-1, 3, 32, 32)
    padded = np.pad(both, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="reflect")
    return means, np.lib.stride_tricks.sliding_window_view(padded, (32, 32), axis=(2, 3))


def _rgb(planes):
    """Mix brightness and two colour planes (N, 3, 32, 32) into red, green and blue."""
    light, warm, green = (planes[:, i] * np.float32(scale) for i, scale in enumerate((3**-0.5, 2**-0.5, 6**-0.5)))
    return np.stack([light + warm + green, light - 2 * green, light - warm + green], axis=1)


def _images(draws, labels, means, windows):
    """Return images for labels (N,): uint8 (N, 3, 32, 32)."""
    n = len(labels)
    planes = _planes(draws.normal(n, 3, 32, 32))
    planes[:, 1:] *= draws.lognormal(COLOUR_SPREAD, n)
    sign = 1 - 2 * draws.whole(2, n).astype(np.float32).reshape(n, 1, 1, 1)
    which = labels * (2 * TEMPLATES) + draws.whole(2 * TEMPLATES, n)
    down, right = draws.whole(2 * SHIFT + 1, n), draws.whole(2 * SHIFT + 1, n)
    planes += sign * draws.lognormal(SIZE_SPREAD, n) * windows[which, :, down, right]
    planes += means[labels]
    contrast = draws.lognormal(CONTRAST_SPREAD, n) * np.float32(0.9375)  # its mean is about 1
    pixels = _rgb(planes) * contrast + np.float32(GRAIN) * draws.normal(n, 3, 32, 32)
    return np.clip(pixels + np.float32(120.5), 0, 255).astype(np.uint8)


def make_batch(number, images=10000, seed=SEED):
    """Make one batch of the stand-in.

    Parameters
    ----------
    number : int
        1 to 5 for the training batches, 6 for the test batch.
    images : int
        How many images; the classes are equally frequent, up to one.
    seed : int
        Another seed gives other patterns, hence another problem of the same kind.

    Returns
    -------
    X : ndarray, uint8, shape (images, 3072)
        Pixels 0-255: 1,024 red ones row by row, then green, then blue.
    y : ndarray, int64, shape (images,)
        Labels 0-9.

    Examples
    --------
    >>> X, y = make_batch(6, images=20)
    >>> X.shape, sorted(y.tolist()) == sorted(2 * list(range(10)))
    ((20, 3072), True)
    """
    means, windows = _classes(seed)
    draws = _Draws(seed, number)
    y = draws.order(images) % 10
    blocks = [_images(draws, y[i : i + 500], means, windows) for i in range(0, images, 500)]
    return np.concatenate(blocks).reshape(images, 3072), y


def _text(value):
    """Pickle a text as Python 2 did: the official files hold such strings."""
    raw = value.encode("ascii") if isinstance(value, str) else value
    return (b"U" + bytes([len(raw)]) if len(raw) < 256 else b"T" + struct.pack("<i", len(raw))) + raw


def _batch_pickle(label, X, y, names):
    """Return the bytes of a batch file, opcode for opcode like an official one.

    Written by hand because pickle.dumps would name modules of the NumPy in use, and older readers lack those.
    """
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    shape = b"(K\x01M" + struct.pack("<H", len(X)) + b"M\x00\x0c\x86"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    digits = b"".join(b"K" + bytes([int(i)]) for i in y)
    fields = (
        (b"\x80\x02}(", _text("batch_label"), _text(label)),
        (_text("labels"), b"](", digits, b"e"),
        (_text("data"), array, shape, dtype, b"\x89", _text(X.tobytes()), b"tb"),
        (_text("filenames"), b"](", *map(_text, names), b"eu."),
    )
    return b"".join(b"".join(field) for field in fields)


def _meta_pickle(images):
    """Return the bytes of batches.meta."""
    names = b"](" + b"".join(_text(name) for name in CLASSES) + b"e"
    head = b"\x80\x02}(" + _text("num_cases_per_batch") + b"M" + struct.pack("<H", images)
    return head + _text("label_names") + names + _text("num_vis") + b"M\x00\x0cu."


def write(folder, images=10000, seed=SEED):
    """Write the stand-in into an existing folder: six batch files, batches.meta and SOURCE.json.

    Parameters
    ----------
    folder : path
        Files of the same names in it are overwritten.
    images : int
        Images a batch file, 1 to 65535. CIFAR-10 has 10000.
    seed : int
        See `make_batch`.

    Raises
    ------
    ValueError
        If images is out of range.
    """
    if not 1 <= images <= 65535:
        raise ValueError(f"images must be 1 to 65535, got {images}\n  fix: use 10000, as CIFAR-10 has")
    folder, digest = Path(folder), hashlib.sha256()
    for number in range(1, 7):
        X, y = make_batch(number, images, seed)
        part = f"training batch {number} of 5" if number < 6 else "testing batch 1 of 1"
        names = [f"stand_in_class_{label}_{number}_{i:05d}.png" for i, label in enumerate(y)]
        raw = _batch_pickle(f"{NAME}: {part}", X, y, names)
        (folder / (f"data_batch_{number}" if number < 6 else "test_batch")).write_bytes(raw)
        digest.update(raw)
    (folder / "batches.meta").write_bytes(_meta_pickle(images))
    source = {"name": NAME, "sha256": digest.hexdigest(), "url": f"synthetic.py, seed {seed}"}
    (folder / "SOURCE.json").write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")


def main():
    """Write the stand-in into the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the synthetic stand-in for CIFAR-10 into a folder.")
    parser.add_argument("folder", type=Path, help="where the batch files go; made if it is not there")
    parser.add_argument("--images", type=int, default=10000, help="images a batch file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed is another problem (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    write(options.folder, options.images, options.seed)


if __name__ == "__main__":
    main()
