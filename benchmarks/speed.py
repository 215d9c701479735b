"""How fast the reference trains: one step against its matrix products alone, textbook code, and PyTorch on the CPU.

    python benchmarks/speed.py --folder build/speed    # `make bench`; some minutes

Writes speed.json and growth.png, and prints tables. Each figure is a ratio of medians; every round runs every
contestant once, in an order that rotates, so that other work on the machine disturbs all alike. Figures of different
machines do not compare: OpenBLAS picks its kernel by the processor. PyTorch is left out where it is not installed.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nets
import numpy as np

CASES = {"600-400-200-50, batch 500": ([600, 400, 200, 50], 500), "500-500-500, batch 100": ([500, 500, 500], 100)}
WIDTHS, DEPTHS, BATCHES = (100, 200, 400, 800, 1600), (1, 2, 3, 5, 8), (50, 100, 250, 500, 1000)
EPOCH = 49000  # images


def contestants(hidden, batch):
    """The steps to compare; the floor comes first."""
    found = {
        "matrix products alone": nets.floor_step(hidden, batch),
        "reference": nets.reference_step(hidden, batch),
        "textbook float64": nets.textbook_step(hidden, batch),
        "PyTorch eager": nets.torch_step(hidden, batch),
        "PyTorch eager, fused Adam": nets.torch_step(hidden, batch, fused=True),
    }
    return {name: step for name, step in found.items() if step is not None}


def medians(steps, rounds, clock):
    """{name: median seconds of a step} over interleaved rounds."""
    names = list(steps)
    taken = {name: [] for name in names}
    for number in range(rounds + 2):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            began = clock()
            steps[name]()
            if number >= 2:  # the first two warm up
                taken[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in taken.items()}


def growth(rounds):
    """Seconds of an epoch of the reference by width (three layers), depth (of 200 units) and batch (200-200-200)."""

    def epochs(cases):
        steps = {x: nets.reference_step(hidden, batch) for x, (hidden, batch) in cases.items()}
        batches = {x: batch for x, (_, batch) in cases.items()}
        return {x: seconds * EPOCH / batches[x] for x, seconds in medians(steps, rounds, time.process_time).items()}

    return {
        "width": epochs({width: ([width] * 3, 250) for width in WIDTHS}),
        "depth": epochs({depth: ([200] * depth, 250) for depth in DEPTHS}),
        "batch": epochs({batch: ([200] * 3, batch) for batch in BATCHES}),
    }


def data_peak():
    """Largest memory of a process that loads the course's data, in GB; None where there is no CIFAR-10."""
    script = "from nndl.data_utils import get_CIFAR10_data; get_CIFAR10_data()"
    if subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode:
        return None
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def machine():
    """What the figures rest on."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": next((line.split(":")[1].strip() for line in _cpuinfo() if "model name" in line), "unknown"),
        "system": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", "chosen by the processor"),
        "torch": _torch_version(),
    }


def _cpuinfo():
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def _torch_version():
    try:
        import torch
    except ImportError:
        return "not installed"
    return torch.__version__


def one_thread_count(arguments):
    """The part of the measurement that runs in a process of its own, because BLAS reads its thread count once."""
    if _torch_version() != "not installed":
        import torch

        torch.set_num_threads(arguments.threads)
    # With one thread CPU seconds are the truth on a busy machine; with two there is only the clock.
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    found = {name: medians(contestants(*case), arguments.rounds, clock) for name, case in CASES.items()}
    print(json.dumps({"steps": found, "growth": growth(arguments.rounds // 3) if arguments.threads == 1 else None}))


def table(found):
    """The steps as a Markdown table."""
    lines = ["| net | threads | | ms | over the products |", "| --- | --- | --- | --- | --- |"]
    for threads, part in found["threads"].items():
        for case, steps in part["steps"].items():
            floor = steps["matrix products alone"]
            lines += [
                f"| {case} | {threads} | {name} | {1000 * seconds:.1f} | {seconds / floor:.2f} |"
                for name, seconds in steps.items()
            ]
    return "\n".join(lines)


def plot(curves, path):
    """Three panels: seconds of an epoch by width, depth and batch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    titles = {
        "width": ("three hidden layers, batch 250", "units of each layer"),
        "depth": ("layers of 200 units, batch 250", "hidden layers"),
        "batch": ("200-200-200", "images in a minibatch"),
    }
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for axis, (name, values) in zip(axes, curves.items(), strict=True):
        x = [int(key) for key in values]
        axis.plot(x, list(values.values()), "o-")
        axis.set(title=titles[name][0], xlabel=titles[name][1], ylim=(0, None))
    axes[0].set_ylabel("CPU seconds of an epoch\n(49,000 images, one thread)")
    figure.savefig(path, dpi=110)


def main():
    """Measure with one and two threads, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/speed"))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.threads:
        one_thread_count(arguments)
        return
    found = {"machine": machine(), "get_CIFAR10_data_peak_GB": data_peak(), "threads": {}}
    for threads in (1, 2):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, f"--threads={threads}", f"--rounds={arguments.rounds}"]
        run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        found["threads"][str(threads)] = json.loads(run.stdout)
    found["growth"] = found["threads"]["1"].pop("growth")
    found["threads"]["2"].pop("growth")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "speed.json").write_text(json.dumps(found, indent=1) + "\n")
    plot(found["growth"], arguments.folder / "growth.png")
    print(table(found))
    print(f"\nget_CIFAR10_data: peak {found['get_CIFAR10_data_peak_GB']} GB\n{json.dumps(found['machine'], indent=1)}")


if __name__ == "__main__":
    main()
