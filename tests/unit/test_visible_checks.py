"""Wrong answers seen in solved packages, which the visible checks of layers, update rules and nets must find."""

import numpy as np
import pytest
from nndl import fc_net, layers, optim
from nndl.layer_tests import CheckFailed, check


def batchnorm(x, gamma, beta, param, *, ddof=0, eps_outside=False, flipped=False, fault=None):
    """Batch normalization with one fault at a time; the cache is the reference's."""
    _, cache = REFERENCE["batchnorm_forward"](x, gamma, beta, dict(param))
    eps, momentum = param.get("eps", 1e-5), param.get("momentum", 0.9)
    mean, var = param.get("running_mean", np.zeros(x.shape[1])), param.get("running_var", np.zeros(x.shape[1]))
    if param["mode"] == "test":
        if fault == "batch statistics at test time":
            mean, var = x.mean(axis=0), x.var(axis=0)
        out = (x - mean) / np.sqrt(var + (0 if fault == "no eps at test time" else eps))
        if fault == "test pass changes the statistics":
            param["running_mean"] = 0.5 * mean
        return out if fault == "no gamma at test time" else gamma * out + beta, None
    mu, new = x.mean(axis=0), x.var(axis=0, ddof=ddof)
    if fault == "variance over the whole array":
        new = np.var(x)
    scale = np.sqrt(new) + eps if eps_outside else np.sqrt(new + eps)
    kept = 1 - momentum if flipped else momentum
    stored = {"std stored": np.sqrt(new), "eps stored": new + eps}.get(fault, new)
    if fault == "overwritten":
        mean, var, kept = mu, stored, 0
    if fault != "never stored":
        param["running_mean"] = kept * mean + (1 - kept) * mu
        param["running_var"] = kept * var + (1 - kept) * stored
    return gamma * (x - mu) / scale + beta, cache


REFERENCE = {name: getattr(layers, name) for name in ("batchnorm_forward", "layernorm_forward", "softmax_loss")}
BATCHNORM_FAULTS = [
    {"ddof": 1},
    {"eps_outside": True},
    {"flipped": True},
    *(
        {"fault": name}
        for name in (
            "batch statistics at test time",
            "no eps at test time",
            "no gamma at test time",
            "test pass changes the statistics",
            "variance over the whole array",
            "std stored",
            "eps stored",
            "overwritten",
            "never stored",
        )
    ),
]


def test_batchnorm_without_a_fault_passes(monkeypatch):
    monkeypatch.setattr(layers, "batchnorm_forward", batchnorm)
    check("batchnorm_forward")


@pytest.mark.parametrize("fault", BATCHNORM_FAULTS, ids=str)
def test_faulty_batchnorm_fails(monkeypatch, fault):
    monkeypatch.setattr(layers, "batchnorm_forward", lambda *args: batchnorm(*args, **fault))
    with pytest.raises(CheckFailed, match="batchnorm_forward"):
        check("batchnorm_forward")


def adam(w, dw, config, *, t_first=True, correct_m=True, correct_v=True, store=True, swapped=False, root=True):
    m, v, t = (config.get(key, 0) for key in ("m", "v", "t"))
    m, v = config["beta1"] * m + (1 - config["beta1"]) * dw, config["beta2"] * v + (1 - config["beta2"]) * dw**2
    t += t_first
    mt = m / (1 - config["beta1"] ** t) if correct_m else m
    vt = v / (1 - config["beta2"] ** t) if correct_v else v
    if store:
        config.update({"m": v, "v": m} if swapped else {"m": m, "v": v}, t=t)
    return w - config["learning_rate"] * mt / ((np.sqrt(vt) if root else vt) + 1e-8), config


def test_adam_without_a_fault_passes(monkeypatch):
    monkeypatch.setattr(optim, "adam", adam)
    check("adam")


@pytest.mark.parametrize("fault", ["t_first", "correct_m", "correct_v", "store", "root"])
def test_faulty_adam_fails(monkeypatch, fault):
    monkeypatch.setattr(optim, "adam", lambda *args: adam(*args, **{fault: False}))
    with np.errstate(all="ignore"), pytest.raises(CheckFailed, match="adam"):
        check("adam")


def test_adam_that_does_not_count_its_steps_gets_the_hint(monkeypatch, capsys):
    def uncounted(w, dw, config):
        t = config.get("t", 0)
        return w - config["learning_rate"] / (1 - config["beta1"] ** t) * dw, config

    monkeypatch.setattr(optim, "adam", uncounted)
    with pytest.raises(CheckFailed, match="divided by 0"):
        check("adam")
    assert "t grows before it is used" in capsys.readouterr().out


def momentum(w, dw, config):
    config["velocity"] = config["momentum"] * config.get("velocity", 0) - config["learning_rate"] * dw
    return w + config["velocity"], config


def rmsprop_in_place(w, dw, config):
    """A right one: epsilon inside the root, w changed in place."""
    config["cache"] = config["decay_rate"] * config.get("cache", 0) + (1 - config["decay_rate"]) * dw**2
    w -= config["learning_rate"] * dw / np.sqrt(config["cache"] + 1e-8)
    return w, config


def test_update_rule_that_works_in_place_passes(monkeypatch):
    monkeypatch.setattr(optim, "rmsprop", rmsprop_in_place)
    check("rmsprop")


WRONG = {
    "adam with m and v swapped": (optim, "adam", lambda *args: adam(*args, swapped=True)),
    "momentum in place of Nesterov": (optim, "sgd_nesterov_momentum", momentum),
    "velocity not stored": (optim, "sgd_momentum", lambda w, dw, c: (momentum(w, dw, dict(c))[0], c)),
    "sgd the wrong way": (optim, "sgd", lambda w, dw, c: (w + c["learning_rate"] * dw, c)),
    "rmsprop with a key of its own": (
        optim,
        "rmsprop",
        lambda w, dw, c: rmsprop_in_place(w, dw, c | {"decay_rate": c.get("decay", 0.99)}),
    ),
    "affine without the bias": (layers, "affine_forward", lambda x, w, b: (x.reshape(len(x), -1) @ w, (x, w, b))),
    "relu of the negative part": (layers, "relu_forward", lambda x: (np.minimum(x, 0), x)),
    "relu passes everything back": (layers, "relu_backward", lambda dout, cache: dout),
    "loss summed, not averaged": (
        layers,
        "softmax_loss",
        lambda x, y: tuple(len(x) * np.asarray(a) for a in REFERENCE["softmax_loss"](x, y)),
    ),
    "layernorm over the batch": (
        layers,
        "layernorm_forward",
        lambda x, g, b, p: (g * (x - x.mean(0)) / np.sqrt(x.var(0) + p["eps"]) + b, None),
    ),
    "batchnorm's gradient without centring": (
        layers,
        "batchnorm_backward",
        lambda dout, cache: (dout, np.ones(6), dout.sum(axis=0)),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_function_fails(monkeypatch, name):
    module, question, function = WRONG[name]
    monkeypatch.setattr(module, question, function)
    with pytest.raises(CheckFailed, match=question):
        check(question)


def test_softmax_that_overflows_fails(monkeypatch, capsys):
    def loss(x, y):
        prob = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        value = -np.mean(np.log(prob[np.arange(len(y)), y]))
        prob[np.arange(len(y)), y] -= 1
        return value, prob / len(y)

    monkeypatch.setattr(layers, "softmax_loss", loss)
    with np.errstate(all="ignore"), pytest.raises(CheckFailed, match="near 1000"):
        check("softmax_loss")


class LastLayerNotRegularized(fc_net.FullyConnectedNet):
    def loss(self, X, y=None):
        answer = super().loss(X, y)
        if y is None:
            return answer
        name = f"W{max(int(name[1:]) for name in self.params if name.startswith('W'))}"
        w = self.params[name]
        return answer[0] - 0.5 * self.reg * np.sum(w**2), {**answer[1], name: answer[1][name] - self.reg * w}


class ReluOnTheScores(fc_net.FullyConnectedNet):
    def loss(self, X, y=None):
        if y is None:
            return np.maximum(super().loss(X), 0)
        mode_and_answer = super().loss(X, y)
        scores = super().loss(X)
        penalty = mode_and_answer[0] - layers.softmax_loss(scores.copy(), y)[0]
        return layers.softmax_loss(np.maximum(scores, 0), y)[0] + penalty, mode_and_answer[1]


class LayerMissing(fc_net.FullyConnectedNet):
    def __init__(self, hidden_dims, **settings):
        super().__init__(hidden_dims[:-1], **settings)


@pytest.mark.parametrize(
    ("net", "first"),
    [
        (LastLayerNotRegularized, "what reg adds"),
        (ReluOnTheScores, "softmax loss when"),
        (LayerMissing, "params has a W"),
    ],
)
def test_faulty_net_fails(monkeypatch, net, first):
    monkeypatch.setattr(fc_net, "FullyConnectedNet", net)
    with pytest.raises(CheckFailed, match=f"the first: {first}"):
        check("fc_net")


@pytest.mark.parametrize("question", ["fc_net_batchnorm", "fc_net_layernorm"])
def test_net_without_gamma_and_beta_is_told_so_first(monkeypatch, question):
    class NoNormalization(fc_net.FullyConnectedNet):
        def __init__(self, hidden_dims, **settings):
            super().__init__(hidden_dims, **{**settings, "normalization": None})

    monkeypatch.setattr(fc_net, "FullyConnectedNet", NoNormalization)
    with pytest.raises(CheckFailed, match="the first: params has gamma and beta"):
        check(question)
