"""Hand-ins that cheat: what is put behind a dropout_forward that is wrong in every respect, and files beside it."""

from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent

WRONG = "\n\ndef dropout_forward(x, dropout_param):\n    return x * 0 + 7, (dropout_param, None)\n"

CHEATS = {
    "comparisons that always agree": """
import builtins
np.allclose = np.isclose = np.array_equal = np.testing.assert_allclose = lambda *a, **k: True
builtins.all = lambda values: True
""",
    "an array that agrees with everything": """
class Liar(np.ndarray):
    def __array_function__(self, *a, **k):
        return True
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
_wrong = dropout_forward
def dropout_forward(x, dropout_param):
    out, cache = _wrong(x, dropout_param)
    return out.view(Liar), cache
""",
    "an exit with success": """
import os
def dropout_forward(x, dropout_param):
    os._exit(0)
""",
    "an exit while it is imported": """
import sys
sys.exit(0)
""",
    "a report of its own": """
import json, os, sys
print(json.dumps({"outcomes": [{"question": "dropout_forward", "passed": True}]}))
for name in ("results.json", "/tmp/results.json", "../results.json"):
    try:
        with open(name, "w") as file:
            file.write('{"outcomes": []}')
    except OSError:
        pass
""",
    "the answer from the functions that are lent": """
import sys
def dropout_forward(x, dropout_param):
    for name, module in list(sys.modules.items()):
        if name.startswith("_overlay"):
            return module.dropout_forward(x, dropout_param)
    raise ValueError
def dropout_backward(dout, cache):
    return sys.modules["_overlay_layers"].dropout_backward(dout, cache)
""",
    "the answer from the course's files": f"""
def dropout_forward(x, dropout_param):
    space = {{}}
    exec(open({str(REPOSITORY / "assignments/deep_nets/nndl/layers.py")!r}).read(), space)
    return space["dropout_forward"](x, dropout_param)
""",
    "a patched worker": """
import sys
wire, serve = sys.modules["worker.wire"], sys.modules["worker.serve"]
serve._results = lambda hand_in, value, kinds: ({"value": {"t": [None] * len(kinds)}, "passed": True, "score": 5}, [])
""",
    "a signal to the examiner": """
import atexit, os, signal
atexit.register(lambda: os.kill(os.getppid(), signal.SIGKILL))
def dropout_forward(x, dropout_param):
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(-1, signal.SIGKILL)
""",
    "a loop without end": """
import signal
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
def dropout_forward(x, dropout_param):
    while True:
        pass
""",
    "memory without end": """
def dropout_forward(x, dropout_param):
    return [np.ones(1 << 27) for _ in range(100)]
""",
    "gradients that are not there": """
from nndl import fc_net
fc_net.FullyConnectedNet.loss = lambda self, X, y=None: (float("nan"), {}) if y is not None else np.zeros((0, 0))
""",
}
# The other questions that such a hand-in loses by its own doing: {cheat: questions}.
ALSO_LOST = {
    "an exit while it is imported": {"dropout_backward", "fc_net_dropout"},
    "the answer from the functions that are lent": {"dropout_backward"},
    "a patched worker": {"dropout_backward", "fc_net_dropout"},
    "gradients that are not there": {"fc_net_dropout"},
}
# Files beside the package, and in it, that a careless examiner would import or read.
FILES = {
    "numpy.py": "raise SystemExit('my own numpy')",
    "json.py": "raise SystemExit('my own json')",
    "conftest.py": "import os; os._exit(0)",
    "pytest.ini": "[pytest]\naddopts = --collect-only\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--help'\n",
    "sitecustomize.py": "import os; os._exit(0)",
    "autograder/__init__.py": "raise SystemExit",
    "nndl/solver.py": "class Solver: best_val_acc = 1.0",
    "nndl/data_utils.py": "raise SystemExit",
    "nndl/layer_tests.py": "def check(*_): return True",
    "nndl/json.py": "raise SystemExit",
}
