"""Pack what you hand in, and say what is still missing.

    python -m nndl.hand_in

in the folder of the assignment, or in the last cell of a notebook

    from nndl.hand_in import hand_in
    hand_in()

It packs also when something is missing, so nobody loses what is done. This module needs the standard library only;
the final task is tried in a fresh process (nndl/hand_in_try.py). What is looked for stands in nndl/hand_in_look.py.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import zipfile
from pathlib import Path

from nndl.hand_in_look import ASSIGNMENT, modules, notebooks, read_about, what_is_missing, what_is_optional
from nndl.hand_in_try import try_target

LARGEST = {".ipynb": 50_000_000, ".py": 2_000_000}  # bytes; the grader reads no more
_DAY_ONE = (1980, 1, 1, 0, 0, 0)  # one date for every file: equal files give equal bytes


def hand_in(output=None, name=None, try_out=True):
    """Say what is missing, try the final task for one training step, and pack a zip.

    Parameters
    ----------
    output : str or Path, optional
        The zip to write, or a folder to put it in. By default ``deep_nets_hand_in.zip`` in the assignment folder.
    name : str, optional
        Put into the name of the zip, if your course asks for it. It stands nowhere inside.
    try_out : bool
        Whether to try the final task (up to two minutes).

    Examples
    --------
    >>> hand_in()  # doctest: +SKIP
    Looking at your work ...
    """
    if os.environ.get("NBGRADER_VALIDATING"):
        print("Nothing is packed while nbgrader validates the notebook.")
        return
    _hand_in(output, name, try_out)


def _hand_in(output, name, try_out):
    """True if a zip was written."""
    folder = find_folder()
    files = files_to_pack(folder) if folder else []
    if not files:
        print("There is nothing to pack here.")
        print("Open a terminal in the unzipped assignment folder, the one that holds nndl/, and try again.")
        return False
    print("Looking at your work ...", flush=True)
    missing = what_is_missing(folder) + [
        f"{path.name} is larger than {LARGEST[path.suffix] // 1_000_000} MB: it will not be read. Clear some outputs."
        for path in files
        if path.stat().st_size > LARGEST[path.suffix]
    ]
    if try_out:
        print("Trying the final task for one training step, in a fresh process ...", flush=True)
        found, notes = try_target(folder)
        missing += found
        for note in notes:
            print(f"  {note}")
    target = _place_of_zip(folder, output, name)
    try:
        write_zip(folder, files, target)
    except OSError as error:
        print(f"The zip could not be written: {error.strerror or error}. Choose another place with --output FILE.")
        return False
    _report(folder, files, target, missing, what_is_optional(folder))
    return True


def find_folder():
    """The assignment folder: it holds ``nndl/`` and notebooks. None if there is none.

    The working folder and those above it are looked at first, then the place of this package.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        if (folder / "nndl").is_dir() and any(folder.glob("*.ipynb")):
            return folder
    return None


def files_to_pack(folder):
    """The notebooks and the files of the package, sorted. Data, checkpoints, copies and links stay behind."""
    found = [*notebooks(folder), *modules(folder)]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def write_zip(folder, files, target):
    """Write the zip with its manifest. Equal files give equal bytes, on every day and every system.

    Parameters
    ----------
    folder : Path
        The assignment folder.
    files : list of Path
        Files in it.
    target : Path
        The zip. It is replaced in one step.
    """
    contents = {name_inside(path, folder): path.read_bytes() for path in files}
    manifest = {
        "schema": 1,
        "assignment": ASSIGNMENT,
        "kit": read_about(folder)["kit"],
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())},
    }
    contents["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode("utf-8")
    part = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(contents.items()):
                entry = zipfile.ZipInfo(f"{ASSIGNMENT}/{name}", _DAY_ONE)
                entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
                archive.writestr(entry, data)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def name_inside(path, folder):
    r"""The name of a file below `folder` as the zip spells it on every system: with forward slashes.

    Parameters
    ----------
    path, folder : PurePath
        The file and the assignment folder.

    Returns
    -------
    str

    Examples
    --------
    >>> from pathlib import PureWindowsPath
    >>> name_inside(PureWindowsPath(r"C:\work\nndl\optim.py"), PureWindowsPath(r"C:\work"))
    'nndl/optim.py'
    """
    return path.relative_to(folder).as_posix()


def _place_of_zip(folder, output, name):
    """Where the zip goes. Letters that some systems refuse in file names become "-"."""
    own = re.sub(r"[^\w.-]+", "-", name or "").strip("-.")
    standard = f"{ASSIGNMENT}_hand_in{'_' + own if own else ''}.zip"
    if output is None:
        return folder / standard
    target = Path(output).expanduser().absolute()
    return target / standard if target.is_dir() else target


def _report(folder, files, target, missing, optional):
    """Print what is missing, what was packed, and what to do with it."""
    if missing:
        print("\nStill missing:")
        for sentence in missing:
            print(f"  - {sentence}")
        print("You can hand in now and lose these points, or go on and pack again.")
    else:
        carries = " that carries points" if optional else ""
        print(f"\nNothing{carries} is missing, as far as this check sees.")
    if optional:
        print("\nOptional, not done. It carries no points:")
        for sentence in optional:
            print(f"  - {sentence}")
    books = [path.name for path in files if path.suffix == ".ipynb"]
    inside = [name_inside(path, folder / "nndl") for path in files if path.suffix == ".py"]
    own = [name for name in inside if name in read_about(folder)["editable"]]
    given = f" and {len(inside) - len(own)} given files" if own else f"{len(inside)} files"
    print(f"\nPacked: {', '.join(books) or 'no notebook'}; in nndl/ {', '.join(own)}{given}")
    print(f"Zip:    {target} ({target.stat().st_size / 1e6:.2f} MB)")
    if "/content/drive" in target.as_posix():
        print("It lies in your Drive. Download it from there.")
    print("Hand this one file in where your course collects work. You may pack again as often as you like.")
    print("The zip holds notebooks as they were last SAVED. If you changed one since, save it and pack again.")


def main(arguments=None):
    """Read the command line; 0 if a zip was written, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m nndl.hand_in", description="Say what is missing and pack what you hand in."
    )
    parser.add_argument("--output", metavar="FILE", help="the zip to write, or a folder to put it in")
    parser.add_argument("--name", help="put into the name of the zip, if your course asks for it")
    parser.add_argument("--no-try", action="store_true", help="do not try the final task")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter must not end this
    return 0 if _hand_in(given.output, given.name, not given.no_try) else 1


if __name__ == "__main__":
    sys.exit(main())
