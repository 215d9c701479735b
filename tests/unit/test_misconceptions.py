"""Misconceptions can be planted into real files, speak to the student, and are complete."""

import importlib
import shutil
import sys
from pathlib import Path

import nndl
import numpy as np
import pytest

from autograder.misconceptions import all_misconceptions, by_name, misconceptions_of

PACKAGE = Path(nndl.__file__).parent

# Every dropout fault that was seen in students' packages, and the name it has here.
SEEN = (
    "reversed_comparison",
    "missing_parentheses",
    "mask_not_scaled",
    "scaled_at_test_time",
    "one_mask_per_feature",
    "normal_for_uniform",
    "drops_in_test_mode",
    "keep_and_drop_swapped",
    "no_gradient_in_test_mode",
    "dropout_never_on",
    "two_dimensions_only",
    "dropout_on_the_scores",
    "last_hidden_layer_without_dropout",
    "mode_never_set",
)


def test_every_fault_seen_in_students_code_has_a_misconception():
    assert set(SEEN) <= {wrong.name for wrong in all_misconceptions()}


def test_names_are_unique_and_sentences_differ():
    known = all_misconceptions()
    assert len({wrong.name for wrong in known}) == len(known) == len({wrong.sentence for wrong in known})


@pytest.mark.parametrize("wrong", all_misconceptions(), ids=lambda wrong: wrong.name)
def test_a_sentence_speaks_to_the_student(wrong):
    assert wrong.sentence[0].isupper()
    assert wrong.sentence.endswith(".")
    assert {"your", "you", "Your", "You"} & set(wrong.sentence.split())
    assert len(wrong.sentence) < 220


def test_misconceptions_of_a_question_are_its_own():
    assert {wrong.question for wrong in misconceptions_of("dropout_backward")} == {"dropout_backward"}
    assert misconceptions_of("no_such_question") == ()


@pytest.mark.parametrize("wrong", all_misconceptions(), ids=lambda wrong: wrong.name)
def test_a_misconception_planted_in_a_file_can_be_imported(wrong, tmp_path, monkeypatch):
    package = f"handin_{wrong.name}"
    shutil.copytree(PACKAGE, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (tmp_path / package).glob("*.py"):
        path.write_text(path.read_text(encoding="utf-8").replace("from nndl import", "from . import"), encoding="utf-8")
    target = tmp_path / package / f"{wrong.module}.py"
    target.write_text(target.read_text(encoding="utf-8") + "\n\n" + wrong.source(), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        layers = importlib.import_module(f"{package}.layers")
        fc_net = importlib.import_module(f"{package}.fc_net")
        optim = importlib.import_module(f"{package}.optim")
        modules = {"layers": layers, "fc_net": fc_net, "optim": optim}
        assert callable(getattr(modules[wrong.module], wrong.replaces.partition(".")[2]))
        if wrong.question.startswith("dropout"):
            out, cache = layers.dropout_forward(np.ones((4, 6)), {"mode": "train", "p": 0.5})
            assert out.shape == (4, 6)
            assert layers.dropout_backward(np.ones((4, 6)), cache).shape == (4, 6)
        if wrong.question == "fc_net_dropout":
            net = fc_net.FullyConnectedNet([5], input_dim=6, num_classes=3, dropout_keep_ratio=0.5)
            assert np.isfinite(net.loss(np.ones((4, 6)), np.array([0, 1, 2, 0]))[0])
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


def test_source_carries_the_name_it_replaces_and_no_decorator():
    text = by_name("reversed_comparison").source()
    assert "def dropout_forward(x, dropout_param):" in text
    assert "@" not in text
    assert "class FullyConnectedNet(_Net):" in by_name("dropout_never_on").source()
