"""Fetch CIFAR-10, check it, and unpack it beside this file. Needs Python 3.11 or newer and nothing else.

python datasets/get_datasets.py --help       says everything; `./get_datasets.sh` is the same for Linux and macOS.

The way of the data: address -> cifar-10-python.tar.gz.HASH.part -> cifar-10-batches-py.part/ -> cifar-10-batches-py/.
The last step is a rename, so the folder is whole or not there. The tar's own paths are never used: only members with
a known name are read, and they are written under names of ours.
"""

import argparse
import contextlib
import errno
import json
import os
import re
import shutil
import sys
import time
import urllib.parse
from pathlib import Path

from fetching import ARCHIVE, NO_ROOM, Failure, Source, Unreachable, obtain, remove_parts, say
from unpacking import FOLDER, extract, layout_problem

HERE = Path(__file__).resolve().parent
OFFICIAL = "CIFAR-10"
UNOFFICIAL = "CIFAR-10 layout, not the official file"
STAND_IN = "synthetic stand-in, not CIFAR-10"
EPILOG = """\
examples:
  python datasets/get_datasets.py                    fetch CIFAR-10 (170 MB), or do nothing when it is there
  python datasets/get_datasets.py --or-synthetic     the same, and the stand-in when the network fails
  python datasets/get_datasets.py --synthetic        no network: write images that are about as hard as CIFAR-10

environment:
  CIFAR10_URL      another place for the archive: http://, https:// or file:///path/cifar-10-python.tar.gz.
                   It must be the official file, unless CIFAR10_SHA256 or --no-verify says otherwise.
  CIFAR10_SHA256   the SHA-256 of the archive at CIFAR10_URL

reads: checksums.txt beside this file.   writes: cifar-10-batches-py/ in --directory, with SOURCE.json, which names
the data.   exit codes: 0 the data is there, 1 it could not be had, 2 wrong usage.
"""


def official_source():
    """Return the official archive as checksums.txt has it."""
    path = HERE / "checksums.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(ARCHIVE):
            _name, size, sha256, _md5, url = line.split()
            return Source(url, sha256, int(size))
    raise Failure(f"{path}: no line for {ARCHIVE}", "take the file from the release again")


def choose_source(parser, no_verify, environment):
    """Return the archive to fetch, from the environment or the official one; wrong settings end in a usage error."""
    official = official_source()
    url, sha256 = environment.get("CIFAR10_URL", ""), environment.get("CIFAR10_SHA256", "").lower()
    if not url:
        if sha256 or no_verify:
            parser.error("CIFAR10_SHA256 and --no-verify go with CIFAR10_URL; the official file is always verified")
        return official
    if urllib.parse.urlsplit(url).scheme not in ("http", "https", "file"):
        parser.error(f"CIFAR10_URL={url}: not http:// or https:// (for a file on this machine: file:///path/name)")
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        parser.error("CIFAR10_SHA256 is not 64 hexadecimal digits; `sha256sum FILE` prints them")
    if no_verify:
        return Source(url, None, None)
    sha256 = sha256 or official.sha256
    return Source(url, sha256, official.size if sha256 == official.sha256 else None)


def name_of(folder):
    """Return the name of the data in a folder, from its SOURCE.json."""
    try:
        name = json.loads((folder / "SOURCE.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return UNOFFICIAL
    return name if name in (OFFICIAL, STAND_IN) else UNOFFICIAL


@contextlib.contextmanager
def locked(directory):
    """Let one run at a time work in a directory; the lock ends with the process."""
    path = directory / "get_datasets.lock.part"
    while True:
        file = path.open("a+b")
        try:
            wait_for(file)
            # The run before us removed the file it had locked: then ours is no longer the one of that name.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                break
        except BaseException:
            file.close()
            raise
        file.close()
    try:
        yield
    finally:
        if os.name == "nt":  # Windows cannot remove an open file
            file.close()
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()


def wait_for(file):
    """Lock an open file, waiting for a run that holds it; a file system without locks is used without."""
    told = False
    while True:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                return
        if not told:
            say("another run is at work in this folder; waiting for it")
        told = True
        time.sleep(0.2)


def clean_up_after_a_killed_run(directory):
    """Undo what a run left that was killed: put back the folder it had set aside, remove what it was writing."""
    old, place = directory / f"{FOLDER}.old.part", directory / FOLDER
    if old.exists() and not place.exists():
        old.rename(place)
    for left in (old, directory / f"{FOLDER}.part"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def fresh_folder(directory):
    """Give an empty folder, and move it into place as FOLDER when the block ends well; else remove it."""
    temporary, place, old = (directory / name for name in (f"{FOLDER}.part", FOLDER, f"{FOLDER}.old.part"))
    try:
        temporary.mkdir()
        yield temporary
        if place.exists():
            place.rename(old)
        temporary.rename(place)
    finally:
        clean_up_after_a_killed_run(directory)


def fetch(source, options):
    """Fetch, verify, unpack and put into place; return the name of the data."""
    archive, sha256, ours = obtain(source, options.directory, options.retries)
    name = OFFICIAL if sha256 == official_source().sha256 else UNOFFICIAL
    try:
        with fresh_folder(options.directory) as folder:
            extract(archive, folder, source.shown)
            if problem := layout_problem(folder, options.images):
                raise Failure(f"{source.shown}: {problem}", "name an archive with CIFAR-10's layout in CIFAR10_URL")
            marker = json.dumps({"name": name, "sha256": sha256, "url": source.shown}, indent=1)
            (folder / "SOURCE.json").write_text(marker + "\n", encoding="utf-8")
        if ours and options.keep:
            archive.replace(options.directory / ARCHIVE)
    finally:
        if ours:
            archive.unlink(missing_ok=True)
    return name


def write_stand_in(options):
    """Write the stand-in with synthetic.py, which lies beside this file."""
    try:
        import synthetic
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        fix = f"install it with `{sys.executable} -m pip install numpy`, or use the course's environment"
        raise Failure("the stand-in needs NumPy, which this Python does not have", fix) from error
    with fresh_folder(options.directory) as folder:
        synthetic.write(folder, options.images)


def disk_failure(error, directory):
    """Turn an error of the file system into a Failure, and remove a part that fills the disk."""
    where = error.filename or directory
    if error.errno in NO_ROOM:
        remove_parts(directory)
        return Failure(f"{where}: no room ({error.strerror})", "free 400 MB, or choose another disk with --directory")
    return Failure(f"{where}: {error.strerror}", "make the folder writable, or choose another with --directory")


def run(source, options):
    """Do what the options ask; return the name of the data that is there in the end."""
    place = options.directory / FOLDER
    name = name_of(place) if place.exists() else None
    problem = layout_problem(place, options.images) if place.exists() else None
    real = name in (OFFICIAL, UNOFFICIAL)
    wanted = (STAND_IN,) if options.synthetic else (OFFICIAL, UNOFFICIAL)
    if name in wanted and not problem and not options.force:
        say(f"{place} is there already")
        if real:  # a run that was killed may have left some
            remove_parts(options.directory)
        return name
    if options.synthetic:
        if real and not options.force:
            raise Failure(f"{place} holds {name}", "leave it, or add --force to put the stand-in in its place")
        write_stand_in(options)
        return STAND_IN
    if problem:
        say(f"{place} is not whole: {problem}; fetching it anew")
    elif name == STAND_IN:
        say(f"{place} holds the {STAND_IN}; CIFAR-10 takes its place once it is here")
    try:
        return fetch(source, options)
    except Unreachable as error:
        if not options.or_synthetic or real:
            raise
        say(f"{error}\n\n*** CIFAR-10 could not be fetched. Using the {STAND_IN}. ***\n")
        if name != STAND_IN or problem:
            write_stand_in(options)
        return STAND_IN


def parse(arguments):
    """Return the parser and the options."""
    parser = argparse.ArgumentParser(
        prog="get_datasets",
        description=__doc__.split("\n", 1)[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, choice = parser.add_argument, parser.add_mutually_exclusive_group()
    add("--directory", type=Path, default=HERE, metavar="DIR", help=f"where {FOLDER}/ goes (default: %(default)s)")
    choice.add_argument("--synthetic", action="store_true", help="write the stand-in instead (needs NumPy)")
    choice.add_argument("--or-synthetic", action="store_true", help="write the stand-in if the network fails")
    add("--force", action="store_true", help="do it again, and replace what is there")
    add("--keep", action="store_true", help=f"keep the archive, {ARCHIVE}, too")
    add("--no-verify", action="store_true", help="take any archive from CIFAR10_URL that has CIFAR-10's layout")
    add("--retries", type=int, default=3, metavar="N", help="failures in a row before giving up (default: %(default)s)")
    add("--images", type=int, default=10000, metavar="N", help="images a batch file, for small sets of your own")
    return parser, parser.parse_args(arguments)


def main(arguments=None):
    """Run the command line and return the exit code."""
    parser, options = parse(arguments)
    if not 1 <= options.images <= 65535:
        parser.error("--images must be 1 to 65535")
    try:
        source = None if options.synthetic else choose_source(parser, options.no_verify, os.environ)
        options.directory.mkdir(parents=True, exist_ok=True)
        with locked(options.directory):
            clean_up_after_a_killed_run(options.directory)
            name = run(source, options)
        say(f"{options.directory / FOLDER}: this is {name}")
        return 0
    except Failure as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {disk_failure(error, options.directory)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; run this again to go on", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
