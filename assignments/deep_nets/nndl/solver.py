"""Train a net: minibatches, an update rule, accuracy checks, checkpoints.

A Solver asks little of a model: ``model.params``, a dict of arrays, and ``model.loss(X, y)``, which returns
``(loss, grads)`` with one gradient for each parameter, and scores of shape (N, C) when y is left out.

Source: the Solver of CS231n's assignments; same numbers for the same random state, without its known faults.
"""

import copy
import difflib
import sys

import numpy as np

from nndl import checkpoint, optim

try:
    from tqdm import tqdm
except ImportError:  # a progress bar is a comfort, not a need
    tqdm = None

_SETTINGS = ("update_rule", "optim_config", "lr_decay", "batch_size", "num_epochs", "num_train_samples")
_SETTINGS += ("num_val_samples", "checkpoint_name", "print_every", "verbose", "on_epoch", "seed")
_NOT_SAVED = {"on_epoch", "checkpoint_name"}  # functions and places are given anew
_PROGRESS = ("epoch", "iteration", "best_val_acc", "loss_history", "train_acc_history", "val_acc_history")


class Solver:
    """Stochastic gradient descent on a model, with the best weights kept.

    Accuracy is checked after the first iteration, at the end of every epoch and after the last iteration. When
    `train` ends, the model holds the weights (and batchnorm's running statistics) that had the best validation
    accuracy.

    Parameters
    ----------
    model : object
        See the head of this module.
    data : dict of ndarray
        ``X_train`` (N_train, d_1, ..., d_k), ``y_train`` (N_train,), ``X_val``, ``y_val``.
    update_rule : str
        Name of a function of nndl/optim.py, such as "sgd" or "adam".
    optim_config : dict, optional
        Settings of the update rule, such as ``{"learning_rate": 1e-3}``; each parameter gets a deep copy.
    lr_decay : float
        The learning rate is multiplied by it after every epoch.
    batch_size : int
        Images in a minibatch (drawn with replacement).
    num_epochs : int
        Epochs of ``N_train // batch_size`` iterations.
    num_train_samples, num_val_samples : int or None
        Images for one accuracy check; None takes all.
    checkpoint_name : str or Path, optional
        Save ``<name>_epoch_<number>.npz`` after every epoch; see `resume`.
    print_every : int
        Iterations between two prints of the loss; 0 prints nothing where there is a bar, which shows the accuracy.
    verbose : bool
        Print, and show a progress bar when tqdm is installed; False for neither.
    on_epoch : callable, optional
        ``on_epoch(solver)`` is called at the end of every epoch; training stops when it returns True.
    seed : int, optional
        Minibatches are drawn from ``np.random.RandomState(seed)``. By default they come from NumPy's global
        generator, as in the course: a layer that reseeds it then makes every minibatch the same.

    Attributes
    ----------
    epoch, iteration : int
        Epochs and iterations done.
    best_val_acc : float
        Best validation accuracy so far, 0 to 1.
    best_params : dict of ndarray
        The weights that had it.
    loss_history : list of float
        Loss of every minibatch, in nats.
    train_acc_history, val_acc_history : list of float
        One entry for every check; the first is taken after the first iteration.
    optim_configs : dict of dict
        The update rule's settings and state for every parameter.
    observer : callable or None
        Of the class, not of one solver: called as ``on_epoch`` is, by every Solver.

    Raises
    ------
    TypeError
        If a keyword is unknown; the text lists the known ones.
    ValueError
        If the update rule is unknown, or if ``data`` does not fit.

    Examples
    --------
    >>> solver = Solver(model, data, update_rule="adam", optim_config={"learning_rate": 1e-3})  # doctest: +SKIP
    >>> solver.train()  # doctest: +SKIP
    """

    observer = None

    def __init__(
        self,
        model,
        data,
        *,
        update_rule="sgd",
        optim_config=None,
        lr_decay=1.0,
        batch_size=100,
        num_epochs=10,
        num_train_samples=1000,
        num_val_samples=None,
        checkpoint_name=None,
        print_every=10,
        verbose=True,
        on_epoch=None,
        seed=None,
        **unknown,
    ):
        _refuse_unknown(unknown)
        self.model = model
        self.X_train, self.y_train, self.X_val, self.y_val = _check_data(data)
        self.update_rule = update_rule
        self.optim_config = copy.deepcopy(optim_config or {})
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.num_train_samples = num_train_samples
        self.num_val_samples = num_val_samples
        self.checkpoint_name = checkpoint_name
        self.print_every = print_every
        self.verbose = verbose
        self.on_epoch = on_epoch
        self.seed = seed
        self._rule = _find_rule(update_rule)
        self._own_generator = None if seed is None else np.random.RandomState(seed)
        self._bar = None
        self._reset()

    def _reset(self):
        self.epoch = self.iteration = 0
        self.best_val_acc = 0
        self.best_params = {}
        self.loss_history, self.train_acc_history, self.val_acc_history = [], [], []
        self.optim_configs = {name: copy.deepcopy(self.optim_config) for name in self.model.params}
        self._best_bn_params = None
        self._goal = self._iterations()  # the iteration at which train() ends
        self._warned_of_loss = False

    def _iterations_per_epoch(self):
        return max(len(self.X_train) // self.batch_size, 1)

    def _iterations(self):
        return self.num_epochs * self._iterations_per_epoch()

    def train(self):
        """Train for ``num_epochs`` epochs, then give the model its best weights.

        A run that was stopped (by ``on_epoch`` or by the keyboard) goes on where it was; a finished one is trained
        for as many epochs again.

        Raises
        ------
        ValueError
            If ``model.loss`` leaves out a gradient.
        """
        if self.verbose and tqdm is not None:
            # On stdout, where the lines are: two streams would cut each other to pieces in a saved notebook.
            self._bar = tqdm(initial=self.iteration, total=self._goal, leave=False, mininterval=0.5, file=sys.stdout)
        try:
            while self.iteration < self._goal:
                if self._advance():
                    break
            else:
                self._goal += self._iterations()
        finally:
            if self._bar is not None:
                self._bar.close()
                self._bar = None
        self._restore_best()

    def _advance(self):
        """One iteration and what belongs to it; True when a watcher asks to stop."""
        self._step()
        if self._bar is not None:
            self._bar.update(1)
        done = self.iteration
        if self.print_every and (done - 1) % self.print_every == 0:
            self._say(f"(Iteration {done} / {self._goal}) loss: {self.loss_history[-1]:f}")
        epoch_ends = done % self._iterations_per_epoch() == 0
        if epoch_ends:
            self.epoch += 1
            for config in self.optim_configs.values():
                if "learning_rate" in config:
                    config["learning_rate"] *= self.lr_decay
        if done == 1 or epoch_ends:
            self._check()
        if not epoch_ends:
            return False
        if self.checkpoint_name is not None:
            self.save_checkpoint(f"{self.checkpoint_name}_epoch_{self.epoch}.npz")
        return self._tell_watchers()

    def _step(self):
        """Draw a minibatch and update every parameter once."""
        chosen = self._generator().choice(len(self.X_train), self.batch_size)
        loss, grads = self.model.loss(self.X_train[chosen], self.y_train[chosen])
        self.iteration += 1
        self.loss_history.append(np.asarray(loss).item())
        if not self._warned_of_loss and not np.isfinite(loss):
            self._warned_of_loss = True
            print(
                f"The loss is {loss} at iteration {self.iteration}: the weights are of no use from here on. "
                "A smaller learning rate or weight_scale often helps."
            )
        missing = sorted(set(self.model.params) - set(grads))
        if missing:
            raise ValueError(
                f"model.loss gave no gradient for {', '.join(missing)}; fix: grads needs the keys of params"
            )
        for name, w in self.model.params.items():
            dw = np.asarray(grads[name])
            if dw.shape != w.shape and dw.size == w.size:
                dw = dw.reshape(w.shape)  # a bias gradient of shape (1, M) is right, but updates in place would fail
            self.model.params[name], self.optim_configs[name] = self._rule(w, dw, self.optim_configs[name])

    def _generator(self):
        return np.random if self._own_generator is None else self._own_generator

    def _check(self):
        train_acc = self.check_accuracy(self.X_train, self.y_train, num_samples=self.num_train_samples)
        val_acc = self.check_accuracy(self.X_val, self.y_val, num_samples=self.num_val_samples)
        self.train_acc_history.append(train_acc)
        self.val_acc_history.append(val_acc)
        if self._bar is not None:
            self._bar.set_postfix(epoch=self.epoch, val_acc=f"{val_acc:.3f}")
        if self.print_every or self._bar is None:
            self._say(f"(Epoch {self.epoch} / {self.num_epochs}) train acc: {train_acc:f}; val_acc: {val_acc:f}")
        # "not best_params": an accuracy of 0 is poor, but its weights are still the best there are.
        if val_acc > self.best_val_acc or not self.best_params:
            self.best_val_acc = val_acc
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}
            # Weights tested with another epoch's running mean and variance are another net, and would not have
            # best_val_acc. (The course keeps the weights alone.)
            self._best_bn_params = copy.deepcopy(getattr(self.model, "bn_params", None))

    def _restore_best(self):
        if not self.best_params:
            return
        # Copies: update rules work in place, and a second train() would spoil best_params.
        self.model.params = {name: w.copy() for name, w in self.best_params.items()}
        if self._best_bn_params is not None:
            self.model.bn_params = copy.deepcopy(self._best_bn_params)

    def _tell_watchers(self):
        watchers = (type(self).observer, self.on_epoch)  # from the class: a plain function must not become a method
        return any([bool(watcher(self)) for watcher in watchers if watcher is not None])  # noqa: C419 - tell all

    def _say(self, text):
        if not self.verbose:
            return
        if self._bar is not None:
            self._bar.write(text)  # print() would break the bar's line
        else:
            print(text)

    def check_accuracy(self, X, y, num_samples=None, batch_size=100):
        """Share of images that the model puts in the right class.

        Parameters
        ----------
        X : ndarray (N, d_1, ..., d_k)
            Images.
        y : ndarray (N,)
            Their classes.
        num_samples : int, optional
            Check on so many images, drawn with replacement, when N is larger.
        batch_size : int
            Images in one call of the model; bounds the memory.

        Returns
        -------
        float
            Accuracy, 0 to 1.

        Examples
        --------
        >>> solver.check_accuracy(data["X_test"], data["y_test"])  # doctest: +SKIP
        0.561
        """
        if num_samples is not None and len(X) > num_samples:
            chosen = self._generator().choice(len(X), num_samples)
            X, y = X[chosen], y[chosen]
        right = 0
        for start in range(0, len(X), batch_size):
            scores = self.model.loss(X[start : start + batch_size])
            right += np.count_nonzero(np.argmax(scores, axis=1) == y[start : start + batch_size])
        return float(right / len(X))

    def save_checkpoint(self, path):
        """Write all that a later run needs to go on exactly from here; see nndl/checkpoint.py.

        Parameters
        ----------
        path : str or Path
            File to write, an .npz of plain arrays. It is replaced in one step: a crash leaves no half of it.

        Raises
        ------
        TypeError
            If the update rule's state holds something else than numbers, text, arrays, lists and dicts.

        Examples
        --------
        >>> solver.save_checkpoint("night.npz")  # doctest: +SKIP
        """
        own = self._own_generator
        state = {name: getattr(self, name) for name in _PROGRESS}
        state["settings"] = {name: getattr(self, name) for name in _SETTINGS if name not in _NOT_SAVED}
        state["num_train"] = len(self.X_train)
        state["params"], state["best_params"] = self.model.params, self.best_params
        state["bn_params"] = getattr(self.model, "bn_params", None)
        state["best_bn_params"] = self._best_bn_params
        state["optim_configs"] = self.optim_configs
        state["global_generator"] = np.random.get_state()
        state["own_generator"] = None if own is None else own.get_state()
        checkpoint.save(path, state)

    @classmethod
    def resume(cls, path, model, data, **changes):
        """Make a solver that goes on from a checkpoint, exactly as if it had never stopped.

        NumPy's global generator is put back too, because dropout and (without ``seed``) the minibatches draw from it.

        Parameters
        ----------
        path : str or Path
            A file that `save_checkpoint` wrote.
        model : object
            A net of the same shape; its weights are replaced.
        data : dict of ndarray
            The same data as before.
        **changes
            Settings to change, such as ``num_epochs`` to train longer, and ``on_epoch`` or ``checkpoint_name``,
            which no checkpoint holds.

        Returns
        -------
        Solver
            Call its ``train()``.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or if the model or the data do not fit it.

        Examples
        --------
        >>> solver = Solver.resume("night_epoch_7.npz", model, data, num_epochs=20)  # doctest: +SKIP
        """
        state = checkpoint.load(path)
        solver = cls(model, data, **{**state["settings"], **changes})
        checkpoint.require_fit(path, state, model.params, len(solver.X_train))
        for name in _PROGRESS:
            setattr(solver, name, state[name])
        model.params = state["params"]
        if state["bn_params"] is not None:
            model.bn_params = state["bn_params"]
        solver.best_params, solver._best_bn_params = state["best_params"], state["best_bn_params"]
        solver.optim_configs = state["optim_configs"]
        rounds = -(-solver.iteration // max(solver._iterations(), 1))  # ceil: train() may have been called twice
        solver._goal = max(rounds, 1) * solver._iterations()
        np.random.set_state(state["global_generator"])
        if solver._own_generator is not None and state["own_generator"] is not None:
            solver._own_generator.set_state(state["own_generator"])
        return solver


def _refuse_unknown(unknown):
    if unknown:
        name = next(iter(unknown))
        close = difflib.get_close_matches(name, _SETTINGS, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise TypeError(f"Solver has no keyword {name!r}{hint}; fix: use one of {', '.join(_SETTINGS)}")


def _find_rule(name):
    rule = getattr(optim, name, None) if isinstance(name, str) and not name.startswith("_") else None
    if not callable(rule):
        known = [rule for rule in dir(optim) if not rule.startswith("_") and callable(getattr(optim, rule))]
        raise ValueError(f"nndl/optim.py has no update rule {name!r}; fix: use one of {', '.join(known)}")
    return rule


def _check_data(data):
    keys = ("X_train", "y_train", "X_val", "y_val")
    missing = [key for key in keys if key not in data]
    if missing:
        raise ValueError(f"data lacks {', '.join(missing)}; fix: it needs {', '.join(keys)}")
    for part in ("train", "val"):
        images, labels = len(data["X_" + part]), len(data["y_" + part])
        if images != labels or images == 0:
            raise ValueError(f"data has {images} {part} images and {labels} labels; fix: as many, and at least one")
    return tuple(np.asarray(data[key]) for key in keys)
