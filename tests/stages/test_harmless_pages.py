"""What a hand-in writes into its answers stays text on the pages of graders and students."""

import pytest
from nbformat.v4 import new_code_cell, new_raw_cell
from small_course import cell_of

from autograder.feedback import feedback
from autograder.safe_markdown import safe_markdown

SCRIPT = "<script>document.title = 'mine'</script>"


@pytest.mark.parametrize("make", [new_raw_cell, new_code_cell], ids=["raw", "code"])
def test_answer_in_a_cell_of_another_kind_is_harmless_too(classroom, make):
    nb = classroom.released()
    index = nb.cells.index(cell_of(nb, "explain_scaling"))
    nb.cells[index] = make(SCRIPT, metadata=nb.cells[index].metadata)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert "<script" not in cell_of(classroom.autograded("eve"), "explain_scaling").source
    assert feedback(classroom.course, classroom.assignment) == {"eve": ""}
    page = next((classroom.course.root / "feedback" / "eve").rglob("*.html")).read_text(encoding="utf-8")
    assert SCRIPT not in page


@pytest.mark.parametrize(
    "text",
    [
        "[x](files/java&#115;cript:alert(1))",
        "[x](/files/java&#115;cript:alert(1))",
        "[x][1]\n\n[1]: files/java&#115;cript:alert(1)",
    ],
)
def test_link_that_a_filter_turns_into_a_script_becomes_plain_text(text):
    assert safe_markdown(text) == f"~~~\n{text}\n~~~"


def test_macro_hidden_in_a_backslash_and_half_letters_are_removed():
    assert "\\href" not in safe_markdown("\\\\href{a}{b}")
    safe_markdown("a \ud800").encode("utf-8")
