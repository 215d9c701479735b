"""formgrader in a real browser: the button grades through our steps, answers in words are graded beside the plots."""

from __future__ import annotations

import base64
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from PIL import Image
from small_course import Class, cell_of

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def server(classroom: Class, tmp_path: Path) -> Iterator[str]:
    """A Jupyter server in the course's folder; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path / "server.log").open("w")
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", f"--port={port}", "--IdentityProvider.token="]
    command += ["--ServerApp.ip=127.0.0.1", "--allow-root"]
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        command, cwd=classroom.course.root, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **folders}
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/formgrader/manage_assignments", timeout=5)
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


@pytest.fixture
def page() -> Iterator[sync_api.Page]:
    """A page of headless Chromium that notes every dialog a script opens."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def plot() -> str:
    raw = io.BytesIO()
    Image.linear_gradient("L").resize((300, 200)).save(raw, "PNG")
    return base64.b64encode(raw.getvalue()).decode()


def test_the_button_grades_and_a_person_grades_the_words(
    classroom: Class, server: str, page: sync_api.Page, tmp_path: Path
) -> None:
    nb = classroom.released()
    script = "<script>document.title = 'mine'</script>"
    curves = new_output("display_data", data={"image/png": plot(), "text/html": script})
    nb.cells.insert(-1, new_code_cell("plot_curves()", outputs=[curves], id="curves"))
    cell_of(nb, "explain_scaling").source = "The mean stays. <img src=x onerror=\"document.title = 'mine'\">"
    classroom.hand_in("ada", nb)
    shots = Path(os.environ.get("FORMGRADER_SHOTS", tmp_path))

    page.goto(f"{server}/formgrader/manage_submissions/deep_nets")
    page.wait_for_selector("text=ada")
    page.screenshot(path=shots / "1-submissions.png")
    page.click("tr:has-text('ada') .autograde a")
    page.wait_for_selector("text=Successfully autograded")
    page.screenshot(path=shots / "2-autograded.png")
    assert classroom.scores("ada") == {"dropout_forward": 5.0, "dropout_backward": 1.5, "target": 2.5}
    page.goto(f"{server}/formgrader/manage_submissions/deep_nets")
    page.wait_for_selector("tr:has-text('ada') td:has-text('9 / 20')")
    page.screenshot(path=shots / "3-score.png")

    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        submission = book.find_submission_notebook("Dropout", "deep_nets", "ada").id
    page.goto(f"{server}/formgrader/submissions/{submission}/")
    field = page.wait_for_selector("#explain_scaling")
    picture = page.wait_for_selector("img[src^='data:image/png']")
    assert picture.evaluate("image => image.naturalWidth") == 300
    assert page.title() != "mine"
    page.wait_for_function("document.querySelector('#dropout_backward').placeholder === '1.5'")
    field.fill("1.5")
    field.dispatch_event("change")
    page.wait_for_selector(".nbgrader_cell:has(#explain_scaling) .score-saved", state="visible")
    page.screenshot(path=shots / "4-graded.png", full_page=True)
    page.wait_for_load_state("networkidle")
    with Gradebook(f"sqlite:///{classroom.course.root}/gradebook.db") as book:
        assert book.find_grade("explain_scaling", "Dropout", "deep_nets", "ada").manual_score == 1.5
        assert book.find_submission("deep_nets", "ada").score == 10.5
