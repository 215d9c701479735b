"""get_datasets against a real server on this machine, with small archives in CIFAR-10's layout."""

import gzip
import hashlib
import http.server
import io
import json
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DATASETS = REPOSITORY / "datasets"
FOLDER = "cifar-10-batches-py"
PART = "cifar-10-python.tar.gz.*.part"
IMAGES = 4
OFFICIAL, UNOFFICIAL = "CIFAR-10", "CIFAR-10 layout, not the official file"
STAND_IN = "synthetic stand-in, not CIFAR-10"


# Archives


def small_batch(number, labels=tuple(range(IMAGES))):
    """A batch file as Python 3 writes it; random bytes, so that the archive does not shrink to nothing."""
    pixels = b"".join(hashlib.sha256(b"%d %d" % (number, i)).digest() for i in range(len(labels) * 96))
    text = pixels.decode("latin1")  # protocol 2 turns bytes into such text anyway
    return pickle.dumps({"batch_label": "small", "labels": list(labels), "data": text}, protocol=2)


def small_files():
    files = {f"data_batch_{i}": small_batch(i) for i in range(1, 6)} | {"test_batch": small_batch(6)}
    meta = {"label_names": ["airplane"], "num_cases_per_batch": IMAGES}
    return files | {"batches.meta": pickle.dumps(meta, protocol=2), "readme.html": b"<p>hello</p>"}


def pack(files, extra=()):
    """The bytes of a .tar.gz with these files, and the given TarInfo members after them."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER)
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return gzip.compress(raw.getvalue(), mtime=0)


ARCHIVE = pack(small_files())
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


# A server


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.content; breaks off after server.cuts.pop(0) bytes; honours Range if server.ranges."""

    def do_GET(self):
        server, content, start = self.server, self.server.content, 0
        server.requests.append((self.path, self.headers.get("Range")))
        if server.busy or server.status != 200:
            self.send_error(503 if server.busy else server.status)
            server.busy = max(server.busy - 1, 0)
            return
        if server.ranges and (wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start = int(wanted[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = server.cuts.pop(0) if server.cuts else len(content)
        self.wfile.write(content[start : start + server.pause_after])
        time.sleep(server.delay)
        self.wfile.write(content[start + server.pause_after : max(start, stop)])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.status, server.ranges, server.cuts, server.delay = ARCHIVE, 200, True, [], 0
        server.busy = 0  # requests that are still answered with 503
        server.pause_after = 0
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


# Running it


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not re.search("proxy|CIFAR10", name, re.IGNORECASE)}
    return kept | {"no_proxy": "*"} | settings


def command(directory, *arguments, script=DATASETS / "get_datasets.py"):
    return [sys.executable, script, "--directory", directory, "--images", str(IMAGES), *arguments]


def run(directory, *arguments, url=None, sha256=SHA256, script=DATASETS / "get_datasets.py", **options):
    settings = {"CIFAR10_URL": url} if url else {}
    if url and sha256 and "--no-verify" not in arguments:
        settings["CIFAR10_SHA256"] = sha256
    return subprocess.run(
        command(directory, *arguments, script=script),
        env=environment(**settings), capture_output=True, text=True, timeout=60, **options,
    )  # fmt: skip


def left_in(directory):
    return sorted(path.name for path in directory.iterdir())


def name_in(directory):
    return json.loads((directory / FOLDER / "SOURCE.json").read_text())["name"]


def assert_failed(result, code=1):
    """It failed as it should: the code, the cause, the fix, and no traceback."""
    assert result.returncode == code, result
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr
    assert code == 2 or "\n  fix: " in result.stderr


@pytest.fixture
def stand_in(tmp_path):
    assert run(tmp_path, "--synthetic").returncode == 0
    return tmp_path


# Fetching


def test_fetch_verifies_unpacks_and_names_the_data(tmp_path, server):
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert left_in(tmp_path) == [FOLDER]
    files = small_files()
    assert left_in(tmp_path / FOLDER) == sorted([*files, "SOURCE.json"])
    assert all((tmp_path / FOLDER / name).read_bytes() == content for name, content in files.items())
    source = json.loads((tmp_path / FOLDER / "SOURCE.json").read_text())
    assert source == {"name": UNOFFICIAL, "sha256": SHA256, "url": server.url}
    assert "not the official file" in result.stdout
    assert re.search(r"100 % of .* MB, .* MB/s, 0 s left", result.stderr)


def test_fetch_does_nothing_when_the_data_is_there(tmp_path, server):
    run(tmp_path, url=server.url)
    before = (tmp_path / FOLDER).stat().st_mtime_ns
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0
    assert "is there already" in result.stdout
    assert len(server.requests) == 1
    assert (tmp_path / FOLDER).stat().st_mtime_ns == before


def test_fetch_takes_the_official_file_from_checksums_txt(tmp_path, server):
    kit = tmp_path / "kit"
    shutil.copytree(DATASETS, kit, ignore=shutil.ignore_patterns(FOLDER, "*.gz", "__pycache__"))
    (kit / "checksums.txt").write_text(f"# x\ncifar-10-python.tar.gz {len(ARCHIVE)} {SHA256} - {server.url}\n")
    assert run(tmp_path, script=kit / "get_datasets.py").returncode == 0
    assert name_in(tmp_path) == OFFICIAL
    shutil.rmtree(tmp_path / FOLDER)
    # A mirror of the official file needs no checksum of its own, and one of another size is refused at once.
    assert run(tmp_path, url=server.url + "?key=secret", sha256=None, script=kit / "get_datasets.py").returncode == 0
    assert name_in(tmp_path) == OFFICIAL
    assert "secret" not in (tmp_path / FOLDER / "SOURCE.json").read_text()
    shutil.rmtree(tmp_path / FOLDER)
    server.content = ARCHIVE + b"x"
    result = run(tmp_path, "--retries", "0", script=kit / "get_datasets.py")
    assert_failed(result)
    assert f"has {len(ARCHIVE) + 1} bytes, not {len(ARCHIVE)}" in result.stderr
    assert left_in(tmp_path) == ["kit"]


def test_the_official_line_of_checksums_txt_is_the_published_one():
    line = next(line for line in (DATASETS / "checksums.txt").read_text().splitlines() if not line.startswith("#"))
    name, size, sha256, md5, url = line.split()
    assert (name, size, md5) == ("cifar-10-python.tar.gz", "170498071", "c58f30108f718f92721af3b95e74349a")
    assert sha256 == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    assert url == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


def test_fetch_resumes_a_cut_connection(tmp_path, server):
    server.cuts = [20000, 50000]
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert [asked for _, asked in server.requests] == [None, "bytes=20000-", "bytes=50000-"]
    assert left_in(tmp_path) == [FOLDER]


def test_fetch_starts_again_when_the_server_ignores_range(tmp_path, server):
    server.ranges, server.cuts = False, [20000]
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert [asked for _, asked in server.requests] == [None, "bytes=20000-"]
    assert json.loads((tmp_path / FOLDER / "SOURCE.json").read_text())["sha256"] == SHA256


def test_a_broken_download_is_kept_said_and_resumed_by_the_next_run(tmp_path, server):
    server.cuts = [30000]
    result = run(tmp_path, "--retries", "0", url=server.url)
    assert_failed(result)
    (part,) = tmp_path.iterdir()
    assert part.read_bytes() == ARCHIVE[:30000]
    assert f"{part.name} is kept: the next run resumes it" in result.stderr
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert server.requests[-1][1] == "bytes=30000-"
    assert left_in(tmp_path) == [FOLDER]


def test_a_part_of_another_address_is_thrown_away(tmp_path, server):
    server.cuts = [30000]
    run(tmp_path, "--retries", "0", url=server.url)
    result = run(tmp_path, url=server.url + "?other")
    assert result.returncode == 0, result.stderr
    assert server.requests[-1][1] is None
    assert left_in(tmp_path) == [FOLDER]


@pytest.mark.parametrize("longer", [0, 5])
def test_a_part_of_an_older_file_is_not_mixed_with_the_new_one(tmp_path, server, longer):
    # Another file of the same size or a larger one lay at the address when the part was fetched.
    server.cuts = [30000]
    server.content = b"?" * (len(ARCHIVE) + longer)
    run(tmp_path, "--retries", "0", url=server.url)
    if longer:
        (part,) = tmp_path.iterdir()
        part.write_bytes(server.content)
    server.content = ARCHIVE
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / FOLDER / "SOURCE.json").read_text())["sha256"] == SHA256


def test_a_whole_part_is_not_fetched_again(tmp_path, server):
    server.cuts = [30000]
    run(tmp_path, "--retries", "0", url=server.url)
    (part,) = tmp_path.iterdir()
    part.write_bytes(ARCHIVE)
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert server.requests[-1][1] == f"bytes={len(ARCHIVE)}-"  # answered with 416: nothing is left to send


def test_fetch_refuses_wrong_bytes_and_leaves_nothing(tmp_path, server):
    server.content = ARCHIVE[:1000] + b"wrong" + ARCHIVE[1005:]
    result = run(tmp_path, url=server.url)
    assert_failed(result)
    assert hashlib.sha256(server.content).hexdigest() in result.stderr
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("status", [404, 403])
def test_fetch_says_at_once_that_the_file_is_not_there(tmp_path, server, status):
    server.status = status
    result = run(tmp_path, url=server.url)
    assert_failed(result)
    assert str(status) in result.stderr
    assert server.url in result.stderr
    assert len(server.requests) == 1
    assert left_in(tmp_path) == []


def test_fetch_tries_again_when_the_server_is_busy(tmp_path, server):
    server.busy = 1
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert "503" in result.stdout
    assert len(server.requests) == 2


def test_fetch_says_that_nobody_answers(tmp_path, server):
    server.shutdown()
    server.server_close()
    result = run(tmp_path, "--retries", "0", url=server.url)
    assert_failed(result)
    assert "refused" in result.stderr
    assert left_in(tmp_path) == []


def test_keep_keeps_the_archive_and_the_next_run_uses_it(tmp_path, server):
    assert run(tmp_path, "--keep", url=server.url).returncode == 0
    assert (tmp_path / "cifar-10-python.tar.gz").read_bytes() == ARCHIVE
    shutil.rmtree(tmp_path / FOLDER)
    assert run(tmp_path, url=server.url).returncode == 0
    assert len(server.requests) == 1
    assert left_in(tmp_path) == [FOLDER, "cifar-10-python.tar.gz"]


def test_two_runs_at_once_fetch_once(tmp_path, server):
    server.delay = 0.5
    settings = environment(CIFAR10_URL=server.url, CIFAR10_SHA256=SHA256)
    runs = [
        subprocess.Popen(command(tmp_path), env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in runs]
    assert [process.returncode for process in runs] == [0, 0, 0], outputs
    assert len(server.requests) == 1
    assert sum("is there already" in out for out, _ in outputs) == 2
    assert left_in(tmp_path) == [FOLDER]


# Files


def test_a_file_address_is_unpacked_and_left_alone(tmp_path):
    archive = tmp_path / "my archive.tar.gz"
    archive.write_bytes(ARCHIVE)
    result = run(tmp_path / "data", "--no-verify", url=archive.as_uri())
    assert result.returncode == 0, result.stderr
    assert name_in(tmp_path / "data") == UNOFFICIAL
    assert archive.read_bytes() == ARCHIVE


def test_a_file_that_is_not_there_is_named(tmp_path):
    result = run(tmp_path / "data", "--no-verify", url=(tmp_path / "none.tar.gz").as_uri())
    assert_failed(result)
    assert "none.tar.gz" in result.stderr


def outsider(name, kind=tarfile.REGTYPE, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, 1 if kind == tarfile.REGTYPE else 0
    return member


@pytest.mark.parametrize(
    "member",
    [
        outsider("../evil"),
        outsider("/tmp/evil"),
        outsider(f"{FOLDER}/../../evil"),
        outsider(f"{FOLDER}/evil"),
        outsider(f"{FOLDER}/readme.html", tarfile.SYMTYPE, "/etc/passwd"),
        outsider(f"{FOLDER}/data_batch_1", tarfile.LNKTYPE, f"{FOLDER}/test_batch"),
        outsider(f"{FOLDER}/data_batch_1", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_an_archive_with_a_foreign_member_is_refused(tmp_path, member):
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(pack(small_files(), [member]))
    result = run(tmp_path / "inner" / "data", "--no-verify", url=archive.as_uri())
    assert_failed(result)
    assert "does not belong" in result.stderr
    assert left_in(tmp_path / "inner" / "data") == []
    assert left_in(tmp_path) == ["archive.tar.gz", "inner"]
    assert left_in(tmp_path / "inner") == ["data"]


def damaged(content):
    """Flip a byte of the last member's content, which only gzip's checksum covers."""
    raw = bytearray(gzip.decompress(content))
    raw[raw.index(b"<p>hello") + 3] ^= 1
    good = gzip.compress(bytes(raw), mtime=0)
    return good[:-8] + content[-8:]


@pytest.mark.parametrize(
    "content",
    [b"<html>please log in</html>", ARCHIVE[:-5000], damaged(ARCHIVE), gzip.compress(b"no tar" * 1000), b""],
    ids=["login page", "cut off", "bad gzip checksum", "no tar", "empty"],
)
def test_a_bad_archive_is_refused(tmp_path, content):
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(content)
    result = run(tmp_path / "data", "--no-verify", url=archive.as_uri())
    assert_failed(result)
    assert str(archive) in result.stderr
    assert left_in(tmp_path / "data") == []


class Evil:
    def __reduce__(self):
        return os.system, ("echo evil > evil",)


WRONG_BATCHES = {
    "missing": (None, "test_batch is not there"),
    "not a pickle": (b"hello", "is not a whole pickle"),
    "empty": (b"", "is not a whole pickle"),
    "cut off": (small_batch(6)[:9000], "is not a whole pickle"),
    "few images": (small_batch(6, labels=(1, 2)), "holds 2 labels and 6144 bytes of pixels, not 4 and 12288"),
    "wrong label": (small_batch(6, labels=(1, 2, 3, 10)), "has the label 10"),
    "a program": (pickle.dumps(Evil(), protocol=2), "holds more than arrays"),
    "a program, new protocol": (pickle.dumps(Evil(), protocol=4), "holds more than arrays"),
}


@pytest.mark.parametrize("wrong", WRONG_BATCHES)
def test_a_wrong_layout_is_refused_also_with_no_verify(tmp_path, wrong):
    content, reason = WRONG_BATCHES[wrong]
    files = small_files()
    del files["test_batch"]
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(pack(files if content is None else files | {"test_batch": content}))
    result = run(tmp_path / "data", "--no-verify", url=archive.as_uri(), cwd=tmp_path)
    assert_failed(result)
    assert reason in result.stderr
    assert left_in(tmp_path / "data") == []
    assert not (tmp_path / "evil").exists()


def test_data_that_is_not_whole_is_fetched_anew(tmp_path, server):
    run(tmp_path, url=server.url)
    (tmp_path / FOLDER / "data_batch_4").write_bytes(small_batch(4)[:500])
    result = run(tmp_path, url=server.url)
    assert result.returncode == 0, result.stderr
    assert "data_batch_4 is not a whole pickle" in result.stdout
    assert (tmp_path / FOLDER / "data_batch_4").read_bytes() == small_batch(4)


def test_a_killed_run_is_cleaned_up(tmp_path, server):
    run(tmp_path, url=server.url)
    (tmp_path / FOLDER).rename(tmp_path / f"{FOLDER}.old.part")
    (tmp_path / f"{FOLDER}.part").mkdir()
    (tmp_path / f"{FOLDER}.part" / "data_batch_1").write_bytes(b"half")
    result = run(tmp_path, url=server.url)
    assert "is there already" in result.stdout
    assert left_in(tmp_path) == [FOLDER]


@pytest.mark.parametrize("sent", [0, 30000])
def test_an_interrupt_says_what_is_kept(tmp_path, server, sent):
    server.pause_after, server.delay = sent, 2
    program = command(tmp_path, "--retries", "0")
    settings = environment(CIFAR10_URL=server.url, CIFAR10_SHA256=SHA256)
    process = subprocess.Popen(program, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not any(path.stat().st_size >= min(sent, 1) for path in tmp_path.glob(PART)):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert_failed(subprocess.CompletedProcess(program, process.returncode, "", errors))
    assert "error: stopped" in errors
    parts = [path.read_bytes() for path in tmp_path.iterdir()]
    if sent:
        (part,) = parts
        assert part
        assert ARCHIVE[:sent].startswith(part)
        assert "is kept: the next run resumes it" in errors
    else:
        assert parts == []


# The stand-in


def test_synthetic_writes_the_stand_in_without_a_network(tmp_path):
    result = run(tmp_path, "--synthetic")
    assert result.returncode == 0, result.stderr
    assert STAND_IN in result.stdout
    assert name_in(tmp_path) == STAND_IN
    assert left_in(tmp_path) == [FOLDER]
    assert "is there already" in run(tmp_path, "--synthetic").stdout


def test_synthetic_does_not_replace_real_data_unless_forced(tmp_path, server):
    run(tmp_path, url=server.url)
    result = run(tmp_path, "--synthetic")
    assert_failed(result)
    assert "--force" in result.stderr
    assert name_in(tmp_path) == UNOFFICIAL
    assert run(tmp_path, "--synthetic", "--force").returncode == 0
    assert name_in(tmp_path) == STAND_IN


def test_real_data_replaces_the_stand_in_with_a_word(stand_in, server):
    result = run(stand_in, url=server.url)
    assert result.returncode == 0, result.stderr
    assert f"holds the {STAND_IN}" in result.stdout
    assert name_in(stand_in) == UNOFFICIAL
    assert left_in(stand_in) == [FOLDER]


def test_a_failed_fetch_leaves_the_stand_in_whole(stand_in, server):
    server.content = pack({"data_batch_1": small_batch(1)})
    assert_failed(run(stand_in, "--no-verify", url=server.url))
    assert name_in(stand_in) == STAND_IN
    assert left_in(stand_in) == [FOLDER]


def test_or_synthetic_prefers_the_real_data(tmp_path, server):
    assert run(tmp_path, "--or-synthetic", url=server.url).returncode == 0
    assert name_in(tmp_path) == UNOFFICIAL


def test_or_synthetic_says_loudly_that_it_writes_the_stand_in(tmp_path, server):
    server.status = 404
    result = run(tmp_path, "--or-synthetic", url=server.url)
    assert result.returncode == 0, result.stderr
    assert f"*** CIFAR-10 could not be fetched. Using the {STAND_IN}. ***" in result.stdout
    assert "404" in result.stdout
    assert name_in(tmp_path) == STAND_IN


def test_or_synthetic_does_not_hide_wrong_bytes(tmp_path, server):
    server.content = ARCHIVE[:-1] + b"?"
    assert_failed(run(tmp_path, "--or-synthetic", url=server.url))
    assert left_in(tmp_path) == []


def test_or_synthetic_does_not_replace_real_data(tmp_path, server):
    run(tmp_path, url=server.url)
    server.status = 404
    assert_failed(run(tmp_path, "--or-synthetic", "--force", url=server.url))
    assert name_in(tmp_path) == UNOFFICIAL


def test_synthetic_without_numpy_says_how_to_get_it(tmp_path):
    program = [sys.executable, "-S", *command(tmp_path, "--synthetic")[1:]]  # -S: no installed packages
    result = subprocess.run(program, env=environment(), capture_output=True, text=True, timeout=60)
    assert_failed(result)
    assert "pip install numpy" in result.stderr
    assert left_in(tmp_path) == []


# The disk and the command line


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, server):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))

    result = run(tmp_path, url=server.url, preexec_fn=limit)
    assert_failed(result)
    assert "no room" in result.stderr
    assert left_in(tmp_path) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    result = run(tmp_path / "file" / "data", "--synthetic")
    assert_failed(result)
    assert str(tmp_path / "file") in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_is_not_ours_is_named(tmp_path):
    tmp_path.chmod(0o555)
    result = run(tmp_path, "--synthetic")
    assert_failed(result)
    assert str(tmp_path) in result.stderr
    assert "--directory" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "word"),
    [
        (["--no-such"], {}, "--no-such"),
        (["--synthetic", "--or-synthetic"], {}, "not allowed with"),
        (["--no-verify"], {}, "CIFAR10_URL"),
        (["--images", "0"], {}, "--images"),
        ([], {"CIFAR10_URL": "ftp://example.org/x.tar.gz"}, "ftp://"),
        ([], {"CIFAR10_URL": "C:\\x.tar.gz"}, "file:///"),
        ([], {"CIFAR10_URL": "https://example.org/x", "CIFAR10_SHA256": "abc"}, "64 hexadecimal"),
    ],
)
def test_wrong_usage_ends_with_2_and_touches_nothing(tmp_path, arguments, settings, word):
    program = command(tmp_path / "data", *arguments)
    result = subprocess.run(program, env=environment(**settings), capture_output=True, text=True, timeout=60)
    assert_failed(result, code=2)
    assert word in result.stderr
    assert left_in(tmp_path) == []


def test_help_teaches_without_numpy(tmp_path):
    program = [sys.executable, "-S", DATASETS / "get_datasets.py", "--help"]
    result = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    for word in ("CIFAR10_URL", "CIFAR10_SHA256", "--or-synthetic", "exit codes", "examples"):
        assert word in result.stdout


def test_the_shell_wrapper_passes_everything_on_from_any_folder(tmp_path):
    (tmp_path / "data").mkdir()
    program = [REPOSITORY / "get_datasets.sh", "--synthetic", "--images", "3", "--directory", "data"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(program, cwd=tmp_path, env=environment(PATH=path), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert name_in(tmp_path / "data") == STAND_IN


def test_the_shell_wrapper_says_that_there_is_no_python(tmp_path):
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    result = subprocess.run(
        ["/bin/sh", REPOSITORY / "get_datasets.sh"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert_failed(result)
    assert "3.11" in result.stderr
