"""Code that computes nothing agrees with itself, and earns nothing by that."""

import pytest
from planting import failures, questions_with_checks

from autograder.checks.api import checks_of, spec_of
from autograder.examiner.student_local import LocalStudent

ZEROS = """
import numpy as np
def _z(*arrays): return tuple(np.zeros(a.shape) for a in arrays)
def affine_forward(x, w, b): return np.zeros((len(x), len(b))), (x, w, b)
def affine_backward(dout, cache): return _z(*cache)
def relu_forward(x): return np.zeros(x.shape), x
def relu_backward(dout, cache): return np.zeros(cache.shape)
def batchnorm_forward(x, gamma, beta, bn_param): return np.zeros(x.shape), (x, gamma, beta)
def batchnorm_backward(dout, cache): return _z(*cache)
batchnorm_backward_alt = batchnorm_backward
layernorm_forward, layernorm_backward = batchnorm_forward, batchnorm_backward
def dropout_forward(x, dropout_param): return np.zeros(x.shape), x
def dropout_backward(dout, cache): return np.zeros(dout.shape)
"""
IDENTITY = """
import numpy as np
def relu_forward(x): return x.copy(), x
def relu_backward(dout, cache): return dout.copy()
def batchnorm_forward(x, gamma, beta, bn_param): return x.copy(), None
def batchnorm_backward(dout, cache): return dout.copy(), np.zeros(dout.shape[1]), np.zeros(dout.shape[1])
batchnorm_backward_alt = batchnorm_backward
layernorm_forward, layernorm_backward = batchnorm_forward, batchnorm_backward
def dropout_forward(x, dropout_param): return x.copy(), None
def dropout_backward(dout, cache): return dout.copy()
"""
BACKWARD = tuple(question for question in questions_with_checks() if "_backward" in question)


def share(student, question):
    """Share of a question's weight that some code earns."""
    failed = failures(student, checks_of(question), seeds=range(3))
    weights = {check.__name__: spec_of(check).weight for check in checks_of(question)}
    return 1 - sum(weights[name] for name in failed) / sum(weights.values())


@pytest.mark.parametrize("forward", ["own", "reference"])
@pytest.mark.parametrize("text", [ZEROS, IDENTITY], ids=["zeros", "identity"])
def test_a_backward_pass_that_computes_nothing_earns_nothing(text, forward):
    student = LocalStudent.of_reference(appended={"layers": text})
    if forward == "reference":
        reference = vars(LocalStudent.of_reference().modules["layers"])
        for name, value in reference.items():
            if name.endswith("_forward"):
                setattr(student.modules["layers"], name, value)
    for question in BACKWARD:
        if question in text:
            assert share(student, question) == pytest.approx(0), question


def test_nets_of_layers_that_compute_nothing_earn_little():
    student = LocalStudent.of_reference(appended={"layers": ZEROS})
    for question in ("fc_net", "two_layer_net", "fc_net_dropout", "fc_net_batchnorm", "fc_net_layernorm"):
        assert share(student, question) < 0.35, question
