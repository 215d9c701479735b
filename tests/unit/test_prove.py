"""Right hand-ins in every style earn everything; misconceptions cost their own question; the written proof is fresh."""

import itertools
import re
import tomllib

import pytest
from planting import questions_with_checks

from autograder import prove
from autograder.course import Course
from autograder.errors import CourseError
from autograder.examiner.examine_local import examined_here
from autograder.misconceptions import all_misconceptions, by_name
from autograder.prove_editions import style_worn
from autograder.styles import REFERENCE, SECOND, complete_styles, order, planted, styles_for

COURSE = Course.find()
STYLES = complete_styles(COURSE.assignment("deep_nets"))
FOLDER = COURSE.root / "tests" / "styles"
RECIPES = tomllib.loads((FOLDER / "hand_ins.toml").read_text("utf-8"))
PAGE = COURSE.root / "docs" / "prove.md"
SAMPLE = sorted(all_misconceptions(), key=lambda wrong: order("sample", wrong.name))[:16]


def lost(texts, seed="a seed"):
    return {question for question, found in examined_here(texts, seed).items() if found.share < 1}


@pytest.mark.parametrize("style", STYLES)
def test_complete_hand_in_in_any_style_earns_everything(style):
    assert not lost(STYLES[style], prove.secret(1000))


def test_styles_are_many_and_differ():
    assert len(STYLES) >= 22
    pieces = {name: {piece for module in recipe.values() for piece in module} for name, recipe in RECIPES.items()}
    assert max(len(a & b) for a, b in itertools.combinations(pieces.values(), 2)) <= 4
    there = {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.py")}
    assert set().union(*pieces.values()) == there


def test_complete_hand_in_holds_nothing_of_the_reference():
    untouched = {"layers": "", "layer_utils": "", "optim": "", "fc_net": ""}
    for name in RECIPES:
        assert all("raise NotImplementedError()" in STYLES[name][module] for module in untouched)


@pytest.mark.parametrize("wrong", SAMPLE, ids=lambda wrong: wrong.name)
def test_misconception_in_another_style_costs_its_own_question(wrong):
    [style] = styles_for(wrong, STYLES, 1)
    assert lost(planted(STYLES[style], wrong)) == {wrong.question}


@pytest.mark.parametrize("name", ["gradient_skips_relu", "last_hidden_layer_missing", "losses_added_up"])
def test_fault_of_every_net_costs_points_once(name):
    wrong = by_name(name)
    style = styles_for(wrong, STYLES, 1)[0]
    assert lost(planted(STYLES[style], wrong)) == {"fc_net"}


@pytest.mark.parametrize(
    ("question", "second"),
    [("fc_net_dropout", "dropout_never_on"), ("fc_net_batchnorm", "batchnorm_output_not_used")],
)
def test_a_second_fault_does_not_hide_behind_one_that_is_paid_for(question, second):
    """A net that skips its ReLUs on the way back, and is wrong in what the question asks, too."""
    skips = (
        "    def backward_step(self, step, dx, cache, i, grads):\n"
        '        return dx if step == "relu" else super().backward_step(step, dx, cache, i, grads)\n\n'
    )
    head, class_line, body = re.split(r"(class FullyConnectedNet\(\w+\):\n)", by_name(second).source())
    texts = {**STYLES[REFERENCE], "fc_net": f"{STYLES[REFERENCE]['fc_net']}\n\n{head}{class_line}{skips}{body}"}
    assert {"fc_net", question} <= lost(texts)


def test_part_of_the_proof_is_told_in_one_line_and_repeats():
    found = [prove.prove(COURSE, secrets=1, questions=["relu_forward"], workers=1) for _ in range(2)]
    assert prove.as_page(found[0]) == prove.as_page(found[1])
    count = len([wrong for wrong in all_misconceptions() if wrong.question == "relu_forward"])
    assert found[0].holds
    told = f"correct styles {len(STYLES)}/{len(STYLES)} at full points, misconceptions {count}/{count} caught, "
    assert found[0].line().startswith(told)


def test_proof_that_was_stopped_goes_on_from_there(tmp_path):
    def stop(done, _total):
        if done == 5:
            raise KeyboardInterrupt

    part = {"secrets": 1, "questions": ["relu_backward"], "workers": 2, "keep": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        prove.prove(COURSE, **part, tell=stop)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*") if path.suffix != ".part"}
    assert len(kept) >= 5
    told = []
    found = prove.prove(COURSE, **part, tell=lambda *numbers: told.append(numbers))
    assert found.holds
    done, total = told[-1]
    assert done == total == len(list(tmp_path.glob("*/*")))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_dress_of_a_course_that_does_not_ask_a_question_is_not_judged_by_others():
    dress = ("cs231n-2017", "drop")
    found = style_worn(dress, REFERENCE, STYLES[REFERENCE], prove.secret(0), ["sgd_nesterov_momentum"])
    assert found.otherwise == ()


def test_proof_of_an_unknown_question_is_refused():
    with pytest.raises(CourseError, match="no checks of"):
        prove.prove(COURSE, secrets=1, questions=["relu"])


def test_written_proof_is_of_these_styles_and_misconceptions():
    text = PAGE.read_text("utf-8")
    rows = set(re.findall(r"^\| (\w+) \|", text, flags=re.MULTILINE)) - {"misconception", "planted"}
    assert rows == {wrong.name for wrong in all_misconceptions()} | set(STYLES)
    assert all(f"## {question}" in text for question in questions_with_checks())
    count, styles = len(all_misconceptions()), len(STYLES)
    start = f"correct styles {styles}/{styles} at full points, misconceptions {count}/{count} caught, recognised "
    assert text.splitlines()[-1].startswith(start)
    assert f"Each was examined under {prove.SECRETS} secrets" in text


@pytest.mark.slow
@pytest.mark.timeout(4000)
def test_the_whole_proof_holds():
    found = prove.prove(COURSE, secrets=20)
    assert found.holds, prove.as_page(found)
    assert found.line() == PAGE.read_text("utf-8").splitlines()[-1]


def test_second_solution_and_reference_are_among_the_styles():
    assert {REFERENCE, SECOND} <= set(STYLES)
