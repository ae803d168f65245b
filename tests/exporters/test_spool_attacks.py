"""The spool against planted, replaced and moved files: none is sent, nothing is written elsewhere, and nothing hangs."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from csg_otel.exporters.delivery.spool import Spool
from csg_otel.private_folder import NotPrivateError, make_private_folder, private_key
from support.senders import Losses

DESTINATION = "collector\nhttp://c:4318"
STRANGER = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")


def make(root: Path, destination: str = DESTINATION) -> Spool:
    """Return a spool in *root*."""
    return Spool(root, destination, owner=Losses(), max_bytes=1_000_000)


def left_by_the_dead(root: Path, *bodies: bytes, destination: str = DESTINATION) -> Path:
    """Write *bodies* into a spool in *root* as a process that is killed; return their file."""
    spool = make(root, destination)
    for body in bodies:
        spool.append("traces", 1, body)
    file = next(iter(spool._segments)).path
    spool.reset_after_fork()
    return file


def adopted(root: Path, destination: str = DESTINATION) -> list[bytes | None]:
    """Return what the next process would send: None for a frame that is none."""
    spool = make(root, destination)
    bodies = [spool.read(ref) for refs in spool.adopt().values() for ref in refs]
    spool.close()
    return bodies


def test_a_frame_moved_to_another_destination_is_not_sent_there(tmp_path: Path) -> None:
    """Its code covers the destination, so that no file manager sends one server's data to another."""
    file = left_by_the_dead(tmp_path, b"for c")
    other = left_by_the_dead(tmp_path, b"for d", destination="d\nhttp://d:4318")
    other.write_bytes(other.read_bytes() + file.read_bytes())

    assert adopted(tmp_path, "d\nhttp://d:4318") == [b"for d", None]
    assert adopted(tmp_path) == [b"for c"]


def test_frames_of_version_0_1_are_delivered(tmp_path: Path) -> None:
    """An upgrade loses nothing; frames of the new form with a code of the old one are none."""
    file = left_by_the_dead(tmp_path, b"new")
    key = private_key(tmp_path)
    frames = []
    for magic, body in ((b"CSGf", b"old"), (b"CSGg", b"forged")):
        head = f"traces 7000 1 {len(body)} ".encode()
        code = hashlib.blake2b(head + body, key=key, digest_size=16).digest()
        frames.append(struct.pack(">4sBIQI16s", magic, 0, len(body), 7000, 1, code) + body)
    file.write_bytes(b"".join(frames) + file.read_bytes())

    assert adopted(tmp_path) == [b"old", None, b"new"]


def test_a_frame_of_one_signal_is_none_of_another(tmp_path: Path) -> None:
    """A renamed file would send traces to the path of logs."""
    file = left_by_the_dead(tmp_path, b"x")
    file.rename(file.with_name("logs-00000001"))

    assert adopted(tmp_path) == [None]


def fifo(path: Path) -> None:
    """Put a FIFO there."""
    os.mkfifo(path, 0o600)


def unix_socket(path: Path) -> None:
    """Put a socket there."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{os.open(path.parent, os.O_RDONLY)}/{path.name}")


def device(path: Path) -> None:
    """Put a device without an end there."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this user makes no devices")


def folder(path: Path) -> None:
    """Put a folder there."""
    path.mkdir()


def link_out(path: Path) -> None:
    """Put a link to a file of the user there."""
    path.symlink_to(path.parents[3] / "precious")


def hard_link(path: Path) -> None:
    """Put a second name of a file of the user there."""
    path.hardlink_to(path.parents[3] / "precious")


PLANTED = [fifo, unix_socket, device, folder, link_out, hard_link]


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_no_file_of_the_spool_is_not_touched(plant: Callable[[Path], None], tmp_path: Path) -> None:
    """Neither opened for good, nor written through, nor sent; the frames beside it are delivered."""
    root = tmp_path / "spool"
    file = left_by_the_dead(root, b"frame")
    shutil.copy(file, tmp_path / "precious")
    before = (tmp_path / "precious").read_bytes()
    plant(file.with_name("traces-00000000"))
    plant(file.with_name("logs-00000007"))

    assert adopted(root) == [b"frame"]
    assert (tmp_path / "precious").read_bytes() == before


@pytest.mark.parametrize("plant", [fifo, unix_socket, device, folder, link_out])
def test_a_lock_that_is_no_file_hangs_nothing(plant: Callable[[Path], None], tmp_path: Path) -> None:
    """The frames are delivered now or stay where they are."""
    root = tmp_path / "spool"
    (tmp_path / "precious").write_bytes(b"precious")
    file = left_by_the_dead(root, b"frame")
    file.with_name("lock").unlink()
    plant(file.with_name("lock"))

    assert adopted(root) == [b"frame"] or file.exists()
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("plant", [fifo, unix_socket, device, folder])
def test_a_key_that_is_no_file_is_refused(plant: Callable[[Path], None], tmp_path: Path) -> None:
    """At once: a FIFO would wait for a writer, a device has no end."""
    plant(tmp_path / "key")
    with pytest.raises(OSError, match=r"key"):
        private_key(tmp_path)


def test_a_key_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Also one that leads nowhere: the key would be written where another user wants it."""
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        private_key(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@as_root
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could sign frames."""
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o600)
    os.chown(tmp_path / "key", STRANGER, STRANGER)
    with pytest.raises(NotPrivateError, match="or own it"):
        private_key(tmp_path)


def test_the_key_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    """Mode 0600 from its first byte on."""
    before = os.umask(0)
    try:
        private_key(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_key_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path: Path) -> None:
    """Each further attempt would leave one more file."""
    source = """
        import resource, signal, sys
        from pathlib import Path
        from csg_otel.private_folder import private_key
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
        try:
            private_key(Path(sys.argv[1]))
        except OSError as error:
            sys.exit(f"refused: {error.strerror}")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert run.stderr.strip() == "refused: File too large"
    assert list(tmp_path.iterdir()) == []


@as_root
def test_a_link_of_another_user_on_the_way_is_refused(tmp_path: Path) -> None:
    """It would put the folder among the user's other files, or tomorrow somewhere else."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    os.lchown(tmp_path / "link", STRANGER, STRANGER)
    with pytest.raises(NotPrivateError, match="link of another user"):
        make(tmp_path / "link" / "state" / "spool").append("traces", 1, b"x")
    assert list((tmp_path / "theirs").iterdir()) == []


@as_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could read what is written, and take it away."""
    (tmp_path / "folder").mkdir(mode=0o700)
    os.chown(tmp_path / "folder", STRANGER, STRANGER)
    with pytest.raises(NotPrivateError, match="not a directory of this user"):
        make_private_folder(tmp_path / "folder")


@as_root
def test_a_folder_swapped_during_a_run_gets_nothing(tmp_path: Path) -> None:
    """Who may write to a parent can take the spool away: its items are written again, never into the other folder."""
    tmp_path.chmod(0o777)
    root, theirs = tmp_path / "spool", tmp_path / "theirs"
    spool = make(root)
    spool.append("traces", 1, b"before")
    root.rename(tmp_path / "taken")
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)
    root.symlink_to(theirs)
    os.lchown(root, STRANGER, STRANGER)

    spool.append("traces", 1, b"after")
    spool.verify()
    assert list(theirs.rglob("*")) == []
    root.unlink()
    spool.verify()
    spool.reset_after_fork()
    assert adopted(root) == [b"before", b"after"]


def test_a_file_larger_than_any_is_not_adopted(tmp_path: Path) -> None:
    """A file of a terabyte without contents would count as one, and make the spool remove all others."""
    file = left_by_the_dead(tmp_path, b"frame")
    shutil.copy(file, file.with_name("traces-00000000"))
    os.truncate(file.with_name("traces-00000000"), 1 << 40)

    assert adopted(tmp_path) == [b"frame"]


def test_a_file_of_a_million_empty_frames_takes_no_memory(tmp_path: Path) -> None:
    """As many frames as a file of this package has room for are looked at, and none of them is sent."""
    file = left_by_the_dead(tmp_path, b"frame")
    frame = struct.pack(">4sBIQI16s", b"CSGg", 0, 0, 0, 1, bytes(16))
    file.write_bytes(frame * 1_000_000)

    spool = make(tmp_path)
    refs = spool.adopt()["traces"]
    assert len(refs) < 120_000
    assert spool.read(refs[0]) is None
