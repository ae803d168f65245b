"""The spool against a model: put, done, crash, torn tails, flipped bits, a full disk, forks and adoption."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from csg_otel import clocks
from csg_otel.exporters.delivery.backlog import Backlog
from csg_otel.exporters.delivery.segment import Ref, SpoolError
from csg_otel.exporters.delivery.spool import Spool
from csg_otel.private_folder import NotPrivateError
from support.senders import Losses


def make(root: Path, destination: str = "collector\nhttp://c:4318", **options: Any) -> Spool:
    """Return a spool in *root*."""
    return Spool(root, destination, **{"owner": Losses(), "max_bytes": 1_000_000, **options})


def crash(spool: Spool) -> None:
    """Let go of the files as a process that is killed does: locks are free, nothing is tidied up."""
    spool.reset_after_fork()


def files(root: Path) -> list[Path]:
    """Return the files of frames below *root*."""
    return sorted(path for path in root.rglob("*-0*") if path.is_file())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Bytes, counts and signals, in the order they came."""
    spool = make(tmp_path)
    refs = [spool.append("traces", n + 1, bytes([n]) * n) for n in range(5)]

    assert [spool.read(ref) for ref in refs] == [bytes([n]) * n for n in range(5)]
    assert (spool.items("traces"), spool.items("logs")) == (15, 0)


def test_what_is_done_leaves_no_file(tmp_path: Path) -> None:
    """And a spool that is empty at the end leaves nothing but the key."""
    spool = make(tmp_path)
    for ref in [spool.append("traces", 1, b"x" * 100) for _ in range(100)]:
        spool.done(ref)

    assert spool.size == 0
    spool.close()
    assert files(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["key"]


def test_the_dead_are_inherited_and_the_living_are_not(tmp_path: Path) -> None:
    """In order, without what was delivered; a directory whose owner lives is left alone."""
    dead, alive = make(tmp_path), make(tmp_path)
    refs = [dead.append("traces", 1, f"d{n}".encode()) for n in range(3)]
    alive.append("traces", 1, b"alive")
    dead.done(refs[0])
    crash(dead)

    heir = make(tmp_path)
    found = heir.adopt()
    assert [heir.read(ref) for ref in found["traces"]] == [b"d1", b"d2"]
    assert heir.adopt() == {}
    assert heir.items("traces") == 2
    for ref in found["traces"]:
        heir.done(ref)
    assert len(files(tmp_path)) == 1


def test_a_folder_without_its_lock_is_adopted_unless_its_owner_lives(tmp_path: Path) -> None:
    """A tool that cleans up may delete the lock alone: a dead process's frames are delivered, a living one keeps its own."""
    dead, alive = make(tmp_path), make(tmp_path)
    dead.append("traces", 1, b"dead")
    alive.append("traces", 1, b"alive")
    crash(dead)
    for lock in tmp_path.rglob("lock"):
        lock.unlink()

    heir = make(tmp_path)
    assert heir.adopt() == {}, "a living owner may not have noticed yet"
    assert alive.adopt() == {}
    for folder in {path.parent for path in files(tmp_path)}:
        os.utime(folder, (0, 0))
    assert [heir.read(ref) for ref in heir.adopt()["traces"]] == [b"dead"]
    assert alive.items("traces") == 1


def test_many_dead_processes_leave_few_files_and_descriptors(tmp_path: Path) -> None:
    """A job that runs every minute beside a collector that is down leaves hundreds; each heir joins what they left."""
    expected = []
    for number in range(100):
        dead = make(tmp_path)
        for signal in ("traces", "logs"):
            dead.append(signal, 1, f"{signal} {number:02}".encode())
            expected.append(f"{signal} {number:02}".encode())
        crash(dead)
    before = len(list(Path("/dev/fd").iterdir()))
    heir = make(tmp_path)
    found = [ref for refs in heir.adopt().values() for ref in refs]

    assert len(list(Path("/dev/fd").iterdir())) - before <= 3  # the lock, and a file for each signal
    assert sorted(heir.read(ref) or b"?" for ref in found) == sorted(expected)
    assert len(files(tmp_path)) == 2
    heir.close()
    assert left(tmp_path) == sorted(expected)


def test_large_files_of_the_dead_are_moved_as_they_are(tmp_path: Path) -> None:
    """They are not copied: a full disk has no room for that."""
    dead = make(tmp_path)
    dead._segment_bytes = 4_000
    bodies = [bytes([65 + n]) * 1_500 for n in range(4)]
    for body in bodies:
        dead.append("traces", 1, body)
    numbers = {path.stat().st_ino for path in files(tmp_path)}
    crash(dead)
    heir = make(tmp_path)
    heir._segment_bytes = 4_000
    (refs,) = heir.adopt().values()

    assert {path.stat().st_ino for path in files(tmp_path)} == numbers
    assert [heir.read(ref) for ref in refs] == bodies
    for ref in refs:
        heir.done(ref)
    assert files(tmp_path) == []


def test_an_adoption_ends_in_time_and_goes_on_later(tmp_path: Path) -> None:
    """What a shutdown has no time for is left to the next process."""
    for number in range(3):
        dead = make(tmp_path)
        dead.append("traces", 1, b"%d" % number)
        crash(dead)
    heir = make(tmp_path)

    assert heir.adopt(clocks.monotonic()) == {}
    assert len(heir.adopt()["traces"]) == 3


def test_another_destination_is_not_sent_what_is_not_its_own(tmp_path: Path) -> None:
    """Another address under the same name is another destination."""
    spool = make(tmp_path)
    spool.append("traces", 1, b"secret for c")
    crash(spool)

    assert make(tmp_path, "collector\nhttp://elsewhere:4318").adopt() == {}


def test_planted_and_changed_files_are_never_sent(tmp_path: Path) -> None:
    """A frame without this installation's key is none, and neither is one with a bit flipped."""
    (tmp_path / "other").mkdir()
    planted, own = make(tmp_path / "other"), make(tmp_path / "here")
    planted.append("traces", 1, b"planted")
    crash(planted)
    own.append("traces", 1, b"first")
    own.append("traces", 1, b"second")
    crash(own)
    (victim,) = files(tmp_path / "here")
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data + files(tmp_path / "other")[0].read_bytes())

    heir = make(tmp_path / "here")
    assert [heir.read(ref) for ref in heir.adopt()["traces"]] == [b"first", None, None]


def test_the_oldest_makes_room_and_is_counted(tmp_path: Path) -> None:
    """The limit holds for all signals together; what is dropped is reported."""
    lost = Losses()
    spool = make(tmp_path, max_bytes=80_000, owner=lost)
    spool.append("logs", 7, b"x" * 9_000)
    refs = [spool.append("traces", 1, b"x" * 1_000) for _ in range(200)]

    assert spool.size <= 80_000
    assert [(segment.signal, items) for segment, items in lost.segments[:1]] == [("logs", 7)]
    assert sum(items for _, items in lost.segments) + spool.items("traces") == 7 + 200
    assert spool.read(refs[0]) is None
    assert spool.read(refs[-1]) == b"x" * 1_000


def test_files_are_this_users_alone(tmp_path: Path) -> None:
    """Directories 0700, files 0600; a link below the spool's folder or a foreign key is refused."""
    spool = make(tmp_path / "state")
    spool.append("traces", 1, b"x")
    for path in (tmp_path / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path

    folder = next(path for path in (tmp_path / "state").iterdir() if path.is_dir())
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotPrivateError, match="is a link, not a directory of this user"):
        make(tmp_path / "state").append("traces", 1, b"x")
    folder.unlink()
    (tmp_path / "state" / "key").chmod(0o644)
    with pytest.raises(NotPrivateError, match="key"):
        make(tmp_path / "state").append("traces", 1, b"x")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_a_full_disk_is_told_and_harms_nothing_written_before(tmp_path: Path) -> None:
    """A write that does not fit raises; what was there stays whole."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        spool = make(place)
        refs = [spool.append("traces", 1, os.urandom(1000)) for _ in range(40)]
        with pytest.raises(OSError, match="No space"):
            spool.append("traces", 1, os.urandom(60_000))
        assert all(spool.read(ref) for ref in refs)
        for ref in refs:
            spool.done(ref)
        assert spool.read(spool.append("traces", 1, b"again")) == b"again"
        spool.close()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_forked_child_leaves_the_parents_files_alone(tmp_path: Path) -> None:
    """And has a directory of its own; the parent's lock holds on."""
    source = """
        import os, sys
        from pathlib import Path
        from csg_otel.exporters.delivery.spool import Spool
        spool = Spool(Path(sys.argv[1]), "c", None, max_bytes=10**6)
        ref = spool.append("traces", 1, b"parent")
        if os.fork() == 0:
            spool.reset_after_fork()
            assert spool.adopt() == {}
            spool.append("traces", 1, b"child")
            os._exit(0)
        assert os.wait()[1] == 0
        assert spool.read(ref) == b"parent"
        other = Spool(Path(sys.argv[1]), "c", None, max_bytes=10**6)
        assert [other.read(ref) for ref in other.adopt()["traces"]] == [b"child"]
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), str(tmp_path)], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


class SpoolMachine(RuleBasedStateMachine):
    """Random lives of spools beside a dictionary that knows what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.lost = 0
        self.spool = self._new()
        self.refs: dict[bytes, Ref] = {}
        self.number = 0

    def _new(self) -> Spool:
        spool = make(self.root, max_bytes=10_000_000)
        spool._segment_bytes = 2000  # several files in a short life
        return spool

    @rule(size=st.integers(0, 900), signal=st.sampled_from(["traces", "logs"]))
    def put(self, size: int, signal: str) -> None:
        """Write a frame no other is equal to."""
        self.number += 1
        body = f"{signal} {self.number} ".encode() + b"x" * size
        self.refs[body] = self.spool.append(signal, 1, body)

    @rule(which=st.integers(0, 999))
    def done(self, which: int) -> None:
        """Deliver any frame."""
        if self.refs:
            body = sorted(self.refs)[which % len(self.refs)]
            self.spool.done(self.refs.pop(body))

    @rule()
    def crash_and_adopt(self) -> None:
        """Die without a word; the next one inherits exactly what was left."""
        crash(self.spool)
        self.spool = self._new()
        self._check_adopted(set(self.refs))

    @rule()
    def close_and_adopt(self) -> None:
        """End properly; the next one inherits the same."""
        self.spool.close()
        self.spool = self._new()
        self._check_adopted(set(self.refs))

    @rule(cut=st.integers(1, 1200))
    def tear_and_adopt(self, cut: int) -> None:
        """Lose the end of a file, as after a power failure: what is inherited is a part of what was written, whole."""
        crash(self.spool)
        if found := files(self.root):
            os.truncate(found[-1], max(0, found[-1].stat().st_size - cut))
        self._inherit_part()

    @rule(which=st.integers(0, 999), at=st.integers(0, 99_999), bit=st.integers(0, 7))
    def flip_and_adopt(self, which: int, at: int, bit: int) -> None:
        """Lose a bit anywhere: nothing is ever read that was not written."""
        crash(self.spool)
        if found := files(self.root):
            path = found[which % len(found)]
            content = bytearray(path.read_bytes())
            if content:
                content[at % len(content)] ^= 1 << bit
                path.write_bytes(content)
        self._inherit_part()

    @rule(size=st.integers(0, 900), signal=st.sampled_from(["traces", "logs"]), room=st.integers(0, 1000))
    def put_on_a_full_disk(self, size: int, signal: str, room: int) -> None:
        """Find only *room* more bytes: the kernel takes a part, refuses the rest, and nothing of it is ever seen."""
        self.number += 1
        body = f"{signal} {self.number} ".encode() + b"x" * size
        active = self.spool._active.get((signal, False))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((active.size if active else 0) + room, limits[1]))
        try:
            ref = self.spool.append(signal, 1, body)
        except OSError:
            return
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.refs[body] = ref

    @rule(tidy=st.booleans())
    def fork(self, tidy: bool) -> None:
        """A child sees nothing of what is ours, and what it leaves is inherited; ours stays as it was."""
        self.number += 1
        body = f"logs {self.number} of a child".encode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads beside the fork, from 3.12 on
            pid = os.fork()
        if not pid:
            try:
                self.spool.reset_after_fork()
                seen = self.spool.adopt()
                self.spool.append("logs", 1, body)
                if tidy:
                    self.spool.close()
                os._exit(1 if seen else 0)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        found = {self.spool.read(ref): ref for refs in self.spool.adopt().values() for ref in refs}
        assert set(found) == {body}
        self.refs[body] = found[body]

    def _inherit_part(self) -> None:
        self.spool = self._new()
        known = {}
        for refs in self.spool.adopt().values():
            for ref in refs:
                body = self.spool.read(ref)
                if body is None:
                    self.spool.done(ref)
                else:
                    known[body] = ref
        # A flipped state brings back what was delivered, once; anything else must have been written and not delivered.
        self.refs = known
        assert all(body.split(b" ", 1)[0] in (b"traces", b"logs") for body in known)

    def _check_adopted(self, expected: set[bytes]) -> None:
        found = {}
        for refs in self.spool.adopt().values():
            found.update({self.spool.read(ref): ref for ref in refs})
        assert set(found) == expected
        self.refs = {body: ref for body, ref in found.items() if body is not None}

    @invariant()
    def what_is_left_can_be_read(self) -> None:
        """Every frame that was not delivered is there."""
        assert self.spool.items("traces") + self.spool.items("logs") == len(self.refs)
        assert all(self.spool.read(ref) == body for body, ref in self.refs.items())

    def teardown(self) -> None:
        """Tidy up."""
        self.spool.close()
        self._folder.cleanup()


def test_the_counts_hold_while_the_spool_makes_room(tmp_path: Path) -> None:
    """Each removed file is reported once, with its undelivered items; and its content can't be read any more."""
    losses = Losses()
    spool = make(tmp_path, max_bytes=40_000, owner=losses)
    refs = [spool.append("traces", 1, b"x" * 1_000) for _ in range(20)]
    for ref in refs[:3]:
        spool.done(ref)
    refs += [spool.append("traces", 1, b"x" * 1_000) for _ in range(40)]

    assert len({id(segment) for segment, _ in losses.segments}) == len(losses.segments)
    lost = [ref for ref in refs if ref.segment.gone]
    assert sum(items for _, items in losses.segments) == len([ref for ref in lost if ref not in refs[:3]])
    assert all(spool.read(ref) is None for ref in lost)


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    """It neither keeps nor adopts, so that a thread that comes late can't hold what the next process should have."""
    spool = make(tmp_path)
    spool.append("traces", 1, b"x")
    spool.close()

    with pytest.raises(SpoolError, match="closed"):
        spool.append("traces", 1, b"y")
    with pytest.raises(SpoolError, match="closed"):
        spool.adopt()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_counted_frame_is_off_the_disk_already(tmp_path: Path) -> None:
    """A process that ends as soon as its flush is over leaves nothing that the next one would send again."""
    spool = make(tmp_path)
    backlog = Backlog(threading.RLock(), "c", "traces", spool, Losses(), max_items=10, max_age_s=60)
    backlog.keep([(3, b"body")], lambda: None)
    batch, body = backlog.take(10)
    seen: list[tuple[int, int]] = []
    assert (body, spool.items("traces")) == (b"body", 3)
    backlog.settle(batch, lambda items: seen.append((items, spool.items("traces"))))

    assert seen == [(3, 0)]
    spool.close()


def test_a_long_outage_fills_the_disk_and_not_the_memory(tmp_path: Path) -> None:
    """Of 64 MiB on disk at most 20 MiB are in memory, too; everything is read back in order."""
    spool = make(tmp_path, max_bytes=256 * 1024 * 1024)
    backlog = Backlog(threading.RLock(), "c", "traces", spool, Losses(), max_items=10, max_age_s=60)
    tracemalloc.start()
    try:
        for number in range(64):
            backlog.keep([(1, bytes([number]) * 1024 * 1024)], lambda: None)
        in_memory, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    received = bytearray()
    while backlog:
        batch, body = backlog.take(1)
        received += body[:1]
        backlog.settle(batch, lambda _items: None)

    assert in_memory < 20 * 1024 * 1024
    assert received == bytes(range(64))
    spool.close()


def test_without_a_disk_the_oldest_items_are_dropped_and_counted() -> None:
    """In memory a backlog holds its limit of items; what is dropped for a newer frame is counted as `queue_full`."""
    losses = Losses()
    backlog = Backlog(threading.RLock(), "c", "traces", None, losses, max_items=10, max_age_s=60)
    for number in range(15):
        backlog.keep([(2, bytes([number]))], lambda: None)

    assert backlog.items(on_disk=False) == 10
    assert losses.dropped == {"queue_full": 20}
    assert backlog.take(10)[1] == bytes(range(10, 15))


def left(root: Path) -> list[bytes]:
    """Return what the next process finds below *root*, sorted."""
    heir = make(root)
    return sorted((heir.read(ref) or b"?") for refs in heir.adopt().values() for ref in refs)


def delete_everything(root: Path) -> None:
    shutil.rmtree(root)


def delete_the_folder_of_the_destination(root: Path) -> None:
    (folder,) = (path for path in root.iterdir() if path.is_dir())
    shutil.rmtree(folder)


def delete_old_files(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            path.unlink()


def delete_the_segments(root: Path) -> None:
    for path in files(root):
        path.unlink()


def delete_the_key(root: Path) -> None:
    (root / "key").unlink()


@pytest.mark.parametrize(
    "delete",
    [delete_everything, delete_the_folder_of_the_destination, delete_old_files, delete_the_segments, delete_the_key],
)
def test_what_is_deleted_at_run_time_is_written_again(delete: Callable[[Path], None], tmp_path: Path) -> None:
    """Own frames and adopted ones; the references stay valid, and what was delivered does not come back."""
    root = tmp_path / "state"
    dead = make(root)
    dead.append("traces", 1, b"adopted")
    crash(dead)
    spool = make(root)
    (adopted,) = spool.adopt()["traces"]
    refs = [spool.append("traces", 1, f"own {number}".encode()) for number in range(3)]
    spool.done(refs[0])
    delete(root)

    spool.verify()
    later = spool.append("traces", 1, b"later")

    assert [spool.read(ref) for ref in (adopted, refs[1], later)] == [b"adopted", b"own 1", b"later"]
    spool.done(refs[2])
    crash(spool)
    assert left(root) == [b"adopted", b"later", b"own 1"]


def test_a_new_file_in_a_folder_that_was_just_removed_is_written(tmp_path: Path) -> None:
    """The first frame of a signal needs a file at once, not only after the next look at the folder."""
    root = tmp_path / "state"
    spool = make(root)
    spool.append("traces", 1, b"before")
    root.rename(tmp_path / "elsewhere")
    spool.append("metrics", 1, b"after")
    crash(spool)

    assert left(root) == [b"after", b"before"]


def test_a_spool_that_cannot_be_written_again_is_lost(tmp_path: Path) -> None:
    """And says so, until it can."""
    root = tmp_path / "state"
    spool = make(root)
    ref = spool.append("traces", 1, b"x")
    shutil.rmtree(root)
    root.touch()
    spool.verify()
    assert ref.segment.lost
    assert spool.read(ref) == b"x"

    root.unlink()
    spool.verify()
    crash(spool)
    assert left(root) == [b"x"]


def test_a_disk_that_fails_now_and_then_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Small frames still fit on a full disk: no two lines for each of them."""
    spool = make(tmp_path)
    backlog = Backlog(threading.RLock(), "c", "traces", spool, Losses(), max_items=10, max_age_s=60)
    large = b"x" * (65 * 1024 * 1024)  # refused
    for body in (large, b"small", large, b"small"):
        backlog.keep([(1, body)], lambda: None)

    assert [record.message.split(" (")[0] for record in caplog.records] == ["exporter c: can't keep telemetry on disk"]
    assert backlog.items(on_disk=True) == 2
    assert backlog.keeps_on_disk
