"""From the examiner's results to nbgrader's gradebook, whatever the notebook of a hand-in holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from small_course import FULL, Class, cell_of

from autograder.errors import CourseError

SCORES = {"dropout_forward": 5.0, "dropout_backward": 1.5, "target": 2.5}


def test_record_writes_score_and_message_into_every_autograded_cell(classroom: Class) -> None:
    classroom.hand_in("ada", classroom.released())
    assert classroom.record("ada") == ""
    assert classroom.scores("ada") == SCORES
    nb = classroom.autograded("ada")
    for name, score in SCORES.items():
        stream, result = cell_of(nb, name).outputs
        assert FULL[name][2] in stream.text
        assert result.data["text/plain"] == repr(score)


def _delete(name: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        nb.cells.remove(cell_of(nb, name))

    return change


def _delete_all(nb: NotebookNode) -> None:
    nb.cells = []


def _duplicate(nb: NotebookNode) -> None:
    copy = NotebookNode(json.loads(json.dumps(cell_of(nb, "target"))), id="copy")
    nb.cells.insert(1, copy)


def _rename(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.grade_id = "mine"


def _strip_metadata(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.metadata = NotebookNode()


def _retype(nb: NotebookNode) -> None:
    cell = cell_of(nb, "target")
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]


def _retype_raw(nb: NotebookNode) -> None:
    _retype(nb)
    cell_of(nb, "target").cell_type = "raw"


def _more_points(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.points = 1000


def _odd_points(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.points = "many"


def _no_grade(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.grade = False


def _as_solution(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.update(solution=True, locked=False, task=True)


def _forged_result(nb: NotebookNode) -> None:
    cell = cell_of(nb, "target")
    cell.outputs = [
        new_output("execute_result", data={"text/plain": "10.0"}, execution_count=1),
        new_output("display_data", data={"text/plain": "10.0"}),
    ]
    cell.metadata["tags"] = ["skip-execution", "raises-exception"]


def _old_schema(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata.nbgrader.schema_version = 1


def _odd_metadata(nb: NotebookNode) -> None:
    cell_of(nb, "target").metadata["nbgrader"] = ["target"]
    nb.metadata["kernelspec"] = {"name": "evil", "language": "klingon", "display_name": "<script>"}


def _same_ids(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.id = "same"


CHANGES = [
    _delete("target"),
    _delete("setup"),
    _delete_all,
    _duplicate,
    _rename,
    _strip_metadata,
    _retype,
    _retype_raw,
    _more_points,
    _odd_points,
    _no_grade,
    _as_solution,
    _forged_result,
    _old_schema,
    _odd_metadata,
    _same_ids,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__qualname__.strip("_"))
def test_record_gives_the_examiners_scores_whatever_a_student_does_to_cells(
    classroom: Class, change: Callable[[NotebookNode], None]
) -> None:
    nb = classroom.released()
    change(nb)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert classroom.scores("eve") == SCORES
    book = classroom.autograded("eve")
    meta = cell_of(book, "target").metadata.nbgrader
    assert (meta.points, meta.grade, meta.solution, meta.locked) == (10.0, True, False, True)
    assert "tags" not in cell_of(book, "target").metadata


def test_record_survives_a_deleted_cell_that_followed_a_deleted_cell(classroom: Class) -> None:
    nb = classroom.released()
    for name in ("setup", "dropout_forward", "dropout_backward", "target_solution", "target"):
        _delete(name)(nb)
    classroom.hand_in("eve", nb)
    assert classroom.record("eve") == ""
    assert classroom.scores("eve") == SCORES
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in classroom.autograded("eve").cells]
    order = [name for name in ids if name in SCORES]
    assert order == list(SCORES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": 3}',
        b"[" * 100_000,
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [null, 3, {"cell_type": "code"}]}',
        b'{"nbformat": 99, "cells": []}',
        b'{"nbformat": "x", "cells": []}',
    ],
)
def test_record_takes_a_broken_notebook_and_still_gives_the_examiners_scores(classroom: Class, content: bytes) -> None:
    classroom.hand_in("bob", content)
    assert classroom.record("bob") == ""
    assert classroom.scores("bob") == SCORES


def test_record_gives_the_examiners_scores_where_the_notebook_is_missing(classroom: Class) -> None:
    classroom.hand_in("dan", None)
    assert classroom.record("dan") == ""
    assert classroom.scores("dan") == SCORES
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        assert not book.find_submission("deep_nets", "dan").needs_manual_grade


@pytest.mark.parametrize(
    "said",
    [
        {"state": "failed", "reason": "layers.py: line 3 is not valid Python.", "questions": FULL},
        {"state": "failed", "reason": "layers.py: line 3 is not valid Python.", "questions": {}},
        {"state": "graded", "questions": {name: ["failed", 1.0, "It hung, so it was stopped."] for name in FULL}},
        {"state": "graded", "questions": {}},
    ],
)
def test_record_gives_zero_with_a_reason_where_nothing_could_be_examined(classroom: Class, said: dict) -> None:
    classroom.hand_in("kim", classroom.released(), **said)
    assert classroom.record("kim") == ""
    assert classroom.scores("kim") == dict.fromkeys(SCORES, 0.0)
    for name in SCORES:
        assert len(cell_of(classroom.autograded("kim"), name).outputs[0].text) > 10


def test_record_of_a_failing_examiner_gives_no_points_and_leaves_others_alone(classroom: Class) -> None:
    classroom.hand_in("ada", classroom.released())
    classroom.hand_in("zoe", classroom.released(), questions={"target": ["graded", 7, "a share above 1"]})
    assert "ValidationError" in classroom.record("zoe")
    assert classroom.record("ada") == ""
    assert classroom.scores("ada") == SCORES
    assert set(classroom.scores("zoe").values()) == {None}


def test_record_takes_nothing_but_notebooks_from_a_hand_in(classroom: Class) -> None:
    folder = classroom.hand_in("eve", classroom.released())
    (folder / "db").symlink_to(classroom.course.root / "gradebook.db")
    (folder / "nndl").mkdir()
    (folder / "nndl" / "layers.py").write_text("x = 1\n")
    (folder / "timestamp.txt").write_text("no time at all\n")
    assert classroom.record("eve") == ""
    assert [path.name for path in (classroom.course.root / "autograded" / "eve").rglob("*.*")] == ["Dropout.ipynb"]


def test_plain_autograde_copies_no_file_that_a_link_points_to(classroom: Class) -> None:
    folder = classroom.hand_in("eve", classroom.released())
    (folder / "db").symlink_to(classroom.course.root / "gradebook.db")
    (folder / "sub").mkdir()
    (folder / "sub" / "timestamp.txt").symlink_to(classroom.course.root / "gradebook.db")
    assert classroom.nbgrader("autograde", "deep_nets").returncode == 0
    assert [path.name for path in (classroom.course.root / "autograded" / "eve").rglob("*.*")] == ["Dropout.ipynb"]


def test_record_reads_a_notebook_that_is_a_link_as_unreadable(classroom: Class) -> None:
    folder = classroom.hand_in("eve", None)
    (folder / "Dropout.ipynb").symlink_to(classroom.course.root / "source" / "deep_nets" / "Dropout.ipynb")
    assert classroom.record("eve") == ""
    nb = classroom.autograded("eve")
    assert "could not be read" in nb.cells[0].source
    assert "hidden_recipe" not in json.dumps(nb)


def test_plain_autograde_and_record_give_the_same_scores_and_copies(classroom: Class) -> None:
    nb = classroom.released()
    _more_points(nb)
    students = {"ada": classroom.released(), "bob": b"{", "eve": nb}
    for student, content in students.items():
        classroom.hand_in(student, content)
    done = classroom.nbgrader("autograde", "deep_nets")
    assert done.returncode == 0, done.stderr
    plain = {student: (classroom.scores(student), classroom.autograded(student)) for student in students}
    for student in students:
        assert classroom.record(student) == ""
        assert (classroom.scores(student), classroom.autograded(student)) == plain[student]
        assert plain[student][0] == SCORES


def test_answers_in_words_wait_for_a_person_only_if_there_is_an_answer(classroom: Class) -> None:
    answered, unchanged, moved = classroom.released(), classroom.released(), classroom.released()
    cell_of(answered, "explain_scaling").source = "Because $E[x]$ would shrink."
    _delete("explain_scaling")(moved)
    waiting = {}
    for student, nb in {"ada": answered, "bob": unchanged, "cyd": moved}.items():
        classroom.hand_in(student, nb)
        assert classroom.record(student) == ""
        with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
            grade = book.find_grade("explain_scaling", "Dropout", "deep_nets", student)
            waiting[student] = (grade.needs_manual_grade, grade.auto_score)
    assert waiting == {"ada": (True, None), "bob": (False, 0.0), "cyd": (True, None)}


def test_the_changed_one_of_two_copies_of_an_answer_counts(classroom: Class) -> None:
    nb = classroom.released()
    cell = cell_of(nb, "explain_scaling")
    nb.cells.append(NotebookNode(json.loads(json.dumps(cell)), id="copy"))
    cell.source = "Because $E[x]$ would shrink."
    classroom.hand_in("ada", nb)
    assert classroom.record("ada") == ""
    assert cell_of(classroom.autograded("ada"), "explain_scaling").source == "Because $E[x]$ would shrink."


def test_a_manual_grade_survives_recording_again(classroom: Class) -> None:
    nb = classroom.released()
    cell_of(nb, "explain_scaling").source = "Because $E[x]$ would shrink."
    classroom.hand_in("ada", nb)
    classroom.record("ada")
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        book.find_grade("explain_scaling", "Dropout", "deep_nets", "ada").manual_score = 1.5
        book.db.commit()
    assert classroom.record("ada") == ""
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        assert book.find_submission("deep_nets", "ada").score == 9.0 + 1.5


def test_record_of_equal_hand_ins_gives_equal_bytes(classroom: Class) -> None:
    nb = classroom.released()
    _delete("target")(nb)
    for student in ("ada", "bob"):
        classroom.hand_in(student, nb)
        classroom.record(student)
    folder = classroom.course.root / "autograded"
    ada, bob = ((folder / name / "deep_nets" / "Dropout.ipynb").read_bytes() for name in ("ada", "bob"))
    assert ada == bob


def test_record_keeps_the_students_plots_for_whoever_reads_the_answers(classroom: Class) -> None:
    import base64
    import io

    from PIL import Image

    plot = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(plot, "PNG")
    nb = classroom.released()
    shown = new_output("display_data", data={"image/png": base64.b64encode(plot.getvalue()).decode()})
    nb.cells.insert(3, new_code_cell("plot()", outputs=[shown], id="plot"))
    cell_of(nb, "target_solution").outputs = [shown]
    classroom.hand_in("ada", nb)
    classroom.record("ada")
    kept = classroom.autograded("ada")
    shown = [output for cell in kept.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2


@pytest.mark.parametrize("student", ["o'neil", "name with space", "ü*"])
def test_record_takes_students_with_unusual_names(classroom: Class, student: str) -> None:
    classroom.hand_in(student, classroom.released())
    assert classroom.record(student) == ""
    assert classroom.scores(student) == SCORES


def test_record_refuses_a_gradebook_that_does_not_fit_the_sources(classroom: Class) -> None:
    path = classroom.course.root / "source" / "deep_nets" / "Dropout.ipynb"
    path.write_text(path.read_text().replace('"points": 10', '"points": 12'))
    classroom.hand_in("ada", classroom.released())
    with pytest.raises(CourseError, match="differ in target"):
        classroom.record("ada")


def test_record_leaves_the_working_folder_alone(classroom: Class) -> None:
    before = os.getcwd()
    classroom.hand_in("ada", b"{")
    classroom.record("ada")
    assert os.getcwd() == before


def test_record_says_that_nbgrader_cannot_take_a_name_with_brackets(classroom: Class) -> None:
    classroom.hand_in("a[b]c", classroom.released())
    assert "brackets" in classroom.record("a[b]c")


def test_record_says_that_there_is_no_hand_in(classroom: Class) -> None:
    assert "no submitted/nobody" in classroom.record("nobody")
