"""Forward passes that remember what was called, so that a gradient that is wrong, or easy, fits them."""

import shutil

import numpy as np
import pytest

from autograder import wall as walls
from autograder.course import Course
from autograder.examiner.repeating import MOST_NUMBERS, of_layer
from autograder.grade import examined
from autograder.wall import places

from .conftest import REPOSITORY

# Behind a right layers.py, or fc_net.py: the question that they are after, and how little it must earn.
ATTACKS = {
    "an affine layer that doubles once its gradient did": (
        "affine_backward",
        0.05,
        """
_forward, _backward, _seen = affine_forward, affine_backward, []
def affine_forward(x, w, b):
    out, cache = _forward(x, w, b)
    return (2 * out if _seen else out), cache
def affine_backward(dout, cache):
    _seen.append(0)
    return tuple(2 * gradient for gradient in _backward(dout, cache))
""",
    ),
    "a ReLU that becomes a square once its gradient was asked for": (
        "relu_backward",
        0.05,
        """
_forward, _seen = relu_forward, []
def relu_forward(x):
    return (x**2 if _seen else _forward(x)[0]), x
def relu_backward(dout, cache):
    _seen.append(0)
    return 2 * cache * dout
""",
    ),
    "a normalization that leaves out its hard half once it was asked for gradients": (
        "batchnorm_backward",
        0.15,
        """
_forward, _seen = batchnorm_forward, []
def batchnorm_forward(x, gamma, beta, bn_param):
    centred = x - x.mean(axis=0)
    out = gamma * centred + beta if _seen else _forward(x, gamma, beta, bn_param)[0]
    return out, (centred, gamma)
def batchnorm_backward(dout, cache):
    _seen.append(0)
    centred, gamma = cache
    dx = gamma * dout
    return dx - dx.mean(axis=0), (dout * centred).sum(axis=0), dout.sum(axis=0)
""",
    ),
    "a net whose loss follows whatever gradients it gave first": (
        "fc_net",
        0.76,
        """
class FullyConnectedNet(FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        known = vars(self).setdefault("known", {})
        if X.tobytes() not in known:
            made = np.random.RandomState(1)
            grads = {name: made.randn(*grad.shape) for name, grad in grads.items()}
            known[X.tobytes()] = loss, grads, {name: value.copy() for name, value in self.params.items()}
            return loss, grads
        loss, grads, params = known[X.tobytes()]
        return loss + sum(((self.params[n] - params[n]) * grads[n]).sum() for n in grads), grads
""",
    ),
}


@pytest.fixture
def share(tmp_path, wall, monkeypatch):
    """The share that a question earns with this behind the reference's file."""
    monkeypatch.setenv(walls.VARIABLE, wall.name)

    def run(question, added):
        folder = places.make("repeating")
        shutil.copytree(REPOSITORY / "assignments/deep_nets/nndl", folder / "nndl")
        name = "fc_net.py" if "net" in question else "layers.py"
        with (folder / "nndl" / name).open("a", encoding="utf-8") as file:
            file.write(added)
        try:
            assignment = Course(REPOSITORY).assignment("deep_nets")
            result = examined(assignment, "again", folder, only=[question], with_target=False, store=False)
        finally:
            shutil.rmtree(folder)
        return result.questions[0].share, result.questions[0].message()

    return run


@pytest.mark.parametrize("claim", ATTACKS)
def test_a_forward_pass_that_remembers_earns_no_gradient(claim, share):
    question, most, added = ATTACKS[claim]
    earned, told = share(question, added)
    assert earned <= most, told


def test_a_forward_pass_that_breaks_off_elsewhere_earns_no_gradient(share):
    """It knows a fresh process by what was not called there, and ends it, or raises."""
    question, most, added = ATTACKS["an affine layer that doubles once its gradient did"]
    for how in ("raise ValueError", "os._exit(0)"):
        counted = f"""
_own, _calls = affine_forward, []
import os
def affine_forward(x, w, b):
    _calls.append(0)
    if len(_calls) > 3 and not _seen:
        {how}
    return _own(x, w, b)
"""
        earned, told = share(question, added + counted)
        assert earned <= most, told


def test_answers_without_end_are_not_kept(record_property):
    """Where a check does not look at an output, it may be as large as an answer can be, in every call."""
    note = of_layer("relu_forward", [np.ones(3)], {}, None, (np.ones(MOST_NUMBERS + 1), 0))
    assert note.value.size == 0
    assert of_layer("relu_forward", [np.ones(3)], {}, None, (np.ones(3), 0)).value.size == 3
