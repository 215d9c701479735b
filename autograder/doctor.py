"""Verb `doctor`: what works on this machine, what does not, and the fix."""

from __future__ import annotations

import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nndl.data_utils import data_name

from autograder import pool
from autograder.course import Course
from autograder.errors import CourseError
from autograder.wall import failures, places
from autograder.wall.runtime import runtime

NEEDED = 2 << 30  # bytes free on the disk for runtime, prepared data and results

_USERNS = Path("/proc/sys/user/max_user_namespaces")
_CLONE = Path("/proc/sys/kernel/unprivileged_userns_clone")
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state` is "good", "bad" (it stands in the way) or "note"."""

    what: str
    state: str
    found: str
    fix: str = ""


def examine_machine(course: Course) -> list[Finding]:
    """Everything that grading rests on, walls first. Each wall is really tried."""
    return [*_walls(course), _runtime(course), _data(course), _nbgrader(), _secret(course), _disk(course)]


def _walls(course: Course) -> Iterator[Finding]:
    if sys.platform != "linux":
        found = f"{platform.system()} has neither bubblewrap nor Landlock"
        fix = "grade on Linux: in a virtual machine, WSL 2 (Windows) or on a server; --wall none only for your own code"
        yield Finding("walls", "bad", found, fix)
        return
    reasons = {name: failures(name, course.root) for name in ("bubblewrap", "landlock")}
    for name, reason in reasons.items():
        if not reason:
            yield Finding(f"wall {name}", "good", "tried: it holds")
        else:
            fix = _bubblewrap_fix() if name == "bubblewrap" else _landlock_fix()
            yield Finding(f"wall {name}", "bad" if all(reasons.values()) else "note", reason, fix)


def _setting(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _bubblewrap_fix() -> str:
    """What most probably keeps bubblewrap from working here."""
    if shutil.which("bwrap") is None:
        return "install the package bubblewrap (apt-get install bubblewrap, dnf install bubblewrap)"
    if _setting(_USERNS) == "0":
        return "sysctl user.max_user_namespaces=10000"
    if _setting(_CLONE) == "0":
        return "sysctl kernel.unprivileged_userns_clone=1"
    if _setting(_APPARMOR) == "1":
        return (
            "give bwrap an AppArmor profile with `userns,` (Ubuntu: package apparmor-profiles, bwrap-userns-restrict), "
            "or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "in a container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined; or do without, Landlock is enough"
        )
    return (
        "run `bwrap --unshare-all --ro-bind / / true` as an ordinary user and look for its message; update bubblewrap"
    )


def _landlock_fix() -> str:
    if tuple(int(part) for part in platform.release().split(".")[:2]) < (5, 13):
        return f"Linux 5.13 or newer is needed, this is {platform.release()}"
    return "boot with lsm=landlock,... (see /sys/kernel/security/lsm); in an old Docker allow the landlock_* calls"


def _runtime(course: Course) -> Finding:
    try:
        return Finding("worker's runtime", "good", str(runtime(places.shared(course.root)).folder))
    except CourseError as error:
        return Finding("worker's runtime", "bad", error.what, error.fix or "")


def _data(course: Course) -> Finding:
    try:
        name = data_name(course.data)
    except FileNotFoundError:
        return Finding("data", "bad", f"no CIFAR-10 in {course.data}", "bash get_datasets.sh")
    if name == "CIFAR-10":
        return Finding("data", "good", f"{name} in {course.data}")
    return Finding(
        "data", "note", f"{name}, in {course.data}", "bash get_datasets.sh fetches and verifies the official file"
    )


def _nbgrader() -> Finding:
    try:
        return Finding("nbgrader", "good", version("nbgrader"))
    except PackageNotFoundError:
        return Finding("nbgrader", "bad", "it is not installed", "make venv")


def _secret(course: Course) -> Finding:
    path = course.root / ".course_secret"
    if not path.exists():
        return Finding("course secret", "note", "not made yet; the first examination makes it")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding("course secret", "bad", f"others may read it (mode {mode:04o})", f"chmod 600 {path}")
    return Finding("course secret", "good", "readable by its owner only")


def _disk(course: Course) -> Finding:
    free = shutil.disk_usage(course.root).free
    found = f"{free / 1e9:.1f} GB free, {pool.cores()} cores"
    return Finding("disk", "good", found) if free >= NEEDED else Finding("disk", "bad", found, "free 2 GB")
