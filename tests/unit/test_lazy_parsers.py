"""The parsers of rfc3987-syntax are built when they are needed, and judge as they did."""

import json
import subprocess
import sys

STARTS = """
import autograder, nbformat, sys
assert "lark" not in sys.modules
"""
JUDGES = """
import sys
if {early}:
    import autograder
import json, jsonschema
checker = jsonschema.Draft7Validator.FORMAT_CHECKER
texts = ["http://example.org/\\u00e9", "no address", "/path", ":", "a b", "http://[::1"]
print(json.dumps([[checker.conforms(text, form) for text in texts] for form in ("iri", "iri-reference")]))
from rfc3987_syntax import is_valid_syntax, is_valid_syntax_iri
assert is_valid_syntax_iri("http://example.org")
assert "lark" in sys.modules
"""


def said(program):
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=120
    ).stdout


def test_nbformat_is_imported_without_them():
    said(STARTS)


def test_an_address_is_judged_as_without_us():
    early, late = said(JUDGES.format(early=True)), said(JUDGES.format(early=False))
    assert early == late
    assert {True, False} <= set(json.loads(early)[0])
