"""Kept descriptors: what has their number after the program has closed them is neither written to nor closed."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest

from csg_otel import descriptors
from csg_otel.descriptors import KeptFile
from csg_otel.multiprocess.family import family
from csg_otel.multiprocess.folder import Folder
from csg_otel.net.connection import Connection
from csg_otel.server.sockets import KeptSocket

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


def replace(descriptor: int, path: Path) -> None:
    """Close *descriptor*, and open a file of the program that has its number."""
    other = os.open(path, os.O_RDWR | os.O_CREAT)
    os.dup2(other, descriptor)
    os.close(other)


def test_a_file_is_opened_again_by_its_last_name(tmp_path: Path) -> None:
    """Its number is a file of the program, which stays open when telemetry closes its own."""
    kept = KeptFile(tmp_path / "hidden", _NEW)
    (tmp_path / "hidden").rename(tmp_path / "kept")
    kept.moved(tmp_path / "kept")
    number = kept.descriptor
    replace(number, tmp_path / "program")

    assert kept.descriptor != number
    os.write(kept.descriptor, b"ours")
    replace(kept.descriptor, tmp_path / "program")
    kept.close()

    assert (tmp_path / "kept").read_bytes() == b"ours"
    assert os.path.samestat(os.fstat(number), (tmp_path / "program").stat())
    with pytest.raises(OSError, match="descriptor"):
        _ = kept.descriptor
    os.close(number)


def test_a_lock_is_taken_again_unless_another_process_has_it(tmp_path: Path) -> None:
    """A lock ends when its descriptor is closed; a file that another process has locked meanwhile is no longer used."""
    kept = KeptFile(tmp_path / "lock", _NEW)
    assert kept.lock()
    other = os.open(tmp_path / "lock", os.O_RDWR)
    os.close(kept.descriptor)
    assert kept.descriptor >= 0
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    os.close(kept.descriptor)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(OSError, match="another process"):
        _ = kept.descriptor
    os.close(other)


def test_a_file_that_was_replaced_is_not_used(tmp_path: Path) -> None:
    """The path may be another file's by now."""
    kept = KeptFile(tmp_path / "kept", _NEW)
    os.close(kept.descriptor)
    (tmp_path / "other").write_text("other's")
    (tmp_path / "other").replace(tmp_path / "kept")

    with pytest.raises(OSError, match="another process"):
        _ = kept.descriptor


def test_a_worker_publishes_and_keeps_its_turn_after_its_descriptors_were_closed(tmp_path: Path) -> None:
    """The other workers see its metrics, and that it lives."""
    one, other = (Folder(tmp_path / "csg-otel" / "workers", family(), "shop") for _ in range(2))
    one.join()
    other.join()
    assert one.try_serve()
    one.publish(b"before", 1)
    for link in Path("/proc/self/fd").iterdir():
        if one.name in os.path.realpath(link):
            os.close(int(link.name))

    one.hold()
    one.publish(b"after", 2)
    assert one.fifo >= 0
    assert one.try_serve()
    assert not other.try_serve()
    assert [(found.body, found.living) for found in other.others()] == [(b"after", True)]
    one.leave()
    other.leave()


def test_a_connection_whose_descriptor_was_closed_is_not_used(tmp_path: Path) -> None:
    """Neither to send, nor to receive, nor to close: its number is a file of the program."""
    client, server = socket.socketpair()
    connection, number = Connection(client, 1e9, 100), client.fileno()
    replace(number, tmp_path / "program")

    for use in (lambda: connection.send_all(b"x"), lambda: connection.read(1), connection.poll):
        with pytest.raises(ConnectionError):
            use()
    connection.close()
    assert (tmp_path / "program").read_bytes() == b""
    os.fstat(number)
    os.close(number)
    server.close()


def test_a_socket_of_the_server_is_not_mistaken_for_another_one() -> None:
    """The program's own socket may have its number."""
    ours, peer = socket.socketpair()
    programs, other = socket.socketpair()
    kept, number = KeptSocket(ours), ours.fileno()
    was_own = kept.is_own
    os.dup2(programs.fileno(), number)

    assert (was_own, kept.is_own) == (True, False)
    kept.close()
    assert descriptors.identity(number) == descriptors.identity(programs.fileno())
    other.send(b"x")
    assert programs.recv(1) == b"x"
    os.close(number)
    for each in (peer, programs, other):
        each.close()
