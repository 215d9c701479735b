"""Landlock in pure Python: which files a process and all its forks may reach, for the rest of their lives.

Rules name folders and files; everything beneath a folder is covered. What no rule covers can be neither opened,
listed, made, removed nor run. Sizes and names of outside files can still be asked for (stat): Landlock has no right
for that. Source: the kernel's userspace-api/landlock; numbers of <linux/landlock.h>.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine type
_PATH_BENEATH, _ABI_QUESTION = 1, 1
_EXECUTE, _WRITE, _READ, _READ_DIR, _REMOVE_FILE, _MAKE_REG = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_TRUNCATE = 1 << 14
_ALL = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_FOR_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
_TCP, _OTHERS = 0b11, 0b11  # bind and connect; abstract sockets of others and signals to others


def _call(number: int, *arguments: object) -> int:
    result: int = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {errno.errorcode.get(code, code)}")
    return result


def abi() -> int:
    """The version of Landlock that the kernel offers. OSError where there is none."""
    return _call(_CREATE, None, 0, _ABI_QUESTION)


def restrict(readable: Iterable[str], writable: Iterable[str] = (), version: int | None = None) -> None:
    """Leave this process only what lies in `readable` and `writable`. OSError where the kernel cannot.

    Parameters
    ----------
    readable : iterable of str
        Files and folders that may be read; programs in them may be mapped, not run (seccomp forbids that).
    writable : iterable of str
        Files, and folders in which plain files may be made, written and removed too.
    version : int, optional
        Use no right that is newer than this version of Landlock; by default the kernel's own.
    """
    version = min(version or 99, abi())
    rights = _ALL[min(version, 5)]
    attributes = struct.pack("<Q", rights)
    if version >= 4:
        attributes += struct.pack("<Q", _TCP)
    if version >= 6:
        attributes += struct.pack("<Q", _OTHERS)
    rules = _call(_CREATE, attributes, len(attributes), 0)
    read = _EXECUTE | _READ | _READ_DIR
    for allowed, paths in ((read, readable), (read | _WRITE | _TRUNCATE | _REMOVE_FILE | _MAKE_REG, writable)):
        for path in paths:
            _allow(rules, path, allowed & rights)
    if ctypes.CDLL(None, use_errno=True).prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "landlock: no_new_privs")
    _call(_RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, allowed: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        allowed &= _FOR_FILES
    _call(_ADD, rules, _PATH_BENEATH, struct.pack("<Qi", allowed, place), 0)
    os.close(place)
