"""The one error that a user of the command line can mend."""

from __future__ import annotations

from pathlib import Path


class CourseError(Exception):
    """Something a person can put right: what is wrong, where, and the fix.

    The command line prints it without a traceback. Every other exception is a bug and keeps its traceback.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str or Path, optional
        The file, cell or folder it was found in.
    fix : str, optional
        What to do about it.

    Examples
    --------
    >>> print(CourseError("no folder of that name", where="submitted/ada", fix="check the spelling"))
    submitted/ada: no folder of that name
      fix: check the spelling
    """

    exit_code = 2  # of the command line

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where is not None else self.what
        return f"{text}\n  fix: {self.fix}" if self.fix else text


class NotFresh(CourseError):
    """A release that is not what its sources give."""

    exit_code = 1
