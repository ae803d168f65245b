"""Files that stay open: they show the present, survive what happens to their descriptors, and belong to one process."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.host.kernel_files import KernelFiles, number
from support.programs import Program


def _descriptors() -> dict[str, str]:
    """Return the target of each open descriptor of this process, by its number."""
    targets = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            targets[entry.name] = str(entry.readlink())
        except FileNotFoundError:  # that of the list itself
            continue
    return targets


def test_a_reading_is_of_this_moment_and_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading has the new content, without another open file."""
    path = tmp_path / "stat"
    path.write_text("1")
    files = KernelFiles()
    first = files.find(str(path))
    path.write_text("22")

    def refuse(*_: object) -> int:
        raise AssertionError("opened again")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        second = files.find(str(path))

    assert (first, second) == (b"1", b"22")
    files.close()


@pytest.mark.parametrize("size", [0, 1, 2048, 2049, 40_000, 200_000])
def test_the_whole_content_is_read(tmp_path: Path, size: int) -> None:
    """However long the file is, and in whatever pieces it comes."""
    path = tmp_path / "long"
    content = (b"0123456789\n" * (size // 11 + 1))[:size]
    path.write_bytes(content)

    assert KernelFiles().find(str(path)) == content


@pytest.mark.parametrize("path", ["/proc/stat", "/proc/vmstat", "/proc/diskstats", "/proc/net/dev", "/proc/meminfo"])
def test_the_kernels_files_are_complete(path: str) -> None:
    """The kernel returns its files in pieces; the last line is that of a reading to the end."""
    names = [line.split()[0] for line in Path(path).read_bytes().splitlines()]
    content = KernelFiles().find(path) or b""

    assert [line.split()[0] for line in content.splitlines()] == names


def test_nothing_stays_open_after_the_end(tmp_path: Path) -> None:
    """`close` closes every descriptor, and so does the end of the object; a later reading opens the file again."""
    path = tmp_path / "file"
    path.write_text("x")
    before = _descriptors()
    files = KernelFiles()
    files.find(str(path))
    open_now = _descriptors()
    files.close()
    closed = _descriptors()
    again = files.find(str(path))
    del files

    assert str(path) in open_now.values()
    assert again == b"x"
    assert str(path) not in {*closed.values(), *_descriptors().values()} - set(before.values())


def test_a_file_that_is_missing_is_looked_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file costs nothing for a minute; then it is found."""
    path = tmp_path / "later"
    files = KernelFiles()
    first = files.find(str(path))
    path.write_text("here")
    soon = files.find(str(path))
    monkeypatch.setattr("csg_otel.clocks.monotonic", lambda: 1e12)

    assert (first, soon, files.find(str(path))) == (None, None, b"here")


def test_a_program_that_closes_all_descriptors_keeps_its_files(tmp_path: Path) -> None:
    """After the program has closed all and opened its own, readings are right, and the program's files stay open."""
    own, kernel = tmp_path / "own", tmp_path / "kernel"
    own.write_text("the program's")
    kernel.write_text("the kernel's")
    source = f"""
        import json, os
        from csg_otel.host.kernel_files import KernelFiles

        files = KernelFiles()
        files.find({str(kernel)!r})
        files.find("/proc/stat")
        os.closerange(3, 200)
        mine = [os.open({str(own)!r}, os.O_RDONLY) for _ in range(20)]
        files.verify()
        found = files.find({str(kernel)!r}).decode(), files.find("/proc/stat")[:4].decode()
        files.close()
        print(json.dumps([found, [os.read(descriptor, 100).decode() for descriptor in mine]]))
    """
    with Program(source, tmp_path) as program:
        found, contents = json.loads(program.line())

    assert found == ["the kernel's", "cpu "]
    assert contents == ["the program's"] * 20


def test_a_closed_descriptor_is_opened_again_without_a_look_before(tmp_path: Path) -> None:
    """A reading whose descriptor is closed opens the file again by itself."""
    source = """
        import os
        from csg_otel.host.kernel_files import KernelFiles

        files = KernelFiles()
        files.find("/proc/stat")
        os.closerange(3, 200)
        print(files.find("/proc/stat")[:4].decode())
    """
    with Program(source, tmp_path) as program:
        assert program.line().strip() == "cpu"


def test_changes_that_are_not_reported_count_as_changes(tmp_path: Path) -> None:
    """A missing file is never unchanged, and the first look at the table of mounts is none; the second is."""
    files = KernelFiles()

    assert not files.is_unchanged(str(tmp_path / "none"))
    assert not files.is_unchanged("/proc/self/mounts")
    assert files.is_unchanged("/proc/self/mounts")
    files.close()


@given(
    st.dictionaries(st.text("abcXYZ_", min_size=1), st.integers(0, 2**64 - 1)),
    st.sampled_from([": ", "   ", ":\t", ": \t    "]),
    st.sampled_from(["", " kB"]),
)
def test_numbers_are_those_of_their_line(table: dict[str, int], between: str, unit: str) -> None:
    """Each name has its own number, whatever the other names begin or end with; another name has none."""
    content = "".join(f"{name}{between}{value}{unit}\n" for name, value in table.items()).encode()

    assert {name: number(content, f"{name}{between[0]}".encode()) for name in table} == table
    assert number(content, b"other" + between[0].encode()) is None
