"""What `speed.py` compares: one training step of the same net, by several hands.

Each `*_step` function returns a function without arguments that does one step.
"""

import itertools

import numpy as np
from nndl.fc_net import FullyConnectedNet
from nndl.solver import Solver

INPUTS, CLASSES = 3 * 32 * 32, 10
KEEP, RATE, SCALE = 0.75, 3e-3, 4e-2
IMAGES = 5000  # to draw minibatches from


def images_and_labels(dtype=np.float32):
    """Random images with the size of CIFAR-10's, mean 0, and labels."""
    rng = np.random.default_rng(0)
    images = 60 * rng.standard_normal((IMAGES, 3, 32, 32), dtype=np.float32)
    return images.astype(dtype), rng.integers(0, CLASSES, IMAGES)


def floor_step(hidden, batch):
    """The matrix products of a step alone, float32: forward, dw, and dx of all layers but the first."""
    rng = np.random.default_rng(0)
    sizes = [INPUTS, *hidden, CLASSES]

    def matrix(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    layers = [(matrix(batch, d), matrix(d, m), matrix(batch, m)) for d, m in itertools.pairwise(sizes)]

    def step():
        for x, w, _ in layers:
            x @ w
        for number, (x, w, dout) in reversed(list(enumerate(layers))):
            x.T @ dout
            if number:
                dout @ w.T

    return step


def reference_step(hidden, batch):
    """nndl's own net and Solver."""
    images, labels = images_and_labels()
    data = {"X_train": images, "y_train": labels, "X_val": images[:10], "y_val": labels[:10]}
    net = FullyConnectedNet(hidden, normalization="batchnorm", dropout_keep_ratio=KEEP, weight_scale=SCALE)
    options = {"optim_config": {"learning_rate": RATE}, "batch_size": batch, "verbose": False}
    return Solver(net, data, update_rule="adam", **options)._step


def textbook_step(hidden, batch):
    """Code as one first writes it: float64 throughout, a new array at every line, dx of every layer."""
    images, labels = images_and_labels(np.float64)
    sizes = [INPUTS, *hidden, CLASSES]
    last = len(hidden)
    params, means, squares, running = {}, {}, {}, {}
    for i, (d, m) in enumerate(itertools.pairwise(sizes)):
        params[f"W{i}"], params[f"b{i}"] = SCALE * np.random.randn(d, m), np.zeros(m)
        if i < last:
            params[f"gamma{i}"], params[f"beta{i}"] = np.ones(m), np.zeros(m)
            running[i] = np.zeros(m), np.zeros(m)
    time = 0

    def forward(x):
        caches = []
        for i in range(last):
            affine = x @ params[f"W{i}"] + params[f"b{i}"]
            mean, var = affine.mean(axis=0), affine.var(axis=0)
            running[i] = 0.9 * running[i][0] + 0.1 * mean, 0.9 * running[i][1] + 0.1 * var
            x_hat = (affine - mean) / np.sqrt(var + 1e-5)
            out = params[f"gamma{i}"] * x_hat + params[f"beta{i}"]
            active = np.maximum(0, out)
            mask = (np.random.rand(*active.shape) < KEEP) / KEEP
            caches.append((x, affine, mean, var, x_hat, out, mask))
            x = active * mask
        return x @ params[f"W{last}"] + params[f"b{last}"], x, caches

    def normalization_backward(dout, gamma, affine, mean, var):
        count = len(dout)
        dx_hat = dout * gamma
        inverse = 1 / np.sqrt(var + 1e-5)
        dvar = np.sum(dx_hat * (affine - mean) * -0.5 * inverse**3, axis=0)
        dmean = np.sum(-dx_hat * inverse, axis=0) + dvar * np.mean(-2 * (affine - mean), axis=0)
        return dx_hat * inverse + dvar * 2 * (affine - mean) / count + dmean / count

    def adam(name, gradient):
        means[name] = 0.9 * means.get(name, 0) + 0.1 * gradient
        squares[name] = 0.999 * squares.get(name, 0) + 0.001 * gradient**2
        mean, square = means[name] / (1 - 0.9**time), squares[name] / (1 - 0.999**time)
        params[name] = params[name] - RATE * mean / (np.sqrt(square) + 1e-8)

    def step():
        nonlocal time
        time += 1
        chosen = np.random.choice(IMAGES, batch)
        y = labels[chosen]
        scores, x, caches = forward(images[chosen].reshape(batch, -1))
        prob = np.exp(scores - scores.max(axis=1, keepdims=True))
        prob /= prob.sum(axis=1, keepdims=True)
        dout = prob.copy()
        dout[np.arange(batch), y] -= 1
        dout /= batch
        grads = {f"W{last}": x.T @ dout, f"b{last}": dout.sum(axis=0)}
        dout = dout @ params[f"W{last}"].T
        for i in reversed(range(last)):
            x, affine, mean, var, x_hat, out, mask = caches[i]
            dout = dout * mask * (out > 0)
            grads[f"gamma{i}"], grads[f"beta{i}"] = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
            dout = normalization_backward(dout, params[f"gamma{i}"], affine, mean, var)
            grads[f"W{i}"], grads[f"b{i}"] = x.T @ dout, dout.sum(axis=0)
            dout = dout @ params[f"W{i}"].T
        for name, gradient in grads.items():
            adam(name, gradient)

    return step


def torch_step(hidden, batch, fused=False):
    """PyTorch on the CPU, eager; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    images, labels = (torch.from_numpy(array) for array in images_and_labels())
    sizes = [INPUTS, *hidden]
    parts = []
    for d, m in itertools.pairwise(sizes):
        parts += [torch.nn.Linear(d, m), torch.nn.BatchNorm1d(m), torch.nn.ReLU(), torch.nn.Dropout(1 - KEEP)]
    net = torch.nn.Sequential(torch.nn.Flatten(), *parts, torch.nn.Linear(sizes[-1], CLASSES))
    rule = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)
    loss_of = torch.nn.CrossEntropyLoss()

    def step():
        chosen = torch.randint(IMAGES, (batch,))
        loss = loss_of(net(images[chosen]), labels[chosen])
        rule.zero_grad()
        loss.backward()
        rule.step()
        loss.item()

    return step
