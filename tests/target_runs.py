"""Hand in a target section and have it trained by a real worker, on a small stand-in."""

import re
import shutil
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.demo import hand_in, make_course
from autograder.examiner import target
from autograder.examiner.stage import stage
from autograder.wall import choose, places
from datasets import synthetic

BUDGET = 6  # CPU seconds; enough for a small net, short for a loop without end
DATA = "data = get_CIFAR10_data(num_training=2000)"
NET = 'model = FullyConnectedNet([30], normalization="batchnorm")'
TRAIN = 'Solver(model, data, update_rule="adam", num_epochs={}, batch_size=100, verbose=False).train()'


def notebook_with(course, *cells):
    """The course's notebook with `cells` as the code of the target section."""
    book = nbformat.read(course.root / "source" / "deep_nets" / "Dropout.ipynb", as_version=4)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in book.cells]
    first, last = names.index("target_section"), names.index("target")
    book.cells[first + 1 : last] = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return book


class Runs:
    """A course with a small budget on 7,200 images of the stand-in, in a folder that the worker can reach."""

    def __init__(self, root):
        self.root = Path(root)
        self.data = self.root / "data"
        (self.data / "cifar-10-batches-py").mkdir(parents=True)
        synthetic.write(self.data / "cifar-10-batches-py", images=1200)
        self.course = make_course(Course.find(), self.root / "course")
        self.prepared = places.make("prepared")
        self.prepared.chmod(0o755)
        self._settings = self.course.root / "assignments" / "deep_nets" / "assignment.toml"
        self._text = self._settings.read_text(encoding="utf-8")
        self._count = 0
        self.set()

    def set(self, **target):
        """Change settings of [target]; the others are as in the course, with the small budget."""
        head, rest = self._text.split("[target]\n")
        for name, value in {"cpu_seconds": BUDGET, **target}.items():
            rest = f"{name} = {value}\n" + re.sub(rf"(?m)^{name} = .*\n", "", rest, count=1)
        text = f"{head}[target]\n{rest}"
        self._settings.write_text(text, encoding="utf-8")

    def __call__(self, *cells, progress=None, weights=None, **files):
        """The outcome of a hand-in with these cells as its target section and these files in its package."""
        assignment = self.course.assignment("deep_nets")
        self._count += 1
        folder = hand_in(assignment, f"student-{self._count}", assignment.package, self.root)
        nbformat.write(notebook_with(self.course, *cells), folder / "Dropout.ipynb")
        for name, text in files.items():
            (folder / "nndl" / f"{name}.py").write_text(text, encoding="utf-8")
        if weights is not None:
            shutil.copy(weights, folder / "model.npz")
        staged = stage(assignment, folder)
        try:
            return target.rerun(
                staged,
                folder / "Dropout.ipynb",
                wall=choose(self.course.root),
                data=self.data,
                prepared=self.prepared,
                seed="3",
                progress=progress,
            )
        finally:
            staged.remove()

    def remove(self):
        """Delete what workers could reach."""
        shutil.rmtree(self.prepared)
