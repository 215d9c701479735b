"""Releases in another course's names.

One source is translated by syntax tree, with the names that the course's edition gives (autograder.editions): there is
no code for a single course. `tree` does whole folders, `code` Python, `texts` Markdown and docstrings, `names` is the
table. A dialect in which p means the probability of dropping is refused: every text here says that p keeps.
"""
