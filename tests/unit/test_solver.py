import copy
import pickle
import re

import numpy as np
import pytest
from nndl import optim
from nndl import solver as solver_module
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver


class Linear:
    """A linear classifier with the mean squared error, small enough to follow by hand."""

    def __init__(self, seed=0, D=6, C=3):
        rng = np.random.RandomState(seed)
        self.params = {"W": 0.1 * rng.randn(D, C), "b": np.zeros(C)}
        self.batches = []

    def loss(self, X, y=None):
        scores = X @ self.params["W"] + self.params["b"]
        if y is None:
            return scores
        self.batches.append(X[:, 0].tolist())
        d = scores - np.eye(scores.shape[1])[y]
        return 0.5 * np.sum(d**2) / len(X), {"W": X.T @ d / len(X), "b": d.sum(axis=0) / len(X)}


def make_data(n_train=50, n_val=20, D=6, C=3, seed=1):
    rng = np.random.RandomState(seed)
    X = rng.randn(n_train + n_val, D)
    y = (X @ rng.randn(D, C)).argmax(axis=1)
    return {"X_train": X[:n_train], "y_train": y[:n_train], "X_val": X[n_train:], "y_val": y[n_train:]}


def make_net():
    return FullyConnectedNet(
        [8, 5],
        input_dim=6,
        num_classes=3,
        weight_scale=0.3,
        dropout_keep_ratio=0.8,
        normalization="batchnorm",
        dtype=np.float64,
        seed=None,
    )


def quiet(model, data=None, **settings):
    settings = {"verbose": False, "batch_size": 10, "num_epochs": 3, **settings}
    return Solver(model, make_data() if data is None else data, **settings)


def test_solver_takes_the_steps_of_a_loop_written_out():
    # The course's order of random draws: a minibatch, then (after the first step and each epoch) the accuracy
    # samples of the training set and of the validation set.
    data, slow = make_data(), Linear()
    np.random.seed(7)
    losses, train_acc, val_acc = [], [], []
    configs = {name: {"learning_rate": 0.1} for name in slow.params}
    for t in range(3 * 5):
        chosen = np.random.choice(50, 10)
        loss, grads = slow.loss(data["X_train"][chosen], data["y_train"][chosen])
        losses.append(loss)
        for name in slow.params:
            slow.params[name], configs[name] = optim.sgd_momentum(slow.params[name], grads[name], configs[name])
        if (t + 1) % 5 == 0:
            for config in configs.values():
                config["learning_rate"] *= 0.5
        if t == 0 or (t + 1) % 5 == 0:
            for part, size, history in (("train", 30, train_acc), ("val", 15, val_acc)):
                chosen = np.random.choice(len(data[f"X_{part}"]), size)
                scores = slow.loss(data[f"X_{part}"][chosen])
                history.append(np.mean(scores.argmax(axis=1) == data[f"y_{part}"][chosen]))

    np.random.seed(7)
    solver = quiet(
        Linear(),
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.1},
        lr_decay=0.5,
        num_train_samples=30,
        num_val_samples=15,
    )
    solver.train()
    assert solver.loss_history == losses
    assert solver.train_acc_history == train_acc
    assert solver.val_acc_history == val_acc
    assert solver.best_val_acc == max(val_acc)
    assert solver.optim_configs["W"]["learning_rate"] == 0.1 * 0.5**3
    assert (solver.epoch, solver.iteration) == (3, 15)


def test_solver_with_a_seed_leaves_the_global_generator_alone():
    def run():
        model = Linear()
        quiet(model, seed=3, num_train_samples=20).train()
        return model.batches

    np.random.seed(0)
    first, state = run(), np.random.get_state()[1].copy()
    np.random.seed(1)
    assert run() == first
    np.random.seed(0)
    assert np.array_equal(np.random.get_state()[1], state)


def test_solver_with_a_seed_sees_new_minibatches_although_a_layer_reseeds():
    class Reseeding(Linear):
        def loss(self, X, y=None):
            np.random.seed(0)
            return super().loss(X, y)

    model = Reseeding()
    quiet(model, seed=3).train()
    assert len({tuple(batch) for batch in model.batches}) == 15


def sgd_in_place(w, dw, config=None):
    w -= config["learning_rate"] * dw
    return w, config


@pytest.mark.parametrize("rule", [optim.sgd, sgd_in_place])
def test_model_ends_with_the_weights_of_the_best_check(monkeypatch, rule):
    monkeypatch.setattr(optim, "sgd", rule)
    data = make_data(n_val=40)
    model = Linear()
    seen = []
    solver = quiet(
        model,
        data,
        num_epochs=6,
        optim_config={"learning_rate": 0.9},
        on_epoch=lambda s: seen.append({k: w.copy() for k, w in s.model.params.items()}),
    )
    solver.train()
    epoch = int(np.argmax(solver.val_acc_history))
    assert 0 < epoch < 6, "the test needs a run whose best epoch is not its last"
    assert np.array_equal(model.params["W"], seen[epoch - 1]["W"])
    assert solver.check_accuracy(data["X_val"], data["y_val"]) == solver.best_val_acc


def test_best_weights_come_with_the_running_statistics_they_were_tested_with():
    np.random.seed(0)
    data, model = make_data(n_train=60, n_val=200), make_net()
    solver = quiet(model, data, num_epochs=15, update_rule="adam", optim_config={"learning_rate": 0.1})
    statistics = []
    solver.on_epoch = lambda s: statistics.append(copy.deepcopy(s.model.bn_params))
    solver.train()
    best = int(np.argmax(solver.val_acc_history))
    assert 0 < best < 15, "the test needs a run whose best epoch is not its last"
    for i, kept in enumerate(model.bn_params):
        assert np.array_equal(kept["running_mean"], statistics[best - 1][i]["running_mean"])
    assert solver.check_accuracy(data["X_val"], data["y_val"]) == solver.best_val_acc


def test_accuracy_that_is_never_above_zero_still_leaves_weights():
    data = make_data()
    data["y_val"] = np.full(20, 99)  # a class the model does not have
    solver = quiet(Linear(), data)
    solver.train()
    assert set(solver.val_acc_history) == {0.0}
    assert set(solver.best_params) == {"W", "b"}
    assert set(solver.model.params) == {"W", "b"}


def test_every_parameter_has_its_own_deep_copy_of_the_settings():
    mine = {"learning_rate": 0.1, "history": []}
    solver = quiet(Linear(), optim_config=mine, update_rule="sgd_momentum")
    solver.train()
    assert mine == {"learning_rate": 0.1, "history": []}
    solver.optim_configs["W"]["history"].append(1)
    assert solver.optim_configs["b"]["history"] == []


def test_training_on_does_not_spoil_the_best_weights():
    # Update rules work in place: without copies best_params would move on with the model.
    solver = quiet(Linear(), optim_config={"learning_rate": 0.3})
    solver.train()
    best, accuracy = {k: w.copy() for k, w in solver.best_params.items()}, solver.best_val_acc
    solver.best_val_acc = 2.0  # no later check can be better
    solver.train()
    assert solver.epoch == 6
    assert all(np.array_equal(best[name], solver.best_params[name]) for name in best)
    assert solver.check_accuracy(solver.X_val, solver.y_val) == accuracy


def test_bias_gradient_of_shape_1_m_is_accepted():
    class RowBias(Linear):
        def loss(self, X, y=None):
            out = super().loss(X, y)
            if y is not None:
                out[1]["b"] = out[1]["b"][None]
            return out

    plain, row = quiet(Linear(), seed=1), quiet(RowBias(), seed=1)
    plain.train()
    row.train()
    assert row.loss_history == plain.loss_history
    assert row.model.params["b"].shape == (3,)


def test_missing_gradient_is_named():
    class NoBias(Linear):
        def loss(self, X, y=None):
            out = super().loss(X, y)
            return out if y is None else (out[0], {"W": out[1]["W"]})

    with pytest.raises(ValueError, match="no gradient for b; fix"):
        quiet(NoBias()).train()


def test_unknown_keyword_lists_the_known_ones_and_the_nearest():
    with pytest.raises(TypeError, match=r"did you mean batch_size\?.*update_rule.*seed"):
        Solver(Linear(), make_data(), batchsize=3)


@pytest.mark.parametrize("rule", ["sdg", "np", "_private", None, 3])
def test_unknown_update_rule_lists_the_known_ones(rule):
    with pytest.raises(ValueError, match=r"no update rule.*adam.*rmsprop.*sgd"):
        Solver(Linear(), make_data(), update_rule=rule)


@pytest.mark.parametrize("change", [{"X_val": None}, {"y_train": np.zeros(3, int)}, {"X_val": [], "y_val": []}])
def test_data_that_does_not_fit_is_refused(change):
    data = {key: value for key, value in {**make_data(), **change}.items() if value is not None}
    with pytest.raises(ValueError, match="fix"):
        Solver(Linear(), data)


def test_loss_that_is_no_number_is_said_once_and_training_goes_on(capsys):
    with np.errstate(all="ignore"):
        solver = quiet(Linear(), num_epochs=60, optim_config={"learning_rate": 1e6})
        solver.train()
    assert not np.isfinite(solver.loss_history[-1])
    assert len(solver.loss_history) == 300
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "smaller learning rate" in out


def test_prints_are_the_courses(capsys, monkeypatch):
    monkeypatch.setattr(solver_module, "tqdm", None)  # as where tqdm is not installed
    solver = quiet(Linear(), verbose=True, print_every=4, num_epochs=2, seed=0)
    solver.train()
    lines = capsys.readouterr().out.splitlines()
    t, v = solver.train_acc_history, solver.val_acc_history
    assert lines == [
        f"(Iteration 1 / 10) loss: {solver.loss_history[0]:f}",
        f"(Epoch 0 / 2) train acc: {t[0]:f}; val_acc: {v[0]:f}",
        f"(Iteration 5 / 10) loss: {solver.loss_history[4]:f}",
        f"(Epoch 1 / 2) train acc: {t[1]:f}; val_acc: {v[1]:f}",
        f"(Iteration 9 / 10) loss: {solver.loss_history[8]:f}",
        f"(Epoch 2 / 2) train acc: {t[2]:f}; val_acc: {v[2]:f}",
    ]


def test_progress_bar_leaves_whole_lines_and_nothing_else_in_a_saved_notebook(capsys, monkeypatch):
    quiet(Linear(), verbose=True, print_every=4, num_epochs=2, seed=0).train()
    captured = capsys.readouterr()
    assert "/10 [" in captured.out
    assert captured.err == ""  # a second stream would be saved as red boxes between the lines
    monkeypatch.setattr(solver_module, "tqdm", None)
    quiet(Linear(), verbose=True, print_every=4, num_epochs=2, seed=0).train()
    assert re.sub(r"[^\n]*\r", "", captured.out) == capsys.readouterr().out  # what a page shows: "\r" begins anew


def test_without_prints_a_bar_shows_the_accuracy_and_nothing_stays(capsys, monkeypatch):
    solver = quiet(Linear(), verbose=True, print_every=0, num_epochs=2)
    solver.train()
    out = capsys.readouterr().out
    assert f"epoch=2, val_acc={solver.val_acc_history[-1]:.3f}]" in out
    assert re.sub(r"[^\n]*\r", "", out) == ""
    monkeypatch.setattr(solver_module, "tqdm", None)  # where there is no bar, lines tell how far it is
    quiet(Linear(), verbose=True, print_every=0, num_epochs=2).train()
    assert [line[:10] for line in capsys.readouterr().out.splitlines()] == [f"(Epoch {i} /" for i in range(3)]


def test_silent_solver_prints_nothing(capsys):
    quiet(Linear()).train()
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_on_epoch_is_called_every_epoch_and_true_stops():
    epochs = []

    def watch(solver):
        epochs.append((solver.epoch, len(solver.val_acc_history)))
        return solver.epoch == 2

    solver = quiet(Linear(), num_epochs=5, on_epoch=watch)
    solver.train()
    assert epochs == [(1, 2), (2, 3)]
    assert len(solver.loss_history) == 10
    solver.train()  # goes on where it stopped
    assert solver.epoch == 5


def test_observer_of_the_class_sees_every_solver(monkeypatch):
    seen = []

    def observe(solver):
        seen.append((id(solver), solver.epoch))
        return solver.epoch == 2

    monkeypatch.setattr(Solver, "observer", observe)
    told = []
    one, two = quiet(Linear(), on_epoch=lambda s: told.append(s.epoch)), quiet(Linear())
    one.train()
    two.train()
    assert seen == [(id(one), 1), (id(one), 2), (id(two), 1), (id(two), 2)]
    assert told == [1, 2]


def test_check_accuracy_counts_every_image_once_whatever_the_batch_size():
    data, model = make_data(), Linear()
    solver = quiet(model)
    expected = np.mean(model.loss(data["X_train"]).argmax(axis=1) == data["y_train"])
    for batch_size in (1, 7, 50, 100):
        assert solver.check_accuracy(data["X_train"], data["y_train"], batch_size=batch_size) == expected


def test_check_accuracy_reads_no_more_than_the_images_asked_for():
    solver, asked = quiet(Linear()), []
    solver.model.loss = lambda X: asked.append(len(X)) or np.zeros((len(X), 3))
    solver.check_accuracy(solver.X_train, solver.y_train, num_samples=25, batch_size=10)
    assert asked == [10, 10, 5]


def test_fewer_images_than_a_minibatch_make_one_iteration_an_epoch():
    solver = quiet(Linear(), make_data(n_train=4), num_epochs=2)
    solver.train()
    assert len(solver.loss_history) == 2
    assert len(solver.val_acc_history) == 2  # the first iteration is the first epoch's end too


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("stop_after", [1, 3])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, rule, seed, stop_after):
    # A net with dropout and batchnorm: its generator and running statistics must come back too.
    settings = {"update_rule": rule, "optim_config": {"learning_rate": 0.01}, "num_epochs": 4, "lr_decay": 0.9}
    settings["seed"] = seed
    np.random.seed(11)
    whole = quiet(make_net(), num_train_samples=30, **settings)
    whole.train()
    whole_next = np.random.rand()  # what the global generator gives after the run

    np.random.seed(11)
    name = tmp_path / "night"
    part = quiet(
        make_net(),
        num_train_samples=30,
        checkpoint_name=name,
        on_epoch=lambda s: s.epoch == stop_after,
        **settings,
    )
    part.train()
    np.random.rand(99)  # whatever happened in between
    resumed = Solver.resume(f"{name}_epoch_{stop_after}.npz", make_net(), make_data())
    resumed.train()
    resumed_next = np.random.rand()

    assert resumed.loss_history == whole.loss_history
    assert resumed.train_acc_history == whole.train_acc_history
    assert resumed.val_acc_history == whole.val_acc_history
    assert (resumed.epoch, resumed.iteration) == (whole.epoch, whole.iteration)
    for mine, its in ((resumed.model.params, whole.model.params), (resumed.best_params, whole.best_params)):
        assert all(np.array_equal(mine[key], its[key]) and mine[key].dtype == its[key].dtype for key in its)
    for mine, its in zip(resumed.model.bn_params, whole.model.bn_params, strict=True):
        assert np.array_equal(mine["running_var"], its["running_var"])
    assert resumed_next == whole_next


def test_finished_run_is_not_trained_again_by_resume_unless_asked(tmp_path):
    quiet(Linear(), seed=1, checkpoint_name=tmp_path / "run").train()
    path = tmp_path / "run_epoch_3.npz"
    solver = Solver.resume(path, Linear(), make_data())
    solver.train()
    assert solver.epoch == 3
    longer = Solver.resume(path, Linear(), make_data(), num_epochs=5)
    longer.train()
    whole = quiet(Linear(), seed=1, num_epochs=5)
    whole.train()
    assert longer.loss_history == whole.loss_history


def test_checkpoint_holds_no_pickle_and_leaves_no_half_file(tmp_path):
    quiet(Linear(), update_rule="adam", checkpoint_name=tmp_path / "run").train()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"run_epoch_{i}.npz" for i in (1, 2, 3)]
    with np.load(tmp_path / "run_epoch_1.npz", allow_pickle=False) as file:
        assert all(not file[name].dtype.hasobject for name in file.files)


def test_checkpoint_refuses_what_it_cannot_hold(tmp_path):
    solver = quiet(Linear(), optim_config={"learning_rate": 0.1, "schedule": len})
    with pytest.raises(TypeError, match="cannot hold a builtin_function"):
        solver.save_checkpoint(tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_resume_refuses_another_net_and_other_data(tmp_path):
    quiet(Linear(), checkpoint_name=tmp_path / "run").train()
    path = tmp_path / "run_epoch_1.npz"
    with pytest.raises(ValueError, match="fix: build the model as it was"):
        Solver.resume(path, Linear(C=4), make_data())
    with pytest.raises(ValueError, match="fix: pass the same data"):
        Solver.resume(path, Linear(), make_data(n_train=51))


def test_resume_refuses_a_file_that_is_no_checkpoint(tmp_path):
    path = tmp_path / "run_epoch_1.npz"
    with pytest.raises(FileNotFoundError):
        Solver.resume(path, Linear(), make_data())
    for content in (b"", b"PK\x03\x04", pickle.dumps({"epoch": 1})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a checkpoint"):
            Solver.resume(path, Linear(), make_data())
    np.savez(path, state=np.array([{"format": 1}], dtype=object))
    with pytest.raises(ValueError, match="not a checkpoint"):
        Solver.resume(path, Linear(), make_data())
