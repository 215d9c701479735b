"""Opening archives: what is good comes out as it was, what breaks a rule is refused with a reason, nothing escapes."""

import io
import stat
import zipfile

import pytest

from autograder.archives import Bounds, hand_in_root, unpack

BOUNDS = Bounds(archive_bytes=1 << 20, files=20, unpacked_bytes=1 << 20)


def pack(path, files, change=lambda info: None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, content)
    return path


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "outer" / "inner" / "unpacked"
    inside.mkdir(parents=True)
    return inside


def test_unpack_writes_the_files_and_leaves_out_what_systems_add(tmp_path, folder):
    files = {"deep_nets/nndl/layers.py": b"x = 1\n", "deep_nets/Dropout.ipynb": b"{}", "__MACOSX/deep_nets/._x": b"?"}
    unpack(pack(tmp_path / "a.zip", files), folder, BOUNDS)
    assert (folder / "deep_nets" / "nndl" / "layers.py").read_bytes() == b"x = 1\n"
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["Dropout.ipynb", "layers.py"]
    assert hand_in_root(folder, "nndl") == folder / "deep_nets"


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/evil.py",
        "a/../../evil.py",
        "C:/evil.py",
        "a\\..\\evil.py",
        "a/\x1b[31m.py",
        "d/" * 30 + "x.py",
        "n" * 300,
    ],
)
def test_unpack_refuses_a_name_that_leads_elsewhere(tmp_path, folder, name):
    with pytest.raises(ValueError, match="leads elsewhere"):
        unpack(pack(tmp_path / "a.zip", {name: b"x"}), folder, BOUNDS)
    assert not list(tmp_path.rglob("evil.py"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_unpack_refuses_links_and_devices(tmp_path, folder, kind):
    def make(info):
        info.external_attr = (kind | 0o777) << 16

    with pytest.raises(ValueError, match="link or a device"):
        unpack(pack(tmp_path / "a.zip", {"layers.py": b"/etc/passwd"}, make), folder, BOUNDS)
    assert not any(folder.iterdir())


@pytest.mark.parametrize("names", [("Layers.py", "layers.py"), ("ﬁle.py", "file.py")])
def test_unpack_refuses_two_names_that_some_systems_take_for_one(tmp_path, folder, names):
    with pytest.raises(ValueError, match="two files"):
        unpack(pack(tmp_path / "a.zip", dict.fromkeys(names, b"x")), folder, BOUNDS)


def test_unpack_refuses_a_bomb_whatever_it_says_of_its_size(tmp_path, folder):
    path = pack(tmp_path / "bomb.zip", {"zeros": bytes(50 << 20)})
    assert path.stat().st_size < 1 << 20
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = (100).to_bytes(4, "little")  # the size it claims
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"too much|cannot be opened"):
        unpack(path, folder, BOUNDS)
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 1 << 20


def test_unpack_refuses_too_many_files(tmp_path, folder):
    with pytest.raises(ValueError, match="more than 20 files"):
        unpack(pack(tmp_path / "a.zip", {f"f{i}": b"" for i in range(21)}), folder, BOUNDS)
    with pytest.raises(ValueError, match="more than 20 files"):
        unpack(pack(tmp_path / "b.zip", {f"f{i}": b"" for i in range(2000)}), folder, BOUNDS)


def test_unpack_refuses_a_large_archive_before_reading_it(tmp_path, folder):
    with (tmp_path / "a.zip").open("wb") as file:
        file.truncate(1 << 36)
    with pytest.raises(ValueError, match="larger than"):
        unpack(tmp_path / "a.zip", folder, BOUNDS)


def broken():
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("layers.py", b"x = 1\n" * 1000)
    good = whole.getvalue()
    damaged = bytearray(good)
    damaged[40:60] = bytes(20)
    return {
        "no zip": b"hello",
        "empty": b"",
        "cut": good[: len(good) // 2],
        "damaged": bytes(damaged),
        "tar": bytes(10240),
    }


@pytest.mark.parametrize("content", broken().values(), ids=broken().keys())
def test_unpack_refuses_what_cannot_be_opened(tmp_path, folder, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be opened"):
        unpack(tmp_path / "a.zip", folder, BOUNDS)


def test_unpack_refuses_an_encrypted_archive(tmp_path, folder):
    path = pack(tmp_path / "a.zip", {"layers.py": b"x"})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be opened"):
        unpack(path, folder, BOUNDS)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unpack_takes_ordinary_zips_only(tmp_path, folder, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("layers.py", b"x = 1\n")
    with pytest.raises(ValueError, match="unusual way"):
        unpack(tmp_path / "a.zip", folder, BOUNDS)


@pytest.mark.parametrize("name", [".", "./."])
def test_unpack_refuses_a_file_without_a_name(tmp_path, folder, name):
    with pytest.raises(ValueError, match="is no name"):
        unpack(pack(tmp_path / "a.zip", {name: b"x"}), folder, BOUNDS)
