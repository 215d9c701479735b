"""Recipes through the rerun itself: what accuracy they reach, in how much CPU time, and what the rerun costs.

    python benchmarks/target.py reference stretch    # rows of the tables in docs/grading.md; minutes each
    python benchmarks/target.py cost                 # the rerun against the same section run plainly

CIFAR-10 is read from CIFAR10_DIR or datasets/. Each recipe is handed in as the target section of a copy of the course
and trained behind the wall that holds here, on one BLAS thread.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.demo import hand_in, make_course
from autograder.examiner import target
from autograder.examiner.stage import stage
from autograder.wall import choose
from autograder.wall.runtime import runtime

# The author's dropout divided by the wrong probability, and the course's net of that year never told batch
# normalisation that it was being tested. That hid the mistake: statistics of the batch do not care for the scale.
FAULTS_2018 = """

def dropout_forward(x, dropout_param):
    mask = None
    if dropout_param["mode"] == "train":
        p_drop = 1 - dropout_param["p"]
        mask = (np.random.rand(*x.shape) > p_drop).astype(x.dtype) / p_drop
        x = x * mask
    return x, (dropout_param, mask)

def batchnorm_forward(x, gamma, beta, bn_param, right=batchnorm_forward):
    return right(x, gamma, beta, {**bn_param, "mode": "train"})
"""
NET_2018 = """
model = FullyConnectedNet([600, 500, 400, 300, 200, 100], weight_scale=2.5e-2, dropout_keep_ratio=0.75,
                          normalization="batchnorm", reg=1e-2)
solver = Solver(model, data, update_rule="adam", optim_config={"learning_rate": 3.1e-4}, lr_decay=0.9,
                num_epochs=34, batch_size=128, verbose=False, print_every=0)
solver.train()
"""
NET_2025 = """
model = FullyConnectedNet([600, 400, 200, 50], weight_scale=4e-2, dropout_keep_ratio=0.75, normalization="batchnorm")
solver = Solver(model, data, update_rule="adam", optim_config={"learning_rate": 3e-3}, lr_decay=0.95,
                num_epochs=20, batch_size=500, verbose=False, print_every=0)
solver.train()
"""
STRETCH = """
def mirror_half(solver):
    for start in range(0, len(solver.X_train), 1000):
        part = solver.X_train[start : start + 1000]
        chosen = np.random.rand(len(part)) < 0.5
        part[chosen] = part[chosen, :, :, ::-1]

model = FullyConnectedNet([1000, 500, 250], weight_scale=3e-2, dropout_keep_ratio=0.75, normalization="batchnorm")
solver = Solver(model, data, update_rule="adam", optim_config={"learning_rate": 2e-3}, lr_decay=0.88, num_epochs=25,
                batch_size=500, on_epoch=mirror_half, verbose=False, print_every=0)
solver.train()
"""
FLOAT64 = """
model = FullyConnectedNet([512, 512, 512], dropout_keep_ratio=0.75, normalization="batchnorm", weight_scale=4e-2,
                          dtype=np.float64)
solver = Solver(model, data, update_rule="adam", optim_config={"learning_rate": 2e-3}, lr_decay=0.8, batch_size=250,
                num_epochs=12, verbose=False, print_every=0)
solver.train()
"""
# recipe: (the section's second cell or None for the notebook's own, its target, seeds, what is put behind layers.py)
RECIPES = {
    "reference": (None, 0.55, 5, ""),
    "reference to its end": (None, 1.0, 1, ""),
    "stretch": (STRETCH, 0.60, 5, ""),
    "2025": (NET_2025, 1.0, 1, ""),
    "2018": (NET_2018, 1.0, 1, ""),
    "2018 with its faults": (NET_2018, 1.0, 1, FAULTS_2018),
    "float64": (FLOAT64, 0.55, 1, ""),
}


class Bench:
    """A copy of the course to hand in to."""

    def __init__(self, root):
        self.here = Course.find()
        self.course = make_course(self.here, root)
        self._settings = self.course.root / "assignments" / "deep_nets" / "assignment.toml"
        self._text = self._settings.read_text("utf-8")
        self._count = 0

    def cells(self, code, seed):
        """The notebook with `code` in place of the reference solution; its own numpy seed is `seed`."""
        book = nbformat.read(self.course.root / "source" / "deep_nets" / "Dropout.ipynb", as_version=4)
        for cell in book.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "target_solution":
                solution = re.sub(r"np\.random\.seed\(\d+\)\n", "", cell.source)
                cell.source = f"np.random.seed({seed})\n{code or solution}"
        return book

    def rerun(self, code, full, seed, behind):
        """Hand in and train; the outcome, and the CPU seconds of the examiner itself."""
        self._settings.write_text(re.sub(r"(?m)^accuracy = \S+", f"accuracy = {full}", self._text), "utf-8")
        assignment = self.course.assignment("deep_nets")
        self._count += 1
        folder = hand_in(assignment, f"s{self._count}", assignment.package, self.course.root / "source" / "deep_nets")
        nbformat.write(self.cells(code, seed), folder / "Dropout.ipynb")
        with (folder / "nndl" / "layers.py").open("a") as file:
            file.write(behind)
        staged = stage(assignment, folder)
        before = time.process_time()
        try:
            found = target.rerun(
                staged,
                folder / "Dropout.ipynb",
                wall=choose(self.here.root),
                data=self.here.data,
                prepared=choose(self.here.root).folder,
                seed=str(seed),
                progress=None,
            )
        finally:
            staged.remove()
        return found, time.process_time() - before

    def plain(self, code, seed):
        """CPU seconds of the same section, run by the worker's own Python without an examiner."""
        cells = target.section(self.course.assignment("deep_nets"), self._target(), self._written(code, seed))
        package = self.here.root / "assignments" / "deep_nets"
        script = (
            "from autograder.worker import standins, training; standins.install(); "
            "import numpy as np; np.random.seed(0); space = {'__name__': '__main__'}\n"
            "space['get_ipython'] = lambda: training._Shell(space)\n"
            f"for cell in {cells!r}: exec(cell, space)"
        )
        environment = {"OPENBLAS_NUM_THREADS": "1", "CIFAR10_DIR": str(self.here.data)}
        environment["PYTHONPATH"] = f"{package}{os.pathsep}{self.here.root}"
        worker = runtime(choose(self.here.root).folder)
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, worker.library_folders))
        environment["PYTHONPATH"] += f"{os.pathsep}{worker.packages}"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(worker.python), "-c", script], env=environment, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _target(self):
        return self.course.assignment("deep_nets").settings.target

    def _written(self, code, seed):
        path = self.course.root / "section.ipynb"
        nbformat.write(self.cells(code, seed), path)
        return path


def until(found, accuracy):
    """CPU seconds until the first epoch that reached an accuracy, by its share of the epochs."""
    reached = [number for number, value in enumerate(found.target.history, 1) if value >= accuracy]
    return f"{found.usage.cpu_seconds * reached[0] / len(found.target.history):.0f}" if reached else "-"


def rows(bench, name):
    """A row of the table for each seed of a recipe."""
    code, full, seeds, behind = RECIPES[name]
    for seed in range(1, seeds + 1):
        found, _ = bench.rerun(code, full, seed, behind)
        record, guard = found.target, found.target.guard
        verdict = "passed" if guard and not guard.unexplained else "objects"
        cells = [name, seed, f"{record.accuracy:.3f} @ {record.best_epoch} of {record.epochs}", until(found, 0.55)]
        cells += [until(found, 0.60), f"{found.usage.cpu_seconds:.0f}", f"{found.usage.peak_mb:.0f}"]
        cells += (
            [f"{value:.3f}" for value in (guard.validation_changed, guard.others, guard.others_changed)]
            if guard
            else "---"
        )
        print(f"| {' | '.join(map(str, cells))} | {verdict} | {record.runs} |", flush=True)
        if found.reason:
            print(found.reason)


def cost(bench, rounds):
    """The rerun against the same section run plainly, in turn: three epochs, least CPU seconds of the rounds."""
    code = FLOAT64.replace("dtype=np.float64", "reg=0").replace("num_epochs=12", "num_epochs=3")
    plain, rerun = [], []
    for number in range(rounds):
        plain.append(bench.plain(code, number))
        found, own = bench.rerun(code, 0.99, number, "")
        rerun.append(found.usage.cpu_seconds + own)
        print(f"plain {plain[-1]:.2f}, rerun {rerun[-1]:.2f}, of it the examiner {own:.2f} CPU s", flush=True)
    print(f"least: plain {min(plain):.2f}, rerun {min(rerun):.2f}, {min(rerun) - min(plain):+.2f} CPU s")


def main():
    """Run the recipes that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=[*RECIPES, "cost"])
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        bench = Bench(root / "course")
        for name in arguments.names:
            if name == "cost":
                cost(bench, arguments.rounds)
            else:
                rows(bench, name)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
