"""Update rules: how a step of gradient descent changes an array of weights.

Every rule has the same form, `next_w, config = rule(w, dw, config)`:

- `w` and `dw` are arrays of one shape: the weights, and the gradient of the loss with respect to them;
- `config` is a dict with the rule's settings (learning rate, ...) and its memory (velocity, ...). What is missing
  gets a default. Keep one dict per array, and give the rule's answer back to it at the next step;
- a rule may change `w`, `dw` and the memory in `config` in place, or make new arrays. What counts is what it returns.

In the formulas, g is dw, and a product or square of arrays is taken entry by entry.
"""

import numpy as np


def sgd(w, dw, config=None):
    """Stochastic gradient descent. Given, as an example of the form.

        w[t+1] = w[t] - learning_rate * g[t]

    Parameters
    ----------
    w, dw : arrays of one shape
    config : dict
        learning_rate : default 1e-2

    Returns
    -------
    next_w, config

    Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), Algorithm 8.1.

    Examples
    --------
    >>> next_w, config = sgd(np.ones((2, 3)), np.full((2, 3), 10.0))
    >>> next_w[0].tolist(), config
    ([0.9, 0.9, 0.9], {'learning_rate': 0.01})
    """
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-2)

    next_w = w - config["learning_rate"] * dw
    return next_w, config


def sgd_momentum(w, dw, config=None):
    """Stochastic gradient descent with momentum: the step is a running sum of past steps.

        v[t+1] = momentum * v[t] - learning_rate * g[t]
        w[t+1] = w[t] + v[t+1]

    Parameters
    ----------
    w, dw : arrays of one shape
    config : dict
        learning_rate : default 1e-2
        momentum : 0 to 1; default 0.9
        velocity : array v, shape of w; zeros at first. Written back.

    Returns
    -------
    next_w, config

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013,
    equations (1) and (2).

    Examples
    --------
    >>> next_w, config = sgd_momentum(np.ones((2, 3)), np.full((2, 3), 10.0))
    >>> next_w.shape, sorted(config)
    ((2, 3), ['learning_rate', 'momentum', 'velocity'])
    """
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.get("velocity", np.zeros_like(w))

    # YOUR CODE HERE
    raise NotImplementedError()
    config["velocity"] = v
    return next_w, config


def sgd_nesterov_momentum(w, dw, config=None):
    """Stochastic gradient descent with Nesterov's momentum, written for weights that already look one step ahead.

        v[t+1] = momentum * v[t] - learning_rate * g[t]
        w[t+1] = w[t] + v[t+1] + momentum * (v[t+1] - v[t])

    Parameters
    ----------
    w, dw : arrays of one shape
    config : dict
        learning_rate : default 1e-2
        momentum : 0 to 1; default 0.9
        velocity : array v, shape of w; zeros at first. Written back.

    Returns
    -------
    next_w, config

    Source: Sutskever et al., ICML 2013, equations (3) and (4); this form: Bengio, Boulanger-Lewandowski, Pascanu,
    "Advances in optimizing recurrent networks", ICASSP 2013, section 3.5.

    Examples
    --------
    >>> next_w, config = sgd_nesterov_momentum(np.ones((2, 3)), np.full((2, 3), 10.0))
    >>> next_w.shape, sorted(config)
    ((2, 3), ['learning_rate', 'momentum', 'velocity'])
    """
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.get("velocity", np.zeros_like(w))

    # YOUR CODE HERE
    raise NotImplementedError()
    config["velocity"] = v
    return next_w, config


def rmsprop(w, dw, config=None):
    """RMSProp: each weight's step is divided by the root of a running mean of its squared gradients.

        cache[t+1] = decay_rate * cache[t] + (1 - decay_rate) * g[t]^2
        w[t+1] = w[t] - learning_rate * g[t] / (sqrt(cache[t+1]) + epsilon)

    Parameters
    ----------
    w, dw : arrays of one shape
    config : dict
        learning_rate : default 1e-2
        decay_rate : 0 to 1; default 0.99
        epsilon : keeps the divisor above 0; default 1e-8
        cache : array, shape of w; zeros at first. Written back.

    Returns
    -------
    next_w, config

    Source: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5 (2012).

    Examples
    --------
    >>> next_w, config = rmsprop(np.ones((2, 3)), np.full((2, 3), 10.0))
    >>> next_w.shape, sorted(config)
    ((2, 3), ['cache', 'decay_rate', 'epsilon', 'learning_rate'])
    """
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("decay_rate", 0.99)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("cache", np.zeros_like(w))

    # YOUR CODE HERE
    raise NotImplementedError()
    return next_w, config


def adam(w, dw, config=None):
    """Adam: momentum and RMSProp in one, both running means corrected for their start at zero.

    With t counted up by 1 before it is used, so that it is 1 at the first step:

        m[t] = beta1 * m[t-1] + (1 - beta1) * g[t]
        v[t] = beta2 * v[t-1] + (1 - beta2) * g[t]^2
        w[t] = w[t-1] - learning_rate * mhat / (sqrt(vhat) + epsilon)

        mhat = m[t] / (1 - beta1^t)        vhat = v[t] / (1 - beta2^t)

    Parameters
    ----------
    w, dw : arrays of one shape
    config : dict
        learning_rate : default 1e-3
        beta1, beta2 : shares kept of the running means of g and of g^2, 0 to 1; defaults 0.9 and 0.999
        epsilon : keeps the divisor above 0; default 1e-8
        m, v : arrays, shape of w; zeros at first. Written back.
        t : number of steps done; 0 at first. Written back.

    Returns
    -------
    next_w, config

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1.

    Examples
    --------
    >>> next_w, config = adam(np.ones((2, 3)), np.full((2, 3), 10.0))
    >>> next_w.shape, config["t"]
    ((2, 3), 1)
    """
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("t", 0)
    for name in ("m", "v"):
        if name not in config:
            config[name] = np.zeros_like(w)

    # YOUR CODE HERE
    raise NotImplementedError()
    return next_w, config
