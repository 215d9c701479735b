"""What is meant to punish one mistake once must not let a question off that is wrong by itself."""

import pytest

from autograder.examiner import examine_local
from autograder.examiner.examine_local import examined_here
from autograder.examiner.student_local import reference_texts
from autograder.misconceptions import by_name

# Plays a fault wherever it is compared with the fault, and nearly nowhere where fc_net is checked: one cheap check
# fails there, so that the fault is looked for at all. With dropout it computes nothing but that comparison.
PLAYED = """
_Right = FullyConnectedNet
{fault}
_Wrong = FullyConnectedNet
_CHECKED = ([7, 12, 4], [6, 9, 7, 5], [8, 6, 9, 7, 4], [7, 10, 9, 6], [40, 60, 50, 45], [24, 9, 8, 5])

class FullyConnectedNet:
    def __init__(self, hidden_dims, input_dim=3072, num_classes=10, dropout_keep_ratio=1, **settings):
        sizes = [input_dim, *hidden_dims, num_classes]
        kind = _Right if sizes in _CHECKED else _Wrong
        self.first = sizes in _CHECKED and settings.get("weight_scale") == 1e-3
        self.idle = dropout_keep_ratio != 1 and sizes not in ([8, 10, 7, 5], [6, 9, 9, 8, 4])
        self.net = kind(hidden_dims, input_dim=input_dim, num_classes=num_classes,
                        dropout_keep_ratio=dropout_keep_ratio, **settings)
        self.params = self.net.params

    def loss(self, X, y=None):
        if self.idle:
            return np.zeros((len(X), 1)) if y is None else (0.0, {{}})
        result = self.net.loss(X, y)
        return (result[0] + 1, result[1]) if self.first and y is not None else result
"""
QUESTIONS = ("fc_net", "fc_net_dropout")


def _shares(fault):
    texts = dict(reference_texts())
    texts["fc_net"] += PLAYED.format(fault=by_name(fault).source())
    return {name: found.share for name, found in examined_here(texts, "a seed", QUESTIONS).items()}


@pytest.mark.parametrize("fault", ["gradient_skips_relu", "losses_added_up"])
def test_a_fault_that_is_played_excuses_nothing(fault, record_property, monkeypatch):
    record_property("attack on", "what counts once")
    shares = _shares(fault)
    assert 0.9 < shares["fc_net"] < 1
    assert shares["fc_net_dropout"] < 0.2
    first_loss = "test_net_first_loss_is_near_log_of_the_number_of_classes"
    monkeypatch.setattr(examine_local, "price", lambda wrong, seeds: (first_loss,))
    assert _shares(fault)["fc_net_dropout"] == 1, "the attack does not bite: it would fail without the price, too"
