"""The child's other task: run the target section of a notebook, hand over predictions, then classify other images.

    examiner                                     here
    {"cells", "cpu_seconds", "stuck", "run", "weights"}
                                                 {"event": "epoch", "called"}, classes of the validation images
    {"go": "on" or "end", "keep"}
                                                 {"event": "done", "fault", "budget" or "stuck"}, classes by `model`
    {}, images with pixels 0 to 255              {"event": "classes"}, their classes by the net of the last "keep"

An epoch is answered by "on", with "keep" when it was the best so far, or by "end". After "end", and after the last
event, nothing but images is asked. The classes are all that counts, so nothing here needs to be believed.
"""

from __future__ import annotations

import copy
import functools
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from . import pixels, wire
from .serve import HandIn

IMAGES = 1000  # validation images of the course
BATCH = 500  # images in one call of a net
WEIGHTS = "model.npz"
_CPU = resource.RLIMIT_CPU

Array = np.ndarray[Any, Any]


class OutOfTime(BaseException):
    """The budget has ended, or no step came for too long. No Exception: a section that goes on after errors ends."""


class _Shell:
    """`get_ipython()` for code whose magics were turned into calls: timing magics run what they time."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace

    def run_line_magic(self, name: str, line: str, *_: Any) -> None:
        if name in ("time", "timeit", "prun") and line:
            exec(line, self._namespace)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        if name in ("time", "timeit", "prun", "capture"):
            exec(cell, self._namespace)

    def system(self, *_: Any) -> None: ...

    getoutput = getpythonpath = system


def _predict(model: Any, images: Array) -> Array:
    """The class of the largest score for each image, in batches so that memory stays small."""
    scores = [np.argmax(np.asarray(model.loss(images[i : i + BATCH])), axis=1) for i in range(0, len(images), BATCH)]
    return np.concatenate(scores).astype(np.int64)


def _used() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return math.ceil(used.ru_utime + used.ru_stime)


class _Clock:
    """Raises OutOfTime when the budget has ended or no step was finished within `stuck` CPU seconds.

    The kernel sends SIGXCPU at the soft limit, which is moved on after every step. The hard limit leaves some seconds
    more for classifying; there the kernel kills.
    """

    def __init__(self, budget: int, stuck: int) -> None:
        self._budget, self._stuck = budget, stuck

    def start(self) -> None:
        """Begin to watch."""
        signal.signal(signal.SIGXCPU, self._end)
        self.move_on()

    def move_on(self) -> None:
        """A step was finished."""
        hard = resource.getrlimit(_CPU)[1]
        resource.setrlimit(_CPU, (min(_used() + self._stuck, self._budget, hard), hard))

    def stop(self) -> None:
        """Watch no longer; only the hard limit stays."""
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        hard = resource.getrlimit(_CPU)[1]
        resource.setrlimit(_CPU, (hard, hard))

    def _end(self, *_: object) -> NoReturn:
        self.stop()
        raise OutOfTime("budget" if _used() >= self._budget else "stuck")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A frame is sent or read as a whole."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXCPU})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGXCPU})


class _Run:
    """One run of the section: what is watched while it trains, and the best net so far."""

    def __init__(self, hand_in: HandIn, request: dict[str, Any]) -> None:
        self._hand_in = hand_in
        self._cells: list[str] = request["cells"]
        self._weights = bool(request["weights"])
        self._clock = _Clock(int(request["cpu_seconds"]), int(request["stuck"]))
        self._called: set[str] = set()
        self._model: Any = None  # the net that is to classify
        self._prepared: Array | None = None  # the validation images as its section prepared them
        self._data = hand_in.modules["data_utils"].get_CIFAR10_data
        _vary_seeds(int(request["run"]))

    def train(self) -> None:
        """Run the cells in one namespace and report how that ended."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        namespace["get_ipython"] = lambda: _Shell(namespace)
        namespace["display"] = lambda *args, **keywords: None
        self._watch()
        self._clock.start()
        event, classes = {"event": "done"}, []
        try:
            for number, source in enumerate(self._cells):
                place = f"code cell {number} of the target section" if number else "setup cell"
                code = compile(source, f"{self._hand_in.folder}/{self._hand_in.package}/{place}", "exec")
                exec(code, namespace)
            classes = self._final(namespace)
        except OutOfTime as ended:
            event = {"event": str(ended)}
        except BaseException as error:
            event = {"event": "fault", **self._hand_in.raised(error), "text": self._hand_in.words(error)}
        self._clock.stop()
        self._hand_in.reply(event, classes)

    def _final(self, namespace: dict[str, Any]) -> list[Array]:
        """The predictions of the `model` that the section left."""
        model: Any = namespace.get("model")
        data = namespace.get("data")
        if not hasattr(model, "loss"):
            return []
        if self._weights:
            model.load(os.path.join(self._hand_in.folder, WEIGHTS))
        images = self._validation(data.get("X_val") if isinstance(data, dict) else None)
        classes = _predict(model, images)
        if self._model is None:
            self._model, self._prepared = model, images
        return [classes]

    def _watch(self) -> None:
        """Put the watchers into the Solver and the nets, before any cell is run."""
        Solver = self._hand_in.modules["solver"].Solver
        Solver.observer = staticmethod(self._observe)
        if self._weights:
            Solver.train = lambda solver: None
        Solver._step = self._traced(self._living(Solver._step))
        for kind in list(vars(self._hand_in.modules["fc_net"]).values()):
            if isinstance(kind, type) and "loss" in vars(kind):
                kind.loss = self._living(kind.loss)  # type: ignore[attr-defined]  # for loops without the Solver

    def _living(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, each return of which is a sign of life."""

        @functools.wraps(function)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            result = function(*arguments, **keywords)
            self._clock.move_on()
            return result

        return watched

    def _traced(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """`step`, the first call of which notes the hand-in's own functions that it calls."""
        root = self._hand_in.folder + os.sep

        def note(frame: Any, event: str, _: Any) -> None:
            code = frame.f_code
            if event == "call" and code.co_filename.startswith(root) and len(self._called) < 200:
                self._called.add(f"{os.path.basename(code.co_filename)[:-3]}.{code.co_name}"[:80])

        @functools.wraps(step)
        def traced(*arguments: Any, **keywords: Any) -> Any:
            if self._called:
                return step(*arguments, **keywords)
            sys.setprofile(note)
            try:
                return step(*arguments, **keywords)
            finally:
                sys.setprofile(None)

        return traced

    def _observe(self, solver: Any) -> None:
        images = self._validation(getattr(solver, "X_val", None))
        classes = _predict(solver.model, images)
        with self._clock.paused():
            self._hand_in.reply({"event": "epoch", "called": sorted(self._called)}, [classes])
            answer, _ = wire.receive(self._hand_in.channel)
        if answer.get("keep") or self._model is None:
            self._model, self._prepared = _copy(solver.model), images
        if answer.get("go") == "end":
            self._clock.stop()
            self.classify()

    def _validation(self, prepared: Any) -> Array:
        """The validation images as the section prepared them; as the course prepares them where it has others."""
        if prepared is not None and len(prepared) >= IMAGES:
            return np.asarray(prepared[-IMAGES:])  # a larger set ends with the course's images
        if self._prepared is None:
            self._prepared = np.asarray(self._data()["X_val"])
        return self._prepared

    def classify(self) -> NoReturn:
        """Classify what the examiner sends until it goes away. No classes: images cannot be prepared alike."""
        pictures = np.asarray(self._data(num_training=1, subtract_mean=False)["X_val"])
        prepare = None if self._prepared is None else pixels.learned(pictures, self._prepared)
        while True:
            _, (images,) = wire.receive(self._hand_in.channel)
            classes = [] if prepare is None else [_predict(self._model, prepare(images))]
            self._hand_in.reply({"event": "classes"}, classes)


def _copy(model: Any) -> Any:
    """The net as it is now. One that cannot be copied stays the one that is trained on."""
    try:
        return copy.deepcopy(model)
    except Exception:
        return model


def _vary_seeds(run: int) -> None:
    """In a second and third run, let a section that fixes NumPy's seed draw other numbers than in the first."""
    plain = np.random.seed

    def seed(value: Any = None) -> None:
        plain((value + 7919 * run) % 2**32 if isinstance(value, int) else value)

    if run:
        np.random.seed = seed  # type: ignore[assignment]


def serve(hand_in: HandIn) -> None:
    """Train, then classify, until the examiner ends this process."""
    request, _ = wire.receive(hand_in.channel)
    run = _Run(hand_in, request)
    run.train()
    run.classify()
