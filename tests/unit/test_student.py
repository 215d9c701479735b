"""A hand-in seen through the proxies, in a real worker: values, handles, and every way to answer wrongly."""

import re
import shutil
from types import ModuleType

import numpy as np
import pytest

from autograder.course import Course
from autograder.examiner.session import Session
from autograder.examiner.stage import stage
from autograder.examiner.student import Remote, Student, StudentError
from autograder.examiner.student_local import LocalStudent
from autograder.wall import choose
from autograder.worker.serve import lay_over


@pytest.fixture(scope="session")
def course():
    return Course.find()


@pytest.fixture
def examine(course, tmp_path):
    """Open a hand-in made of the reference and of code put at the end of a module."""
    opened = []

    def open_hand_in(cpu_seconds=2, all_cpu_seconds=0, **added):
        assignment = course.assignment("deep_nets")
        folder = tmp_path / f"hand-in-{len(opened)}"
        shutil.copytree(assignment.package, folder / "nndl", ignore=shutil.ignore_patterns("__pycache__"))
        for module, code in added.items():
            with (folder / "nndl" / f"{module}.py").open("a", encoding="utf-8") as file:
                file.write(f"\n\n{code}\n")
        staged = stage(assignment, folder)
        session = Session(choose(course.root / ".runtime"), staged.plain())
        channel_context = session.fork(7, cpu_seconds=cpu_seconds, all_cpu_seconds=all_cpu_seconds, memory_mb=2048)
        channel = channel_context.__enter__()
        opened.append((session, channel_context, staged))
        remote = Remote(channel, set())
        remote.ready()
        return Student(remote)

    yield open_hand_in
    for session, context, staged in opened:
        context.__exit__(None, None, None)
        session.close()
        staged.remove()


def test_call_brings_arrays_back_and_keeps_the_cache_in_the_worker(examine):
    student = examine()
    x = np.arange(12.0).reshape(3, 4)
    out, cache = student.layers.affine_forward(x, np.eye(4), np.ones(4))
    np.testing.assert_array_equal(out, x + 1)
    dx, dw, db = student.layers.affine_backward(np.ones((3, 4)), cache)
    np.testing.assert_array_equal(dx, np.ones((3, 4)))
    np.testing.assert_array_equal(dw, x.T @ np.ones((3, 4)))
    np.testing.assert_array_equal(db, [3, 3, 3, 3])


def test_dict_shows_what_the_student_wrote_into_it(examine):
    student = examine()
    x = np.array([[1.0, 2.0], [3.0, 6.0]])
    param = student.dict(mode="train", momentum=0.5)
    student.layers.batchnorm_forward(x, np.ones(2), np.zeros(2), param)
    np.testing.assert_allclose(param["running_mean"], [1.0, 2.0])  # half of the batch's mean (2, 4)
    assert set(param.snapshot()) >= {"mode", "momentum", "running_mean", "running_var"}


def test_net_gives_scores_loss_gradients_and_parameters(examine):
    student = examine()
    net = student.fc_net.FullyConnectedNet([5, 4], input_dim=6, num_classes=3, dtype=np.float64, reg=0.0)
    X, y = np.ones((2, 6)), np.array([0, 2])
    loss, grads = net.loss(X, y)
    assert set(grads) == set(net.params.keys()) == {"W1", "b1", "W2", "b2", "W3", "b3"}
    for name in net.params:
        net.params[name] = np.zeros_like(net.params[name])
    np.testing.assert_array_equal(net.loss(X), np.zeros((2, 3)))
    assert net.loss(X, y)[0] == pytest.approx(np.log(3))
    assert isinstance(loss, float)


def test_rule_takes_its_own_config_back(examine):
    student = examine()
    w, dw = np.zeros(2), np.array([1.0, -2.0])
    w, config = student.optim.sgd_momentum(w, dw, {"learning_rate": 0.5, "momentum": 0.5})
    w, config = student.optim.sgd_momentum(w, dw, config)
    np.testing.assert_allclose(w, [-1.25, 2.5])  # steps of 0.5 and 0.75
    np.testing.assert_allclose(config["velocity"], [-0.75, 1.5])


def test_seed_repeats_the_students_draws(examine):
    student = examine()
    x, param = np.ones((20, 20)), {"mode": "train", "p": 0.5}
    student.seed(3)
    first, _ = student.layers.dropout_forward(x, param)
    student.seed(3)
    second, _ = student.layers.dropout_forward(x, param)
    third, _ = student.layers.dropout_forward(x, param)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


WRONG = {
    "raises": ("raise KeyError('x' * 50)", r"raised KeyError \(layers\.py, line \d+\)\.$"),
    "own exception": ("raise type('Hidden', (Exception,), {})(x)", "raised Exception"),
    "not written": ("raise NotImplementedError()", "is not written yet"),
    "exits": ("raise SystemExit(0)", "raised SystemExit"),
    "ends the process": ("import os; os._exit(0)", "ended the Python process"),
    "one value for two": ("return x", r"must return 2 values \(out, cache\); it returned something that is no tuple"),
    "three values": ("return x, 1, 2", "it returned a tuple of 3"),
    "None": ("return None, 1", "must return an array of real numbers as out; it returned a value of type NoneType"),
    "text": ("return 'x', 1", "of type str"),
    "complex": ("return x * 1j, 1", "of type ndarray"),
    "objects": ("return np.array([x, None], dtype=object), 1", "of type ndarray"),
    "too much memory": ("return np.ones((1 << 40,)), 1", "memory"),
}


@pytest.mark.parametrize(("body", "told"), WRONG.values(), ids=WRONG.keys())
def test_wrong_answer_is_told_in_words_of_ours(examine, body, told):
    student = examine(layers=f"def relu_forward(x):\n    {body}")
    with pytest.raises(StudentError, match=told):
        student.layers.relu_forward(np.ones((2, 3)))


def test_exception_text_of_a_hand_in_is_not_repeated(examine):
    student = examine(layers="def relu_forward(x):\n    raise ValueError(f'the input was {x}')")
    with pytest.raises(StudentError) as caught:
        student.layers.relu_forward(np.full((1, 1), 0.123456))
    assert "0.123456" not in str(caught.value)


def test_function_that_hung_is_ended_and_not_called_again(examine):
    student = examine(cpu_seconds=1, layers="def relu_forward(x):\n    while True:\n        pass")
    with pytest.raises(StudentError, match="did not return within 1 seconds") as caught:
        student.layers.relu_forward(np.ones(3))
    assert caught.value.code == "hung"
    with pytest.raises(StudentError, match="not called again"):
        student.layers.relu_forward(np.ones(3))


def test_function_that_takes_all_memory_twice_is_not_called_again(examine):
    student = examine(layers="def relu_forward(x):\n    raise MemoryError")
    for told in ("more memory than it may use", "more memory than it may use", "not called again"):
        with pytest.raises(StudentError, match=told) as caught:
            student.layers.relu_forward(np.ones(3))
        assert caught.value.code == "memory"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def f(:", "SyntaxError"),
        ("import torch_is_not_here", "No module named 'torch_is_not_here'"),
        ("raise ValueError('broken \\x1b[31m<b>')", "ValueError"),
    ],
)
def test_package_that_cannot_be_imported_says_why(examine, code, told):
    with pytest.raises(StudentError, match="could not be imported") as caught:
        examine(layers=code)
    assert told in str(caught.value)
    assert "layers.py" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "drawing",
    [
        "import matplotlib.pyplot as plt\nfig, axes = plt.subplots(2, 3)\nfor ax in axes.flat:\n    ax.plot([1, 2])",
        "from tqdm.auto import tqdm\nassert [i for i in tqdm(range(3), desc='x')] == [0, 1, 2]",
        "from IPython.display import clear_output\nclear_output(wait=True)",
    ],
    ids=["plots", "progress", "notebook"],
)
def test_drawing_code_meets_inert_stand_ins(examine, drawing):
    student = examine(layers=drawing)
    out, _ = student.layers.relu_forward(np.array([[-1.0, 2.0]]))
    np.testing.assert_array_equal(out, [[0.0, 2.0]])


DRAWN = {
    "bernoulli.rvs(0.3, size=(2, 3))": "np.random.binomial(1, 0.3, (2, 3))",
    "bernoulli(p=0.3).rvs((2, 3))": "np.random.binomial(1, 0.3, (2, 3))",
    "bernoulli.rvs(0.3, 0, (2, 3), random_state=4)": "np.random.RandomState(4).binomial(1, 0.3, (2, 3))",
    "binom.rvs(1, 0.3, size=(2, 3))": "np.random.binomial(1, 0.3, (2, 3))",
    "uniform.rvs(size=(2, 3))": "np.random.rand(2, 3)",
    "uniform(1, 4).rvs(size=(2, 3))": "1 + 4 * np.random.rand(2, 3)",
    "norm.rvs(scale=0.1, size=(2, 3))": "0.1 * np.random.randn(2, 3)",
}


def test_distributions_of_scipy_draw_from_the_global_generator_of_numpy(examine):
    """Formulas and order of arguments as in scipy 1.16's documentation."""
    lines = ["from scipy.stats import bernoulli, binom, norm, uniform", "import numpy as np"]
    for there, here in DRAWN.items():
        lines += ["np.random.seed(3)", f"_first = {there}", "np.random.seed(3)"]
        lines += [f"assert np.allclose(_first, {here})"]
    examine(layers="\n".join(lines))


def test_rest_of_scipy_is_an_import_error_that_says_what_is_missing(examine):
    with pytest.raises(StudentError, match="could not be imported") as caught:
        examine(layers="from scipy.special import expit")
    assert "scipy.special" in str(caught.value)


def test_line_that_the_hand_in_does_not_have_is_not_told(examine):
    """A hand-in that forges its faults must not write hidden inputs into line numbers."""
    forge = "import sys\nfor module in list(sys.modules.values()):\n    if hasattr(module, 'HandIn'):\n"
    forge += "        module.HandIn.raised = lambda self, error: {'fault': 'raised', 'type': 'ValueError', "
    forge += "'file': 'layers.py', 'line': 123456789}\n"
    student = examine(layers=f"{forge}\ndef relu_forward(x):\n    raise ValueError")
    with pytest.raises(StudentError) as caught:
        student.layers.relu_forward(np.ones(3))
    assert str(caught.value) == "relu_forward raised ValueError."


def test_next_check_in_a_fork_begins_with_seeds_and_seconds_of_its_own(examine):
    student = examine(
        cpu_seconds=1,
        all_cpu_seconds=20,
        layers="import time\ndef relu_forward(x):\n    began = time.process_time()\n"
        "    while time.process_time() < began + 0.7:\n        pass\n    return np.random.rand(*x.shape), None",
    )
    drawn = []
    for seed in (1, 2, 1):  # 2.1 CPU seconds in all, no more than 0.7 in each check
        assert student._remote.begin(seed)
        drawn.append(student.layers.relu_forward(np.ones((2, 3)))[0])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert (drawn[0] != drawn[1]).all()


def test_handle_of_an_earlier_check_leads_nowhere(examine):
    student = examine()
    _, cache = student.layers.relu_forward(np.ones((2, 3)))
    assert student._remote.begin(1)
    with pytest.raises(StudentError):
        student.layers.relu_backward(np.ones((2, 3)), cache)


def test_fork_that_ended_serves_no_other_check(examine):
    student = examine(layers="import os\ndef relu_forward(x):\n    os._exit(0)")
    with pytest.raises(StudentError, match="ended the Python process"):
        student.layers.relu_forward(np.ones(3))
    assert not student._remote.begin(1)


def test_function_that_writes_into_its_arguments_is_noted(examine):
    student = examine(layers="def relu_backward(dout, cache):\n    dout[cache < 0] = 0\n    return dout")
    x = np.array([[-1.0, 2.0, 3.0]])
    _, cache = student.layers.relu_forward(x)
    assert student._remote.changed == set()
    student.layers.relu_backward(np.ones((1, 3)), cache)
    assert student._remote.changed == {"relu_backward"}


def test_lent_functions_do_not_answer_another_question_by_an_alias():
    home, net = ModuleType("layers"), ModuleType("fc_net")
    home.__dict__.update(batchnorm_backward=max, layernorm_backward=max, _helper=max, relu_forward=min)
    net.__dict__.update(batchnorm_backward=max, layernorm_backward=max, through=max, relu=min)
    lay_over(home, [home, net], {"batchnorm_backward": sum, "relu_forward": abs})
    assert (home.batchnorm_backward, home.layernorm_backward, home._helper) == (sum, max, sum)
    assert (net.batchnorm_backward, net.layernorm_backward, net.through, net.relu) == (sum, max, sum, abs)
    lay_over(home, [home, net], {"batchnorm_backward": any, "layernorm_backward": all})
    assert (net.batchnorm_backward, net.layernorm_backward) == (any, all)


def test_keys_that_a_hand_in_chose_are_not_told():
    optim = LocalStudent.of_reference().optim
    _, config = optim.sgd_momentum(np.zeros(2), np.ones(2), {"learning_rate": 0.1})
    for key in ("<script>", "hidden input 0.25", "\ud800"):
        with pytest.raises(StudentError) as told:
            config[key]
        assert str(told.value) == 'sgd_momentum\'s config["..."] was not found in your package.'


def test_words_of_the_students_own_code_stay_within_quotes(examine):
    """Who reads a page must see which words are the course's."""
    said = 'no\\". This hand-in was graded by a person: \\u201cfull marks\\u201d. \\"'
    with pytest.raises(StudentError) as caught:
        examine(layers=f'class Solved(Exception):\n    pass\nraise Solved("{said}")')
    told = str(caught.value)
    assert told.startswith(
        "Your package could not be imported. Python or your code, not the course, says: \"Solved: no'."
    )
    assert told.count('"') == 2
    assert re.search(r'" \(layers.py, line [0-9]+\)$', told)
    assert not set("\u201c\u201d\u00ab\u00bb") & set(told)
