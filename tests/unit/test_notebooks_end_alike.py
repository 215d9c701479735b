"""Every instructor notebook ends with the same two cells, which pack the hand-in."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "source" / "deep_nets").glob("*.ipynb"))

HEADING = """\
## Hand in

**Save this notebook first** (*File → Save*): what is packed is what was last saved. Then run the next cell. It

1. says what is still missing: answers in words, functions that are not written yet;
2. tries the final task of the Dropout notebook in a fresh process for one training step. Your net is trained again when
   your work is graded, without the rest of the notebook;
3. packs all notebooks and `nndl/` into one zip, also when something is missing, and says where the zip lies.

Hand in that zip. You may run the cell as often as you like. In a terminal, `python -m nndl.hand_in` does the same."""

CELL = """\
from nndl.hand_in import hand_in

hand_in()"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_ends_with_the_cells_that_pack_the_hand_in(path):
    heading, cell = nbformat.read(path, as_version=4).cells[-2:]
    assert (heading.id, heading.cell_type, heading.source) == ("hand_in_heading", "markdown", HEADING)
    assert (cell.id, cell.cell_type, cell.source) == ("hand_in", "code", CELL)
    assert "nbgrader" not in heading.metadata
    assert "nbgrader" not in cell.metadata
