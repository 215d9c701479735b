"""A seccomp filter in pure Python: which system calls a process may still make, for the rest of its life.

The filter is an allow-list. A call that is not named returns ENOSYS, as on a kernel that does not have it: the C
library then takes its older way, so that new kernels and libraries need no change here, and calls that are invented
tomorrow are forbidden today. A process for another machine type (32-bit calls on x86_64) is killed. A fork does not
sleep: such a call is skipped and returns at once, so that waiting costs a grader no time.

Two filters are laid on. PARENT holds for the warm parent and all its forks; CHILD, laid on a fork before a student's
code is imported, takes away forks, threads, signals to others, process controls and more filters.

Machine codes are those of the classic BPF of <linux/filter.h>, numbers those of the kernel's system call tables.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import NamedTuple

# Files are opened as far as the wall lets them; none can be linked, chmodded or timed, and no folder be made.
_FILES = (
    "read write readv writev pread64 pwrite64 close lseek stat fstat lstat newfstatat statx access faccessat "
    "faccessat2 readlink readlinkat getdents64 getcwd chdir dup dup2 dup3 close_range ftruncate fsync fdatasync "
    "rename renameat renameat2 unlink unlinkat umask"
)
_MEMORY = "mmap mprotect munmap brk mremap madvise"
_SELF = (
    "getpid getppid gettid getuid geteuid getgid getegid uname sysinfo getrusage times getrlimit setrlimit getcpu "
    "exit exit_group rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall futex set_robust_list "
    "set_tid_address rseq sched_yield sched_getaffinity getrandom"
)
_TIME = "clock_gettime clock_getres gettimeofday time"
_SLEEP = ["clock_nanosleep", "nanosleep"]
_CHANNEL = "sendto recvfrom shutdown poll ppoll select pselect6 getsockopt getsockname getpeername"
# Only with these arguments: (position, mask, allowed values).
_CHILD_GUARDED = {
    "prlimit64": (0, 0xFFFFFFFF, (0,)),  # one's own limits, never another process's
    "ioctl": (1, 0xFFFFFFFF, (0x5401, 0x5413, 0x5421, 0x5450, 0x5451)),  # TCGETS TIOCGWINSZ FIONBIO FIO(N)CLEX
    "fcntl": (1, 0xFFFFFFFF, (0, 1, 2, 3, 4, 1030)),  # copies and flags; no owner, who would be sent signals
    "openat": (2, 0x400203, (0, 0x1, 0x2, 0x201, 0x202)),  # no O_TMPFILE; O_TRUNC only together with writing
}
_CHILD = " ".join((_FILES, _MEMORY, _SELF, _TIME, _CHANNEL)).split()
_PARENT = [*_CHILD, *_SLEEP, "wait4", "kill", "prctl", "recvmsg"]
_NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW* of every kind
_PARENT_GUARDED = {**_CHILD_GUARDED, "clone": (0, _NAMESPACES, (0,))}


_X86_64 = (
    "read 0 write 1 close 3 stat 4 fstat 5 lstat 6 poll 7 lseek 8 mmap 9 mprotect 10 munmap 11 brk 12 "
    "rt_sigaction 13 rt_sigprocmask 14 rt_sigreturn 15 ioctl 16 pread64 17 pwrite64 18 readv 19 writev 20 access 21 "
    "select 23 sched_yield 24 mremap 25 madvise 28 dup 32 dup2 33 nanosleep 35 getpid 39 sendto 44 recvfrom 45 "
    "recvmsg 47 shutdown 48 getsockname 51 getpeername 52 getsockopt 55 clone 56 exit 60 wait4 61 kill 62 "
    "uname 63 fcntl 72 fsync 74 fdatasync 75 ftruncate 77 getcwd 79 chdir 80 rename 82 unlink 87 readlink 89 umask 95 "
    "gettimeofday 96 getrlimit 97 getrusage 98 sysinfo 99 times 100 getuid 102 getgid 104 geteuid 107 getegid 108 "
    "getppid 110 sigaltstack 131 prctl 157 setrlimit 160 gettid 186 time 201 futex 202 sched_getaffinity 204 "
    "getdents64 217 set_tid_address 218 restart_syscall 219 clock_gettime 228 clock_getres 229 clock_nanosleep 230 "
    "exit_group 231 openat 257 newfstatat 262 unlinkat 263 renameat 264 readlinkat 267 faccessat 269 pselect6 270 "
    "ppoll 271 set_robust_list 273 dup3 292 prlimit64 302 getcpu 309 renameat2 316 getrandom 318 statx 332 "
    "rseq 334 close_range 436 faccessat2 439"
)
_AARCH64 = (
    "getcwd 17 dup 23 dup3 24 fcntl 25 ioctl 29 unlinkat 35 renameat 38 ftruncate 46 faccessat 48 chdir 49 openat 56 "
    "close 57 getdents64 61 lseek 62 read 63 write 64 readv 65 writev 66 pread64 67 pwrite64 68 pselect6 72 ppoll 73 "
    "readlinkat 78 newfstatat 79 fstat 80 fsync 82 fdatasync 83 exit 93 exit_group 94 set_tid_address 96 futex 98 "
    "set_robust_list 99 nanosleep 101 clock_gettime 113 clock_getres 114 clock_nanosleep 115 sched_getaffinity 123 "
    "sched_yield 124 restart_syscall 128 kill 129 sigaltstack 132 rt_sigaction 134 rt_sigprocmask 135 rt_sigreturn 139 "
    "times 153 uname 160 getrlimit 163 setrlimit 164 getrusage 165 umask 166 prctl 167 getcpu 168 gettimeofday 169 "
    "getpid 172 getppid 173 getuid 174 geteuid 175 getgid 176 getegid 177 gettid 178 sysinfo 179 getsockname 204 "
    "getpeername 205 sendto 206 recvfrom 207 getsockopt 209 shutdown 210 recvmsg 212 brk 214 munmap 215 "
    "mremap 216 clone 220 mmap 222 mprotect 226 madvise 233 wait4 260 prlimit64 261 renameat2 276 "
    "getrandom 278 statx 291 rseq 293 close_range 436 faccessat2 439"
)
# platform.machine(): (AUDIT_ARCH of <linux/audit.h>, numbers). A call that a machine lacks is not in its table.
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}

_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06  # BPF_LD|W|ABS, ALU|AND|K, JMP|JEQ|K, RET|K
_KILL, _ALLOW, _SKIP, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050000, 0x00050000 | errno.ENOSYS
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; an argument's low word comes first


class Rules(NamedTuple):
    """Calls that are allowed, allowed with certain arguments only, or skipped: they do nothing and say it worked."""

    allowed: list[str]
    guarded: dict[str, tuple[int, int, tuple[int, ...]]]
    skipped: list[str]


CHILD, PARENT = Rules(_CHILD, _CHILD_GUARDED, _SLEEP), Rules(_PARENT, _PARENT_GUARDED, [])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction: jumps count the instructions that are skipped."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def program(rules: Rules, machine: str) -> bytes:
    """The filter for `machine`. KeyError for a machine type without a table.

    Examples
    --------
    >>> len(program(Rules(["read"], {}, []), "aarch64")) // 8  # instructions of 8 bytes
    7
    """
    architecture, table = _MACHINES[machine]
    words = table.split()
    numbers = {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_IF_EQUAL, architecture, 1, 0), _step(_RETURN, _KILL)]
    steps.append(_step(_LOAD, _NUMBER))
    for names, answer in ((rules.allowed, _ALLOW), (rules.skipped, _SKIP)):
        for number in (numbers[name] for name in names if name in numbers):
            steps += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, answer)]
    for name, (position, mask, values) in rules.guarded.items():
        body = [_step(_LOAD, _ARGUMENTS + 8 * position), _step(_AND, mask)]
        for value in values:
            body += [_step(_IF_EQUAL, value, 0, 1), _step(_RETURN, _ALLOW)]
        body.append(_step(_RETURN, _REFUSE))
        steps += [_step(_IF_EQUAL, numbers[name], 0, len(body)), *body]
    return b"".join([*steps, _step(_RETURN, _REFUSE)])


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def install(rules: Rules) -> None:
    """Lay the filter on this process, for good. OSError where the kernel cannot."""
    machine = platform.machine()
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system call table for {machine}")
    steps = program(rules, machine)
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    filter_ = _Program(len(steps) // 8, steps)
    for option, value, pointer in ((no_new_privileges, 1, 0), (set_seccomp, mode_filter, ctypes.addressof(filter_))):
        if libc.prctl(option, value, pointer, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"seccomp: {errno.errorcode.get(code, code)}")
