"""nbgrader's settings for this course: our steps among nbgrader's own.

`nbgrader generate_assignment`, `autograde`, `generate_feedback` and the buttons of formgrader all read this file.
Lists are replaced whole, so each stands here in full.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 # nbgrader defines it before it runs this file

c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = "deep-nets"

# nbgrader starts the command `alembic` to make its gradebook, which is found only in an activated environment.
if str(Path(sys.executable).parent) not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

# Release. An existing release is replaced; what fails leaves none.
c.GenerateAssignment.force = True
c.GenerateAssignment.preprocessors = [
    "autograder.nbgrader_preprocessors.CheckSource",
    "autograder.nbgrader_preprocessors.Translate",
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "autograder.nbgrader_preprocessors.Normalize",
    "autograder.nbgrader_preprocessors.NoPointsForGiven",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
    "autograder.nbgrader_preprocessors.WritePackage",
    # After ClearHiddenTests, unlike nbgrader's default: the gradebook, the autograded copies and the feedback then
    # never hold a hidden test. Nothing is lost, because hidden tests do not run in the notebook.
    "nbgrader.preprocessors.SaveCells",
    "autograder.late.DueDate",
]
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}

# Grading. No code of a hand-in runs in nbgrader: there is no Execute step. A hand-in's notebook is read with care, its
# graded cells are put back as handed out, and the examiner's scores are written into them.
c.Autograde.exporter_class = "autograder.nbgrader_preprocessors.HandInExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader_preprocessors.KeepNotebooksOnly",
    "autograder.nbgrader_preprocessors.RestoreCells",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_preprocessors.ExaminerScores",
    "autograder.by_hand.SaveScores",
    "autograder.late.DueDate",
    "autograder.late.ForgetOldTime",
    "nbgrader.preprocessors.AssignLatePenalties",
]  # nbgrader's CheckCellMetadata takes a seventh of the time here, and RestoreCells wrote all metadata itself.

# Late hand-ins lose what [late] of assignment.toml says. The penalty is a share of all points, so it is worked out once
# more for the feedback, when answers in words have got theirs.
c.AssignLatePenalties.plugin_class = "autograder.late.LatePenalty"
c.GenerateFeedback.preprocessors = [
    "autograder.nbgrader_preprocessors.TranslateFeedback",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
