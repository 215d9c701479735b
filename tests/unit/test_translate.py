"""Code, docstrings, cells and Markdown in another course's names: what is renamed, and what is left alone."""

import dataclasses
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.editions import edition
from autograder.translate.code import python
from autograder.translate.names import Names
from autograder.translate.texts import bare, markdown, with_magics

WORK = Course.find().assignment("deep_nets")
STANFORD, UCLA, ECNU = (Names.of(WORK, edition(name)) for name in ("cs231n-2021", "nndl-2023", "dasecv"))


@pytest.mark.parametrize(
    ("names", "ours", "theirs"),
    [
        (STANFORD, "import nndl.layers as l\nl.f()", "import cs231n.layers as l\nl.f()"),
        (STANFORD, "import nndl.fc_net", "import cs231n.classifiers.fc_net"),
        (STANFORD, "nndl.fc_net.f()", "cs231n.classifiers.fc_net.f()"),
        (STANFORD, "from nndl.fc_net import A as B", "from cs231n.classifiers.fc_net import A as B"),
        (STANFORD, "from nndl import layers as l, optim", "from cs231n import layers as l, optim"),
        (UCLA, "from nndl import optim", "from nndl import optim"),
        (ECNU, "from .layers import f", "from .layers import f"),
        (
            STANFORD,
            "# before\nfrom nndl import fc_net, layers  # after",
            "# before\nfrom cs231n.classifiers import fc_net\nfrom cs231n import layers  # after",
        ),
        (
            UCLA,
            "def f():\n    from nndl import (\n        solver,\n        layers,\n    )\n    return 1",
            "def f():\n    from utils import solver\n    from nndl import layers\n    return 1",
        ),
        (STANFORD, "importlib.import_module('nndl.solver')", "importlib.import_module('cs231n.solver')"),
        (STANFORD, 'folder / "nndl" / "layers.py"', 'folder / "cs231n" / "layers.py"'),
        (STANFORD, r'print(f"\nnndl/fc_net.py: {x}")', r'print(f"\ncs231n/classifiers/fc_net.py: {x}")'),
        (UCLA, "x = 1  # see nndl/solver.py and nndl/optim.py", "x = 1  # see utils/solver.py and nndl/optim.py"),
    ],
)
def test_modules_are_found_where_the_course_has_them(names, ours, theirs):
    assert python(ours, names) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("FullyConnectedNet([5], dropout_keep_ratio=keep)", "FullyConnectedNet([5], dropout=keep)"),
        ("fc_net.TwoLayerNet(hidden_dim=hidden_dim)", "fc_net.TwoLayerNet(hidden_dims=hidden_dim)"),
        ('FullyConnectedNet([5], normalization="batchnorm")', "FullyConnectedNet([5], use_batchnorm=True)"),
        (
            "FullyConnectedNet([5], normalization='layernorm', reg=1)",
            "FullyConnectedNet([5], use_layernorm=True, reg=1)",
        ),
        ("FullyConnectedNet([5], normalization=None)", "FullyConnectedNet([5], use_batchnorm=False)"),
        (
            "FullyConnectedNet([5], normalization=kind, reg=1)",
            'FullyConnectedNet([5], use_batchnorm=kind == "batchnorm", use_layernorm=kind == "layernorm", reg=1)',
        ),
        (
            "FullyConnectedNet([5], normalization=a or b)",
            'FullyConnectedNet([5], use_batchnorm=(a or b) == "batchnorm", use_layernorm=(a or b) == "layernorm")',
        ),
        # Functions that hand their keywords on, also through another one.
        (
            "def f(**k): return FullyConnectedNet([5], **k)\ndef g(**k): return f(**k)\ng(dropout_keep_ratio=1)",
            "def f(**k): return FullyConnectedNet([5], **k)\ndef g(**k): return f(**k)\ng(dropout=1)",
        ),
    ],
)
def test_arguments_of_nets_are_renamed_where_nets_are_built(ours, theirs):
    assert python(ours, UCLA) == theirs


@pytest.mark.parametrize(
    "text",
    [
        "hidden_layer_forward(x, w, normalization=kind)",  # a function of another name
        "def f(dropout_keep_ratio): return dropout_keep_ratio",  # somebody's own argument
        "f(dropout_keep_ratio=1)",
        "model.dropout_keep_ratio = model.normalization",
        "hidden_dim = 5",
        'ax.plot(x, y, marker="v")',  # a triangle
        'names = ["m", "x"]',
        'm, v, cache = config["learning_rate"], 1, 2',
        'print("cache and m and v")',
        "unnndl = nndl_2 = 1",
    ],
)
def test_what_only_looks_alike_stays(text):
    assert python(text, UCLA) == text


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("config['cache'] *= 2", "config['a'] *= 2"),
        ('config.setdefault("m", config.get("v", 0))', 'config.setdefault("v", config.get("a", 0))'),
        ('{"learning_rate": 1, "m": m, "v": v}', '{"learning_rate": 1, "v": m, "a": v}'),
        ('for key in ("m", "v"): pass', 'for key in ("v", "a"): pass'),
        ('if "cache" not in config: pass', 'if "a" not in config: pass'),
        ("f\"{config['m']:.1e}\"", "f\"{config['v']:.1e}\""),
        ("hint = 'store config[\"cache\"]'", "hint = 'store config[\"a\"]'"),
    ],
)
def test_keys_of_update_rules_are_renamed_all_at_once(ours, theirs):
    assert python(ours, UCLA) == theirs
    assert python(ours, STANFORD) == ours


NET = '''\
class FullyConnectedNet:
    """A net.

    Parameters
    ----------
    dropout_keep_ratio : probability of KEEPING
    normalization : None, "batchnorm" or "layernorm"

    >>> FullyConnectedNet([5], normalization="batchnorm")
    """

    def __init__(self, hidden_dims, dropout_keep_ratio=1, normalization=None, seed=None):
        """Begin."""
        if normalization not in (None, "batchnorm", "layernorm"):
            raise ValueError(normalization)
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.keep = {"p": dropout_keep_ratio}
'''

THEIRS = '''\
class FullyConnectedNet:
    """A net.

    Parameters
    ----------
    dropout : probability of KEEPING
    use_batchnorm, use_layernorm : True or False; at most one of them is True

    >>> FullyConnectedNet([5], use_batchnorm=True)
    """

    def __init__(self, hidden_dims, dropout=1, use_batchnorm=False, use_layernorm=False, seed=None):
        """Begin."""
        self.use_batchnorm = use_batchnorm
        normalization = "batchnorm" if use_batchnorm else "layernorm" if use_layernorm else None
        self.normalization = normalization
        self.use_dropout = dropout < 1
        self.keep = {"p": dropout}
'''


def test_constructor_takes_the_arguments_of_the_course():
    assert python(NET, UCLA) == THEIRS
    renamed = NET.replace("dropout_keep_ratio", "dropout")
    assert python(NET, ECNU) == renamed
    assert python(NET, STANFORD) == NET


def test_docstring_of_a_rule_says_which_key_a_formula_means():
    ours = 'def adam(w):\n    """Adam: m[t] = 0.\n\n    m, v : arrays of zeros\n    t : steps\n    """\n'
    assert "\n    v, a : m and v in the formulas; arrays of zeros\n    t : steps\n" in python(ours, UCLA)
    assert python(ours, STANFORD) == ours


@pytest.mark.parametrize(
    ("cell", "theirs"),
    [
        ("%matplotlib inline\nfrom nndl import optim", "%matplotlib inline\nfrom cs231n import optim"),
        ("if x:\n    %run nndl/fc_net.py\n", "if x:\n    %run cs231n/classifiers/fc_net.py\n"),
        ("!python -m nndl.hand_in\nnndl.f?", "!python -m cs231n.hand_in\ncs231n.f?"),
        ("%%bash\nls nndl | grep '", "%%bash\nls cs231n | grep '"),
        ("x = (7\n     % 4)\nimport nndl", "x = (7\n     % 4)\nimport cs231n"),
    ],
)
def test_cells_keep_their_magics(cell, theirs):
    assert with_magics(cell, lambda source: python(source, STANFORD), STANFORD) == theirs


def test_a_cell_that_is_no_python_is_an_error_and_not_half_translated():
    assert bare("def f(:") == "def f(:"
    with pytest.raises(Exception, match="Syntax"):
        with_magics("def f(:", lambda source: python(source, STANFORD), STANFORD)


def test_markdown_is_translated_in_its_code_and_nowhere_else():
    text = (
        'nndl in prose, `nndl/fc_net.py`, `` `nndl` ``, $nndl$, `config["m"]`, `dropout_keep_ratio`,\n'
        '`normalization="layernorm"`\n\n    python -m nndl.solver\n\n```\nnndl/optim.py\n```\n'
    )
    assert markdown(text, UCLA) == (
        'nndl in prose, `nndl/fc_net.py`, `` `nndl` ``, $nndl$, `config["v"]`, `dropout`,\n'
        "`use_layernorm=True`\n\n    python -m utils.solver\n\n```\nnndl/optim.py\n```\n"
    )
    assert markdown(text, STANFORD) == (
        'nndl in prose, `cs231n/classifiers/fc_net.py`, `` `cs231n` ``, $nndl$, `config["m"]`, `dropout_keep_ratio`,\n'
        '`normalization="layernorm"`\n\n    python -m cs231n.solver\n\n```\ncs231n/optim.py\n```\n'
    )


def test_files_move_to_their_places():
    assert STANFORD.file(Path("fc_net.py")) == Path("cs231n/classifiers/fc_net.py")
    assert UCLA.file(Path("solver.py")) == Path("utils/solver.py")
    assert ECNU.file(Path("__init__.py")) == Path("daseCV/__init__.py")


def test_default_and_condition_are_those_of_the_edition():
    other = edition("dasecv")
    other = other.model_copy(update={"dropout": other.dropout.model_copy(update={"default": 0.5, "on": "> 0"})})
    text = python(NET, dataclasses.replace(ECNU, edition=other))
    assert "dropout=0.5, normalization=None" in text
    assert "self.use_dropout = dropout > 0" in text
