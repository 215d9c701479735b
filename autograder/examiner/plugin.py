"""pytest plugin: the `student` and `rng` fixtures, and the results file.

    pytest autograder/checks --submission DIR

examines one hand-in: a folder that holds the student's package. With --results FILE the outcome of every check is
written there as JSON; what failed is told in the check's own words, never with values.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from autograder.checks.api import CheckFailed, Spec, spec_of
from autograder.course import Course, derived_seed
from autograder.editions import READINGS
from autograder.examiner.again import repeat
from autograder.examiner.lending import Rests, lent
from autograder.examiner.repeating import Note, chosen
from autograder.examiner.same_fault import LENT, price, same_fault
from autograder.examiner.session import WALL_CLOCK, Channel, Session, WorkerLost
from autograder.examiner.stage_found import lay_out
from autograder.examiner.student import Remote, Student, StudentError
from autograder.examiner.student_local import LocalStudent, use_reference
from autograder.misconceptions import by_name
from autograder.wall import AUTO, Scratch, named

_ASSIGNMENT = "deep_nets"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What to examine."""
    group = parser.getgroup("autograder")
    group.addoption("--submission", type=Path, help="folder of one hand-in; it holds the student's package")
    group.addoption("--course", type=Path, help="the course folder (default: the one that the working folder lies in)")
    group.addoption("--assignment", default=_ASSIGNMENT, help="name of the assignment (default: %(default)s)")
    group.addoption("--question", action="append", default=None, help="examine only this question; may be repeated")
    group.addoption("--edition", default=None, help="whose dialect it is, or auto (default: as assignment.toml says)")
    group.addoption("--package", type=Path, default=None, help="the package's folder, below the submission")
    group.addoption("--reading", choices=READINGS, default=None, help="what p means, where a course leaves it open")
    group.addoption("--overlay", action="store_true", help="lay the reference under what the questions rest on")
    group.addoption("--suspect", action="append", default=None, help="with --overlay: lend only this function's layer")
    group.addoption("--wall", default=AUTO, help="auto, bubblewrap, landlock or none (default: %(default)s)")
    group.addoption("--used", type=float, default=0.0, help="CPU seconds that earlier runs over this hand-in used")
    group.addoption("--waited", type=float, default=0.0, help="seconds by the clock that they took")
    group.addoption("--results", type=Path, default=None, help="write the outcome of every check to this JSON file")


class Examination:
    """The state of one run: the session, what hung, what each check said."""

    def __init__(self, config: pytest.Config) -> None:
        folder = config.getoption("--submission")
        if folder is None:
            raise pytest.UsageError("say what to examine: --submission DIR")
        if not folder.is_dir():
            raise pytest.UsageError(f"--submission {folder}: no such folder")
        course = Course.find(config.getoption("--course"))
        self.assignment = course.assignment(config.getoption("--assignment"))
        use_reference(self.assignment.package, [Path(name).stem for name in self.assignment.settings.editable])
        given = os.environ.get("AUTOGRADER_SEED")  # not an option: command lines can be read by everyone
        self.seed = given or course.seed(folder.resolve().name, self.assignment.name)
        self.overlay: bool = config.getoption("--overlay")
        self.suspects: list[str] | None = config.getoption("--suspect")
        # By session: what hangs or starves with the hand-in's own layers may do neither with the reference's.
        self.hung: defaultdict[Session, set[str]] = defaultdict(set)
        self.changed: set[str] = set()
        self.starved: defaultdict[Session, Counter[str]] = defaultdict(Counter)
        self.used: float = config.getoption("--used")
        self.cpu = self.used  # seconds used by all forks so far, those of earlier runs too
        self.again = 0.0  # of these, seconds of forks that ended while calls were repeated
        self.began = time.monotonic() - config.getoption("--waited")
        self.outcomes: list[dict[str, Any]] = []
        self.recognised: dict[str, list[str]] = {}
        self.same_faults: dict[str, list[str]] = {}
        self.prices: dict[str, list[str]] = {}  # what the faults among these must have cost
        self.noted: dict[Session, list[tuple[dict[str, Any], Note]]] = {}
        self.unfit: str = ""  # why the package cannot be imported; then nothing else is tried
        edition = config.getoption("--edition") or self.assignment.settings.edition
        self.staged = lay_out(self.assignment, folder, edition, config.getoption("--package"))
        self.dialect = self.staged.dialect(config.getoption("--reading") or self.staged.readings[0])
        self.wall = named(course.root, config.getoption("--wall"))
        limits = self.assignment.settings.limits
        self.scratch = Scratch(limits.scratch_files, limits.scratch_mb)  # code that keeps a log may do so
        self.session = Session(self.wall, self.staged.plain(), scratch=self.scratch)
        self._overlays: dict[tuple[str, ...], Session] = {}
        self._fork = contextlib.ExitStack()  # the fork that serves now, and what it serves
        self._remote: Remote | None = None
        self._serves: tuple[str, Session] | None = None

    def lent_for(self, question: str, rests_on: Rests) -> Rests:
        """What is lent to a question with --overlay: what it rests on, as far as that is suspected to be wrong."""
        return rests_on if self.suspects is None else lent(question, rests_on, self.suspects)

    def session_for(self, rests_on: Rests) -> Session:
        """A session: with --overlay a wall of its own, with only the named functions laid under."""
        if not (self.overlay and rests_on):
            return self.session
        if rests_on not in self._overlays:
            staged = self.staged.overlaid(rests_on, self.dialect)
            self._overlays[rests_on] = Session(self.wall, staged, scratch=self.scratch)
        return self._overlays[rests_on]

    @property
    def spent(self) -> str:
        """Why no more may be called: the hand-in's seconds are used up. Empty as long as there are some."""
        limit = self.assignment.settings.limits.hand_in_cpu_seconds
        if self.cpu >= limit:
            return f"The checks before this one used up all {limit} CPU seconds."
        if time.monotonic() - self.began >= WALL_CLOCK * limit:
            return "The checks before this one took too long by the clock. Does your code sleep?"
        return ""

    def close(self) -> None:
        """End every worker and remove what was staged."""
        self.end_fork()
        for session in (self.session, *self._overlays.values()):
            session.close()
        self.staged.remove()

    def fork(self, session: Session, seed: int) -> AbstractContextManager[Channel]:
        """A fork that may use what one check may use, again for each check, and what is left for all in the end."""
        limits = self.assignment.settings.limits
        return session.fork(
            seed,
            cpu_seconds=limits.cpu_seconds,
            all_cpu_seconds=math.ceil(limits.hand_in_cpu_seconds - self.cpu),
            memory_mb=limits.memory_mb,
            reply_mb=limits.reply_mb,
        )

    def remote_for(self, spec: Spec, name: str) -> Remote:
        """The question's fork, as if fresh for this check; where there is none, or it ended, a fresh one."""
        serves = (spec.grade_id, self.session_for(self.lent_for(spec.grade_id, spec.rests_on)))
        seed = self.seed_of(f"{name} world")
        if self._remote is not None and self._serves == serves and self._remote.begin(seed):
            self._remote.notes = []
            return self._remote
        self.end_fork()
        channel = self._fork.enter_context(self.fork(serves[1], seed))
        self._fork.callback(self.count, channel)
        remote = Remote(channel, self.hung[serves[1]], self.dialect)
        remote.changed, remote.starved = self.changed, self.starved[serves[1]]
        try:
            remote.ready()
        except StudentError as error:
            self.unfit = str(error)
            raise
        remote.begin(seed)  # importing the package may have drawn random numbers
        remote.notes = []
        self._remote, self._serves = remote, serves
        return remote

    def keep_notes(self, outcome: dict[str, Any], name: str) -> None:
        """Keep some calls of a check that passed: it passes only if they give the same again."""
        if outcome["passed"] and self._remote is not None and self._serves is not None:
            rng = np.random.default_rng(self.seed_of(f"{name} again"))
            notes = chosen(outcome["question"], self._remote.notes or (), rng)
            self.noted.setdefault(self._serves[1], []).extend((outcome, note) for note in notes)

    def count(self, channel: Channel) -> None:
        """End a fork and add what it used."""
        self.cpu += channel.end().cpu_seconds

    def end_fork(self) -> None:
        """End the fork that serves now, if there is one."""
        self._remote = None
        self._fork.close()

    def seed_of(self, name: str) -> int:
        """A seed for one check of this hand-in."""
        return int(derived_seed(self.seed, name)[:8], 16)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that `@question` sets."""
    config.addinivalue_line("markers", "question: a hidden check of a question")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen questions only."""
    chosen = config.getoption("--question")
    if chosen:
        items[:] = [item for item in items if _spec(item).grade_id in chosen]


@pytest.fixture(scope="session")
def examination(request: pytest.FixtureRequest) -> Iterator[Examination]:
    """The examination that all checks of this run belong to."""
    state = Examination(request.config)
    request.config.stash[_STATE] = state
    yield state
    if request.config.getoption("--results"):
        state.end_fork()
        repeat(state)
        state.recognised = _recognised(state)
        state.same_faults = _same_faults(state) if state.overlay else {}
        state.prices = _prices(state)
    state.close()


_STATE = pytest.StashKey[Examination]()


def _spec(item: pytest.Item) -> Spec:
    return spec_of(item.obj)  # type: ignore[attr-defined]  # pytest's Function has it; all items here are functions


@pytest.fixture
def rng(request: pytest.FixtureRequest, examination: Examination) -> np.random.Generator:
    """A generator seeded for this hand-in and this check."""
    return np.random.default_rng(examination.seed_of(request.node.name))


@pytest.fixture
def student(request: pytest.FixtureRequest, examination: Examination) -> Student:
    """The hand-in in a fork of its question, with generators seeded for this check."""
    if examination.unfit:
        raise StudentError(examination.unfit, "import")
    if examination.spent:
        raise StudentError(examination.spent, "hung")
    return Student(examination.remote_for(_spec(request.node), request.node.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note what each check says. Set-up faults of the hand-in count as the check's own."""
    report = yield
    state = item.config.stash.get(_STATE, None)
    if state is None or call.when == "teardown" or (call.when == "setup" and report.passed):
        return report
    error = call.excinfo.value if call.excinfo else None
    state.outcomes.append(_outcome(state, item, error))
    state.keep_notes(state.outcomes[-1], item.name)
    return report


def _outcome(state: Examination, item: pytest.Item, error: BaseException | None) -> dict[str, Any]:
    spec = _spec(item)
    outcome: dict[str, Any] = {"question": spec.grade_id, "name": _shown(item.name)}
    outcome |= {
        "must_hold": spec.must_hold,
        "weight": spec.weight,
        "rests_on": spec.rests_on,
        "passed": error is None,
        "code": "",
        "message": "",
    }
    if error is None:
        return outcome
    if isinstance(error, StudentError):
        outcome |= {"code": error.code, "message": str(error)}
    elif isinstance(error, AssertionError):
        told = [
            spec.must_hold,
            str(error) if isinstance(error, CheckFailed) else "",
            f"Hint: {spec.hint}" if spec.hint else "",
        ]
        outcome |= {"code": "wrong", "message": "\n".join(line for line in told if line)}
    elif isinstance(error, WorkerLost):
        outcome |= {"code": "wrong", "message": "Your code ended the process that called it."}
    elif isinstance(error, Exception) and _reference_passes(state, item):
        outcome |= {"code": "wrong", "message": "What your code returned could not be compared at all."}
    else:
        outcome |= {"code": "bug", "message": f"{type(error).__name__}: {error}"}
    return outcome


def _shown(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _reference_passes(state: Examination, item: pytest.Item) -> bool:
    """Whether a check that broke down passes with the reference: then it was the hand-in that broke it."""
    try:
        rng = np.random.default_rng(state.seed_of(item.name))
        given = {"student": LocalStudent.of_reference(), "rng": rng}
        check = item.obj  # type: ignore[attr-defined]  # as in `_spec`
        check(**{name: given[name] for name in inspect.signature(check).parameters})
    except Exception:
        return False
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results file."""
    path = session.config.getoption("--results")
    state = session.config.stash.get(_STATE, None)
    if path is None or state is None:
        return
    found = {
        "wall": state.wall.name,
        "unfit": state.unfit,
        "outcomes": state.outcomes,
        "changed": sorted(state.changed),
        "recognised": state.recognised,
        "same_faults": state.same_faults,
        "prices": state.prices,
        "cpu": state.cpu - state.used,
    }
    path.write_text(json.dumps(found), encoding="utf-8")


def _recognised(state: Examination) -> dict[str, list[str]]:
    """For each question with a wrong answer: names of the misconceptions that behave as the hand-in does."""
    found: dict[str, list[str]] = {}
    for question in _wrong(state):
        from autograder.examiner.recognise import recognise  # takes a while to load: a right hand-in does without

        rests_on = next(row["rests_on"] for row in state.outcomes if row["question"] == question)
        rests_on = state.lent_for(question, rests_on)
        matches = _tried(state, rests_on, f"recognise {question}", functools.partial(recognise, question=question))
        found[question] = [match.name for match in matches or ()]
    return found


def _same_faults(state: Examination) -> dict[str, list[str]]:
    """For each question that fails by nothing but misconceptions of another one: their names. Layers are lent."""
    found: dict[str, list[str]] = {}
    named = [by_name(name) for names in state.recognised.values() for name in names]
    for question in _wrong(state):
        for wrong in [wrong for wrong in named if question in wrong.may_cost]:
            trial = functools.partial(same_fault, question=question, wrong=wrong)
            if _tried(state, LENT, f"{wrong.name} in {question}", trial):
                found.setdefault(question, []).append(wrong.name)
    return found


def _prices(state: Examination) -> dict[str, list[str]]:
    """For each misconception that may excuse a question: the checks that it must have cost in its own."""
    names = dict.fromkeys(name for names in state.same_faults.values() for name in names)
    seeds = (state.seed_of, lambda name: state.seed_of(f"again {name}"))
    return {name: [_shown(check) for check in price(by_name(name), seeds)] for name in names}


def _wrong(state: Examination) -> list[str]:
    return list(dict.fromkeys(row["question"] for row in state.outcomes if row["code"] == "wrong"))


Found = TypeVar("Found")


def _tried(state: Examination, rests_on: Rests, name: str, trial: Callable[..., Found]) -> Found | None:
    """`trial(student, rng=...)` in a fresh fork; None where the hand-in breaks it."""
    seed = state.seed_of(f"{name} world")
    if state.spent:
        return None
    channel = None
    try:
        session = state.session_for(rests_on)
        with state.fork(session, seed) as channel:
            remote = Remote(channel, set(state.hung[session]), state.dialect)
            remote.starved = Counter(state.starved[session])
            remote.ready()
            remote.begin(seed)
            return trial(Student(remote), rng=np.random.default_rng(state.seed_of(name)))
    except Exception:  # what a hand-in returns may break us; a sentence is then missing, no point
        return None
    finally:
        if channel is not None:
            state.cpu += channel.end().cpu_seconds
