"""A class that nobody taught: hand-ins of known worth, to rehearse a course with before real ones come.

What each hand-in must earn follows from what was planted in it, by the costs that misconceptions declare. The grader is
never asked, so the truth can be held against it.
"""
