"""Records on disk, and what a result says of itself."""

import pytest
from pydantic import ValidationError

from autograder.records import Records
from autograder.results import Check, QuestionResult


def result(**changes):
    fields = {"key": "k1", "kit": "1", "edition": "canonical", "wall": "process", "data": "none"}
    return QuestionResult(**{**fields, "question": "q", "state": "graded", "share": 0.5, **changes})


def test_record_is_read_back_as_it_was(tmp_path):
    kept = result(checks=(Check(name="c", passed=False, message="must hold", misconception="m"),), remarks=("r",))
    Records(tmp_path).write(kept)
    assert Records(tmp_path).read("q", "k1") == kept


def test_record_under_another_key_does_not_count(tmp_path):
    Records(tmp_path).write(result())
    assert Records(tmp_path).read("q", "k2") is None
    assert Records(tmp_path).read("other", "k1") is None


@pytest.mark.parametrize("content", ["", "{", '{"schema": 1}', '{"schema": 99, "share": 2}'])
def test_broken_record_is_as_good_as_none(tmp_path, content):
    (tmp_path / "q.json").write_text(content)
    assert Records(tmp_path).read("q", "k1") is None


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        Records(tmp_path / name).write(result())
    assert (tmp_path / "a" / "q.json").read_bytes() == (tmp_path / "b" / "q.json").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["q.json"]  # no temporary file is left


@pytest.mark.parametrize(
    ("points", "share", "score"),
    [(5, 1.0, 5.0), (5, 0.0, 0.0), (10, 0.99999, 9.99), (3, 0.1 + 0.2, 0.9), (10, 0.29, 2.9), (7, 1 / 3, 2.33)],
)
def test_score_is_rounded_down_to_a_hundredth(points, share, score):
    assert result(share=share).score(points) == score


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_share_outside_its_range_is_refused(share):
    with pytest.raises(ValidationError):
        result(share=share)


def test_message_is_wrapped_and_keeps_its_indent():
    long = "word " * 60
    text = result(checks=(Check(name="c", passed=False, message=long),), recognised=(long,)).message()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("     word") for line in lines) >= 3
    assert text.split().count("word") == 120
