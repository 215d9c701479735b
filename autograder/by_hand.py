"""What a person graded by hand stands for the text that it was given for.

nbgrader sends every answer that was graded by hand back to the grader whenever a hand-in is recorded again, and keeps
its points meanwhile. Here an answer goes back only if its text is another one than at the last recording. So
`needs_manual_grade` in the gradebook is the one rule: formgrader's queue, report, feedback and export all read it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Base, Grade
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy import Column, String


class Answer(Base):  # type: ignore[misc] # nbgrader ships no types
    """Our one table in the gradebook: which text of an answer in words was recorded last, and so is shown to graders.

    It lies in the gradebook, because text and `needs_manual_grade` must change in one step, whatever ends the run.
    nbgrader makes the table, as it makes its own, when it opens a gradebook.
    """

    __tablename__ = "autograder_answer"

    grade_id = Column(String(32), primary_key=True)
    digest = Column(String(64), nullable=False)


class SaveScores(SaveAutoGrades):  # type: ignore[misc] # nbgrader ships no types
    """nbgrader's step of the same place, with another rule for what a person has graded."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        """Save the automatic score of a cell, and whether a person must look at it."""
        place = (cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id)
        grade, book = self.gradebook.find_grade(*place), self.gradebook.db
        grade.auto_score, _ = utils.determine_grade(cell, self.log)
        if not utils.is_solution(cell):  # the examiner's score, and a person's in its place, are both final
            grade.needs_manual_grade = grade.auto_score is None
        else:
            found, held = digest(cell), book.get(Answer, grade.id)
            changed = held is None or held.digest != found
            grade.needs_manual_grade = _needs_person(grade, changed=changed)
            book.merge(Answer(grade_id=grade.id, digest=found))
        book.commit()


def _needs_person(grade: Grade, *, changed: bool) -> bool:
    if grade.manual_score is None:
        return grade.auto_score is None
    return changed or bool(grade.needs_manual_grade)


def digest(cell: NotebookNode) -> str:
    """SHA-256 over what a grader reads of an answer: its text and the pictures in it.

    Examples
    --------
    >>> from nbformat.v4 import new_markdown_cell
    >>> digest(new_markdown_cell("It stays.")) == digest(new_markdown_cell("It stays.\\n"))
    True
    """
    read = [cell.cell_type, cell.source.strip(), cell.get("attachments", {})]
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()
