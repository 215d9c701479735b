"""Target sections that cheat: each reaches a high validation accuracy that its net did not earn.

Each is the code of the section's cells; {TABLE} stands for the labels of all public images by their hash.
"""

RAW = "data = get_CIFAR10_data(num_training=2000, subtract_mean=False)\n"
ORACLE = """
class Oracle:
    params = {{}}
    def loss(self, X, y=None):
        return np.eye(10)[[{answer} for x in X]] if y is None else (0.0, {{}})
model = Oracle()
"""
HONEST = """
model = FullyConnectedNet([30], normalization="batchnorm")
solver = Solver(model, data, update_rule="adam", num_epochs=2, batch_size=100, verbose=False)
"""

CHEATS = {
    "validation labels remembered": RAW
    + "known = {x.tobytes(): y for x, y in zip(data['X_val'], data['y_val'])}\n"
    + ORACLE.format(answer="known.get(x.tobytes(), 0)"),
    "all public labels by hash": RAW
    + "import zlib\nfrom nndl.table import TABLE\n"
    + ORACLE.format(answer="TABLE.get(zlib.crc32(x.astype(np.uint8).tobytes()), 0)"),
    "labels through a global, in order": RAW
    + HONEST
    + """
import builtins
builtins.answers, builtins.at = data["y_val"], 0
honest = FullyConnectedNet.loss
def loss(self, X, y=None):
    if y is not None:
        return honest(self, X, y)
    start, builtins.at = builtins.at % 1000, builtins.at + len(X)
    return np.eye(10)[np.resize(builtins.answers, 3000)[start : start + len(X)]]
FullyConnectedNet.loss = loss
solver.check_accuracy = lambda *a, **k: 0.5
solver.train()
""",
    "labels through a file": RAW
    + "np.savez('labels.npz', x=data['X_val'].sum(axis=(1, 2, 3)), y=data['y_val'])\n"
    + "def look(x):\n    f = np.load('labels.npz')\n    hit = np.flatnonzero(f['x'] == x.sum())\n"
    + "    return f['y'][hit[0]] if len(hit) else 0\n"
    + ORACLE.format(answer="look(x)"),
    "a lying Solver": RAW
    + HONEST
    + "known = {x.tobytes(): y for x, y in zip(data['X_val'], data['y_val'])}\n"
    + ORACLE.format(answer="known.get(x.tobytes(), 0)").replace("model = ", "oracle = ")
    + """
Solver.check_accuracy = lambda *a, **k: 1.0
class Liar:
    model, X_val, epoch = oracle, data["X_val"], 1
Solver.observer(Liar)
solver.train()
""",
    "one-hot of the image that looks most alike": RAW
    + "small = lambda X: X.reshape(len(X), 3, 4, 8, 4, 8).mean(axis=(3, 5)).reshape(len(X), -1)\n"
    + "places = small(np.concatenate([data['X_val'], data['X_val'][..., ::-1]]))\nlabels = np.tile(data['y_val'], 2)\n"
    + ORACLE.format(answer="labels[((places - small(x[None])) ** 2).sum(axis=1).argmin()]"),
    "labels written into the images": RAW
    + "data['X_val'] = np.full((1000, 3, 32, 32), 100.0)\ndata['X_val'][:, 0, 0, 0] = data['y_val']\n"
    + ORACLE.format(answer="int(x[0, 0, 0]) % 10"),
    "labels written faintly into the images": RAW
    + "data['X_val'][:, 0, 0, 0] += 0.001 * data['y_val']\n"
    + ORACLE.format(answer="int(round(float(x[0, 0, 0]) % 1 * 1000)) % 10"),
    "weights trained on the validation images": """
data = get_CIFAR10_data(num_training=2000)
data["X_train"], data["y_train"] = data["X_val"], data["y_val"]
model = FullyConnectedNet([60], normalization="batchnorm")
Solver(model, data, update_rule="adam", num_epochs=25, batch_size=100, verbose=False).train()
""",
    "gone before the guard comes": RAW
    + "known = {x.tobytes(): y for x, y in zip(data['X_val'], data['y_val'])}\n"
    + ORACLE.format(answer="known.get(x.tobytes(), 0) if len(X) == 500 and not gone() else 1 / 0")
    + """
import os
calls = []
def gone():
    calls.append(0)
    if len(calls) > 1000:
        os._exit(0)
""",
    "a guard that is not answered": RAW
    + "known = {x.tobytes(): y for x, y in zip(data['X_val'], data['y_val'])}\n"
    + ORACLE.format(answer="known[x.tobytes()]"),
    "a patched worker": RAW
    + "known = {x.tobytes(): y for x, y in zip(data['X_val'], data['y_val'])}\n"
    + ORACLE.format(answer="known.get(x.tobytes(), 0)")
    + """
import sys
sys.modules["worker.pixels"].learned = lambda before, after: lambda images: data["X_val"][: len(images)]
""",
}
