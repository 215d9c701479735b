"""Gradescope: results.json by its published format, and the zip from which it builds an autograder.

Source of the format: Gradescope's "Autograder Specifications".
"""
