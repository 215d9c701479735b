"""A place to attack from, behind each wall; at the end a line for each wall: attacks tried, stopped."""

import os
import shutil
import socket
from collections import Counter
from pathlib import Path

import pytest

from autograder import wall as walls
from autograder.course import Course
from autograder.examiner.session import Session, Staged
from autograder.wall import places

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
REAL = ("bubblewrap", "landlock")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.hostile)


def pytest_terminal_summary(terminalreporter):
    tried, stopped = Counter(), Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            about = dict(report.user_properties)
            name = f"wall {about['attack behind']}" if "attack behind" in about else about.get("attack on")
            if name and report.when == "call":
                tried[name] += 1
                stopped[name] += outcome == "passed"
    leak = {"wall landlock": " (known leak: names and sizes of files elsewhere, by stat)"}
    for name in sorted(tried):
        verdict = "all stopped" if stopped[name] == tried[name] else "NOT ALL STOPPED"
        line = f"{name}: {tried[name]} attacks tried, {stopped[name]} stopped: {verdict}{leak.get(name, '')}"
        terminalreporter.write_line(line)


@pytest.fixture(params=REAL)
def wall(request, record_property):
    """Each wall that holds on this machine."""
    reason = walls.failures(request.param, REPOSITORY)
    if reason:
        pytest.skip(f"the wall {request.param} does not work here: {reason}")
    record_property("attack behind", request.param)
    return walls.named(REPOSITORY, request.param)


class Ground:
    """A folder with a hand-in that holds the attacks, and with what the attacks are after."""

    def __init__(self, root):
        self.root = root
        self.staged = Staged(root / "hand-in" / "own", "nndl", ("attacks",))
        package = self.staged.folder / "nndl"
        for folder in (package, root / "neighbour", root / "public"):
            folder.mkdir(parents=True)
        shutil.copy2(HERE / "attacks.py", package)
        (package / "own.txt").write_text("own")
        (root / "neighbour" / "layers.py").write_text("a neighbour's work")
        (root / "canary").write_text("canary")
        (root / "data").write_bytes(bytes(64))
        # Everything is as open as a careless grader could leave it; only the wall is in the way.
        for path in (root, *root.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        for path in (package, package / "own.txt"):
            places.give(path)
        self.tcp, self.unix, self.abstract = (
            socket.socket(),
            socket.socket(socket.AF_UNIX),
            socket.socket(socket.AF_UNIX),
        )
        self.tcp.bind(("127.0.0.1", 0))
        self.unix.bind(str(root / "unix"))
        (root / "unix").chmod(0o777)
        self.abstract.bind(f"\0{root.name}")
        for server in (self.tcp, self.unix, self.abstract):
            server.listen()

    def close(self):
        for server in (self.tcp, self.unix, self.abstract):
            server.close()
        shutil.rmtree(self.root)

    def places(self):
        """What the attacks are told."""
        root, own = str(self.root), str(self.staged.folder)
        return {
            "root": root,
            "hand_in": own,
            "canary": f"{root}/canary",
            "data": f"{root}/data",
            "neighbour": f"{root}/neighbour",
            "public": f"{root}/public",
            "own_file": f"{own}/nndl/own.txt",
            "unix": f"{root}/unix",
            "abstract": self.root.name,
            "port": self.tcp.getsockname()[1],
            "reference": str(REPOSITORY / "assignments/deep_nets/nndl/layers.py"),
            "check": str(REPOSITORY / "autograder/checks/test_dropout.py"),
            "secret": str(REPOSITORY / ".course_secret"),
        }

    def state(self):
        """Everything that lies here: names, contents, modes and times."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            about = path.lstat()
            found[str(path)] = (about.st_mode, about.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        return found


@pytest.fixture(scope="session")
def ground():
    Course(REPOSITORY).secret()
    made = Ground(places.make("hostile"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def sessions(ground):
    """A session with the attacks for each wall, kept from test to test."""
    kept = {}

    def session(wall, scratch=None):
        if (wall.name, scratch) not in kept:
            kept[wall.name, scratch] = Session(wall, ground.staged, scratch=scratch)
        return kept[wall.name, scratch]

    yield session
    for made in kept.values():
        made.close()


def processes(folder):
    """Ids of the workers that run now and may read something in `folder`."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                seen = (entry / "cmdline").read_bytes() + (entry / "mountinfo").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in seen:
                found.add(int(entry.name))
    return found
