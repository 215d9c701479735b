"""The chance that a net of some true accuracy gets full points: one training, and the rule of up to three.

    python benchmarks/chance.py    # prints the tables of docs/grading.md, a minute

A net's true accuracy is what it would have on endlessly many images like the validation images, on average over
seeds. Two kinds of chance come in. Which 1,000 images are asked: a standard error of 1.6 points, the same for every
run, because the images are the same. And which numbers are drawn in training: RUN_DEVIATION, measured on recipes that
were trained with five seeds each. So each image gets a probability of its own to be classified rightly, drawn from a
beta distribution that gives these two.
"""

import argparse

import numpy as np

from autograder.course import TargetSettings
from autograder.examiner.target_judge import RUNS, near_miss

IMAGES = 1000
RUN_DEVIATION = 0.007
STUDENTS = 4000
SETTINGS = TargetSettings(question="target", notebook="", section="", setup="")


def accuracies(true, runs, rng):
    """Validation accuracies of `runs` trainings of one student each, shape (students, runs); `true` of each student."""
    within = RUN_DEVIATION**2 * IMAGES  # the mean of q (1 - q) over the images, q their probabilities
    ratio = within / (true * (1 - true))
    size = (ratio / (1 - ratio))[:, None]
    found = np.empty((len(true), runs))
    for start in range(0, len(true), 500):  # in parts, for the memory's sake
        part = slice(start, start + 500)
        q = rng.beta(true[part, None] * size[part], (1 - true[part, None]) * size[part], (len(true[part]), IMAGES))
        for run in range(runs):
            found[part, run] = (rng.random(q.shape) < q).mean(axis=1)
    return found


def by_the_rule(figures):
    """Who gets full points when trained again after a narrow miss, (students,) of figures (students, RUNS)."""
    full = np.zeros(len(figures), bool)
    for student, row in enumerate(figures):
        for accuracy in row:
            full[student] |= accuracy >= SETTINGS.accuracy
            if not near_miss(accuracy, SETTINGS.accuracy, IMAGES):
                break
    return full


def main():
    """Print both tables."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    rng = np.random.default_rng(7)
    print("| true accuracy | one training | up to three |\n| --- | --- | --- |")
    for true in np.arange(0.52, 0.6201, 0.01):
        figures = accuracies(np.full(STUDENTS, true), RUNS, rng)
        once = (figures[:, 0] >= SETTINGS.accuracy).mean()
        print(f"| {true:.2f} | {once:.0%} | {by_the_rule(figures).mean():.0%} |")
    true = rng.uniform(0.50, 0.61, 10 * STUDENTS)
    figures = accuracies(true, RUNS + 1, rng)
    print("\n| at home | one training | up to three |\n| --- | --- | --- |")
    for home in (0.545, 0.55, 0.553, 0.557, 0.565):
        chosen = figures[np.abs(figures[:, -1] - home) < 0.0016]
        once = (chosen[:, 0] >= SETTINGS.accuracy).mean()
        print(f"| {home:.1%} | {once:.0%} | {by_the_rule(chosen[:, :RUNS]).mean():.0%} |")


if __name__ == "__main__":
    main()
