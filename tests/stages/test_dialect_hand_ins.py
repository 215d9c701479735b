"""What is made of releases in other languages and other courses' names: its target is trained, a class of it graded."""

import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from dialect_releases import dressed
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))
from target_runs import Runs

from autograder.feedback import feedback
from autograder.grade import examined, grade
from autograder.gradebook import auto_scores
from autograder.release import release
from autograder.translate.code import python

# Languages and names that hold all there is to find: headings in both scripts, modules elsewhere, flags, other keys.
PAIRS = [("zh", "canonical"), ("zh", "cs231n-2021"), ("ko", "nndl-2023")]
QUICK = """data = get_CIFAR10_data(num_training=2000)
model = FullyConnectedNet([30], normalization="batchnorm", dropout_keep_ratio=0.8)
Solver(model, data, update_rule="adam", num_epochs=2, batch_size=100, verbose=False).train()
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("runs"))
    made.set(floor=0.1, cpu_seconds=20)
    yield made
    made.remove()


@pytest.fixture
def hand_in(tmp_path_factory, worker_id):
    """Makes a hand-in of a release: solved, with a target section that takes a second."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "dialects"
    shared.mkdir(exist_ok=True)

    def make(pair, folder):
        made = dressed(*pair, shared)
        shutil.copytree(made.solved, folder, ignore=shutil.ignore_patterns("__pycache__"))
        book = nbformat.read(folder / "Dropout.ipynb", as_version=4)
        for cell in book.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "target_solution":
                cell.source = python(QUICK, made.work.names)
            if cell.id == "target_data":
                cell.source = ""
        nbformat.write(book, folder / "Dropout.ipynb")
        return folder

    return make


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_target_section_is_found_and_trained(pair, hand_in, runs, tmp_path, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(runs.data))
    folder = hand_in(pair, tmp_path / "ada")
    assignment = runs.course.assignment("deep_nets")
    question = examined(assignment, "ada", folder, edition="auto", only=["target"], store=False).question("target")
    assert question.edition == pair[1]
    assert question.target.epochs == 2, question.reason
    assert question.target.counts == question.target.accuracy > 0.1
    assert {"affine_forward", "adam"} <= set(question.target.uses)


@pytest.mark.slow
def test_a_class_of_them_is_graded_and_reads_its_feedback_in_its_language(hand_in, runs, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(runs.data))
    course = runs.course
    settings = course.root / "assignments" / "deep_nets" / "assignment.toml"
    text = re.sub(r'(?m)^edition = "canonical"$', 'edition = "auto"', settings.read_text(encoding="utf-8"))
    assert "auto" in text
    settings.write_text(text, encoding="utf-8")
    assignment = course.assignment("deep_nets")
    release(course, assignment, archive=False)
    for pair in PAIRS:
        hand_in(pair, course.root / "submitted" / "-".join(pair) / "deep_nets")
    wrong = course.root / "submitted" / "ko-nndl-2023" / "deep_nets" / "nndl" / "optim.py"
    text = wrong.read_text(encoding="utf-8")
    mistaken = text.replace('config["t"] += 1', 'config["t"] += 2')
    assert mistaken != text
    wrong.write_text(mistaken, encoding="utf-8")
    done = list(grade(assignment, workers=1, allow_synthetic=True, console=Console(stderr=True, quiet=True)))
    results = {result.student: result for result, reason in done if not reason}
    for pair in PAIRS:
        result = results["-".join(pair)]
        lost = {
            question.question for question in result.questions if question.share < 1 and question.question != "target"
        }
        assert lost == ({"adam"} if pair[1] == "nndl-2023" else set())
        assert result.question("target").target.counts > 0.1
        assert result.edition == pair[1]
        scores = auto_scores(assignment, result.student)
        points = {question.grade_id: question.points for question in assignment.auto_questions}
        assert {name for name, most in points.items() if scores[name] < most} - {"target"} == lost
    feedback(course, assignment, language="ko")
    page = (course.root / "feedback" / "ko-nndl-2023" / "deep_nets" / "index.html").read_text(encoding="utf-8")
    assert "여러분의 강좌에서 쓰는 말로는" in page
    assert "In your course" not in page
