"""What each wall costs: an honest hand-in is examined without the target, in rounds that take the walls in turn.

    python benchmarks/walls.py --rounds 7

Prints a table of seconds by the clock: median, least, and the median over that without a wall. (CPU seconds cannot be
compared: those inside bubblewrap are not counted to the process that started it.) Other work on the machine disturbs
all walls alike, because each round runs every wall once, in an order that rotates.
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
    """Seconds that one examination behind the wall `name` takes."""
    os.environ[walls.VARIABLE] = name
    began = time.perf_counter()
    result = examined(assignment, "reference", assignment.folder, with_target=False, store=False)
    seconds = time.perf_counter() - began
    if any(question.share != 1 for question in result.questions) or result.wall != name:
        raise SystemExit(f"{name}: the reference did not earn all points")
    return seconds


def measure(rounds):
    """{wall: seconds of each round} of the walls that work here."""
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
    base = statistics.median(found["none"])
    print("wall         median s  least s  over none")
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        print(f"{name:11} {middle:9.2f} {min(seconds):8.2f} {100 * (middle / base - 1):+9.1f} %")


if __name__ == "__main__":
    main()
