"""Sandwich layers: layers that often come one after another, joined into one."""

from nndl import layers


def affine_relu_forward(x, w, b):
    """Affine layer, then ReLU. Given: nothing to write here.

    Parameters
    ----------
    x : array, shape (N, d_1, ..., d_k), with D = d_1 * ... * d_k
    w : array, shape (D, M)
    b : array, shape (M,)

    Returns
    -------
    out : array, shape (N, M)
    cache : for `affine_relu_backward`

    Source: composition of `layers.affine_forward` and `layers.relu_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> out, cache = affine_relu_forward(np.ones((2, 3)), -np.ones((3, 4)), np.ones(4))
    >>> out.tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    a, affine_cache = layers.affine_forward(x, w, b)
    out, relu_cache = layers.relu_forward(a)
    return out, (affine_cache, relu_cache)


def affine_relu_backward(dout, cache):
    """Gradients of `affine_relu_forward`. Given: nothing to write here.

    Parameters
    ----------
    dout : array, shape (N, M)
    cache : from `affine_relu_forward`

    Returns
    -------
    dx : array, shape (N, d_1, ..., d_k)
    dw : array, shape (D, M)
    db : array, shape (M,)

    Source: chain rule over `layers.relu_backward` and `layers.affine_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> _, cache = affine_relu_forward(np.ones((2, 3)), np.ones((3, 4)), np.ones(4))
    >>> [gradient.shape for gradient in affine_relu_backward(np.ones((2, 4)), cache)]
    [(2, 3), (3, 4), (4,)]
    """
    affine_cache, relu_cache = cache
    return layers.affine_backward(layers.relu_backward(dout, relu_cache), affine_cache)


def hidden_layer_forward(x, weights, normalization=None, norm_param=None, dropout_param=None):
    """One hidden layer of a net: affine -> normalization -> ReLU -> dropout, the second and the last if asked for.

    Optional: it keeps your `FullyConnectedNet` short, but you may write the net without it, and change it as you like.

    Parameters
    ----------
    x : array, shape (N, d_1, ..., d_k), with D = d_1 * ... * d_k
    weights : sequence of arrays
        w of shape (D, M) and b (M,); with a normalization also gamma (M,) and beta (M,).
    normalization : None, "batchnorm" or "layernorm"
    norm_param : dict for that normalization (bn_param or ln_param)
    dropout_param : dict for `layers.dropout_forward`; None means no dropout

    Returns
    -------
    out : array, shape (N, M)
    cache : for `hidden_layer_backward`

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, section 3.2, puts it before the nonlinearity.

    Examples
    --------
    >>> import numpy as np
    >>> out, cache = hidden_layer_forward(np.ones((2, 3)), [np.ones((3, 4)), np.ones(4)])
    >>> out.shape
    (2, 4)
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return out, cache


def hidden_layer_backward(dout, cache, first=False):
    """Gradients of `hidden_layer_forward`. Optional, as that is.

    Parameters
    ----------
    dout : array, shape (N, M)
    cache : from `hidden_layer_forward`
    first : True for a net's first layer: dx may then be None, because nobody needs the gradient of the images

    Returns
    -------
    dx : array, shape (N, d_1, ..., d_k)
    dw, db : arrays, shapes (D, M) and (M,)
    dgamma, dbeta : arrays, shape (M,); only with a normalization

    Source: chain rule over the layers, last one first.

    Examples
    --------
    >>> import numpy as np
    >>> _, cache = hidden_layer_forward(np.ones((2, 3)), [np.ones((3, 4)), np.ones(4)])
    >>> [gradient.shape for gradient in hidden_layer_backward(np.ones((2, 4)), cache)]
    [(2, 3), (3, 4), (4,)]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
    return gradients
