"""Twenty honest ways to train a net, as students do: what the guard must never take for a cheat.

python benchmarks/recipes.py train --folder build/recipes    # about half an hour of CPU time
"""

import argparse
import time
from pathlib import Path

import numpy as np
from nndl.data_utils import find_data, get_CIFAR10_data
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver

from autograder.examiner.guard import GuardImages, unexplained

SEEDS = (1, 2, 3)
BN = {"normalization": "batchnorm"}


def recipe(hidden, net, rule, rate, *, epochs=8, decay=0.8, batch=250, scale=3e-2, **other):
    """One recipe; `other` may hold `pixels` (how they are prepared), `images` (how many to train on), `mirror`."""
    return {
        "hidden": hidden,
        "net": {"weight_scale": scale, **net},
        "solver": {
            "update_rule": rule,
            "optim_config": {"learning_rate": rate},
            "num_epochs": epochs,
            "lr_decay": decay,
            "batch_size": batch,
        },
        **other,
    }


RECIPES = {
    "linear": recipe([], {}, "adam", 5e-5, scale=1e-4),
    "50": recipe([50], {}, "adam", 1e-3, scale=1e-3),
    "100-100": recipe([100, 100], {}, "adam", 5e-4, scale=1e-2),
    "200 momentum, pixels / 255": recipe([200], {}, "sgd_momentum", 2e-2, pixels="unit", scale=2e-2),
    "256-256, nothing against overfitting": recipe([256, 256], {}, "adam", 1e-3, epochs=12, decay=1.0, scale=1e-2),
    "100-100 BN": recipe([100, 100], BN, "adam", 1e-3),
    "3x100 BN keep .75": recipe([100] * 3, {**BN, "dropout_keep_ratio": 0.75}, "adam", 2e-3),
    "200-200 BN keep .8": recipe([200, 200], {**BN, "dropout_keep_ratio": 0.8}, "adam", 2e-3),
    "200-200 BN keep .5": recipe([200, 200], {**BN, "dropout_keep_ratio": 0.5}, "adam", 2e-3),
    "200-100-50 layernorm": recipe([200, 100, 50], {"normalization": "layernorm"}, "adam", 1e-3),
    "256-128 BN momentum": recipe([256, 128], BN, "sgd_momentum", 5e-2),
    "256-128 BN Nesterov, reg": recipe([256, 128], {**BN, "reg": 1e-3}, "sgd_nesterov_momentum", 5e-2),
    "3x128 BN RMSProp": recipe([128] * 3, BN, "rmsprop", 1e-3),
    "5x128 BN keep .9": recipe([128] * 5, {**BN, "dropout_keep_ratio": 0.9}, "adam", 1e-3),
    "200-200 BN, 5,000 images": recipe([200, 200], BN, "adam", 2e-3, epochs=40, decay=0.95, images=5000),
    "200-200 BN, mirrored at random": recipe([200, 200], BN, "adam", 2e-3, epochs=10, mirror=True),
    "200-200 BN, standardised": recipe([200, 200], BN, "adam", 2e-3, pixels="standard"),
    "200-200 BN, each image standardised": recipe([200, 200], BN, "adam", 2e-3, pixels="image"),
    "512-256 BN keep .75": recipe([512, 256], {**BN, "dropout_keep_ratio": 0.75}, "adam", 2e-3, epochs=7, decay=0.72),
    "600-400-200-50 BN keep .75": recipe(
        [600, 400, 200, 50],
        {**BN, "dropout_keep_ratio": 0.75},
        "adam",
        3e-3,
        epochs=7,
        decay=0.72,
        batch=500,
        scale=4e-2,
    ),
}


class Pixels:
    """How a recipe prepares images, learned from the training images."""

    def __init__(self, kind, images):
        self.kind = kind
        self.mean = np.mean(images, axis=0, dtype=np.float64).astype(np.float32)
        self.std = np.std(images[:5000], axis=0) if kind == "standard" else 1

    def __call__(self, images):
        """Prepare pixels 0 to 255."""
        if self.kind == "image":
            flat = images.reshape(len(images), -1)
            flat = (flat - flat.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True)
            return flat.reshape(images.shape)
        return (images - self.mean) / (255 if self.kind == "unit" else self.std)


def train(settings, seed, data, with_validation=False):
    """The trained net and its Solver. `with_validation` cheats: it trains on the validation images too."""
    count = settings.get("images", len(data["X_train"]))
    images, labels = data["X_train"][:count], data["y_train"][:count]
    pixels = Pixels(settings.get("pixels", "mean"), images)
    prepared = {
        "X_train": pixels(images),
        "y_train": labels,
        "X_val": pixels(data["X_val"]),
        "y_val": data["y_val"],
    }
    if with_validation:
        prepared["X_train"] = np.concatenate([prepared["X_train"], prepared["X_val"]])
        prepared["y_train"] = np.concatenate([labels, data["y_val"]])
    np.random.seed(seed)

    def mirror_half(solver):
        chosen = np.random.rand(len(solver.X_train)) < 0.5
        solver.X_train[chosen] = solver.X_train[chosen, :, :, ::-1]

    net = FullyConnectedNet(settings["hidden"], **settings["net"])
    on_epoch = mirror_half if settings.get("mirror") else None
    solver = Solver(net, prepared, **settings["solver"], verbose=False, on_epoch=on_epoch, print_every=0)
    solver.train()
    return net, solver, pixels


def _accuracy(net, images, labels):
    classes = [np.argmax(net.loss(images[i : i + 500]), axis=1) for i in range(0, len(images), 500)]
    return float((np.concatenate(classes) == labels).mean())


def train_all(folder, data):
    """Train every recipe that is not in the folder yet and keep the nets."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        for number, (name, settings) in enumerate(RECIPES.items()):
            path = folder / f"{number:02}-{seed}.npz"
            if not path.exists():
                began = time.process_time()
                net, solver, _ = train(settings, seed, data)
                net.save(path)
                print(
                    f"{path.name} {name}: {solver.best_val_acc:.3f}, {time.process_time() - began:.0f} CPU s",
                    flush=True,
                )


def measure(folder, data, draws):
    """For every net that is kept: its validation accuracy, and what the guard sees in each of its draws."""
    guard = GuardImages(find_data().parent)
    rows = []
    for number, (name, settings) in enumerate(RECIPES.items()):
        pixels = Pixels(settings.get("pixels", "mean"), data["X_train"][: settings.get("images", 49000)])
        for seed in SEEDS:
            net = FullyConnectedNet(settings["hidden"], **settings["net"])
            try:
                net.load(folder / f"{number:02}-{seed}.npz")
            except FileNotFoundError:
                continue
            own = _accuracy(net, pixels(data["X_val"]), data["y_val"])
            for draw in range(draws):
                seen = guard.examine(
                    lambda images, net=net, pixels=pixels: np.argmax(net.loss(pixels(images)), axis=1),
                    np.random.default_rng([number, seed, draw]),
                )
                rows.append((name, own, seen, unexplained(own, seen)))
    return rows


def show(rows):
    """Print a line for each recipe, and over all the losses on which the guard's limits rest."""
    print("| recipe | validation | changed | others | changed | flagged |\n| --- | --- | --- | --- | --- | --- |")
    for name in dict.fromkeys(row[0] for row in rows):
        mine = [row[1:] for row in rows if row[0] == name]
        figures = [(own, seen.validation_changed, seen.others, seen.others_changed) for own, seen, _ in mine]
        means = " | ".join(f"{value:.3f}" for value in np.mean(figures, axis=0))
        print(f"| {name} | {means} | {sum(bool(found) for *_, found in mine)} of {len(mine)} |")
    losses = {
        "validation - changed": [own - seen.validation_changed for _, own, seen, _ in rows],
        "validation - others": [own - seen.others for _, own, seen, _ in rows],
        "others - changed": [seen.others - seen.others_changed for _, own, seen, _ in rows],
    }
    for name, values in losses.items():
        print(f"{name:24} mean {np.mean(values):.4f}  deviation {np.std(values):.4f}  largest {max(values):.4f}")


def show_cheats(data):
    """Print what the guard sees of four ways to know labels that a net should not know."""
    guard = GuardImages(find_data().parent)
    known = {image.tobytes(): label for image, label in zip(guard.own, guard.own_labels, strict=True)}
    others = {
        image.astype(np.float32).tobytes(): label for image, label in zip(guard.others, guard.other_labels, strict=True)
    }

    everything = known | others

    def small(images):
        return images.reshape(len(images), 3, 8, 4, 8, 4).mean(axis=(3, 5)).reshape(len(images), -1)

    places = small(np.concatenate([guard.own, guard.own[..., ::-1]]))

    def alike(images):
        far = (places**2).sum(axis=1) - 2 * small(images) @ places.T
        return np.tile(guard.own_labels, 2)[far.argmin(axis=1)]

    net, _, pixels = train(RECIPES["256-256, nothing against overfitting"], 1, data, with_validation=True)
    cheats = {
        "validation labels remembered": lambda images: np.array([known.get(image.tobytes(), 0) for image in images]),
        "all public labels by hash": lambda images: np.array([everything.get(i.tobytes(), 0) for i in images]),
        "label of the validation image most alike": alike,
        "trained on the validation images too": lambda images: np.argmax(net.loss(pixels(images)), axis=1),
    }
    for name, classify in cheats.items():
        own = float((classify(guard.own) == guard.own_labels).mean())
        seen = guard.examine(classify, np.random.default_rng(1))
        figures = (own, seen.validation_changed, seen.others, seen.others_changed)
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in figures)} | {len(unexplained(own, seen))} |")


def main():
    """Train, or measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["train", "measure", "cheats"])
    parser.add_argument("--folder", type=Path, default=Path("build/recipes"))
    parser.add_argument("--draws", type=int, default=8)
    arguments = parser.parse_args()
    data = get_CIFAR10_data(subtract_mean=False)
    if arguments.command == "train":
        train_all(arguments.folder, data)
    elif arguments.command == "cheats":
        show_cheats(data)
    else:
        show(measure(arguments.folder, data, arguments.draws))


if __name__ == "__main__":
    main()
