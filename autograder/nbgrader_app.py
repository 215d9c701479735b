"""nbgrader in this process: the course's own configuration, quiet, its errors handed back as exceptions."""

from __future__ import annotations

import functools
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import nbgrader.api
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from autograder.course import Course

# nbgrader opens the gradebook twenty times for a hand-in. An engine keeps the statements that it has compiled, so one
# for each gradebook saves a third of the time that recording takes. nbgrader closes its connections every time.
nbgrader.api.create_engine = functools.lru_cache(maxsize=8)(nbgrader.api.create_engine)


class QuietNbGrader(NbGrader):  # type: ignore[misc] # nbgrader ships no types
    """nbgrader's application, which writes nothing to the terminal; its log goes to whoever listens."""

    name = "nbgrader"
    load_cwd_config = False

    def _configure_logging(self) -> None:
        """Keep traitlets from putting a handler on the terminal."""


def nbgrader_api(course: Course, settings: Config | None = None) -> NbGraderAPI:
    """nbgrader's API on a course, configured by its nbgrader_config.py and, over that, by `settings`."""
    app = QuietNbGrader()
    app.log.addHandler(logging.NullHandler())
    app.initialize([], root=str(course.root))
    if settings is not None:
        app.update_config(settings)
        app.coursedir.update_config(settings)
    return NbGraderAPI(app.coursedir, parent=app)


class Raised(logging.Handler):
    """Collects the exceptions that nbgrader logs and does not pass on."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the exception being handled while this record was logged."""
        error = sys.exc_info()[1]
        if error is not None and error not in self.errors:
            self.errors.append(error)


def run(api: NbGraderAPI, verb: str, *args: Any, **options: Any) -> tuple[bool, list[BaseException], str]:
    """Call a method of the API: whether it succeeded, the exceptions behind a failure, and its log.

    The working folder is left as it was: nbgrader changes it and, on some failures, forgets to change it back.
    A KeyboardInterrupt, which nbgrader takes for one more failure, is raised again.
    """
    raised, log, folder = Raised(), api.log, Path.cwd()
    log.addHandler(raised)
    try:
        with warnings.catch_warnings():
            # nbgrader's own queries; they do what they should.
            warnings.simplefilter("ignore", SAWarning)
            result: dict[str, Any] = getattr(api, verb)(*args, **options)
    finally:
        log.removeHandler(raised)
        os.chdir(folder)
    last = result.get("error", "").rstrip().rpartition("\n")[2]  # of a traceback: the exception that ended it
    if last.startswith("KeyboardInterrupt") or any(isinstance(error, KeyboardInterrupt) for error in raised.errors):
        raise KeyboardInterrupt
    return bool(result["success"]), raised.errors, result.get("log", "")
