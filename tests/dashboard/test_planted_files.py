"""Files that are planted where the dashboard keeps its own: they are not followed, waited for, or taken for tokens."""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from csg_otel.dashboard import token_file
from csg_otel.dashboard.store import history_file
from csg_otel.dashboard.store.journal import Journal
from csg_otel.dashboard.store.values import Collection, Values
from csg_otel.points import NumberPoint
from csg_otel.private_folder import NotPrivateError

STRANGER = 12345


def fifo(path: Path) -> None:
    """Put a FIFO there."""
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    """Put a folder there."""
    path.mkdir()


def link_out(path: Path) -> None:
    """Put a link to another file of the user there."""
    path.symlink_to(path.parents[1] / "precious")


def hard_link(path: Path) -> None:
    """Put another name of a file of the user there."""
    path.hardlink_to(path.parents[1] / "precious")


def huge(path: Path) -> None:
    """Put a file of a terabyte without contents there."""
    path.touch(mode=0o600)
    os.truncate(path, 1 << 40)


def span(span_id: str) -> Any:
    """Return the row of a span."""
    row: dict[str, Any] = dict.fromkeys(("trace_id", "parent_id", "status_text", "scope"), "")
    row |= {"span_id": span_id, "name": "n", "kind": "internal", "status": "unset", "start": 1.0, "duration_s": 1.0}
    return {**row, "attributes": {}, "events": [], "links": []}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A private folder beside a file that is precious."""
    (tmp_path / "precious").write_text("precious", encoding="ascii")
    (tmp_path / "precious").chmod(0o600)
    (tmp_path / "own").mkdir(mode=0o700)
    return tmp_path / "own"


@pytest.mark.parametrize("plant", [fifo, folder, link_out, hard_link, huge])
def test_what_is_no_journal_is_not_read(plant: Callable[[Path], None], place: Path) -> None:
    """No descriptor stays open however often the folder is read, and no journal is removed for a file that is none."""
    writer, reader = Journal(place), Journal(place)
    writer.write([span("a")], [], [])
    plant(place / "9-00000000.jsonl")
    reader.read()
    before = psutil.Process().num_fds()
    for _ in range(5):
        reader.read()
    Journal(place).write([span("b")], [], [])

    assert psutil.Process().num_fds() <= before + 1
    assert len([path for path in place.glob("*-*.jsonl") if path.name != "9-00000000.jsonl"]) == 2
    assert (place.parent / "precious").read_text(encoding="ascii") == "precious"


@pytest.mark.parametrize("plant", [fifo, folder, link_out, hard_link, huge])
def test_the_history_is_not_written_through_what_is_planted(plant: Callable[[Path], None], place: Path) -> None:
    """Neither through the file nor through the one that it is written to first, whose name is random."""
    values = Values()
    values.add(Collection([NumberPoint("m", "gauge", "By", {}, 1.0)]), 1000.0)
    plant(place / f"history.{os.getpid()}")
    plant(place / "history")
    history_file.load(place / "history", Values(), 2_000_100.0, 1_999_000.0)
    if plant is not folder:
        history_file.save(place / "history", values, 2_000_000.0, 1_999_000.0)
        assert stat.S_IMODE((place / "history").lstat().st_mode) == 0o600
        again = Values()
        history_file.load(place / "history", again, 2_000_100.0, 1_999_000.0)
        assert again.series_count == 1

    assert (place.parent / "precious").read_text(encoding="ascii") == "precious"


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"version":1,"order":"little","time":1e999,"lines":[["m","gauge","","",[],"value"]]}',
        b'{"version":1,"order":"little","time":NaN,"lines":[["m","gauge","","",[],"value"]]}',
        b'{"version":1,"order":"little","time":5,"lines":[["m","gauge","","",[["a"]],"value"]]}',
        b'{"version":1,"order":"little","time":5,"lines":{"m":1}}',
        b'{"version":1,"order":"little","time":5,"lines":7}',
        b"[1]",
    ],
)
def test_a_hostile_history_is_ignored(header: bytes, place: Path) -> None:
    """Nothing is raised into the thread that answers the page."""
    blocks = bytes(4 * (360 + 1440))
    (place / "history").touch(mode=0o600)
    (place / "history").write_bytes(zlib.compress(b"%d\n%b%b" % (len(header), header, blocks)))
    history_file.load(place / "history", Values(), 2_000_100.0, 1_999_000.0)


def test_a_history_that_unpacks_to_gigabytes_is_ignored(place: Path) -> None:
    """Only as much as a history has is unpacked."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    (place / "history").touch(mode=0o600)
    (place / "history").write_bytes(b"".join(packer.compress(block) for _ in range(200)) + packer.flush())
    values = Values()
    history_file.load(place / "history", values, 2_000_100.0, 1_999_000.0)
    assert values.series_count == 0


@pytest.mark.parametrize("plant", [fifo, folder, link_out, huge])
def test_only_a_file_of_this_user_alone_is_a_token_file(plant: Callable[[Path], None], place: Path) -> None:
    """A link to another file would send its content to the server on that port."""
    plant(place / "8080.token")
    assert len(token_file.read(place, 8080).token) <= 1024
    assert "precious" not in token_file.read(place, 8080).token


def test_a_token_file_that_others_can_read_is_none(place: Path) -> None:
    """Nor one that they can write; the one that the program writes is."""
    token_file.write(place, 8080, "t0ken")
    assert token_file.read(place, 8080).token == "t0ken"
    (place / "8080.token").chmod(0o644)
    assert token_file.read(place, 8080).token == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")
def test_files_of_other_users_are_none(place: Path) -> None:
    """Neither as a token, nor as a folder of the dashboard."""
    token_file.write(place, 8080, "t0ken")
    os.chown(place / "8080.token", STRANGER, STRANGER)
    assert token_file.read(place, 8080).token == ""

    os.chown(place, STRANGER, STRANGER)
    with pytest.raises(NotPrivateError, match="not a directory of this user"):
        token_file.write(place, 8080, "t0ken")


def test_a_planted_link_is_replaced_by_the_token_file(place: Path) -> None:
    """The token is not written where the link leads."""
    link_out(place / "8080.token")
    token_file.write(place, 8080, "t0ken")
    assert (place.parent / "precious").read_text(encoding="ascii") == "precious"
    assert token_file.read(place, 8080).token == "t0ken"
    assert json.dumps(token_file.read(place, 8081).token) == '""'
