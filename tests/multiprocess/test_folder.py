"""The directory of a group: publications are whole, finished workers count once, and no worker waits for a dead one."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from csg_otel.multiprocess import slots
from csg_otel.multiprocess.family import Family, family
from csg_otel.multiprocess.folder import Folder, FolderError, state_folder
from csg_otel.private_folder import NotPrivateError
from support.programs import eventually

Make = Callable[[], Folder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that joins the group once more, as another worker would."""
    made: list[Folder] = []

    def join() -> Folder:
        folder = Folder(tmp_path / "csg-otel" / "workers", family(), "shop")
        folder.join()
        made.append(folder)
        return folder

    yield join
    for folder in made:
        folder.leave()


def bodies(folder: Folder) -> dict[bytes, bool]:
    """Return the publications of the other workers, and whether these live."""
    return {one.body: one.living for one in folder.others()}


def slot_with(root: Path, body: bytes) -> Path:
    (found,) = [path for path in root.rglob("*.[ab]") if body in path.read_bytes()]
    return found


def add(total: bytes, more: list[bytes]) -> bytes:
    return bytes(sorted(total + b"".join(more)))


def test_a_worker_sees_what_the_others_have_published_last(make: Make) -> None:
    """Whatever its length, long before short; nothing before the first."""
    one, other = make(), make()
    silent = make()
    for body in (b"x" * 100_000, b"long", b"s"):
        one.publish(body, time.monotonic_ns())

    assert bodies(other) == {b"s": True, b"": True}
    silent.leave(forget=True)
    assert bodies(other) == {b"s": True}


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_a_publication_cut_short_leaves_the_one_before(make: Make, tmp_path: Path, kept: int) -> None:
    """At whatever byte its writer died."""
    one, other = make(), make()
    one.publish(b"before", 1)
    one.publish(b"torn", 2)
    slot = slot_with(tmp_path, b"torn")
    os.truncate(slot, min(kept, slot.stat().st_size - 1))

    assert bodies(other) == {b"before": True}


def test_a_flipped_byte_leaves_the_one_before(make: Make, tmp_path: Path) -> None:
    """In the body or in the head."""
    one, other = make(), make()
    one.publish(b"before", 1)
    one.publish(b"after", 2)
    slot = slot_with(tmp_path, b"after")
    data = bytearray(slot.read_bytes())
    data[-1] ^= 1
    slot.write_bytes(data)

    assert bodies(other) == {b"before": True}


def test_finished_workers_are_folded_once(make: Make) -> None:
    """Their files go, their total stays, and the living are left alone."""
    one, two, reader, living = make(), make(), make(), make()
    for folder, body in ((one, b"1"), (two, b"2"), (living, b"3")):
        folder.publish(body, 1)
    one.leave()
    two.leave()

    assert (reader.fold(add), reader.fold(add)) == (2, 0)
    assert (bodies(reader), reader.finished().total) == ({b"3": True}, b"12")


def test_a_fold_cut_short_counts_no_worker_twice(make: Make, tmp_path: Path) -> None:
    """The total is written, and then its writer dies before it has removed the files."""
    one, reader = make(), make()
    name = one.name
    one.publish(b"1", 1)
    one.leave()
    files = {path: path.read_bytes() for path in tmp_path.rglob(f"{name}.[ab]")}
    reader.fold(add)
    for path, data in files.items():
        path.write_bytes(data)
        path.chmod(0o600)

    assert name in reader.finished().folded  # so a scrape leaves it out
    assert reader.fold(add) == 0
    assert (reader.finished().total, bodies(reader)) == (b"1", {})


def test_a_fold_that_fails_loses_nothing(make: Make) -> None:
    """A publication that can't be added up stays where it is."""
    one, reader = make(), make()
    one.publish(b"1", 1)
    one.leave()

    with pytest.raises(ZeroDivisionError):
        reader.fold(lambda *_: bytes([1 // 0]))
    assert bodies(reader) == {b"1": False}


def test_only_one_worker_serves_and_another_takes_over(make: Make) -> None:
    """When its holder leaves."""
    one, other = make(), make()

    assert (one.try_serve(), other.try_serve(), one.try_serve()) == (True, False, True)
    one.leave()
    assert (other.try_serve(), one.is_serving, other.is_serving) == (True, False, True)


def test_a_request_is_written_to_every_fifo_and_does_not_wait_for_a_hung_worker(make: Make) -> None:
    """No worker reads its FIFO here, so the wait ends after 35 ms."""
    one, other = make(), make()
    with suppress(BlockingIOError):
        os.read(one.fifo, 10)  # the other has woken it

    def waited_s() -> float:
        began = time.monotonic()
        with one.request() as inquiry:
            inquiry.wait()
        return time.monotonic() - began

    first_s = waited_s()
    assert os.read(other.fifo, 10) == b"."
    with pytest.raises(BlockingIOError):
        os.read(one.fifo, 10)
    assert first_s > 0.03
    assert first_s < 0.2 or eventually(lambda: waited_s() < 0.2)  # on a busy machine another one shows it


def test_the_eldest_is_alone_until_another_joins_and_is_woken_by_it(make: Make, tmp_path: Path) -> None:
    """It publishes nothing before, so it must not miss a process that it has not forked."""
    family = Family(os.getpid(), 0, "")
    one, other = (Folder(tmp_path / "csg-otel" / "workers", family, "shop") for _ in range(2))
    one.join()
    alone = [one.is_alone]
    with pytest.raises(BlockingIOError):
        os.read(one.fifo, 10)

    other.join()
    alone.append(one.is_alone)
    assert os.read(one.fifo, 10) == b"."
    other.publish(b"1", 1)
    other.leave()
    alone.append(one.is_alone)  # its publication is not in the total yet
    one.fold(add)
    alone.append(one.is_alone)
    one.leave()

    assert alone == [True, False, False, True]


def test_files_others_could_write_are_not_read(make: Make, tmp_path: Path) -> None:
    """Nor links."""
    one, other = make(), make()
    one.publish(b"1", 1)
    (path,) = tmp_path.rglob(f"{one.name}.a")
    path.chmod(0o622)
    with pytest.raises(FolderError, match="other users can read or write"):
        other.others()

    path.unlink()
    path.symlink_to(tmp_path)
    with pytest.raises(OSError, match="symbolic"):
        other.others()


def test_a_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Another user may have made it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "csg-otel").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NotPrivateError, match="not a directory of this user"):
        Folder(tmp_path / "csg-otel" / "workers", family(), "shop").join()


def test_too_much_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the publication before it stays."""
    one, other = make(), make()
    one.publish(b"1", 1)
    monkeypatch.setattr(slots, "MOST_BODY", 10)
    with pytest.raises(FolderError, match="at most 10 can be published"):
        one.publish(b"x" * 11, 2)

    assert bodies(other) == {b"1": True}


KILLED = """
import sys, time
from pathlib import Path
from csg_otel.multiprocess.family import family
from csg_otel.multiprocess.folder import Folder
folder = Folder(Path(sys.argv[1]), family(), "shop")
folder.join()
folder.publish(b"1", 1)
folder.try_serve()
print(family(), flush=True)
time.sleep(60)
"""


def test_the_publication_of_a_killed_worker_stays_and_another_serves(make: Make, tmp_path: Path) -> None:
    """The kernel takes its locks; a worker started by the same process is of the same group."""
    reader = make()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "csg-otel" / "workers")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(family())
        assert (bodies(reader), reader.try_serve()) == ({b"1": True}, False)
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert (bodies(reader), reader.try_serve()) == ({b"1": False}, True)


CLOSING = """
import os, sys
from pathlib import Path
from csg_otel.multiprocess.family import family
from csg_otel.multiprocess.folder import Folder
folder = Folder(Path(sys.argv[1]), family(), "shop")
folder.join()
folder.publish(b"1", 1)
os.closerange(3, 100)
print("closed", flush=True)
sys.stdin.readline()
folder.hold()
folder.publish(b"2", 2)
print("back", flush=True)
sys.stdin.readline()
"""


def test_a_worker_whose_program_closed_all_descriptors_is_not_counted_as_ended(make: Make, tmp_path: Path) -> None:
    """Its files stay while it may come back for them; once its process is gone, it is folded at once."""
    reader = make()
    command = [sys.executable, "-c", CLOSING, str(tmp_path / "csg-otel" / "workers")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "closed"
        assert (reader.fold(add), bodies(reader)) == (0, {b"1": False})
        print(file=process.stdin, flush=True)
        assert process.stdout.readline().strip() == "back"
        assert bodies(reader) == {b"2": True}
        process.kill()
        process.wait()

    assert (reader.fold(add), reader.finished().total) == (1, b"2")


def test_a_program_in_a_process_group_of_its_own_is_of_another_family_and_leaves_nothing(
    make: Make, tmp_path: Path
) -> None:
    """As supervisors and shells start programs; its files are removed when the next group is made."""
    root = tmp_path / "csg-otel" / "workers"
    command = [sys.executable, "-c", KILLED, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.split()[0] == str(process.pid)
        process.kill()
        process.wait()
    (left,) = root.iterdir()
    make()

    assert left.exists() is False
    assert len(list(root.iterdir())) == 1


def test_groups_are_kept_where_the_user_alone_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the runtime directory, in the state directory where there is none, else below the temporary one."""
    runtime, state = tmp_path / "runtime", tmp_path / "state"
    runtime.mkdir()

    assert state_folder({"XDG_RUNTIME_DIR": str(runtime), "HOME": "x"}) == runtime / "csg-otel" / "workers"
    assert state_folder({"XDG_STATE_HOME": str(state)}) == state / "csg-otel" / "workers"
    assert state_folder({"HOME": str(tmp_path)}) == tmp_path / ".local/state/csg-otel/workers"
    monkeypatch.setattr(
        pwd, "getpwuid", lambda uid: pwd.struct_passwd(("u", "x", uid, uid, "", "/proc/none", "/bin/sh"))
    )
    assert state_folder({"HOME": "/proc/none"}).parent.name == f"csg-otel-{os.geteuid()}"
