"""How affine and ReLU layers and plain nets behave, as rows to compare.

All inputs are fixed: what these functions do to one input of no special kind, they do to all. Arrays become a few
numbers, each the sum of the array weighted by fixed random numbers: two different arrays hardly ever agree in them.
Groups whose name begins with "also" hold what matters less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.api import Array, CheckFailed, Student
from autograder.checks.nets import random_params, set_params

Fingerprint = dict[str, float | bool | str]
Rows = Callable[[Student, np.random.Generator], Fingerprint]

EXACT = 1e-6
LAYERS = ("affine_forward", "affine_backward", "relu_forward", "relu_backward")


def _fixed(*shape: int, seed: int = 17) -> Array:
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def _away(*shape: int, seed: int = 18) -> Array:
    """Fixed numbers of both signs, none near 0."""
    rng = np.random.default_rng((seed, *shape))
    numbers: Array = rng.uniform(0.3, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return numbers


def _seen(name: str, array: object, shape: tuple[int, ...]) -> Fingerprint:
    """Three numbers that tell this array from others."""
    found = np.asarray(array)
    if found.shape != shape:
        return {f"{name} shape": str(found.shape)}
    if not np.isfinite(found).all():
        return {f"{name} finite": False}
    return {f"{name} {k}": float((found * _fixed(*shape, seed=90 + k)).sum()) for k in range(3)}


def _affine_inputs(shape: tuple[int, ...], width: int) -> tuple[Array, Array, Array]:
    return _fixed(*shape), _fixed(int(np.prod(shape[1:])), width), _fixed(width)


def _affine_forward_of(shape: tuple[int, ...], width: int) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        out, _ = student.layers.affine_forward(*_affine_inputs(shape, width))
        return _seen("out", out, (shape[0], width))

    return rows


def _affine_precision(student: Student, rng: np.random.Generator) -> Fingerprint:
    out, _ = student.layers.affine_forward(*_affine_inputs((5, 7), 3))
    return {"in float64": bool(out.dtype == np.float64)}


def _affine_backward_of(shape: tuple[int, ...], width: int, between: bool = False) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        inputs = _affine_inputs(shape, width)
        _, cache = student.layers.affine_forward(*inputs)
        if between:
            student.layers.affine_forward(inputs[0][::-1] + 1, *inputs[1:])
        dx, dw, db = student.layers.affine_backward(_fixed(shape[0], width, seed=5), cache)
        db = np.asarray(db).reshape(-1)
        return _seen("dx", dx, shape) | _seen("dw", dw, inputs[1].shape) | _seen("db", db, (width,))

    return rows


def _relu_forward(student: Student, rng: np.random.Generator) -> Fingerprint:
    values = (-40.0, -0.7, -0.01, 0.02, 0.8, 50.0)
    out, _ = student.layers.relu_forward(np.array([values, values]))
    if out.shape != (2, 6):
        raise CheckFailed("another shape")
    return {f"of {value}": float(out[0, i]) for i, value in enumerate(values)}


def _relu_precision(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether numbers that float32 does not tell apart give different outputs."""
    before, after = (student.layers.relu_forward(x)[0] for x in (_away(5, 7), _away(5, 7) * (1 + 1e-10)))
    return {"in float64": bool((before != after).any())}


def _relu_forward_in_four_dimensions(student: Student, rng: np.random.Generator) -> Fingerprint:
    x = _away(2, 3, 4, 5)
    return _seen("out", student.layers.relu_forward(x)[0], x.shape)


def _relu_backward(student: Student, rng: np.random.Generator) -> Fingerprint:
    x, dout = np.array([[1.7, 1.7, -0.6, -0.6, 0.3, 0.02]]), np.array([[2.0, -3.0, 5.0, -7.0, 11.0, 13.0]])
    _, cache = student.layers.relu_forward(x)
    dx = student.layers.relu_backward(dout, cache)
    if dx.shape != x.shape:
        raise CheckFailed("another shape")
    return {f"at {a} from {b}": float(c) for a, b, c in zip(x[0], dout[0], dx[0], strict=True)}


def _relu_backward_of(shape: tuple[int, ...], between: bool = False) -> Rows:
    def rows(student: Student, rng: np.random.Generator) -> Fingerprint:
        x = _away(*shape)
        _, cache = student.layers.relu_forward(x)
        if between:
            student.layers.relu_forward(-x)
        return _seen("dx", student.layers.relu_backward(_fixed(*shape, seed=5), cache), shape)

    return rows


def _relu_backward_at_zero(student: Student, rng: np.random.Generator) -> Fingerprint:
    x = np.array([[0.0, 1.0, -1.0]])
    _, cache = student.layers.relu_forward(x)
    return {"finite": bool(np.isfinite(student.layers.relu_backward(np.ones((1, 3)), cache)).all())}


class Probe:
    """The rows of one kind of net.

    Parameters
    ----------
    build : function
        Makes a net of given sizes, with settings.
    sizes : list of int
        Inputs, hidden widths, classes.
    """

    def __init__(self, build: Callable[..., Any], sizes: list[int]) -> None:
        self.build, self.sizes = build, sizes
        self.params = random_params(np.random.default_rng(21), sizes, closed=0.3)
        self.x, self.y = _fixed(5, sizes[0]), np.arange(5) % sizes[-1]

    def groups(self) -> dict[str, Rows]:
        """The groups of rows, by name."""
        return {
            "shapes": self.shapes,
            "scores": self.scores,
            "loss": self.loss,
            "gradients": self.gradients,
            "first weights": self.first_weights,
            "also new weights": self.new_weights,
            "also images": self.images,
            "also batch": self.batch,
            "also afterwards": self.afterwards,
            "also again": self.again,
        }

    def net(self, student: Student, **settings: object) -> Any:
        """A net with the fixed parameters, and the last biases far apart and of both signs."""
        net = self.build(student, self.sizes, **settings)
        set_params(net, self.params)
        net.params[self.last_bias] = np.linspace(-2.0, 1.5, self.sizes[-1])
        return net

    @property
    def last_bias(self) -> str:
        """Its name."""
        return f"b{len(self.sizes) - 1}"

    def shapes(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """Names and shapes of the parameters."""
        params = self.build(student, self.sizes).params
        return {
            "of params": " ".join(f"{name}{tuple(s for s in params[name].shape if s > 1)}" for name in sorted(params))
        }

    def scores(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """What loss(X) returns."""
        return _seen("scores", self.net(student).loss(self.x), (5, self.sizes[-1]))

    def loss(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """The loss without and with regularization, for two sizes of the batch."""
        rows: Fingerprint = {}
        for n in (5, 3):
            plain, more = (self.net(student, reg=reg).loss(self.x[:n], self.y[:n])[0] for reg in (0.0, 0.9))
            rows |= {f"of {n}": plain, f"of {n}, what reg adds": more - plain}
        return rows

    def gradients(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """The gradients without and with regularization."""
        rows: Fingerprint = {}
        for reg in (0.0, 0.9):
            grads = self.net(student, reg=reg).loss(self.x, self.y)[1]
            for name, value in self.params.items():
                grad = np.asarray(grads[name]) if name in grads else np.zeros(0)
                grad = grad.reshape(-1) if name[0] == "b" else grad
                rows |= _seen(f"{name} at reg {reg}", grad, value.shape)
        return rows

    def first_weights(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """How the weights of a new net are spread."""
        sizes = [50 for _ in self.sizes]
        params = self.build(student, sizes, weight_scale=0.3).params
        rows: Fingerprint = {}
        for i in range(1, len(sizes)):
            z = np.asarray(params[f"W{i}"]) / 0.3
            rows |= {f"share of W{i} above 0": float((z > 0).mean())}
            rows |= {f"share of W{i} within {t}": float((abs(z) < t).mean()) for t in (0.5, 1.0, 2.0)}
            rows |= {f"b{i} is 0": not np.asarray(params[f"b{i}"]).any()}
        return rows

    def new_weights(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether two nets begin alike."""
        first, second = (np.asarray(self.build(student, self.sizes).params["W1"]) for _ in range(2))
        return {"differ": bool((first != second).any())}

    def images(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether X may have four dimensions."""
        scores = self.net(student).loss(self.x.reshape(5, 2, 2, -1))
        return _seen("scores", scores, (5, self.sizes[-1]))

    def batch(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether the scores of an image depend on the others."""
        net = self.net(student)
        alone, together = np.asarray(net.loss(self.x[:1])), np.asarray(net.loss(self.x))
        return {"scores repeat": bool(np.allclose(alone, together[:1], rtol=EXACT))}

    def afterwards(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """Whether a call changes parameters."""
        net = self.net(student, reg=0.3)
        net.loss(self.x, self.y)
        kept = [
            np.array_equal(np.asarray(net.params[name]), self.params[name]) for name in self.params if name[0] == "W"
        ]
        return {"parameters stay": all(kept)}

    def again(self, student: Student, rng: np.random.Generator) -> Fingerprint:
        """The gradients of a second batch, so large that all layers see other numbers, after a call with the first."""
        net = self.net(student)
        net.loss(self.x, self.y)
        grads = net.loss(1000 * self.x[::-1], self.y)[1]
        return {f"norm of {name}": float(np.linalg.norm(np.asarray(grads[name]))) for name in sorted(grads)}


def _two_layer(student: Student, sizes: list[int], **settings: object) -> Any:
    return student.fc_net.TwoLayerNet(input_dim=sizes[0], hidden_dim=sizes[1], num_classes=sizes[2], **settings)


def _deep(student: Student, sizes: list[int], **settings: object) -> Any:
    return student.fc_net.FullyConnectedNet(
        list(sizes[1:-1]), input_dim=sizes[0], num_classes=sizes[-1], dtype=np.float64, **settings
    )


def _eleven_layers(student: Student, rng: np.random.Generator) -> Fingerprint:
    """A net in which the order of names is not that of numbers. All its ReLUs are open."""
    sizes = [5] * 12
    net = _deep(student, sizes, reg=0.9)
    for i in range(1, 12):
        net.params[f"W{i}"] = abs(_fixed(5, 5, seed=60 + i)) / 4
        net.params[f"b{i}"] = abs(_fixed(5, seed=60 + i)) / 4
    x, y = abs(_fixed(5, 5)), np.arange(5)
    loss, grads = net.loss(x, y)
    rows = {f"norm of W{i}": float(np.linalg.norm(np.asarray(grads[f"W{i}"]))) for i in (1, 2, 9, 10, 11)}
    return {"score": float(np.asarray(net.loss(x))[1, 2]), "loss": loss, **rows}


def _held_in(student: Student, rng: np.random.Generator) -> Fingerprint:
    """Whether parameters are rounded to float32 in a net that was asked for float64."""
    params = _deep(student, [6, 5, 4]).params
    return {"float32": " ".join(sorted(name for name in params if np.asarray(params[name]).dtype == np.float32))}


PROBES: dict[str, dict[str, Rows]] = {
    "affine_forward": {
        "flat": _affine_forward_of((5, 7), 3),
        "images": _affine_forward_of((4, 2, 3, 2), 5),
        "three dimensions": _affine_forward_of((3, 2, 4), 5),
        "also precision": _affine_precision,
    },
    "affine_backward": {
        "flat": _affine_backward_of((5, 7), 3),
        "images": _affine_backward_of((4, 2, 3, 2), 5),
        "also after another call": _affine_backward_of((5, 7), 3, between=True),
    },
    "relu_forward": {
        "flat": _relu_forward,
        "also four dimensions": _relu_forward_in_four_dimensions,
        "also precision": _relu_precision,
    },
    "relu_backward": {
        "flat": _relu_backward,
        "also four dimensions": _relu_backward_of((2, 3, 4, 5)),
        "also at zero": _relu_backward_at_zero,
        "also after another call": _relu_backward_of((5, 7), between=True),
    },
    "two_layer_net": Probe(_two_layer, [8, 12, 5]).groups(),
    "fc_net": {
        **Probe(_deep, [8, 12, 9, 5]).groups(),
        "also eleven layers": _eleven_layers,
        "also dtype": _held_in,
    },
}

# Backward is looked at through forward, and a net through its layers.
BELOW = {
    "affine_backward": ("affine_forward",),
    "relu_backward": ("relu_forward",),
    "two_layer_net": LAYERS,
    "fc_net": LAYERS,
}
