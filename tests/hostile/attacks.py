"""Attacks from inside a worker. This file is a hand-in's module: nothing here is ever imported by the tests.

Each function tries one thing and returns whether it got it. An exception, or the death of the process, is a failure.
`p` holds paths and numbers that a student could guess or find out. The docstring is the attacker's claim.
"""

import ctypes
import gc
import mmap
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)


def _raw(number, *arguments):
    """A system call by its number; whether it was carried out."""
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return libc.syscall(ctypes.c_long(number), *given) >= 0


def _buffer(size=64):
    return ctypes.create_string_buffer(size)


# Reading


def read_a_file_outside(p):
    """I read any file that everybody on the machine can read."""
    return open(p["canary"]).read() == "canary"


def read_the_users_of_the_machine(p):
    """I learn who has an account."""
    return "root" in open("/etc/passwd").read()


def read_the_solutions(p):
    """I read the reference and hand it in."""
    return len(open(p["reference"]).read()) > 0


def read_the_hidden_checks(p):
    """I read what the checks compare."""
    return len(open(p["check"]).read()) > 0


def read_the_course_secret(p):
    """I read the secret, and know all seeds."""
    return len(open(p["secret"]).read()) > 0


def read_the_data_set(p):
    """I read the labels of all test images."""
    return len(open(p["data"], "rb").read(16)) > 0


def list_the_root(p):
    """I see what lies on the machine."""
    return "home" in os.listdir("/")


def list_the_folder_of_hand_ins(p):
    """I find the other students' hand-ins."""
    return os.path.basename(p["hand_in"].rstrip("/")) in os.listdir(os.path.dirname(p["root"])) and bool(
        os.listdir(p["neighbour"])
    )


def read_a_neighbours_hand_in(p):
    """I copy from the hand-in that is examined beside mine."""
    return len(open(os.path.join(p["neighbour"], "layers.py")).read()) > 0


def read_through_a_link(p):
    """A link that I make leads me out."""
    os.symlink(p["canary"], "link")
    return open("link").read() == "canary"


def read_by_way_of_dots(p):
    """Dots lead me out."""
    return open(os.path.join(p["hand_in"], *[".."] * 20, p["canary"].lstrip("/"))).read() == "canary"


def read_the_parents_environment(p):
    """The process above me was told a seed."""
    return len(open(f"/proc/{os.getppid()}/environ", "rb").read()) > 0


def read_the_parents_memory(p):
    """The process above me knows more than I do."""
    return open(f"/proc/{os.getppid()}/mem", "rb").fileno() > 0


def list_processes(p):
    """I see what else runs here."""
    return any(name.isdigit() and int(name) > 0 for name in os.listdir("/proc"))


def read_a_disk(p):
    """I read the disk, below its files."""
    return any(os.path.exists(path) and os.open(path, os.O_RDONLY) > 0 for path in ("/dev/vda", "/dev/sda", "/dev/mem"))


def read_the_kernels_log(p):
    """I read what the kernel says."""
    return open("/dev/kmsg").fileno() > 0


def read_own_memory_map(p):
    """My own map tells where the parent's things lie."""
    return len(open("/proc/self/maps").read()) > 0


def open_by_handle(p):
    """I open files by handles, past all folders."""
    return _raw(303, -100, p["canary"].encode(), _buffer(128), _buffer(), 0) or _raw(304, 3, _buffer(128), 0)


# Writing


def write_outside(p):
    """I leave a file where everybody may write."""
    open(os.path.join(p["public"], "mark"), "w").write("was here")
    return True


def write_into_the_hand_in(p):
    """I change my files while they are examined."""
    open(os.path.join(p["hand_in"], "nndl", "attacks.py"), "a").write("# changed")
    return True


def add_to_the_hand_in(p):
    """I add a module that a later check imports."""
    open(os.path.join(p["hand_in"], "nndl", "extra.py"), "w").write("x = 1")
    return True


def write_into_the_runtime(p):
    """I change NumPy for all who come after me."""
    import numpy

    open(numpy.__file__, "a").write("# changed")
    return True


def write_into_the_workers_code(p):
    """I change the worker for all who come after me."""
    open(sys.modules["worker.serve"].__file__, "a").write("# changed")
    return True


def empty_a_file_by_reading_it(p):
    """O_TRUNC without writing empties a file that I may only read."""
    os.open(p["own_file"], os.O_RDONLY | os.O_TRUNC)
    return True


def remove_a_file(p):
    """I remove my traces."""
    os.unlink(p["own_file"])
    return True


def rename_a_file(p):
    """I put another file in place of one."""
    os.rename(p["own_file"], p["own_file"] + ".old")
    return True


def change_a_mode(p):
    """I make a file writable first."""
    os.chmod(p["own_file"], 0o777)
    return True


def change_a_time(p):
    """I make my file look older."""
    os.utime(p["own_file"], (0, 0))
    return True


def make_a_folder(p):
    """I leave a folder behind."""
    os.mkdir(os.path.join(p["public"], "folder"))
    return True


def make_a_hard_link(p):
    """I give a file a second name."""
    os.link(p["own_file"], os.path.join(p["public"], "link"))
    return True


def make_a_pipe_file(p):
    """I leave a pipe that blocks whoever reads it."""
    os.mkfifo(os.path.join(p["public"], "fifo"))
    return True


def fill_shared_memory(p):
    """I fill /dev/shm."""
    open("/dev/shm/filler", "wb").write(bytes(1 << 20))
    return True


def fill_the_temporary_folder(p):
    """I fill /tmp."""
    open("/tmp/filler", "wb").write(bytes(1 << 20))
    return True


def fill_the_working_folder(p):
    """I fill the folder I was started in."""
    open("filler", "wb").write(bytes(1 << 20))
    return True


def make_a_file_without_a_name(p):
    """A file without a name is not counted."""
    os.open(p["public"], os.O_TMPFILE | os.O_RDWR)
    return True


# The network


def connect_to_a_server(p):
    """I send what I found to a server."""
    socket.create_connection(("127.0.0.1", p["port"]), timeout=2)
    return True


def send_a_datagram(p):
    """I send what I found in a name query."""
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"loot", ("127.0.0.1", p["port"]))
    return True


def connect_to_a_unix_socket(p):
    """I talk to a service of this machine."""
    socket.socket(socket.AF_UNIX).connect(p["unix"])
    return True


def connect_to_an_abstract_socket(p):
    """I talk to a service without a file."""
    socket.socket(socket.AF_UNIX).connect("\0" + p["abstract"])
    return True


def ask_the_kernel_for_routes(p):
    """Netlink tells me about the network."""
    return socket.socket(16, socket.SOCK_RAW, 0).fileno() > 0


def make_a_pair_of_sockets(p):
    """Sockets of my own hide traffic and memory."""
    return len(socket.socketpair()) == 2


def listen(p):
    """I wait for orders."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return True


# Processes


def fork(p):
    """A child of mine does not count against my limits."""
    if os.fork() == 0:
        os._exit(0)
    return True


def fork_by_number(p):
    """The C library's fork is watched, the kernel's is not."""
    return _raw(57) or _raw(58) or _raw(56, signal.SIGCHLD, 0, 0, 0, 0) or _raw(435, _buffer(88), 88)


def leave_a_daemon(p):
    """A process of mine outlives the examination."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    return True


def start_a_thread(p):
    """A thread works on while the answer is sent."""
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    return True


def run_a_program(p):
    """I run a program."""
    return subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def replace_this_process(p):
    """I become another program, without the limits."""
    os.execv(sys.executable, [sys.executable, "-c", "import os; os._exit(0)"])


def spawn_a_program(p):
    """posix_spawn is no fork."""
    return os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}) > 0


def signal_the_parent(p):
    """I stop the process that judges me."""
    os.kill(os.getppid(), 0)
    return True


def signal_everyone(p):
    """I stop everything that I may."""
    os.kill(-1, 0)
    return True


def signal_the_group(p):
    """I stop my process group."""
    os.killpg(0, 0)
    return True


def signal_by_number(p):
    """tgkill, sigqueue and pidfd are not kill."""
    parent = os.getppid()
    return (
        _raw(234, parent, parent, 0)
        or _raw(200, parent, 0)
        or _raw(129, parent, 0, _buffer(128))
        or _raw(434, parent, 0)
    )


def have_the_kernel_send_a_signal(p):
    """As owner of a socket the parent gets SIGIO, which ends it."""
    import fcntl

    descriptor = next(fd for fd in range(3, 64) if _is_open(fd))
    fcntl.fcntl(descriptor, 8, os.getppid())
    return True


def _is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def trace_the_parent(p):
    """I attach to the process above me."""
    return _raw(101, 16, os.getppid(), 0, 0)


def let_myself_be_traced(p):
    """As a traced process I escape the filter."""
    return _raw(101, 0, 0, 0, 0)


def read_the_parents_memory_by_call(p):
    """process_vm_readv needs no file."""
    return _raw(310, os.getppid(), _buffer(16), 0, _buffer(16), 0, 0)


def take_a_descriptor_of_the_parent(p):
    """pidfd_getfd gives me the control socket."""
    return _raw(434, os.getppid(), 0) or _raw(438, 3, 3, 0)


def find_an_inherited_descriptor(p):
    """The control socket is still open here."""
    return sum(_is_open(fd) for fd in range(3, 256)) > 1


def renice_the_parent(p):
    """I slow down the process above me."""
    os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
    return True


def pin_the_parent(p):
    """I keep the process above me off the cores."""
    os.sched_setaffinity(os.getppid(), {0})
    return True


def limit_the_parent(p):
    """I take the parent's limits away."""
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))
    return True


def raise_my_limits(p):
    """I lift my own limits."""
    resource.setrlimit(resource.RLIMIT_CPU, (10_000, 10_000))
    return True


def leave_the_session(p):
    """In a session of my own I am not killed with the others."""
    return _raw(112) or _raw(109, 0, 0)


def outlive_the_parent(p):
    """I take back that I die with my parent."""
    return libc.prctl(1, 0, 0, 0, 0) == 0


# The kernel


def become_root_in_a_namespace(p):
    """In a user namespace of my own I am root."""
    return _raw(272, 0x10000000) or _raw(56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)


def enter_a_namespace(p):
    """I enter the namespaces of another process."""
    return _raw(308, 3, 0)


def mount(p):
    """I mount what I like."""
    return _raw(165, b"none", b"/", b"tmpfs", 0, 0) or _raw(430, b"tmpfs", 0) or _raw(428, -100, b"/", 0)


def change_the_root(p):
    """I change what / means."""
    return _raw(161, b"/") or _raw(155, b"/", b"/")


def use_io_uring(p):
    """io_uring opens files past every filter."""
    return _raw(425, 8, _buffer(256))


def load_bpf(p):
    """I load a program into the kernel."""
    return _raw(321, 0, _buffer(128), 128) or _raw(321, 5, _buffer(128), 128)


def count_events(p):
    """perf shows me what other processes do."""
    return _raw(298, _buffer(128), 0, -1, -1, 0)


def handle_page_faults(p):
    """userfaultfd holds the kernel up."""
    return _raw(323, 1)


def hide_memory(p):
    """Memory in a nameless file does not count against my limit."""
    return _raw(319, b"hidden", 0) or _raw(447, 0)


def share_memory(p):
    """System V memory outlives me."""
    return _raw(29, 0, 4096, 0o1600) or _raw(64, 0, 1, 0o1600) or _raw(68, 0, 0o1600)


def leave_a_message(p):
    """A message queue carries my finds to the next examination."""
    return _raw(240, b"queue", 0o102, 0o600, 0)


def use_the_keyring(p):
    """Keys outlive processes."""
    return _raw(248, b"user", b"name", b"loot", 4, -3) or _raw(250, 0, -3, 1)


def weaken_the_machine(p):
    """personality() turns protections off."""
    return _raw(135, 0x0040000)


def read_the_kernels_log_by_call(p):
    """syslog() shows the kernel's log."""
    return _raw(103, 10, 0, 0)


def install_a_filter(p):
    """A filter of my own lies to the code that checks me."""
    return _raw(317, 0, 0, 0) or _raw(317, 2, 0, _buffer(8))


def lock_memory(p):
    """Locked memory presses everybody else out."""
    return _raw(151, 1)


def call_in_the_old_way(p):
    """Calls of the x32 kind have other numbers."""
    return _raw(0x40000000 + 39)


def call_in_32_bits(p):
    """int 0x80 is another table: number 20 is getpid."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0


# Python


def import_the_autograder(p):
    """The checks can be imported here."""
    import autograder.checks.api

    return True


def import_what_the_examiner_has(p):
    """pytest is here, and tells me what is tested."""
    import pytest

    return True


def find_a_seed_in_the_environment(p):
    """The environment holds seeds, names or tokens."""
    return any("AUTOGRADER" in name or "CIFAR" in name or "TOKEN" in name for name in os.environ)


def find_something_in_memory(p):
    """The collector knows of hidden tests and secrets."""
    found = [
        thing for thing in gc.get_objects() if isinstance(thing, dict) and ("secret" in thing or "expected" in thing)
    ]
    return any(isinstance(thing.get("secret"), (str, bytes)) for thing in found)


def find_the_check_above_me(p):
    """A frame above me holds the check and what it expects."""
    frame, names = sys._getframe(), set()
    while frame := frame.f_back:
        names |= set(frame.f_locals)
    return bool(names & {"expected", "labels", "student", "rng", "item", "examination"})


def take_all_memory(p):
    """I take 8 GB."""
    import numpy as np

    return len([np.ones(1 << 27) for _ in range(8)]) == 8


def map_all_memory(p):
    """Mapped memory is not counted."""
    pieces = [mmap.mmap(-1, 1 << 30) for _ in range(8)]
    for piece in pieces:
        piece[::4096] = b"x" * len(range(0, len(piece), 4096))
    return True


def sleep(p):
    """The grader waits for me, and uses no CPU that a limit would count."""
    began = time.monotonic()
    time.sleep(5)
    return time.monotonic() - began > 3


def _wait_for_ever(p):
    """I wait for a lock that nobody opens."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _wait_a_little_now_and_then(p):
    """Not an attack: a second of waiting between two pieces of work."""
    for _ in range(4):
        sum(range(10**6))
        select.select([], [], [], 0.5)
    return False
