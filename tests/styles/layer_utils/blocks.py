"""Helpers with names and signatures of their own: a block is described by a dict."""

from nndl import layers


def block_forward(x, block):
    caches = []
    x, cache = layers.affine_forward(x, block["W"], block["b"])
    caches.append(cache)
    if block["norm"] is not None:
        kind, gamma, beta, param = block["norm"]
        x, cache = getattr(layers, f"{kind}_forward")(x, gamma, beta, param)
        caches.append(cache)
    x, cache = layers.relu_forward(x)
    caches.append(cache)
    if block["drop"]:
        x, cache = layers.dropout_forward(x, block["drop"])
        caches.append(cache)
    return x, (block, caches)


def block_backward(d, kept):
    block, caches = kept
    norm = []
    if block["drop"]:
        d = layers.dropout_backward(d, caches.pop())
    d = layers.relu_backward(d, caches.pop())
    if block["norm"] is not None:
        d, *norm = getattr(layers, f"{block['norm'][0]}_backward")(d, caches.pop())
    return [*layers.affine_backward(d, caches.pop()), *norm]


def head(x, W, b, y=None):
    """Scores, or loss and gradients of the last layer."""
    scores, cache = layers.affine_forward(x, W, b)
    if y is None:
        return scores
    loss, d = layers.softmax_loss(scores, y)
    return loss, layers.affine_backward(d, cache)
