"""axe-core, the accessibility checker, for tests that look at pages: one version, checked, fetched by npm."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from filelock import FileLock

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
CACHE = Path(__file__).resolve().parents[2] / "build" / "axe"


def script() -> str:
    """The text of axe.min.js.

    It comes from the package file in AXE_CORE (say `AXE_CORE=axe-core-4.14.1.tgz` on a machine without a network), from
    the cache in build/axe, or from npm, which needs a network once.

    Raises
    ------
    FileNotFoundError
        If there is none to be had here; the text says why.
    ValueError
        If the package is not the one that these tests were made with.
    """
    given = os.environ.get("AXE_CORE")
    path = Path(given) if given else _fetched()
    content = path.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != SHA512:
        raise ValueError(f"{path} is not axe-core {VERSION}; fix: remove it")
    with tarfile.open(path) as package:
        file = package.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode("utf-8")


def _fetched() -> Path:
    path = CACHE / f"axe-core-{VERSION}.tgz"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / ".lock"):
        if not path.is_file():
            npm = shutil.which("npm")
            if npm is None:
                raise FileNotFoundError("needs npm to fetch axe-core, or its package in AXE_CORE")
            command = [npm, "pack", f"axe-core@{VERSION}", "--ignore-scripts", "--pack-destination", str(CACHE)]
            run = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=120)
            if run.returncode or not path.is_file():
                raise FileNotFoundError(f"npm could not fetch axe-core {VERSION}: {run.stderr.strip()[-200:]}")
    return path
