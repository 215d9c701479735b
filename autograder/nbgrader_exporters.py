"""What plugs into `nbgrader export`: the same files as `autograder export` writes.

    nbgrader export --exporter=autograder.nbgrader_exporters.CanvasExporter --CanvasExporter.roster=roster.csv

In nbgrader_config.py: `c.CanvasExporter.roster = "roster.csv"`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Enum, Unicode

from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.export import Choices, Form, Table, export, grades_of


class _Exporter(ExportPlugin):  # type: ignore[misc] # nbgrader ships no types
    """Hands nbgrader's gradebook and options to the stage `export`."""

    form: ClassVar[Form]
    roster = Unicode("", help="CSV file that says who is who; see docs/export.md.").tag(config=True)
    template = Unicode("", help="Table that the platform exported; one column of it is filled.").tag(config=True)
    column = Unicode("", help="Heading of the column of grades; else the assignment's title.").tag(config=True)
    missing = Enum(("blank", "zero"), "blank", help="What stands for who handed in nothing.").tag(config=True)
    unfinished = Enum(
        ("refuse", "blank", "partial"), "refuse", help="What is done about grades that are not final."
    ).tag(config=True)
    long = Bool(False, help="CSV only: a row for each question.").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; nbgrader's --to, --assignment and --student are heeded."""
        try:
            assignment = self._assignment()
            grades = grades_of(assignment, self._path(self.roster), map(str, self.student), book=gradebook)
            done = export(
                assignment,
                self.form,
                grades,
                self._path(self.to),
                choices=Choices(self.missing, self.unfinished),
                table=Table(self._path(self.template), self.column, self.long),
            )
        except CourseError as error:
            self.parent.fail(str(error))
            return
        self.log.info("%s: %d grades", done.place, done.count)
        for student, why in done.left_out.items():
            self.log.warning("left out: %s %s", student, why)

    def _assignment(self) -> Assignment:
        course = Course(Path(self.parent.coursedir.root))
        names = [str(name) for name in self.assignment] or course.assignments()
        if len(names) != 1:
            fix = f"choose one with --assignment: {', '.join(course.assignments())}"
            raise CourseError("one assignment at a time can be exported", where=course.root, fix=fix)
        return course.assignment(names[0])

    @staticmethod
    def _path(name: str) -> Path | None:
        return Path(name) if name else None


class CanvasExporter(_Exporter):
    """A CSV file for Canvas's gradebook."""

    form = "canvas"


class MoodleExporter(_Exporter):
    """A CSV file for Moodle's grade import."""

    form = "moodle"


class GradescopeExporter(_Exporter):
    """A folder with results.json for each student."""

    form = "gradescope"


class CsvExporter(_Exporter):
    """A CSV file for a spreadsheet."""

    form = "csv"
