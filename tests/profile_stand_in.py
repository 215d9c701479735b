"""Measure how hard a data set is for the nets of this course: the table of docs/data.md.

    OPENBLAS_NUM_THREADS=2 python tests/profile_stand_in.py DIR [DIR ...]

trains eight small nets on each folder that holds cifar-10-batches-py/, and prints their accuracy on the 10,000 test
images as a Markdown table. About three minutes a folder on two idle cores. The stand-in may differ from CIFAR-10 by
at most 4 points in any column; run this after a change of datasets/synthetic.py.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from nndl.data_utils import data_name, get_CIFAR10_data
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver

# name: hidden layers, keep ratio, normalization, training images, learning rate, decay an epoch, batch, epochs
RECIPES = {
    "linear": ([], 1, None, 49000, 1e-3, 0.65, 250, 8),
    "[50]": ([50], 1, None, 49000, 1e-3, 0.8, 250, 10),
    "[500], 500 images": ([500], 1, None, 500, 5e-4, 1.0, 100, 25),
    "the same, keep .25": ([500], 0.25, None, 500, 5e-4, 1.0, 100, 25),
    "[256, 256], 5,000 images, BN, keep .7": ([256, 256], 0.7, "batchnorm", 5000, 1e-3, 0.85, 100, 15),
    "3 x [500]": ([500] * 3, 1, None, 49000, 5e-4, 0.7, 250, 8),
    "the same, BN": ([500] * 3, 1, "batchnorm", 49000, 1e-3, 0.7, 250, 8),
    "the same, BN, keep .7": ([500] * 3, 0.7, "batchnorm", 49000, 2e-3, 0.72, 250, 9),
}


def test_accuracy(data, recipe):
    """Train one net of `RECIPES` and return its accuracy on the test images."""
    hidden, keep, normalization, images, rate, decay, batch, epochs = recipe
    np.random.seed(0)  # the Solver draws its minibatches from the global generator
    scale = 0.03 if len(hidden) > 1 else 0.01
    model = FullyConnectedNet(
        hidden, dropout_keep_ratio=keep, normalization=normalization, weight_scale=scale, dtype=np.float32, seed=0
    )
    part = data | {"X_train": data["X_train"][:images], "y_train": data["y_train"][:images]}
    solver = Solver(
        model,
        part,
        update_rule="adam",
        optim_config={"learning_rate": rate},
        lr_decay=decay,
        batch_size=batch,
        num_epochs=epochs,
        num_train_samples=100,
        verbose=False,
    )
    solver.train()
    return solver.check_accuracy(data["X_test"], data["y_test"], batch_size=1000)


def main():
    """Print a table with a row for each folder on the command line."""
    parser = argparse.ArgumentParser(description="Measure how hard a data set is for small nets.")
    parser.add_argument("directory", nargs="+", type=Path, help="a folder that holds cifar-10-batches-py/")
    print(f"| test accuracy | {' | '.join(RECIPES)} |\n{'| --- ' * (len(RECIPES) + 1)}|")
    for directory in parser.parse_args().directory:
        data = get_CIFAR10_data(num_test=10000, directory=directory)
        for part in ("X_train", "X_val", "X_test"):
            data[part] /= 64  # about one standard deviation
        row = []
        for name, recipe in RECIPES.items():
            start = time.monotonic()
            row.append(f"{test_accuracy(data, recipe):.3f}")
            print(f"{directory}, {name}: {row[-1]}, {time.monotonic() - start:.0f} s", file=sys.stderr)
        print(f"| {data_name(directory)} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
