"""Fully connected nets: `TwoLayerNet` with one hidden layer, `FullyConnectedNet` with any number.

A net keeps its arrays in the dict `params` and has one method a solver needs, `loss(X, y)`.
"""

import zipfile

import numpy as np

from nndl import layer_utils, layers

_STATISTICS = ("running_mean", "running_var")


class _SavedNet:
    """What both nets share: writing their arrays to a file and reading them back."""

    def save(self, path):
        """Write the net's arrays to `path` in NumPy's .npz format (no pickle, so the file can hold no code).

        Parameters
        ----------
        path : name of the file; by custom it ends with .npz
        """
        # An open file, because np.savez would add .npz to a name without it, and load would not find the file.
        with open(path, "wb") as file:
            np.savez(file, **self._arrays())

    def load(self, path):
        """Read arrays written by `save` of a net of the same shape. Either all of them are taken or none.

        Parameters
        ----------
        path : name of the file

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not one of ours, or belongs to a net of another shape.
        """
        saved = _read_npz(path)
        own = self._arrays()
        if saved.keys() != own.keys():
            missing, unknown = sorted(own.keys() - saved.keys()), sorted(saved.keys() - own.keys())
            raise ValueError(
                f"{path}: arrays do not match this net: missing {missing}, unknown {unknown}; "
                "build the net with the layers and the normalization of the saved one"
            )
        for name, array in saved.items():
            if array.shape != own[name].shape or array.dtype.kind != "f":
                raise ValueError(
                    f"{path}: {name} must be float numbers of shape {own[name].shape}, got {array.dtype} of shape "
                    f"{array.shape}; build the net with the layer sizes of the saved one"
                )
        self._take({name: array.astype(own[name].dtype) for name, array in saved.items()})

    def _arrays(self):
        """Name -> array of everything that a saved net must keep."""
        return dict(self.params)

    def _take(self, arrays):
        """Put back what `_arrays` gave."""
        self.params = arrays


def _read_npz(path):
    """Name -> array of the .npz file at `path`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:  # TypeError: a .npy file, one bare array
        raise ValueError(f"{path}: not a file written by save; name one that was") from error


class TwoLayerNet(_SavedNet):
    """Net with one hidden layer: affine -> ReLU -> affine -> softmax.

        loss = softmax loss + 0.5 * reg * (sum of all W1[i, j]^2 + sum of all W2[i, j]^2)

    Biases are not regularized. Weights are float64, as NumPy draws them, so the net computes in float64 whatever the
    images are. `FullyConnectedNet` has a `dtype`.

    Parameters
    ----------
    input_dim : D, numbers per example
    hidden_dim : H, width of the hidden layer
    num_classes : C
    weight_scale : standard deviation of the normal distribution the weights are drawn from
    reg : strength of the L2 regularization, 0 or more

    Attributes
    ----------
    params : dict
        W1 (D, H), b1 (H,), W2 (H, C), b2 (C,)

    Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), sections 6.1 and 7.1.1.

    Examples
    --------
    >>> net = TwoLayerNet(input_dim=6, hidden_dim=5, num_classes=3)
    >>> net.loss(np.ones((4, 2, 3))).shape
    (4, 3)
    """

    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        """Draw the weights from a normal distribution with NumPy's global generator, W1 first; biases are 0."""
        self.params = {}
        self.reg = reg
        # YOUR CODE HERE
        raise NotImplementedError()

    def loss(self, X, y=None):
        """Scores, or the loss and its gradients.

        Parameters
        ----------
        X : array, shape (N, d_1, ..., d_k), with D = d_1 * ... * d_k
        y : integer array, shape (N,), right classes 0 to C - 1; or None

        Returns
        -------
        scores : array, shape (N, C), if y is None; else
        loss, grads : number in nats, and a dict with the keys and shapes of `params`
        """
        # YOUR CODE HERE
        raise NotImplementedError()
        if y is None:
            return scores

        loss, grads = 0.0, {}
        # YOUR CODE HERE
        raise NotImplementedError()
        return loss, grads


class FullyConnectedNet(_SavedNet):
    """Net with any number of hidden layers.

        (affine -> normalization -> ReLU -> dropout) * (L - 1) -> affine -> softmax

    Normalization and dropout are left out where not asked for; neither comes after the last affine layer.

        loss = softmax loss + 0.5 * reg * (sum of the squares of all weights W1 ... WL)

    Nothing but these weights is regularized.

    Parameters
    ----------
    hidden_dims : list of the L - 1 widths of the hidden layers
    input_dim : D, numbers per example
    num_classes : C
    dropout_keep_ratio : probability of KEEPING a value, 0 < ratio <= 1; 1 means no dropout layers
    normalization : None, "batchnorm" or "layernorm"
    reg : strength of the L2 regularization, 0 or more
    weight_scale : standard deviation of the normal distribution the weights are drawn from
    dtype : type all is computed in; float32 to train, float64 to check gradients
    seed : optional integer handed to the dropout layers. With it they drop the same values at every call: right for
        gradient checks, wrong for training

    Attributes
    ----------
    params : dict
        W1 (D, H1), b1 (H1,), ..., WL, bL; with a normalization also gamma1, beta1 (H1,), ... for each hidden layer
    dropout_param : dict for `layers.dropout_forward`; {} without dropout
    bn_params : one dict per hidden layer for the normalization; [] without one

    Raises
    ------
    ValueError
        If an argument has a value that is not named above.

    Source: Srivastava et al., "Dropout", JMLR 15 (2014), section 4; Ioffe and Szegedy, "Batch normalization", ICML
    2015, section 3.2.

    Examples
    --------
    >>> net = FullyConnectedNet([5, 4], input_dim=6, num_classes=3, normalization="batchnorm", dropout_keep_ratio=0.5)
    >>> net.loss(np.ones((7, 2, 3))).shape
    (7, 3)
    """

    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        """Draw the weights from a normal distribution with NumPy's global generator, W1 first.

        Biases and beta are 0, gamma is 1.
        """
        if not 0 < dropout_keep_ratio <= 1:
            raise ValueError(
                "FullyConnectedNet: dropout_keep_ratio is the probability of keeping a value, "
                f"got {dropout_keep_ratio}; give a number above 0 and at most 1 (1 means no dropout)"
            )
        if normalization not in (None, "batchnorm", "layernorm"):
            raise ValueError(
                f'FullyConnectedNet: unknown normalization {normalization!r}; give None, "batchnorm" or "layernorm"'
            )
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        self.params = {}

        # YOUR CODE HERE
        raise NotImplementedError()

        # One dict for all dropout layers: they share p and mode.
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
            if seed is not None:
                self.dropout_param["seed"] = seed
        # A dict for each normalization layer: the running statistics are its own.
        self.bn_params = [{"mode": "train"} for _ in hidden_dims] if normalization is not None else []

        self.params = {name: array.astype(dtype) for name, array in self.params.items()}

    def loss(self, X, y=None):
        """Scores in test mode, or the loss and its gradients in train mode.

        Parameters
        ----------
        X : array, shape (N, d_1, ..., d_k), with D = d_1 * ... * d_k
        y : integer array, shape (N,), right classes 0 to C - 1; or None

        Returns
        -------
        scores : array, shape (N, C), if y is None; else
        loss, grads : number in nats, and a dict with the keys and shapes of `params`
        """
        X = X.astype(self.dtype, copy=False)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            bn_param["mode"] = mode

        # YOUR CODE HERE
        raise NotImplementedError()
        if mode == "test":
            return scores

        loss, grads = 0.0, {}
        # YOUR CODE HERE
        raise NotImplementedError()
        return loss, grads

    def _arrays(self):
        """Name -> array of everything that a saved net must keep: params, and batchnorm's running statistics."""
        arrays = dict(self.params)
        if self.normalization == "batchnorm":
            for i, bn_param in enumerate(self.bn_params, start=1):
                # Before the first training step there are none: batchnorm_forward starts from zeros.
                zeros = np.zeros_like(self.params[f"beta{i}"])
                for name in _STATISTICS:
                    arrays[f"{name}{i}"] = np.ravel(bn_param.get(name, zeros))
        return arrays

    def _take(self, arrays):
        """Put back what `_arrays` gave."""
        super()._take({name: arrays[name] for name in self.params})
        if self.normalization == "batchnorm":
            for i, bn_param in enumerate(self.bn_params, start=1):
                bn_param.update({name: arrays[f"{name}{i}"] for name in _STATISTICS})
