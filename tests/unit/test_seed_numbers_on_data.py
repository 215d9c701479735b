"""The numbers that the course's answered notebooks print after looking at CIFAR-10 come out again on CIFAR-10.

See test_seed_numbers.py for the names. The printed losses rest on the official pixels. A copy that was compressed has
slightly other ones: on it they come out to three digits, and an accuracy on 500 images to a few of them.
"""

import numpy as np
import pytest
from nndl import layers
from nndl.data_utils import data_name, get_CIFAR10_data
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver

pytestmark = pytest.mark.cifar10

IMAGES, EPOCHS, BATCH = 500, 25, 100


@pytest.fixture(scope="module")
def data(cifar10_dir):
    if "stand-in" in data_name(cifar10_dir):
        pytest.skip("a stand-in has other pixels")
    return get_CIFAR10_data(directory=cifar10_dir)


@pytest.fixture(scope="module")
def few(data):
    """The first 500 training images, and all validation images."""
    return data | {"X_train": data["X_train"][:IMAGES], "y_train": data["y_train"][:IMAGES]}


def solver_of(few, model, **settings):
    settings = {"update_rule": "adam", "optim_config": {"learning_rate": 5e-4}, **settings}
    return Solver(model, few, num_epochs=EPOCHS, batch_size=BATCH, verbose=False, **settings)


def first_check(solver):
    """Loss of the first minibatch, and the two accuracies after that step."""
    solver.num_epochs = 1
    solver.on_epoch = lambda _: True
    solver.train()
    return solver.loss_history[0], solver.train_acc_history[0], solver.val_acc_history[0]


def pair_of_the_course(few, second_is_wrong=None):
    """The first checks of the nets with keep ratio 1 and 0.25, trained one after the other from one seed."""
    np.random.seed(231)
    first = first_check(solver_of(few, FullyConnectedNet([500])))
    for _ in range(EPOCHS * IMAGES // BATCH - IMAGES // BATCH):  # what the other epochs of the first net draw
        np.random.choice(IMAGES, BATCH)
    if second_is_wrong:
        second_is_wrong()
    return first, first_check(solver_of(few, FullyConnectedNet([500], dropout_keep_ratio=0.25)))


def test_seed_000_first_checks_of_the_pair_of_nets(few):
    first, second = pair_of_the_course(few)
    assert first == (
        pytest.approx(7.856643, abs=2.5e-3),
        pytest.approx(0.260, abs=0.011),
        pytest.approx(0.184, abs=0.011),
    )
    assert second == (
        pytest.approx(17.318478, abs=5e-3),
        pytest.approx(0.230, abs=0.011),
        pytest.approx(0.176, abs=0.02),
    )


def test_seed_003_second_net_has_a_mask_without_scale(few, monkeypatch):
    def unscaled(x, dropout_param):
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        mask = np.random.rand(*x.shape) < dropout_param["p"]
        return x * mask, (dropout_param, mask)

    first, second = pair_of_the_course(few, lambda: monkeypatch.setattr(layers, "dropout_forward", unscaled))
    assert (first[0], second[0]) == (pytest.approx(7.856643, abs=2.5e-3), pytest.approx(4.897379, abs=2e-3))


def test_seed_003_first_accuracies_are_those_of_adam_without_bias_correction(few):
    def uncorrected(w, dw, config):
        config["m"] = 0.9 * config.get("m", 0) + 0.1 * dw
        config["v"] = 0.999 * config.get("v", 0) + 0.001 * dw * dw
        return w - config["learning_rate"] * config["m"] / (np.sqrt(config["v"]) + 1e-8), config

    np.random.seed(231)
    solver = solver_of(few, FullyConnectedNet([500]))
    solver._rule = uncorrected
    assert first_check(solver)[1:] == (pytest.approx(0.236, abs=0.011), pytest.approx(0.190, abs=0.011))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hidden", "keep", "printed"),
    [([500], 0.25, (0.994, 0.304, 0.930, 0.321)), ([100] * 3, 0.6, (0.970, 0.284, 0.750, 0.329))],
    ids=["seed_000", "seed_001"],
)
def test_pairs_of_nets_end_as_printed(few, hidden, keep, printed):
    ends = []
    np.random.seed(231)
    for ratio in (1, keep):
        solver = solver_of(few, FullyConnectedNet(list(hidden), dropout_keep_ratio=ratio))
        solver.train()
        ends += [np.mean(solver.train_acc_history[-5:]), np.mean(solver.val_acc_history[-5:])]
    # The last of 25 epochs jumps by some points, more where dropout is drawn anew.
    assert ends == [pytest.approx(value, abs=0.08) for value in printed]


@pytest.mark.slow
def test_seed_001_final_net_passes_fifty_percent_in_three_epochs_as_printed(data):
    # Printed: 45.1, 49.2, 53.0 % after the first three of its 20 epochs.
    np.random.seed(231)
    model = FullyConnectedNet(
        [600, 400, 200, 50], dropout_keep_ratio=0.75, weight_scale=4e-2, normalization="batchnorm"
    )
    settings = {"update_rule": "adam", "optim_config": {"learning_rate": 3e-3}, "lr_decay": 0.95, "batch_size": 500}
    solver = Solver(model, data, num_epochs=3, verbose=False, **settings)
    solver.train()
    assert solver.loss_history[0] == pytest.approx(2.316, abs=0.1)
    assert solver.val_acc_history[1:] == [pytest.approx(value, abs=0.04) for value in (0.451, 0.492, 0.530)]


@pytest.mark.slow
def test_seed_004_final_net_starts_as_printed(data):
    # Printed: a first loss of 10.34 to 10.37, most of it regularization, and 41 to 43 % after one of 34 to 50 epochs.
    np.random.seed(231)
    model = FullyConnectedNet(
        [600, 500, 400, 300, 200, 100],
        dropout_keep_ratio=0.75,
        weight_scale=2.5e-2,
        normalization="batchnorm",
        reg=1e-2,
    )
    settings = {"update_rule": "adam", "optim_config": {"learning_rate": 3.1e-4}, "lr_decay": 0.9, "batch_size": 128}
    solver = Solver(model, data, num_epochs=1, verbose=False, **settings)
    solver.train()
    assert solver.loss_history[0] == pytest.approx(10.35, abs=0.1)
    assert solver.val_acc_history[1] == pytest.approx(0.43, abs=0.05)
