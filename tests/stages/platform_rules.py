"""The published rules of files that learning platforms import, written down apart from the code that writes them."""

from __future__ import annotations

import csv
import io
import re

import jsonschema

NUMBER = re.compile(r"\d+(\.\d{1,2})?")
FORMATS = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
TEST_CASE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "max_score": {"type": "number", "minimum": 0},
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string"},
        "name_format": FORMATS,
        "number": {"type": "string", "pattern": r"^\d+(\.\d+)*$"},
        "output": {"type": "string"},
        "output_format": FORMATS,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
}
# Gradescope, "Autograder Specifications", section "Output Format".
RESULTS = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [
        {"required": ["score"]},
        {"required": ["tests"], "properties": {"tests": {"items": {"required": ["score"]}}}},
    ],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "execution_time": {"type": "number", "minimum": 0},
        "output": {"type": "string"},
        "output_format": FORMATS,
        "test_output_format": FORMATS,
        "test_name_format": FORMATS,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {"type": "array", "items": TEST_CASE},
        "leaderboard": {"type": "array"},
    },
}


def check_results(content: object) -> None:
    """Raise where this is no results.json; numbers of tests must differ, no score may be above its maximum."""
    jsonschema.validate(content, RESULTS)
    tests = content.get("tests", [])
    assert len({test["number"] for test in tests}) == len(tests)
    assert all(test["score"] <= test["max_score"] for test in tests)


def canvas_grades(text: str, column: str) -> tuple[float, dict[str, str]]:
    """Points possible, and grades by ID (else by SIS user, else by login), read as Canvas's importer reads a file."""
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert re.search("Student", header[0])
    assert header[1:5] == ["ID", "SIS User ID", "SIS Login ID", "Section"]
    assert header.count(column) == 1
    at, points, grades = header.index(column), None, {}
    for row in rows:
        assert len(row) == len(header)
        if "Points Possible" in row[0]:
            points = float(row[at])
        elif any(row[1:4]):
            assert re.fullmatch(r"\d*", row[1])
            assert re.fullmatch(NUMBER, row[at]) or row[at] == ""
            grades[next(filter(None, row[1:4]))] = row[at]
    assert points is not None
    return points, grades
