"""Whose a hand-in is: the attempts in a download, by the students of a roster."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from autograder.downloads import Arrival, Key
from autograder.roster import Roster, Row, safe_name


@dataclass(frozen=True)
class Attempt:
    """An arrival, and whose it is."""

    arrival: Arrival
    when: datetime.datetime | None
    remarks: tuple[str, ...]


def by_student(arrivals: tuple[Arrival, ...], roster: Roster) -> dict[str, list[Attempt]]:
    """Attempts by the student's name in submitted/, the newest first."""
    students: dict[str, list[Attempt]] = {}
    rows = _rows(arrivals, roster)
    for arrival in arrivals:
        row = rows.get(arrival.key)
        student = row.student if row is not None else safe_name(arrival.student)
        remarks = list(arrival.remarks)
        if row is None and roster.rows:
            several = len(roster.rows_with(arrival.ids)) > 1 or roster.by_name(arrival.ids, arrival.name) is not None
            what = "could be more than one student of the roster, or not the only one of this name; give its id there"
            remarks.append(f"{what if several else 'not in the roster'}: {_whose(arrival)}")
        elif row is None and student != arrival.student:
            remarks.append(f"called {_whose(arrival)} in the download")
        elif row is None and arrival.name not in arrival.origin:
            remarks.append(f"named {arrival.name}")
        when = arrival.when or (row.submitted if row is not None else None)
        if arrival.late and when is None:
            remarks.append("the platform calls it late, and tells no time")
        students.setdefault(student, []).append(Attempt(arrival, when, tuple(remarks)))
    for attempts in students.values():
        attempts.sort(key=lambda attempt: attempt.arrival.order, reverse=True)
    return students


def _rows(arrivals: tuple[Arrival, ...], roster: Roster) -> dict[Key, Row]:
    """Rows of the roster by the keys of arrivals. A name decides only where one person of the download has it."""
    found: dict[Key, Row] = {}
    named: dict[str, dict[Key, Row]] = {}
    for arrival in arrivals:
        if (row := roster.by_id(arrival.ids, arrival.name)) is not None:
            found[arrival.key] = row
        elif (row := roster.by_name(arrival.ids, arrival.name)) is not None:
            named.setdefault(row.student, {})[arrival.key] = row
    sure = {row.student for row in found.values()}
    for student, people in named.items():
        if len(people) == 1 and student not in sure:
            found |= people
    return found


def _whose(arrival: Arrival) -> str:
    ids = ", ".join(f"{kind} {value}" for kind, value in arrival.ids.items())
    return ascii(f"{arrival.name} ({ids})" if ids else arrival.name)[1:-1]
