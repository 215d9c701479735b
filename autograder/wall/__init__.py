"""Starts a worker behind a wall, and says which wall is in force.

`choose` takes the strongest wall that holds on this machine, found by a real attempt:

    bubblewrap  namespaces of its own, in which there is nothing but the worker's files; seccomp inside
    landlock    the kernel refuses every file but the worker's own; seccomp; known leak: sizes of files elsewhere
    none        a process with limits on time and memory; only when it is asked for by name
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from autograder.errors import CourseError
from autograder.wall import places, probe
from autograder.wall.base import Scratch, Wall, Worker
from autograder.wall.bubblewrap import Bubblewrap
from autograder.wall.landlock import Landlock
from autograder.wall.none import NoWall

__all__ = ["AUTO", "VARIABLE", "WALLS", "Scratch", "Wall", "Worker", "choose", "failures", "named", "places"]

WALLS: dict[str, type[Wall]] = {"bubblewrap": Bubblewrap, "landlock": Landlock, "none": NoWall}
AUTO = "auto"
VARIABLE = "AUTOGRADER_WALL"
_REAL = ("bubblewrap", "landlock")  # the strongest first
_failures: dict[tuple[str, Path], str] = {}


def failures(name: str, course: Path) -> str:
    """Why the wall `name` cannot be used here; nothing if it can. Tried once a process."""
    folder = places.shared(course)
    if (name, folder) not in _failures:
        on_linux = sys.platform == "linux" or name == "none"
        _failures[name, folder] = probe.failure(WALLS[name](folder)) if on_linux else "it needs Linux"
    return _failures[name, folder]


def named(course: Path, name: str) -> Wall:
    """The wall of that name, which was tried before; `auto` tries now."""
    return WALLS[name](places.shared(course)) if name in WALLS else choose(course, name)


def choose(course: Path, name: str = "") -> Wall:
    """The wall to use for a course: `name`, else what the environment variable AUTOGRADER_WALL says, else AUTO.

    AUTO is the strongest that holds here; it is never `none`.

    Raises
    ------
    CourseError
        If the wall that is asked for does not hold here, or none does.
    """
    name = name or os.environ.get(VARIABLE) or AUTO
    if name != AUTO and name not in WALLS:
        raise CourseError(f'no wall "{name}"', fix=f"choose from: {', '.join((AUTO, *WALLS))}")
    tried = {}
    for candidate in _REAL if name == AUTO else (name,):
        tried[candidate] = failures(candidate, course)
        if not tried[candidate]:
            if candidate == "none":
                warnings.warn("no wall: student code can read, send and remove what its user can", stacklevel=2)
            return WALLS[candidate](places.shared(course))
    reasons = "; ".join(f"{candidate}: {reason}" for candidate, reason in tried.items())
    raise CourseError(
        f"student code cannot be kept in on this machine ({reasons})",
        fix="run `autograder doctor`, which says how to make a wall work; --wall none is for your own code only",
    )
