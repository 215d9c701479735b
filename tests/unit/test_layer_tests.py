import numpy as np
import pytest
from nndl import fc_net, layer_tests, layers
from nndl.layer_tests import CheckFailed, Row, check, close, holds, share, tolerance_of_mean, within

DROPOUT = ("dropout_forward", "dropout_backward", "fc_net_dropout")


@pytest.mark.parametrize("question", layer_tests.questions())
def test_reference_passes_its_visible_check(question, capsys):
    check(question)
    out = capsys.readouterr().out
    assert out.startswith(question + "\n")
    assert "FAIL" not in out


def test_dropout_questions_are_there_in_order():
    assert [question for question in layer_tests.questions() if "dropout" in question] == list(DROPOUT)


# Right styles: pairs of a mask maker and where the scaling is done.


def masks(x, p, rng):
    yield "compare", rng.rand(*x.shape) < p
    yield "compare the other side", rng.rand(*x.shape) > 1 - p
    yield "random_sample", rng.random_sample(x.shape) < p
    yield "uniform", rng.uniform(size=x.shape) < p
    yield "binomial", rng.binomial(1, p, size=x.shape)
    yield "choice", rng.choice([0, 1], size=x.shape, p=[1 - p, p])
    yield "float32", (rng.rand(*x.shape) < p).astype(np.float32)


STYLES = [name for name, _ in masks(np.zeros(2), 0.5, np.random.RandomState(0))]


def make_dropout(style, scaled_early, alias, reseed_the_world):
    """Dropout as students write it; the cache is what the template gives."""

    def forward(x, param):
        rng = np.random
        if "seed" in param:
            if reseed_the_world:
                np.random.seed(param["seed"])
            else:
                rng = np.random.RandomState(param["seed"])
        if param["mode"] == "test":
            return (x if alias else x.copy()), (param, None)
        p = param["p"]
        mask = dict(masks(x, p, rng))[style]
        if scaled_early:
            mask = mask / p
            return x * mask, (param, mask)
        return x * mask / p, (param, mask)

    def backward(dout, cache):
        param, mask = cache
        if param["mode"] == "test":
            return dout
        return dout * mask if scaled_early else dout * mask / param["p"]

    return forward, backward


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("scaled_early", [True, False])
def test_every_right_style_of_dropout_passes(monkeypatch, style, scaled_early):
    forward, backward = make_dropout(style, scaled_early, alias=scaled_early, reseed_the_world=not scaled_early)
    monkeypatch.setattr(layers, "dropout_forward", forward)
    monkeypatch.setattr(layers, "dropout_backward", backward)
    for question in DROPOUT:
        check(question)


def test_cache_of_another_shape_and_float32_answers_pass(monkeypatch):
    def forward(x, param):
        out, (_, mask) = reference_forward(x, param)
        return out.astype(np.float32), {"mask": mask, "note": "mine", "mode": param["mode"]}

    def backward(dout, cache):
        dx = dout if cache["mode"] == "test" else dout * cache["mask"]
        return dx.astype(np.float64)

    reference_forward = layers.dropout_forward
    monkeypatch.setattr(layers, "dropout_forward", forward)
    monkeypatch.setattr(layers, "dropout_backward", backward)
    check("dropout_backward")


# Wrong answers seen in solved packages. Most pass the numerical gradient check.


def wrong_forward(make_mask, at_test=lambda x, p, mask: x):
    def forward(x, param):
        seed = param.get("seed")
        rng = np.random if seed is None else np.random.RandomState(seed)
        p = param["p"]
        mask = make_mask(rng, x, p)
        if param["mode"] == "test":
            return at_test(x, p, mask), (param, None)
        return x * mask, (param, mask)

    return forward


def right_mask(rng, x, p):
    return (rng.rand(*x.shape) < p) / p


WRONG_FORWARD = {
    "drops p, divides by p": (wrong_forward(lambda rng, x, p: (rng.rand(*x.shape) > p) / p), "KEEPING"),
    "drops p, divides by 1 - p": (wrong_forward(lambda rng, x, p: (rng.rand(*x.shape) > p) / (1 - p)), "KEEPING"),
    "precedence: never drops": (wrong_forward(lambda rng, x, p: rng.rand(*x.shape) < p / p), "nothing was dropped"),
    "mask not scaled": (wrong_forward(lambda rng, x, p: rng.rand(*x.shape) < p), "scaled by 1 / p"),
    "vanilla: scaled at test time": (
        wrong_forward(lambda rng, x, p: rng.rand(*x.shape) < p, lambda x, p, mask: x * p),
        "nothing is scaled",
    ),
    "one mask per feature": (
        wrong_forward(lambda rng, x, p: np.broadcast_to((rng.rand(*x.shape[1:]) < p) / p, x.shape)),
        "every value",
    ),
    "one mask per example": (
        wrong_forward(lambda rng, x, p: (rng.rand(len(x), *[1] * (x.ndim - 1)) < p) / p),
        "every value",
    ),
    "randn for rand": (wrong_forward(lambda rng, x, p: (rng.randn(*x.shape) < p) / p), "uniform distribution"),
    "dropout in test mode": (wrong_forward(right_mask, lambda x, p, mask: x * mask), "nothing is dropped"),
    "only two dimensions": (wrong_forward(lambda rng, x, p: (rng.rand(x.shape[0], x.shape[1]) < p) / p), "Error"),
    "seed ignored": (wrong_forward(lambda rng, x, p: right_mask(np.random, x, p)), '["seed"]'),
    "always the same mask": (wrong_forward(lambda rng, x, p: right_mask(np.random.RandomState(0), x, p)), "new mask"),
    "no output in test mode": (wrong_forward(right_mask, lambda x, p, mask: None), "nothing is scaled"),
    "no pair": (lambda x, param: x, "return out, cache"),
    "drops everything": (wrong_forward(lambda rng, x, p: np.zeros(x.shape)), "everything was dropped"),
    "not a number": (wrong_forward(lambda rng, x, p: right_mask(rng, x, p) * np.nan), "make up for"),
}


@pytest.mark.parametrize("name", WRONG_FORWARD)
def test_wrong_dropout_forward_fails_with_its_hint(monkeypatch, capsys, name):
    forward, hint = WRONG_FORWARD[name]
    monkeypatch.setattr(layers, "dropout_forward", forward)
    with pytest.raises(CheckFailed, match=r"dropout_forward: .* failed"):
        check("dropout_forward")
    assert hint in capsys.readouterr().out


LAST = {}


def last_mask_forward(x, param):
    out, cache = REFERENCE_FORWARD(x, param)
    LAST["mask"] = cache[1]
    return out, cache


REFERENCE_FORWARD = layers.dropout_forward
WRONG_BACKWARD = {
    "test mode gives None": lambda dout, cache: None if cache[1] is None else dout * cache[1],
    "mask unscaled": lambda dout, cache: dout if cache[1] is None else dout * (cache[1] > 0),
    "no mask": lambda dout, cache: dout,
    "scaled twice": lambda dout, cache: dout if cache[1] is None else dout * cache[1] / cache[0]["p"],
    "mask of the last call": lambda dout, cache: dout if cache[1] is None else dout * LAST["mask"],
    "test mode scaled": lambda dout, cache: dout * cache[0]["p"] if cache[1] is None else dout * cache[1],
    "summed": lambda dout, cache: dout if cache[1] is None else (dout * cache[1]).sum(axis=0),
}


@pytest.mark.parametrize("name", WRONG_BACKWARD)
def test_wrong_dropout_backward_fails(monkeypatch, name):
    monkeypatch.setattr(layers, "dropout_forward", last_mask_forward)
    monkeypatch.setattr(layers, "dropout_backward", WRONG_BACKWARD[name])
    with pytest.raises(CheckFailed, match="dropout_backward"):
        check("dropout_backward")


class ObviousNet:
    """FullyConnectedNet written out once more, with one fault if asked for."""

    fault = None

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
        sizes = [input_dim, *hidden_dims, num_classes]
        self.L, self.reg, self.params = len(sizes) - 1, reg, {}
        for i in range(1, len(sizes)):
            self.params[f"W{i}"] = weight_scale * np.random.randn(sizes[i - 1], sizes[i])
            self.params[f"b{i}"] = np.zeros((1, sizes[i]))
        keep = dropout_keep_ratio
        self.use = keep > 1 if self.fault == "never on" else keep != 1
        self.param = {"p": 1 - keep if self.fault == "swapped" else keep}
        if seed is not None and self.fault != "seed not handed on":
            self.param["seed"] = seed

    def drops(self, i):
        if not self.use or (self.fault == "first layer left out" and i == 1):
            return False
        return i < self.L or self.fault == "on the scores"

    def loss(self, X, y=None):
        train = y is not None
        if self.fault != "mode left as it was" or "mode" not in self.param or not train:
            self.param["mode"] = "train" if train or self.fault == "acts at test time" else "test"
        h, caches = X.reshape(len(X), -1), []
        if self.fault == "on the input" and self.use:
            h, _ = layers.dropout_forward(h, self.param)
        for i in range(1, self.L + 1):
            cache = {"h": h}
            h = h @ self.params[f"W{i}"] + self.params[f"b{i}"]
            cache["z"] = h
            if i < self.L or self.fault == "ReLU on the scores":
                h = np.maximum(h, 0)
            if self.drops(i):
                h, cache["drop"] = layers.dropout_forward(h, self.param)
            caches.append(cache)
        if not train:
            return h
        prob = np.exp(h - h.max(axis=1, keepdims=True))
        prob /= prob.sum(axis=1, keepdims=True)
        loss, d, grads = -np.mean(np.log(prob[np.arange(len(y)), y] + 1e-7)), prob, {}
        d[np.arange(len(y)), y] -= 1
        d /= len(y)
        for i in range(self.L, 0, -1):
            cache = caches[i - 1]
            if "drop" in cache and not (self.fault == "backward left out" and i < self.L):
                d = layers.dropout_backward(d, cache["drop"])
            if i < self.L:
                d = d * (cache["z"] > 0)
            grads[f"W{i}"], grads[f"b{i}"] = cache["h"].T @ d, d.sum(axis=0)
            d = d @ self.params[f"W{i}"].T
        if self.fault == "gradient missing":
            del grads["b2"]
        return loss, grads


def test_net_written_in_another_way_passes(monkeypatch):
    # Biases of shape (1, M) with gradients of shape (M,), and 1e-7 inside the log, are right styles too.
    monkeypatch.setattr(fc_net, "FullyConnectedNet", ObviousNet)
    check("fc_net_dropout")


NET_FAULTS = {
    "never on": "is dropout ever called",
    "swapped": "KEEPING",
    "seed not handed on": "hand `seed`",
    "first layer left out": "hidden layer 1 has no dropout",
    "on the scores": "no dropout and no ReLU after it",
    "ReLU on the scores": "no dropout and no ReLU after it",
    "on the input": "before the first layer",
    "acts at test time": 'in mode "test"',
    "mode left as it was": "set the mode back",
    "backward left out": "opposite order",
    "gradient missing": "missing or too many: b2",
}


@pytest.mark.parametrize("fault", NET_FAULTS)
def test_faulty_net_fails_with_its_hint(monkeypatch, capsys, fault):
    monkeypatch.setattr(ObviousNet, "fault", fault)
    monkeypatch.setattr(fc_net, "FullyConnectedNet", ObviousNet)
    with pytest.raises(CheckFailed):
        check("fc_net_dropout")
    assert NET_FAULTS[fault] in capsys.readouterr().out


def test_function_not_written_yet_is_said_in_one_line(monkeypatch, capsys, tmp_path):
    # The stub is compiled under the file's own name, as a stripped module is.
    source = "def dropout_forward(x, dropout_param):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    names = {}
    exec(compile(source, layers.__file__, "exec"), names)
    monkeypatch.setattr(layers, "dropout_forward", names["dropout_forward"])
    for question in DROPOUT:
        with pytest.raises(CheckFailed, match=r"^dropout_forward is not written yet \(nndl/layers.py, line 3\)$"):
            check(question)
        out = capsys.readouterr().out
        assert out == "dropout_forward is not written yet (nndl/layers.py, line 3)\n"


def test_error_in_student_code_shows_its_line_and_none_of_ours(monkeypatch, capsys):
    source = "def dropout_forward(x, dropout_param):\n    return x * maks, None\n"
    names = {}
    exec(compile(source, layers.__file__, "exec"), names)
    monkeypatch.setattr(layers, "dropout_forward", names["dropout_forward"])
    with pytest.raises(CheckFailed):
        check("dropout_forward")
    out = capsys.readouterr().out
    assert "NameError in dropout_forward (nndl/layers.py, line 2)" in out
    assert "checks_dropout.py" not in out


def test_check_leaves_the_global_generator_as_it_was(capsys):
    np.random.seed(5)
    expected = np.random.rand()
    for question in DROPOUT:
        np.random.seed(5)
        check(question)
        assert np.random.rand() == expected


def test_changed_input_is_a_remark_and_no_failure(monkeypatch, capsys):
    def forward(x, param):
        out, cache = REFERENCE_FORWARD(x, param)
        if param["mode"] == "train":
            x[...] = out
            return x, cache
        return out, cache

    monkeypatch.setattr(layers, "dropout_forward", forward)
    check("dropout_forward")
    assert "remark: a layer that changes its input" in capsys.readouterr().out


def test_unknown_question_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"fix: use one of affine_forward, .*dropout_forward"):
        check("dropout")


def test_table_is_aligned_and_gives_the_hint_of_a_failed_row():
    rows = [holds("short", True, "unused"), Row("a longer text", "0.5", "0.25", False, "look here")]
    assert layer_tests._table("title", rows).splitlines() == [
        "title",
        "  short          yes  yes   pass",
        "  a longer text  0.5  0.25  FAIL",
        "      -> look here",
        "  1 of 2 passed",
    ]


def test_close_refuses_what_is_no_array_of_numbers():
    for got in (None, "dx", [None, 1.0], np.array([1 + 1j])):
        assert not close("dx", got, np.ones(1)).passed
    assert not close("dx", np.full(3, np.nan), np.ones(3)).passed
    assert close("db", np.ones((1, 3)), np.ones(3)).passed
    assert not close("db", np.ones((3, 3)), np.ones(3)).passed


def test_statistical_tolerance_keeps_its_false_alarm():
    # P(|mean - p| >= t) computed exactly from the binomial distribution must be at most what is promised.
    from math import comb

    for n, p in ((60, 0.5), (200, 0.25), (300, 0.95)):
        t = tolerance_of_mean(n)
        tail = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if abs(k / n - p) >= t)
        assert tail <= layer_tests.FALSE_ALARM
    assert layer_tests.FALSE_ALARM * 100 <= 1e-9


def test_share_passes_inside_and_fails_outside_its_tolerance():
    hits = np.arange(1000) < 500
    t = tolerance_of_mean(1000)
    assert share("zeros", hits, 0.5 + 0.99 * t).passed
    assert not share("zeros", hits, 0.5 + 1.01 * t).passed
    assert not within("mean", float("nan"), 1.0, 0.5).passed
