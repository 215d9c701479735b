"""plan: what is known of one hand-in, what is still to be examined, and the whole made of both."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autograder.course import Assignment, Question
from autograder.examiner.examine import Examination
from autograder.records import Records
from autograder.results import HandInResult, QuestionResult, Timing
from autograder.wall import VARIABLE


@dataclass
class Plan:
    """One hand-in: what is known of the chosen questions, and the keys of those that are still to be examined."""

    assignment: Assignment
    student: str
    chosen: list[Question]
    records: Records | None
    known: dict[str, QuestionResult] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    about: dict[str, Any] = field(default_factory=dict)  # edition, evidence, remarks
    fault: str = ""  # what the examiner itself failed over, before anything was examined

    def look(self, work: Examination, given: tuple[str, ...]) -> Plan:
        """Read the records that still hold. Questions that the hand-in's edition does not have are left out.

        What was `given` solved is not examined: what an earlier hand-in earned with the student's own code stands.
        """
        left_out = work.not_counted()
        self.chosen = [question for question in self.chosen if question.grade_id not in left_out]
        self.about = {
            "edition": work.edition,
            "not_counted": tuple(f"{name}: {reason}" for name, reason in left_out.items()),
            "evidence": work.staged.found.evidence if work.staged.found else (),
            "remarks": work.staged.remarks,
        }
        without_wall = os.environ.get(VARIABLE) == "none"
        for name in (question.grade_id for question in self.chosen):
            if name in given:
                self.known[name] = (self.records and self.records.kept(name)) or given_solved(self.assignment, name)
                continue
            key = work.key(name)
            kept = self.records.read(name, key, without_wall=without_wall) if self.records else None
            if kept is None:
                self.missing[name] = key
            else:
                self.known[name] = kept
        return self

    def take(self, results: Iterable[QuestionResult], timing: Timing) -> None:
        """Keep what was found."""
        self.timing = timing
        for result in results:
            self.known[result.question] = result
            if self.records:
                self.records.write(result)
        if self.records:
            self.records.write_timing(timing)

    def result(self) -> HandInResult:
        """The whole, in the order of the notebooks."""
        found = [self._result(question.grade_id) for question in self.chosen if question.grade_id in self.known]
        failed = [result for result in found if result.state == "failed"]
        broken = failed if len(failed) == len(found) and found else []
        return HandInResult(
            student=self.student,
            assignment=self.assignment.name,
            state="failed" if broken else "graded",
            reason=broken[0].reason if broken else "",
            wall=", ".join(sorted({result.wall for result in found if result.wall})),
            data=next((result.data for result in found if result.target is not None), "none"),
            questions=tuple(found),
            timing=self.timing,
            **{"edition": self.assignment.settings.edition, **self.about},
        )

    def _result(self, question: str) -> QuestionResult:
        """One result. The target trains the student's own code: what it used and what lost points is named."""
        result = self.known[question]
        uses = result.target.uses if result.target is not None and result.share < 1 else ()
        broken = [name for name in uses if name in self.known and self.known[name].share < 1]
        if not broken:
            return result
        remark = f"It rests on your own {', '.join(broken)}, where hidden checks fail: mend that first."
        return result.model_copy(update={"remarks": (*result.remarks, remark)})


def given_solved(assignment: Assignment, question: str) -> QuestionResult:
    """The result of a question whose functions the course gave solved."""
    reason = "Not graded: the course gave you this part solved."
    origin = {"kit": "", "edition": assignment.settings.edition, "wall": "", "data": "none"}
    return QuestionResult(**origin, question=question, state="missing", share=0.0, reason=reason)
