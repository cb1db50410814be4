"""Files appear whole or not at all."""

import os
import subprocess
import sys

import pytest

from fallline import InputError
from fallline._files import check_writable, written_whole


def write(path, *parts):
    with written_whole(path) as stream:
        for part in parts:
            stream.write(part)


def test_the_new_content_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "kept"
    write(path, b"old")
    write(path, b"new", b" and more")
    assert path.read_bytes() == b"new and more"
    assert [found.name for found in tmp_path.iterdir()] == ["kept"]


def test_a_failure_on_the_way_leaves_the_old_content_alone(tmp_path):
    path = tmp_path / "kept"
    write(path, b"old")
    with pytest.raises(TypeError, match="bytes-like"):
        write(path, b"half", "no bytes")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["kept"]


def test_until_the_end_nobody_sees_the_new_content(tmp_path):
    path = tmp_path / "kept"
    write(path, b"old")
    with written_whole(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_kill_leaves_the_old_content_alone(tmp_path):
    path = tmp_path / "kept"
    write(path, b"old")
    killed = (
        "import os, signal, sys\nfrom fallline._files import written_whole\n"
        "with written_whole(sys.argv[1]) as stream:\n"
        "    stream.write(b'half'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", killed, str(path)]).returncode == -9
    assert path.read_bytes() == b"old"


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "kept", tmp_path / "link"
    write(path, b"old")
    link.symlink_to(path.name)
    write(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_permissions_are_those_of_any_new_file(tmp_path):
    write(tmp_path / "kept", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "kept").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_longest_name_that_a_folder_takes_will_do(tmp_path):
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is a folder: give the name of a file"),
        ("missing/kept", "cannot be written, as its folder is not there: choose another"),
        ("n" * 300, r"cannot be written \(File name too long\): choose a place"),
    ],
)
def test_a_place_that_takes_no_file_is_named(tmp_path, name, sentence):
    with pytest.raises(InputError, match=sentence):
        write(tmp_path / name, b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_place_is_tried_before_the_work():
    with pytest.raises(InputError, match="as its folder is not there"):
        check_writable("/no/such/folder/model.safetensors")
