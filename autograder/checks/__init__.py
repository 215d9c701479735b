"""The hidden tests, one module a subject, and `api.py`, all that they need to be written."""
