"""A class of hand-ins, timed from the download to the gradebook: the figures in docs/scale.md.

    python benchmarks/scale.py class --size 300       # collect, grade (killed once on the way), compare, feedback
    python benchmarks/scale.py efficiency --size 24   # two hand-ins side by side against one after the other
    python benchmarks/scale.py cluster --size 24      # the same records from three Dask workers
    python benchmarks/scale.py target --size 20       # hand-ins with the target, in many styles and recipes
    python benchmarks/scale.py nbgrader --size 3      # stock nbgrader, which executes the notebooks

Everything is done in --folder, which is made anew. CIFAR-10 is read from CIFAR10_DIR or datasets/.
"""

import argparse
import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from recipes import RECIPES

from autograder.course import Course
from autograder.demo import hand_in, make_course
from autograder.examining import Options, examine_all
from autograder.rehearsal.writing import simulate
from autograder.styles import complete_styles

VERB = Path(sys.executable).with_name("autograder")
NAME = "deep_nets"


def verb(folder, *words, check=True):
    """Seconds by the clock of one `autograder` command, and what it printed last."""
    began = time.perf_counter()
    done = subprocess.run([VERB, *words], cwd=folder, capture_output=True, text=True)
    if check and done.returncode not in (0, 1):
        raise SystemExit(f"autograder {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began, done.stdout.strip().splitlines()[-1]


def records(folder):
    """Every record's name and bytes, without the times beside them."""
    paths = sorted((folder / "results").rglob("*.json"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != "timing.json"}


def timing(folder, field):
    """A figure of every hand-in from its timing.json."""
    return [json.loads(path.read_text())[field] for path in sorted((folder / "results").rglob("timing.json"))]


def children():
    """CPU seconds of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def killed(folder, size):
    """Grade until two fifths of the class have records, then `kill -9`; the seconds that took."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [VERB, "grade", NAME, "--no-target"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(list((folder / "results" / NAME).glob("*/timing.json"))) < 0.4 * size:
        time.sleep(0.5)
        if process.poll() is not None:
            raise SystemExit("grading ended before it could be killed")
    process.kill()
    process.wait()
    return time.perf_counter() - began


def whole_class(folder, size, seed):
    """From a zip as Canvas gives it to scores that are held against the truth."""
    simulate(Course.find(), NAME, size, seed, folder, "canvas")
    verb(folder, "release", NAME)
    print(f"collect: {verb(folder, 'collect', 'submissions.zip', '--roster', 'roster.csv')[0]:.0f} s")
    before = children()
    first = killed(folder, size)
    print(f"grade until it was killed: {first:.0f} s")
    second, _ = verb(folder, "grade", NAME, "--no-target")
    print(f"grade, the rest: {second:.0f} s; together {first + second:.0f} s, {children() - before:.0f} CPU s")
    print(f"checks: {statistics.mean(timing(folder, 'cpu_seconds')):.2f} CPU s a hand-in")
    print(f"grade once more, nothing to examine: {verb(folder, 'grade', NAME, '--no-target')[0]:.0f} s")
    print(f"feedback: {verb(folder, 'feedback', NAME)[0]:.0f} s")
    print(verb(folder, "simulate-class", "--compare", "--output", ".")[1])


def efficiency(folder, size, seed):
    """t1 / (2 t2) of examining, in three rounds that take one and two workers in turn."""
    simulate(Course.find(), NAME, size, seed, folder, "folders")
    work = Course(folder).assignment(NAME)
    paths = sorted(folder.glob(f"submitted/*/{NAME}"))
    found = []
    for _ in range(3):
        seconds = {}
        for workers in (1, 2):
            began = time.perf_counter()
            list(examine_all(work, paths, Options(with_target=False), workers))
            seconds[workers] = time.perf_counter() - began
        found.append(seconds[1] / (2 * seconds[2]))
        print(f"one {seconds[1]:.1f} s, two {seconds[2]:.1f} s: {found[-1]:.3f}", flush=True)
    print(f"median {statistics.median(found):.3f}")


def cluster(folder, size, seed):
    """Records of two processes of this machine, then of three Dask workers: the same bytes?"""
    from distributed import LocalCluster

    simulate(Course.find(), NAME, size, seed, folder, "folders")
    verb(folder, "release", NAME)
    print(f"two processes: {verb(folder, 'grade', NAME, '--no-target')[0]:.0f} s")
    here = records(folder)
    shutil.rmtree(folder / "results")
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as started:
        address = started.scheduler_address
        print(f"three workers: {verb(folder, 'grade', NAME, '--no-target', '--scheduler', address)[0]:.0f} s")
    print(f"{len(here)} records, {'the same' if records(folder) == here else 'OTHER'} bytes")


def section(number):
    """A target section as students write it: one of the honest recipes, every second one in float64."""
    plain = [settings for settings in RECIPES.values() if not settings.keys() & {"pixels", "images", "mirror"}]
    settings = plain[number % len(plain)]
    kind = "dtype=np.float64, " if number % 2 else ""
    options = ", ".join(f"{name}={value!r}" for name, value in settings["net"].items())
    return (
        f"np.random.seed({number})\nmodel = FullyConnectedNet({settings['hidden']!r}, {kind}{options})\n"
        f"solver = Solver(model, data, **{settings['solver']!r}, verbose=False)\nsolver.train()\n"
    )


STEPS = """
import numpy as np
from nndl.fc_net import FullyConnectedNet
from nndl.optim import adam
model = FullyConnectedNet([512, 256], normalization="batchnorm", dropout_keep_ratio=0.75)
for _ in range(3):
    _, grads = model.loss(np.random.randn(500, 3, 32, 32), np.arange(500) % 10)
    for name, array in model.params.items():
        model.params[name], _ = adam(array, grads[name])
"""


def is_plain(package_folder):
    """Whether three steps of training take less than six CPU seconds: loops over all elements take minutes."""
    command = [sys.executable, "-c", f"import resource; resource.setrlimit(resource.RLIMIT_CPU, (6, 6)){STEPS}"]
    return not subprocess.run(command, cwd=package_folder, stdout=subprocess.DEVNULL).returncode


def hand_in_styles(here, course, size):
    """Right packages in different plain styles, over and over, each with a target section of its own."""
    work = course.assignment(NAME)
    plain = {}
    for style, texts in complete_styles(here.assignment(NAME)).items():
        folder = hand_in(work, style, work.package, course.root / "source" / NAME)
        for module, text in texts.items():
            (folder / "nndl" / f"{module}.py").write_text(text, encoding="utf-8")
        if is_plain(folder):
            plain[style] = texts
        shutil.rmtree(folder.parent)
    print(f"{len(plain)} plain styles", flush=True)
    for number, (style, texts) in zip(range(size), itertools.cycle(plain.items())):
        folder = hand_in(work, f"s{number:02}-{style}", work.package, course.root / "source" / NAME)
        for module, text in texts.items():
            (folder / "nndl" / f"{module}.py").write_text(text, encoding="utf-8")
        book = nbformat.read(folder / "Dropout.ipynb", as_version=4)
        for cell in book.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "target_solution":
                cell.source = section(number)
        nbformat.write(book, folder / "Dropout.ipynb")


def target(folder, size, _seed):
    """Hand-ins with the target: CPU seconds of each, and the clock of all."""
    here = Course.find()
    course = make_course(here, folder)
    verb(folder, "release", NAME)
    hand_in_styles(here, course, size)
    seconds, _ = verb(folder, "grade", NAME)
    for path in sorted((folder / "results").rglob("timing.json")):
        spent, record = json.loads(path.read_text()), json.loads(path.with_name("target.json").read_text())
        found = record["target"]
        accuracy = f"{found['accuracy'] or 0:.3f} in {found['runs']} run(s)"
        print(f"{path.parent.name:28} {accuracy} {record['share']:.2f} {spent['target_cpu_seconds']:7.0f} CPU s")
    spent = timing(folder, "target_cpu_seconds")
    print(f"{len(spent)} hand-ins: {seconds:.0f} s; target {statistics.mean(spent):.0f} CPU s on average")
    print(f"300 would take {300 * seconds / len(spent) / 3600:.1f} hours")


STOCK = """\
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = 3600
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError()"}
"""


def nbgrader(folder, size, _seed):
    """Stock nbgrader with its own settings: each hand-in's notebooks are executed, then scored cell by cell."""
    here = Course.find()
    shutil.rmtree(folder, ignore_errors=True)
    work = here.assignment(NAME)
    ours = f"import sys; sys.path[:0] = {[str(here.root / 'assignments' / NAME), str(here.root)]!r}\n"
    for place in [folder / "source", *(folder / "submitted" / f"s{number}" for number in range(size))]:
        (place / NAME).mkdir(parents=True)
        for path in work.notebooks:
            book = nbformat.read(path, as_version=4)
            for cell in book.cells:
                if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup":
                    cell.source = ours + cell.source
                cell.source = cell.source.replace("import autograder; autograder.rerun", "print")
            nbformat.write(book, place / NAME / path.name)
    (folder / "nbgrader_config.py").write_text(STOCK, encoding="utf-8")
    environment = {**os.environ, "CIFAR10_DIR": str(here.data.resolve()), "OPENBLAS_NUM_THREADS": "1"}
    environment["PATH"] = f"{VERB.parent}{os.pathsep}{environment['PATH']}"
    for stage in ("generate_assignment", "autograde"):
        before, began = children(), time.perf_counter()
        done = subprocess.run(
            [VERB.with_name("nbgrader"), stage, NAME], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        print(f"nbgrader {stage}: {time.perf_counter() - began:.0f} s, {children() - before:.0f} CPU s", flush=True)


def main():
    """Run the part that is named."""
    parts = {"class": whole_class, "efficiency": efficiency, "cluster": cluster, "target": target, "nbgrader": nbgrader}
    sizes = {"class": 300, "efficiency": 24, "cluster": 24, "target": 20, "nbgrader": 3}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=parts)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/scale"))
    said = parser.parse_args()
    parts[said.part](said.folder.resolve(), said.size or sizes[said.part], said.seed)


if __name__ == "__main__":
    main()
