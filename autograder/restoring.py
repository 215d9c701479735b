"""Graded cells of a hand-in put back as they were handed out: flags, points, kind, locked text, missing cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook

from autograder.errors import CourseError
from autograder.notebooks import new_cell
from autograder.safe_markdown import safe_markdown

LOST = "*(This cell was missing from the hand-in and was put back.)*\n\n"


@dataclass(frozen=True)
class Original:
    """A cell as nbgrader noted it down at release."""

    grade_id: str
    kind: str
    source: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float
    checksum: str

    def metadata(self) -> NotebookNode:
        """nbgrader's metadata of this cell."""
        meta = NotebookNode(
            schema_version=3,
            grade_id=self.grade_id,
            grade=self.grade,
            solution=self.solution,
            locked=self.locked,
            task=self.task,
            cell_type=self.kind,
            checksum=self.checksum,
        )
        if self.grade or self.task:
            meta.points = self.points
        return meta


def originals(gradebook: Gradebook, notebook: str, assignment: str) -> dict[str, Original]:
    """Every cell that nbgrader knows of a released notebook, by grade_id, in its order."""
    known = gradebook.find_notebook(notebook, assignment)
    points = {cell.name: float(cell.max_score) for cell in (*known.grade_cells, *known.task_cells)}
    grade, solution, task = (
        {cell.name for cell in cells} for cells in (known.grade_cells, known.solution_cells, known.task_cells)
    )
    return {
        cell.name: Original(
            grade_id=cell.name,
            kind=cell.cell_type,
            source=cell.source,
            locked=bool(cell.locked),
            grade=cell.name in grade,
            solution=cell.name in solution,
            task=cell.name in task,
            points=points.get(cell.name, 0.0),
            checksum=cell.checksum or "",
        )
        for cell in known.source_cells
    }


def restore(nb: NotebookNode, known: Mapping[str, Original], *, blank: bool = False) -> None:
    """Put the notebook's graded cells back in order, in place.

    Of two cells with one id the last counts whose text was changed; the others become ordinary cells. A cell with an
    id that was never handed out becomes an ordinary cell. A graded cell that is gone is put back after the one it
    followed. Put back, an answer in words says that it was missing, so that a person looks at it; with `blank` (no
    notebook was handed in) it is left as released, which nbgrader scores as no response.
    """
    chosen = _chosen(nb, known)
    for index, cell in enumerate(nb.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.metadata = NotebookNode()
        if grade_id is not None and chosen.get(grade_id) == index:
            nb.cells[index] = _restored(cell, known[grade_id])
    _add_missing(nb, known, blank=blank)


def found_in(nb: NotebookNode, known: Mapping[str, Original]) -> bool:
    """Whether the hand-in holds any cell that carries points."""
    graded = {original.grade_id for original in known.values() if original.grade or original.task}
    return any(cell.metadata.get("nbgrader", {}).get("grade_id") in graded for cell in nb.cells)


def _chosen(nb: NotebookNode, known: Mapping[str, Original]) -> dict[str, int]:
    """Index of the cell that counts for each id."""
    chosen: dict[str, int] = {}
    for index, cell in enumerate(nb.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in known and (grade_id not in chosen or cell.source.strip() != known[grade_id].source.strip()):
            chosen[grade_id] = index
    return chosen


def _restored(cell: NotebookNode, original: Original) -> NotebookNode:
    """The cell with its own text, where that was the student's to write, and all else as handed out."""
    own = cell.source
    if original.kind == "markdown":  # whatever kind of cell it was handed in as
        own = safe_markdown(own, cell.get("attachments"))
    made = _new(original, cell.id, original.source if original.locked else own)
    if cell.cell_type == "code" and original.kind == "code" and not original.grade:
        made.outputs = cell.outputs
    if "attachments" in cell and original.kind == "markdown":
        made.attachments = cell.attachments
    return made


def _new(original: Original, identity: str, source: str) -> NotebookNode:
    cell = new_cell(original.kind, source, identity)
    cell.metadata["nbgrader"] = original.metadata()
    if original.locked and utils.compute_checksum(cell) != original.checksum:
        raise CourseError(
            "the gradebook contradicts itself", where=f'cell "{original.grade_id}"', fix="make the release again"
        )
    return cell


def _add_missing(nb: NotebookNode, known: Mapping[str, Original], *, blank: bool) -> None:
    """Put graded cells that are gone after the cell they followed."""
    place = -1
    for original in known.values():
        ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells]
        if original.grade_id in ids:
            place = ids.index(original.grade_id)
        elif original.grade or original.task:
            # After the last cell where nothing it followed is left.
            place = len(nb.cells) if place < 0 else place + 1
            words = original.solution and not blank
            taken = {cell.id for cell in nb.cells}
            identity = original.grade_id.replace("_", "-")[:50]
            while identity in taken:
                identity += "-"
            nb.cells.insert(place, _new(original, identity, (LOST if words else "") + original.source))
