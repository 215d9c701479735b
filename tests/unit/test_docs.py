"""The guides name only what there is: links, files, verbs with their options, targets of make, nbgrader's commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from autograder.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "tests" / "README.md", *(ROOT / "docs").glob("*.md")])
RELEASED = ROOT / "release" / "deep_nets"
VERBS = typer.main.get_command(app).commands
# A path of the project, as text names it: a known folder, then at least one more letter.
_PATH = re.compile(r"(?:assignments|autograder|benchmarks|datasets|docs|release|source|tests)/[\w*./{},-]+")
# Made on the spot, by a reader who follows a guide, or there only after data were fetched.
_MADE = re.compile(r"cifar-10-batches-py|\.zip$|leaky_relu|activations|Activations|release/Dockerfile")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def without_code(text: str) -> str:
    """A page without its fenced blocks: what stands there belongs to files of the reader."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code_of(text: str) -> Iterator[str]:
    """Lines of code blocks, and code inside sentences."""
    yield from re.findall(r"^ {4}(?:\$ )?(\S.*)$", without_code(text), re.MULTILINE)
    for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from (" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", without_code(text)))


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """What is typed after the name of a program; a line may hold several commands."""
    for line in code_of(page.read_text(encoding="utf-8")):
        for part in re.split(r"\s(?:#|>)\s.*|&&|;|\|", line):
            if part.strip().startswith(f"{program} "):
                yield shlex.split(part.strip(), comments=False)[1:]


@every_page
def test_every_link_inside_the_project_leads_to_a_file(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    inside = [link.partition("#")[0] for link in links if not re.match(r"https?:|mailto:|#", link)]
    missing = [link for link in inside if not (page.parent / link).exists()]
    assert not missing


@every_page
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            file, _, heading = link.partition("#")
            text = ((page.parent / file) if file else page).read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            assert heading in [re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles]


@every_page
def test_every_file_of_the_project_that_is_named_is_there(page: Path) -> None:
    named = _PATH.findall("\n".join(re.findall(r"`([^`]+)`", without_code(page.read_text(encoding="utf-8")))))
    for name in {name.rstrip(".,") for name in named}:
        if not _MADE.search(name) and "{" not in name:
            assert any(ROOT.glob(name.rstrip("/"))), name


@every_page
def test_every_command_of_ours_has_these_options(page: Path) -> None:
    for verb, *arguments in commands(page, "autograder"):
        if verb in ("VERB", "--help"):
            continue
        assert verb in VERBS, verb
        known = {name: option for option in VERBS[verb].params for name in [*option.opts, *option.secondary_opts]}
        for number, argument in enumerate(arguments):
            if argument.startswith("--") and argument != "--help":
                name, _, value = argument.partition("=")
                assert name in known, f"autograder {verb} {argument}"
                choices = getattr(known[name].type_descriptor, "choices", None)
                value = value or (arguments[number + 1] if number + 1 < len(arguments) else "")
                if choices and re.fullmatch(r"[a-z][\w-]*", value):
                    assert value in [getattr(choice, "value", choice) for choice in choices], argument


@every_page
def test_every_target_of_make_and_command_of_nbgrader_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    source = distribution("nbgrader").locate_file("nbgrader/apps/nbgraderapp.py")  # to import it takes seconds
    nbgrader = set(re.findall(r"^ {8}(\w+)=\($", Path(source).read_text(encoding="utf-8"), re.MULTILINE))
    for arguments in commands(page, "make"):
        assert {word for word in arguments if "=" not in word} <= targets, arguments
    for arguments in commands(page, "nbgrader"):
        assert arguments[0] in nbgrader, arguments


def test_the_guide_of_students_agrees_with_the_course() -> None:
    guide = " ".join((ROOT / "docs" / "student.md").read_text(encoding="utf-8").split())
    settings = tomllib.loads((ROOT / "assignments/deep_nets/assignment.toml").read_text(encoding="utf-8"))
    about = json.loads((RELEASED / "release.json").read_text(encoding="utf-8"))
    released = (RELEASED / "README.md").read_text(encoding="utf-8")
    for python in re.findall(r"3\.\d+", released):
        assert python in guide
    order = re.search(r"order is (.+?) ->", released)
    assert order
    assert f"The order is {order[1]}" in guide
    assert all(name in guide for name in about["notebooks"])
    target = settings["target"]
    assert f"{target['floor']:.0%} (no points) to {target['accuracy']:.0%} (all)".replace("%", " %") in guide
    assert f"within {target['cpu_seconds'] // 60} minutes" in guide
    assert f"about {settings['limits']['cpu_seconds']} seconds for each check" in guide


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_git_ignores_what_the_guides_put_into_the_course_and_is_about_people() -> None:
    about_people = ("roster.csv", "submissions.zip", "before.tar.gz", "hand-ins/ada", "copies/deep_nets", "try/right")
    made = ("gradebook.db", "results/a", "submitted/ada", "feedback/ada", "report/a.csv", ".course_secret")
    for name in (*about_people, *made):
        run = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", name], cwd=ROOT, check=False)
        assert run.returncode == 0, name


def test_the_citation_names_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert cited["cff-version"] == "1.2.0"
    assert {"title", "authors", "message"} <= cited.keys()
    assert CliRunner().invoke(app, ["--version"]).output == f"autograder {project['version']}\n"
