"""What is read from a hand-in's text without running it: stubs, Python 2, signatures, docstrings."""

import ast

import pytest

from autograder.editions import FOLDER, editions, read
from autograder.errors import CourseError
from autograder.examiner import looking
from autograder.examiner.faults import mended
from autograder.examiner.looking import NotPython, Source


def definition(text):
    return ast.parse(text).body[-1]


STUBS = {
    "pass": "def f(x):\n  '''Words.'''\n  pass",
    "not implemented": "def f(x):\n  # YOUR CODE HERE\n  raise NotImplementedError('f')",
    "nothing follows": "def f(x):\n  '''Words.'''",
    "none": "def f(x):\n  out, cache = None, None\n  return out, cache",
    "never set": "def f(dout, cache):\n  x, w, b = cache\n  return dx, dw, db",
    "its own cast": "def f(x):\n  out = None\n  out = out.astype(x.dtype, copy=False)\n  return out, x",
    "empty training": "def f(d, mode):\n  dx = None\n  if mode == 'train':\n    pass\n  else:\n    dx = d\n  return dx",
    "none at once": "def f(x):\n  return None",
    "net": "class N(object):\n  def loss(self, X, y=None):\n    scores = None\n    if y is None:\n"
    "      return scores\n    loss, grads = 0.0, {}\n    return loss, grads",
}
WRITTEN = {
    "one line": "def f(x):\n  return x + 1",
    "given elsewhere": "def f(x):\n  return other(x)",
    "parameter": "def f(w, dw, config=None):\n  w -= config['learning_rate'] * dw\n  return w, config",
    "set in a loop": "def f(x):\n  out = None\n  for row in x:\n    out = row\n  return out",
    "summed": "def f(x):\n  loss = 0\n  loss += x.sum()\n  return loss, None",
    "unpacked": "def f(x):\n  out = None\n  out, cache = g(x)\n  return out, cache",
    "list": "def f(x):\n  out = []\n  out.append(x)\n  return out",
    "one branch": "def f(x, mode):\n  out = None\n  if mode == 'train':\n    out = x * 2\n  return out",
    "inherits": "class N(Base):\n  pass",
    "lambda": "f = lambda x: x",
    "more returns than a stub has": "def f(x):\n" + "  return x1\n" * 30_000,
}


@pytest.mark.parametrize("text", STUBS.values(), ids=STUBS)
def test_starters_stub_is_recognised(text):
    assert looking.is_stub(definition(text))


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_written_function_is_no_stub(text):
    assert not looking.is_stub(definition(text))


PYTHON_2 = {
    "a print statement": "x = 1\nprint 'x'\n",
    "an except clause with a comma": "try:\n  pass\nexcept ValueError, error:\n  pass\n",
    "a raise with a comma": "raise ValueError, 'x'\n",
    "backquotes": "x = `3`\n",
    "the operator <>": "x = 3 <> 4\n",
    "a number in an old notation": "x = 0777\n",
    "tabs and spaces mixed": "if 1:\n        x = 1\n\ty = 2\n",
    "an exec statement": "exec 'x'\n",
}


@pytest.mark.parametrize("what", PYTHON_2)
def test_python_2_is_named_with_its_line(what):
    text = PYTHON_2[what]
    with pytest.raises(NotPython) as caught:
        _ = Source("layers.py", text).tree
    assert f"is Python 2 only ({what})" in str(caught.value)
    assert str(caught.value).startswith("layers.py, line ")


@pytest.mark.parametrize("text", ["def f(x;\n", "print('x'\n", "x = (\n", "\0"])
def test_other_errors_are_not_called_python_2(text):
    with pytest.raises(NotPython) as caught:
        _ = Source("layers.py", text).tree
    assert "Python 2" not in str(caught.value)


DEEP = {
    "a long sum": "x = " + "+".join(["1"] * 30_000),
    "a chain of elif": "if x:\n pass\n" + "elif x:\n pass\n" * 1500,
    "many brackets": "[" * 5000,
    "many letters": "x = 1\n" * 60_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_text_made_to_break_the_reader_is_refused(text):
    with pytest.raises(NotPython):
        _ = Source("layers.py", text).tree


def test_bytes_of_any_encoding_are_read():
    assert "é" in Source.of_bytes("a.py", "x = 'é'".encode("latin-1")).text
    assert Source.of_bytes("a.py", b"\xef\xbb\xbfx = 1").readable
    assert "中" in Source.of_bytes("a.py", "# -*- coding: gbk -*-\n# 中".encode("gbk")).text


def test_constructor_is_described():
    net = definition(
        "class N(object):\n  def __init__(self, hidden_dims, dropout=0, *, seed=None):\n    self.on = dropout > 0\n"
    )
    init = looking.method(net, "__init__")
    assert looking.takes(init) == {"hidden_dims", "dropout", "seed"}
    assert (looking.default(init, "dropout"), looking.condition(init, "dropout")) == (0, "> 0")
    assert looking.takes(looking.method(definition("class N:\n  def __init__(self, **k): pass"), "__init__")) is None


def test_fault_of_the_starter_is_mended_in_its_place_only():
    text = "for bn_param in s:\n  ü = 1; bn_param[mode] = mode\n  seen[mode] = 1\n"
    better, told = mended(Source("fc_net.py", text), ["bn_param_mode"], True)
    assert better.text == text.replace("bn_param[mode]", 'bn_param["mode"]')
    assert "fc_net.py, line 2" in told[0]
    same, told = mended(Source("fc_net.py", text), ["bn_param_mode"], False)
    assert same.text == text
    assert len(told) == 1


def test_edition_with_an_unknown_key_is_refused(tmp_path):
    text = (FOLDER / "nndl-2018.toml").read_text(encoding="utf-8")
    path = tmp_path / "ours.toml"
    path.write_text(text)
    assert read(path).model_copy(update={"name": "nndl-2018"}) == next(e for e in editions() if e.name == "nndl-2018")
    path.write_text("colour = 3\n" + text)
    with pytest.raises(CourseError, match="colour"):
        read(path)
    path.write_text(text.replace('fc_net = "fc_net"', ""))
    with pytest.raises(CourseError, match="modules"):
        read(path)
