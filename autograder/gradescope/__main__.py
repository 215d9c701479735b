"""What `run_autograder` starts: `prepare` while the image is built, nothing for a hand-in."""

from __future__ import annotations

import sys

from autograder.gradescope.running import prepare, run

if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        run()
