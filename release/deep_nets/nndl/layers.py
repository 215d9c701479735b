"""Layers: each one is a pair of functions, forward and backward.

The convention of this module, stated once:

- `out, cache = name_forward(x, ...)` computes the layer's output and keeps in `cache` whatever the backward pass
  needs. What lies in the cache is your choice, except for dropout: a given line `cache = ...` may be changed, as long
  as your forward and your backward function fit together.
- `dx, ... = name_backward(dout, cache)` gets `dout`, the gradient of the loss L with respect to `out`, and returns
  the gradients of L with respect to the inputs, in the order of the inputs. A gradient has the shape of its array.
- Loss functions return `(loss, dx)` at once, because nothing comes after them.
- Letters in shapes: N examples, D inputs, M outputs, C classes.
- `p` in dropout is the probability of KEEPING a value.
- Leave input arrays as they are. Nothing is deducted for changing them, but a net may go wrong, because a cache may
  hold the same array. (Update rules are different: see `optim.py`.)
- Arrays keep their type: float32 in, float32 out. One float64 array makes NumPy compute everything after it in
  float64, which takes twice the time.
"""

import numpy as np


def affine_forward(x, w, b):
    """Fully connected layer.

    With every example flattened to a row of length D:

        out[n, m] = sum_d x[n, d] * w[d, m] + b[m]

    Parameters
    ----------
    x : array, shape (N, d_1, ..., d_k)
        N examples of any shape, with D = d_1 * ... * d_k.
    w : array, shape (D, M)
        Weights.
    b : array, shape (M,)
        Biases.

    Returns
    -------
    out : array, shape (N, M)
    cache : (x, w, b), for `affine_backward`

    Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), section 6.5.

    Examples
    --------
    >>> out, cache = affine_forward(np.ones((2, 3, 4)), np.ones((12, 5)), np.ones(5))
    >>> out.shape
    (2, 5)
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    """Gradients of the fully connected layer.

    By the chain rule, for each entry of an input (here of w):

        dw[d, m] = sum_n dout[n, m] * (d out[n, m] / d w[d, m])

    Parameters
    ----------
    dout : array, shape (N, M)
        Gradient of the loss with respect to the layer's output.
    cache : (x, w, b), from `affine_forward`

    Returns
    -------
    dx : array, shape (N, d_1, ..., d_k), as x
    dw : array, shape (D, M)
    db : array, shape (M,)

    Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), section 6.5.6.

    Examples
    --------
    >>> out, cache = affine_forward(np.ones((2, 3, 4)), np.ones((12, 5)), np.ones(5))
    >>> [gradient.shape for gradient in affine_backward(np.ones((2, 5)), cache)]
    [(2, 3, 4), (12, 5), (5,)]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return dx, dw, db


def relu_forward(x):
    """Rectified linear unit: negative values become 0, the others pass.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    out : array, shape of x
    cache : x, for `relu_backward`

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> relu_forward(np.array([[-2.0, 0.5, 3.0]]))[0].tolist()
    [[0.0, 0.5, 3.0]]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    cache = x
    return out, cache


def relu_backward(dout, cache):
    """Gradient of the rectified linear unit.

        dx[i] = dout[i] * (d out[i] / d x[i])

    At exactly 0 the derivative does not exist; 0 and 1 are both accepted.

    Parameters
    ----------
    dout : array, any shape
        Gradient of the loss with respect to the layer's output.
    cache : x, from `relu_forward`

    Returns
    -------
    dx : array, shape of x

    Source: Glorot, Bordes, Bengio, "Deep sparse rectifier neural networks", AISTATS 2011, section 3.

    Examples
    --------
    >>> relu_backward(np.array([[1.0, 10.0, 100.0]]), np.array([[-2.0, 0.5, 3.0]])).tolist()
    [[0.0, 10.0, 100.0]]
    """
    x = cache
    # YOUR CODE HERE
    raise NotImplementedError()
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    """Batch normalization: every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

        out[n, d] = gamma[d] * (x[n, d] - mean[d]) / sqrt(var[d] + eps) + beta[d]

    In train mode, mean and var are those of the batch (var divides by N, not by N - 1), and the running statistics
    move a little towards them:

        new running value = momentum * old running value + (1 - momentum) * value of this batch

    In test mode, mean and var are the running statistics. They are not changed, and the answer for one example
    does not depend on the others.

    Parameters
    ----------
    x : array, shape (N, D)
    gamma, beta : arrays, shape (D,)
        Scale and shift.
    bn_param : dict
        mode : "train" or "test"; required
        eps : number added to the variance; default 1e-5
        momentum : share of the old running statistics that is kept, 0 to 1; default 0.9
        running_mean, running_var : arrays, shape (D,); zeros at first. Written back here in train mode.

    Returns
    -------
    out : array, shape (N, D)
    cache : what `batchnorm_backward` and `batchnorm_backward_alt` need; None in test mode

    Raises
    ------
    ValueError
        If the mode is neither "train" nor "test".

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015 (arXiv 1502.03167), Algorithms 1 and 2. For test time
    the paper averages the unbiased variance (divided by N - 1) over many batches; here the variance is the batch's own.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    >>> batchnorm_forward(x, np.ones(3), np.zeros(3), {"mode": "train"})[0].round(3).tolist()
    [[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]]
    """
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1], dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1], dtype=x.dtype))

    cache = None
    if mode == "train":
        # YOUR CODE HERE
        raise NotImplementedError()
        bn_param["running_mean"] = running_mean
        bn_param["running_var"] = running_var
    elif mode == "test":
        # YOUR CODE HERE
        raise NotImplementedError()
    else:
        raise ValueError(f'batchnorm_forward: unknown mode {mode!r}; set bn_param["mode"] to "train" or "test"')
    return out, cache


def batchnorm_backward(dout, cache):
    """Gradients of batch normalization in train mode, step by step.

    Draw the forward pass as a graph of small steps (mean, centre, variance, root, divide, scale, shift) and go through
    it backwards. Where a value is used twice, the gradients of both ways add up. The mean and the variance depend
    on x too:

        dx[n, d] = sum_k dout[k, d] * (d out[k, d] / d x[n, d])

    Parameters
    ----------
    dout : array, shape (N, D)
        Gradient of the loss with respect to the layer's output.
    cache : from `batchnorm_forward` in train mode

    Returns
    -------
    dx : array, shape (N, D)
    dgamma, dbeta : arrays, shape (D,)

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015 (arXiv 1502.03167), section 3.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    >>> _, cache = batchnorm_forward(x, np.ones(3), np.zeros(3), {"mode": "train"})
    >>> [gradient.shape for gradient in batchnorm_backward(np.ones((2, 3)), cache)]
    [(2, 3), (3,), (3,)]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    """Gradients of batch normalization in train mode, from one simplified formula.

    Derive d L / d x on paper, simplify it until most terms have gone, and compute the same as
    `batchnorm_backward` with fewer passes over the array.

    Parameters
    ----------
    dout : array, shape (N, D)
        Gradient of the loss with respect to the layer's output.
    cache : from `batchnorm_forward` in train mode

    Returns
    -------
    dx : array, shape (N, D)
    dgamma, dbeta : arrays, shape (D,)

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015 (arXiv 1502.03167), section 3, simplified.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    >>> _, cache = batchnorm_forward(x, np.ones(3), np.zeros(3), {"mode": "train"})
    >>> [gradient.shape for gradient in batchnorm_backward_alt(np.ones((2, 3)), cache)]
    [(2, 3), (3,), (3,)]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    """Layer normalization: every example gets mean 0 and variance 1 over its features, then a learned scale and shift.

        out[n, d] = gamma[d] * (x[n, d] - mean[n]) / sqrt(var[n] + eps) + beta[d]

    Examples do not touch each other, so train and test mode are the same and nothing is stored.

    Parameters
    ----------
    x : array, shape (N, D)
    gamma, beta : arrays, shape (D,)
        Scale and shift.
    ln_param : dict
        eps : number added to the variance; default 1e-5

    Returns
    -------
    out : array, shape (N, D)
    cache : what `layernorm_backward` needs

    Source: Ba, Kiros, Hinton, "Layer normalization", arXiv 1607.06450, equation (3).

    Examples
    --------
    >>> layernorm_forward(np.array([[0.0, 5.0, 10.0]]), np.ones(3), np.zeros(3), {})[0].round(3).tolist()
    [[-1.225, 0.0, 1.225]]
    """
    eps = ln_param.get("eps", 1e-5)
    # YOUR CODE HERE
    raise NotImplementedError()
    return out, cache


def layernorm_backward(dout, cache):
    """Gradients of layer normalization.

    The mean and the variance of an example depend on all its features:

        dx[n, d] = sum_k dout[n, k] * (d out[n, k] / d x[n, d])

    Parameters
    ----------
    dout : array, shape (N, D)
        Gradient of the loss with respect to the layer's output.
    cache : from `layernorm_forward`

    Returns
    -------
    dx : array, shape (N, D)
    dgamma, dbeta : arrays, shape (D,)

    Source: Ba, Kiros, Hinton, "Layer normalization", arXiv 1607.06450, section 3.

    Examples
    --------
    >>> _, cache = layernorm_forward(np.array([[0.0, 5.0, 10.0]]), np.ones(3), np.zeros(3), {})
    >>> [gradient.shape for gradient in layernorm_backward(np.ones((1, 3)), cache)]
    [(1, 3), (3,), (3,)]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    """Inverted dropout: in train mode each value is kept with probability p, else it becomes 0.

    With one independent random keep[i] for every entry of x, which is 1 with probability p and 0 otherwise:

        out[i] = x[i] * keep[i] / p

    In test mode nothing is dropped and nothing is scaled.

    Parameters
    ----------
    x : array, any shape
    dropout_param : dict
        p : probability of KEEPING a value, 0 < p <= 1; required
        mode : "train" or "test"; required
        seed : optional integer. With it, every call draws the same random numbers (gradient checks need that).

    Returns
    -------
    out : array, shape of x
    cache : (dropout_param, mask), with mask None in test mode

    Raises
    ------
    ValueError
        If p is not in (0, 1], or the mode is neither "train" nor "test".

    Source: Srivastava et al., "Dropout", JMLR 15 (2014), section 4; the scaling at train time is in section 10.

    Examples
    --------
    >>> out, (_, mask) = dropout_forward(np.ones((2, 3)), {"mode": "train", "p": 0.5, "seed": 0})
    >>> out.shape, sorted(set(out.ravel().tolist())), mask.shape
    ((2, 3), [0.0, 2.0], (2, 3))
    """
    mode, p = dropout_param["mode"], float(dropout_param["p"])
    if not 0 < p <= 1:
        raise ValueError(
            f"dropout_forward: p is the probability of keeping a value, got {p}; "
            'set dropout_param["p"] to a number above 0 and at most 1'
        )
    # Draw all random numbers from rng: rng.rand(*shape) is uniform in [0, 1).
    seed = dropout_param.get("seed")
    rng = np.random if seed is None else np.random.RandomState(seed)

    mask = None
    if mode == "train":
        # YOUR CODE HERE
        raise NotImplementedError()
    elif mode == "test":
        # YOUR CODE HERE
        raise NotImplementedError()
    else:
        raise ValueError(f'dropout_forward: unknown mode {mode!r}; set dropout_param["mode"] to "train" or "test"')

    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout, cache):
    """Gradient of dropout.

        dx[i] = dout[i] * (d out[i] / d x[i])

    Parameters
    ----------
    dout : array, any shape
        Gradient of the loss with respect to the layer's output.
    cache : (dropout_param, mask), from `dropout_forward`

    Returns
    -------
    dx : array, shape of x

    Raises
    ------
    ValueError
        If the mode is neither "train" nor "test".

    Source: Srivastava et al., "Dropout", JMLR 15 (2014), section 5.1.

    Examples
    --------
    >>> _, cache = dropout_forward(np.ones((2, 3)), {"mode": "train", "p": 0.5, "seed": 0})
    >>> dropout_backward(np.ones((2, 3)), cache).shape
    (2, 3)
    """
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    if mode == "train":
        # YOUR CODE HERE
        raise NotImplementedError()
    elif mode == "test":
        # YOUR CODE HERE
        raise NotImplementedError()
    else:
        raise ValueError(f'dropout_backward: unknown mode {mode!r}; set dropout_param["mode"] to "train" or "test"')
    return dx


def softmax_loss(x, y):
    """Softmax followed by the cross-entropy loss, averaged over the batch. Given: nothing to write here.

        prob[n, c] = exp(x[n, c]) / sum_k exp(x[n, k])
        loss = mean_n -log(prob[n, y[n]])

    Parameters
    ----------
    x : array, shape (N, C)
        Scores.
    y : integer array, shape (N,)
        Right classes, 0 to C - 1.

    Returns
    -------
    loss : number, in nats
    dx : array, shape (N, C)

    Source: Bishop, "Pattern Recognition and Machine Learning" (2006), equations (4.104), (4.108), (4.109).

    Examples
    --------
    >>> loss, dx = softmax_loss(np.zeros((2, 4)), np.array([0, 3]))
    >>> round(float(loss), 6), dx[0].tolist()
    (1.386294, [-0.375, 0.125, 0.125, 0.125])
    """
    rows = np.arange(len(x))
    # Taking the largest score away changes no probability and keeps exp from overflowing.
    prob = np.exp(x - x.max(axis=1, keepdims=True))
    prob /= prob.sum(axis=1, keepdims=True)
    # A probability that underflowed to 0 would make the loss infinite: the smallest normal number instead.
    right = np.maximum(prob[rows, y], np.finfo(prob.dtype).tiny)
    loss = -np.log(right).sum() / len(x)
    dx = prob
    dx[rows, y] -= 1
    dx /= len(x)
    return loss, dx


def svm_loss(x, y):
    """Multiclass support vector machine loss with margin 1, averaged over the batch. Given: nothing to write here.

        loss = mean_n sum_{c != y[n]} max(0, x[n, c] - x[n, y[n]] + 1)

    Parameters
    ----------
    x : array, shape (N, C)
        Scores.
    y : integer array, shape (N,)
        Right classes, 0 to C - 1.

    Returns
    -------
    loss : number
    dx : array, shape (N, C)

    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.

    Examples
    --------
    >>> loss, dx = svm_loss(np.zeros((2, 4)), np.array([0, 3]))
    >>> float(loss), dx[0].tolist()
    (3.0, [-1.5, 0.5, 0.5, 0.5])
    """
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, np.newaxis] + 1)
    margins[rows, y] = 0
    loss = margins.sum() / len(x)
    dx = (margins > 0).astype(x.dtype)
    dx[rows, y] -= dx.sum(axis=1)
    dx /= len(x)
    return loss, dx
