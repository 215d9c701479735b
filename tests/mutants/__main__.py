"""Mutation test of the hidden checks: does every small change of a right answer fail some check?

    python tests/mutants --page docs/mutants.md     # what `make mutants` runs: about 3 CPU minutes
    python tests/mutants --sample 100               # the same 100 every time
    python tests/mutants --function layers.rmsprop  # may be repeated

Reads the solutions of assignments/deep_nets/nndl and tests/mutants/equivalent.toml; writes nothing but the page.
Prints every mutant that no check fails and that equivalent.toml does not explain, and every entry there that is out of
date. Exit codes: 0 there is no such thing, 1 there is, 2 wrong usage.
"""

import argparse
import os
import random
import sys
import tomllib
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: processes run side by side

from judge import judged, questions_of
from mutate import mutants_of
from mutation_report import Report, as_page
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.course import Course
from autograder.examiner.student_local import reference_texts

EQUIVALENT = Path(__file__).parent / "equivalent.toml"
SAMPLE_SEED = 1


def equivalent(path=EQUIVALENT):
    """{key of a mutant: why it is no fault} from equivalent.toml."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
    return {
        (mutant["function"], mutant["line"], mutant["becomes"]): entry["reason"]
        for entry in entries
        for mutant in entry["mutants"]
    }


def all_mutants(texts, settings):
    """The mutants of every function that some question judges."""
    found = [mutant for module, text in texts.items() for mutant in mutants_of(module, text)]
    return [mutant for mutant in found if any(questions_of(mutant.function, settings))]


def examine(mutants, texts, settings, workers, tell):
    """What the checks say of each mutant, in their order; `tell` is called after each one."""
    hand_ins = [
        ({**texts, mutant.module: mutant.text}, sum(questions_of(mutant.function, settings), ())) for mutant in mutants
    ]
    found = dict.fromkeys(range(len(mutants)))
    for number, kill in judged(hand_ins, workers):
        found[number] = kill
        tell()
    return list(found.values())


def chosen(mutants, functions, sample):
    """The mutants that were asked for."""
    some = [mutant for mutant in mutants if not functions or mutant.function in functions]
    numbers = random.Random(SAMPLE_SEED).sample(range(len(some)), min(sample or len(some), len(some)))
    return [some[number] for number in sorted(numbers)]


def arguments():
    """What was typed."""
    parser = argparse.ArgumentParser(
        prog="python tests/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; one each core by default")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N mutants, the same ones every time")
    parser.add_argument("--function", action="append", default=[], metavar="NAME", help="only those of this function")
    parser.add_argument("--page", type=Path, help="write the whole as Markdown; not with --sample or --function")
    given = parser.parse_args()
    if given.page and (given.sample or given.function):
        parser.error("--page shows all mutants; leave out --sample and --function")
    return given


def main():
    """Make the mutants, examine them, print what is left to do."""
    given = arguments()
    settings, texts = Course.find().assignment("deep_nets").settings, dict(reference_texts())
    everything = all_mutants(texts, settings)
    mutants = chosen(everything, given.function, given.sample)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(TextColumn("mutants"), *columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(mutants))
        kills = examine(mutants, texts, settings, given.workers, lambda: progress.advance(task))
    report = Report(list(zip(mutants, kills, strict=True)), equivalent(), {mutant.key for mutant in everything})
    print("\n".join([*report.complaints(), report.line()]))
    if given.page:
        given.page.write_text(as_page(report, settings), encoding="utf-8")
    return 1 if list(report.complaints()) else 0


if __name__ == "__main__":
    sys.exit(main())
