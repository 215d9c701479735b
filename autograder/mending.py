"""What a student should mend: questions that lost points, those that did so for one reason said once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from autograder.places import Place
from autograder.results import Check, HandInResult, QuestionResult

Kind = Literal["fault", "failed", "missing", "wrong", "target"]
_PREFIX = re.compile(r"^Not (?:examined|trained): ")  # the same reason, as checks and target put it
HINT = "Hint: "


@dataclass(frozen=True)
class Said:
    """What one or several failed checks say: what must hold, what was seen instead."""

    names: tuple[str, ...]
    must_hold: str
    seen: tuple[str, ...]

    def told(self, say: Callable[[str], str]) -> Said:
        """The same in the language that `say` speaks."""
        return Said(_all(self.names, say), say(self.must_hold), _all(self.seen, say))


@dataclass(frozen=True)
class Mend:
    """Questions that lost points for one reason.

    `kind` says how: "fault" is the examiner's own, "failed" could not be examined, "missing" is not written yet,
    "wrong" fails checks, "target" was trained and missed full points.
    """

    kind: Kind
    places: tuple[Place, ...]
    reason: str = ""
    recognised: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    hints: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return f"mend-{self.places[0].question.grade_id}"

    def told(self, say: Callable[[str], str]) -> Mend:
        """The same in the language that `say` speaks; places have theirs already."""
        return Mend(
            kind=self.kind,
            places=self.places,
            reason=say(self.reason),
            recognised=_all(self.recognised, say),
            said=tuple(said.told(say) for said in self.said),
            hints=_all(self.hints, say),
            remarks=_all(self.remarks, say),
        )


def kind_of(record: QuestionResult) -> Kind | None:
    """Why a question lost points; None where it lost none, or was given solved."""
    if record.state == "failed":
        return "failed" if record.key else "fault"  # what the examiner failed over has no key: it is tried again
    if record.state == "missing":
        return "missing" if record.key else None
    if record.share >= 1:
        return None
    return "wrong" if record.target is None else "target"


def reason_of(record: QuestionResult) -> str:
    """The reason of a question that could not be examined, the same for checks and for the target."""
    return _PREFIX.sub("", record.reason)


def mends(places: dict[str, Place], result: HandInResult) -> list[Mend]:
    """All that is to be mended, what kept everything from being examined first, then in the order of work.

    It reads the words of a record (reasons, hints), so the record is the English one; `Mend.told` comes after.
    """
    groups: dict[tuple[Kind, tuple[object, ...]], list[QuestionResult]] = {}
    for name in places:
        record = result.question(name)
        if record is not None and (kind := kind_of(record)) is not None:
            groups.setdefault((kind, _reason(kind, record)), []).append(record)
    found = [_mend(kind, [places[record.question] for record in group], group) for (kind, _), group in groups.items()]
    return sorted(found, key=lambda mend: mend.kind not in ("failed", "fault"))


def _reason(kind: Kind, record: QuestionResult) -> tuple[object, ...]:
    """What two questions must share to be told together."""
    if kind == "wrong":
        return record.recognised, tuple(check.message for check in record.checks if not check.passed)
    return (reason_of(record),) if kind == "failed" else ()


def _mend(kind: Kind, places: list[Place], group: list[QuestionResult]) -> Mend:
    first = group[0]
    failing = [check for check in first.checks if not check.passed]
    hints = (line.removeprefix(HINT) for check in failing for line in check.message.splitlines() if HINT in line[:6])
    reasons = (record.reason for record in group) if kind == "missing" else (reason_of(first),)
    return Mend(
        kind=kind,
        places=tuple(places),
        reason="\n".join(dict.fromkeys(reasons)),
        recognised=first.recognised,
        said=tuple(_said(failing)),
        hints=tuple(dict.fromkeys(hints)),
        remarks=tuple(dict.fromkeys(remark for record in group for remark in record.remarks)),
    )


def _said(failing: Iterable[Check]) -> Iterable[Said]:
    """Messages of checks, equal ones once."""
    names: dict[str, list[str]] = {}
    for check in failing:
        names.setdefault(check.message, []).append(check.name)
    for message, checks in names.items():
        must_hold, *seen = [line for line in message.splitlines() if not line.startswith(HINT)] or [""]
        yield Said(tuple(checks), must_hold, tuple(seen))


def _all(sentences: Iterable[str], say: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(say(sentence) for sentence in sentences)
