"""Fetch one file over HTTP: resume it, show progress, check its SHA-256. Standard library only."""

import errno
import hashlib
import http.client
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

ARCHIVE = "cifar-10-python.tar.gz"
TIMEOUT = 30  # seconds without a byte
ENDLESS = 2**31  # bytes; more is not the archive
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Failure(Exception):
    """Why the data could not be had, and what to do about it."""

    def __init__(self, what, fix):
        super().__init__(f"{what}\n  fix: {fix}")


class Unreachable(Failure):
    """The archive could not be fetched: a failure of the network or of the server."""


class Source(NamedTuple):
    """An archive to fetch: its address, and its SHA-256 and size in bytes as far as they are known."""

    url: str
    sha256: str | None
    size: int | None

    @property
    def shown(self):
        """The address without what may be secret in it: a name, a password, a signature."""
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def say(text):
    """Tell the reader something, at once."""
    print(text, flush=True)


def megabytes(size):
    """Return a size in bytes as text."""
    return f"{size / 1e6:.1f} MB" if size < 1e7 else f"{size / 1e6:.0f} MB"


class Progress:
    """One line that is written over on a terminal, a line for every tenth in a log."""

    def __init__(self, done, total):
        self.start, self.first, self.total = time.monotonic(), done, total
        self.tty, self.shown, self.step = sys.stderr.isatty(), 0.0, -1

    def update(self, done):
        """Show that `done` bytes are here."""
        now = time.monotonic()
        speed = (done - self.first) / max(now - self.start, 1e-3)
        text = f"  {megabytes(done)}, {megabytes(speed)}/s"
        step = done // 20_000_000
        if self.total:
            left = (self.total - done) / max(speed, 1.0)
            step = 10 * done // self.total
            text = (
                f"  {100 * done // self.total:3d} % of {megabytes(self.total)}, {megabytes(speed)}/s, {left:.0f} s left"
            )
        if self.tty and (now - self.shown > 0.2 or done == self.total):
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)
            self.shown = now
        elif not self.tty and step > self.step:
            print(text, file=sys.stderr, flush=True)
        self.step = step

    def close(self):
        """End the line."""
        if self.tty and self.shown:
            print(file=sys.stderr)


def transfer(source, part):
    """Bring `part` up to the whole archive in one connection; raises OSError or HTTPException when it breaks."""
    done = size_of(part)
    if source.size is not None and done >= source.size:
        if done == source.size:
            return
        done = 0
    headers = {"User-Agent": "get_datasets.py"} | ({"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(urllib.request.Request(source.url, headers=headers), timeout=TIMEOUT) as response:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if response.status == 206 and span and int(span[1]) == done:
            total = int(span[2])
        elif response.status == 206:
            part.unlink()
            raise ConnectionError("the server resumed at another place than asked")
        else:
            # The server does not resume: it sends the whole file again.
            done, total = 0, int(response.headers.get("Content-Length") or 0)
        if source.size is not None and total not in (0, source.size):
            part.unlink(missing_ok=True)
            what = f"{source.shown}: the file there has {total} bytes, not {source.size}"
            raise Unreachable(what, "check the address and the network (a login page?); see --help for mirrors")
        if done:
            say(f"resuming at {megabytes(done)}")
        progress = Progress(done, total)
        with part.open("ab" if done else "wb") as file:
            while block := response.read1(2**18):
                file.write(block)
                done += len(block)
                progress.update(done)
                if done > (source.size or ENDLESS):
                    raise ConnectionError(f"the server sends more than {source.size or ENDLESS} bytes")
        progress.close()
    if done < total or (source.size is not None and done != source.size):
        raise ConnectionError(f"the connection ended after {done} of {total or source.size} bytes")


def is_local(error):
    """Tell whether an error is about this machine's disk, not about the network."""
    if isinstance(error, urllib.error.URLError) or not isinstance(error, OSError):
        return False
    return error.filename is not None or error.errno in NO_ROOM


def is_final(error):
    """Tell whether trying again is of no use."""
    return isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 416, 429)


def is_whole(error, part):
    """Tell whether the server has nothing left to send because the part is whole; remove a part of another file."""
    if not isinstance(error, urllib.error.HTTPError) or error.code != 416:
        return False
    if error.headers.get("Content-Range") == f"bytes */{size_of(part)}":
        return True
    part.unlink()
    return False


def download(source, part, retries):
    """Fetch the archive into `part`, resuming when the connection breaks.

    Raises Unreachable after more than `retries` failures in a row without a new byte.
    """
    failures = 0
    while True:
        before = size_of(part)
        try:
            return transfer(source, part)
        except KeyboardInterrupt as stop:
            raise Failure(f"stopped{kept(part)}", "run this again to go on") from stop
        except (OSError, http.client.HTTPException) as error:
            if is_local(error):
                raise
            if is_whole(error, part):
                return None
            failures = 1 if size_of(part) > before else failures + 1
            code = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
            what = f"{source.shown}: {code}{getattr(error, 'reason', None) or error}"
            if is_final(error) or failures > retries:
                fix = "check the address and the network and run this again, or see --help: a mirror, or --synthetic"
                raise Unreachable(what + kept(part), fix) from error
            say(f"{what}; trying again")
            time.sleep(min(2 ** (failures - 1), 30))


def size_of(path):
    """Return the size of a file in bytes, 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0


def remove_parts(directory, but=None):
    """Remove the parts of archives in a directory, but one."""
    for part in set(directory.glob(f"{ARCHIVE}.*.part")) - {but}:
        part.unlink()


def kept(part):
    """Say that a part stays for the next run, if there is one worth keeping."""
    if size_of(part) == 0:
        part.unlink(missing_ok=True)
        return ""
    return f" ({part.name} is kept: the next run resumes it)"


def verified(source, path):
    """Return the file's SHA-256; raise Failure if it is not the expected one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if source.sha256 not in (None, found):
        what = f"{source.shown}: the SHA-256 is {found}, not {source.sha256}"
        raise Failure(what, "run this again; if you trust another file, give CIFAR10_URL and CIFAR10_SHA256 (--help)")
    return found


def obtain(source, directory, retries):
    """Get the archive.

    Returns its path, its SHA-256, and whether it is a part of ours, to be removed when it is unpacked.
    """
    if source.url.startswith("file:"):
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(source.url).path))
        if not path.is_file():
            raise Failure(f"{path}: there is no such file", "name an archive that exists in CIFAR10_URL")
        return path, verified(source, path), False
    there = directory / ARCHIVE
    if source.sha256 and there.is_file():
        try:
            return there, verified(source, there), False
        except Failure:
            say(f"{there} has another checksum; fetching the archive")
    # The name holds the address, so that a part is only resumed from where it came.
    part = directory / f"{ARCHIVE}.{hashlib.sha256(source.url.encode()).hexdigest()[:8]}.part"
    remove_parts(directory, but=part)
    say(f"fetching {source.shown}")
    for resumed in (part.exists(), False):
        download(source, part, retries)
        try:
            return part, verified(source, part), True
        except Failure:
            part.unlink()
            if not resumed:
                raise
            say("the resumed file has a wrong checksum, perhaps because the server's file changed; starting again")
    raise AssertionError("the second round returns or raises")
