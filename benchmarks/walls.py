"""What each wall costs: an honest hand-in is examined without the target, in rounds that take the walls in turn.

    python benchmarks/walls.py --rounds 7

Prints a table: median and least seconds by the clock, CPU seconds, and both over those without a wall. Other work on
the machine disturbs all walls alike, because each round runs every wall once, in an order that rotates.
"""

import argparse
import os
import statistics
import time
import warnings

from autograder import wall as walls
from autograder.course import Course
from autograder.grade import examined

NAMES = ("none", "landlock", "bubblewrap")


def once(assignment, name):
    """Seconds by the clock and CPU seconds of one examination behind the wall `name`."""
    os.environ[walls.VARIABLE] = name
    began, before = time.perf_counter(), os.times()
    result = examined(assignment, "reference", assignment.folder, with_target=False, store=False)
    after = os.times()
    if any(question.share != 1 for question in result.questions) or result.wall != name:
        raise SystemExit(f"{name}: the reference did not earn all points")
    cpu = sum(after[:4]) - sum(before[:4])
    return time.perf_counter() - began, cpu


def measure(rounds):
    """{wall: [(seconds, CPU seconds), ...]} of the walls that work here."""
    course = Course.find()
    assignment = course.assignment("deep_nets")
    names = [name for name in NAMES if not walls.failures(name, course.root)]
    for name in names:
        once(assignment, name)
    found = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(once(assignment, name))
    return found


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    warnings.simplefilter("ignore", UserWarning)
    found = measure(parser.parse_args().rounds)
    base = [statistics.median(values) for values in zip(*found["none"], strict=True)]
    print("wall         median s  least s  CPU s  over none: clock     CPU")
    for name, values in found.items():
        seconds, cpu = zip(*values, strict=True)
        clock, used = statistics.median(seconds), statistics.median(cpu)
        over = [f"{100 * (value / least - 1):+.1f} %" for value, least in zip((clock, used), base, strict=True)]
        print(f"{name:11} {clock:9.2f} {min(seconds):8.2f} {used:6.2f} {over[0]:>17} {over[1]:>7}")


if __name__ == "__main__":
    main()
