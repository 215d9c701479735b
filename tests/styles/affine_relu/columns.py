"""Examples as columns, as in many textbooks; ReLU and its slope with boolean factors."""


def affine_forward(x, w, b):
    columns = x.reshape(len(x), -1).T
    return (w.T @ columns + b[:, None]).T, (x, w, columns)


def affine_backward(dout, cache):
    x, w, columns = cache
    delta = dout.T
    return (w @ delta).T.reshape(x.shape), columns @ delta.T, delta.sum(axis=1)


def relu_forward(x):
    on = x >= 0
    return on * x, on


def relu_backward(dout, cache):
    return cache * dout
