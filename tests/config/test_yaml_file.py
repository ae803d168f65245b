"""YAML is read with places, and a hostile file costs a message."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import load_lenient
from csg_otel.config.sources.yaml_file import parse
from csg_otel.config.tree import Report


def places(text: str) -> dict[str, str]:
    """Return the place of every top-level key of *text*."""
    node = parse(text, "f", Report())
    assert node is not None
    return {key: child.origin.where for key, child in node.value.items()}


def test_keys_have_their_place() -> None:
    """A value's place is its key's, counted from one, in block and flow style."""
    assert places("a: 1\n\nb: {c: 2}\n") == {"a": "f:1:1", "b": "f:3:1"}


def test_keys_are_text() -> None:
    """YAML 1.1 would read these keys as booleans, numbers and null; here a key is what was written."""
    assert list(places("on: 1\nno: 2\n1: 3\nnull: 4\n")) == ["on", "no", "1", "null"]


def test_merge_keys_are_honoured() -> None:
    """``<<`` takes what the mapping doesn't say itself, from one or several."""
    node = parse("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\n", "f", Report())

    assert node is not None
    assert {key: child.value for key, child in node.value["z"].value.items()} == {"a": 1, "b": 1, "c": 3}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises: it is read, or there is a problem."""
    report = Report()
    node = parse(text, "f", report)

    assert node is None or node.value is None or isinstance(node.value, dict)


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 3000, "- " * 4000, "a: &a {b: *a}", "? [a]\n: b"])
def test_hostile_nesting_is_a_problem(text: str) -> None:
    """Deep nesting, self-reference and keys that aren't words are problems."""
    report = Report()
    parse(text, "f", report)

    assert report.problems


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    """More than 1 MiB isn't read."""
    (tmp_path / "c.yaml").write_bytes(b"#" * (1024 * 1024 + 1))

    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == (
        "c.yaml: can't be read: it is larger than 1 MiB",
    )


def test_bytes_that_are_no_text_are_located(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a problem with its line."""
    (tmp_path / "c.yaml").write_bytes(b"a: 1\nb: \xff\n")

    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == (
        "c.yaml:2:1: not UTF-8 text; save the file as UTF-8",
    )


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory, a pipe or a device is no configuration file."""
    assert load_lenient(tmp_path, environ={}).problems == (f"{tmp_path}: can't be read: it is a folder, not a file",)


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeffservice: {name: x}", "alerting:\nslos:\n"])
def test_empty_sections_and_marks_are_fine(text: str, tmp_path: Path) -> None:
    """An empty file, an empty section and a byte order mark are no problem."""
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")

    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == ()


def test_a_substitution_in_braces_gets_a_hint() -> None:
    """``{a: ${B}}`` isn't YAML; the problem says to quote it."""
    report = Report()
    parse("a: {b: ${C}}", "f", report)

    assert 'quote it: "${NAME}"' in next(iter(report.problems))


HOSTILE: dict[str, str | bytes] = {
    "deep_flow": "a: " + "[" * 100_000,
    "deep_blocks": "\n".join(" " * depth + "a:" for depth in range(1200)),
    "huge_integer": "system_monitoring: {prometheus: {port: " + "9" * 5000 + "}}",
    "hexadecimal": "system_monitoring: {prometheus: {port: 0x" + "f" * 500_000 + "}}",
    "huge_float": "system_monitoring: {collection_interval: 1e999999}",
    "sexagesimal": "system_monitoring: {collection_interval: " + ":".join("1" * 100_000) + "}",
    "a_nul": "service: {name: a\0b}",
    "a_tab": "service:\n\tname: x",
    "merge_of_itself": "a: &a {<<: *a}\nservice: {<<: *a}",
    "merge_of_no_mapping": "service: {<<: [1, 2]}",
    "merge_bomb": "x0: &x0 {a: 1}\n"
    + "\n".join(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}]}}" for n in range(1, 8)),
    "twice": "service: {name: a, name: b}",
    "keys_that_are_no_text": "service: {1: x, true: y, null: z, 2.5: w}",
    "a_date_as_key": "2026-11-27: x",
    "a_list_as_key": "? [a, b]\n: c",
    "binary": "service: {name: !!binary aGVsbG8=}",
    "two_documents": "service: {name: a}\n---\nservice: {name: b}",
    "braces": "service: {name: '" + "${A:-" * 100_000 + "'}",
    "unknown_keys": "service:\n" + "\n".join(f"  k{n}: 1" for n in range(5000)),
    "a_fifo": "service: {name: '${file:fifo}'}",
    "a_device": "service: {name: '${file:/dev/zero}'}",
    "a_process": "service: {name: '${file:/proc/self/mem}'}",
    "utf_16": "service: {name: x}".encode("utf-16"),
    "utf_32": "service: {name: x}".encode("utf-32"),
    "a_surrogate": b"service: {name: \xed\xa0\x80}",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_a_problem_with_its_place(name: str, tmp_path: Path) -> None:
    """Nothing is raised, and each problem has line and column."""
    os.mkfifo(tmp_path / "fifo")
    content = HOSTILE[name]
    (tmp_path / "c.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    loaded = load_lenient("c.yaml", environ={}, cwd=tmp_path)

    assert loaded.problems
    assert all(re.match(r"c\.yaml:\d+:\d+: ", problem) for problem in loaded.problems)
    assert all(len(problem) < 1000 for problem in loaded.problems)
    assert sum("did you mean" in problem or "known:" in problem for problem in loaded.problems) <= 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\n" * 200_000, "more than 20000 values"),
        ("a: 1\n" * 10_000, "more than 100 keys are given twice"),
        ("- a\n" * 250_000, "more than 20000 values"),
        ("".join(f"k{n}: 1\n" for n in range(100_000)), "more than 20000 values"),
        ("x: &x {k: 1}\ny:\n" + "  <<: *x\n" * 100_000, "more than 20000 values"),
        ("[" * 100 + "a," * 500_000, "more than 20000 values"),
    ],
)
def test_a_flood_of_values_is_refused_early(text: str, problem: str) -> None:
    """The rest of the file is not read, and not each of 200,000 keys that occur twice is a problem: that would take 20 s."""
    report = Report()
    assert parse(text, "f", report) is None

    last = list(report.problems)[-1]
    assert problem in last
    assert len(report.problems) <= 101
    assert int(last.split(":")[1]) <= 20_001


def test_dates_and_a_mark_of_byte_order_are_text(tmp_path: Path) -> None:
    """A date is what is written there, and what a variable or a file holds is not replaced again."""
    (tmp_path / "name").write_text("${file:name}", encoding="utf-8")
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfservice: {name: '${file:name}', version: 2026-11-27}")
    service = load_lenient("c.yaml", environ={}, cwd=tmp_path).config.service

    assert (service.name, service.version) == ("${file:name}", "2026-11-27")
