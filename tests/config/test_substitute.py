"""Substitution replaces every form once and never shows a value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config.sources.substitute import Substitution, SubstitutionError, has_form, is_literal, names, unescape

plain = st.text(st.characters(exclude_characters="${}", exclude_categories=["Cs"]))


@given(value=st.text(min_size=1), before=plain, after=plain)
def test_what_comes_out_is_not_substituted_again(value: str, before: str, after: str) -> None:
    """A variable's value stands in the result as it is, whatever forms it has itself."""
    substitute = Substitution({"A": value, "B": "b"})

    assert substitute(f"{before}${{A}}{after}") == f"{before}{value}{after}"


def test_a_variable_that_holds_a_form_stays() -> None:
    """``${A}`` with A = ``${B}`` is the text ``${B}``."""
    assert Substitution({"A": "${B}", "B": "b"})("${A}-${B}") == "${B}-b"


def test_a_default_is_taken_for_unset_and_empty() -> None:
    """``:-`` gives the default when the variable is not set or empty, and isn't looked at otherwise."""
    substitute = Substitution({"SET": "x", "EMPTY": ""})

    assert [substitute("${SET:-d}"), substitute("${EMPTY:-d}"), substitute("${NOT:-}")] == ["x", "d", ""]


def test_a_file_is_read_beside_the_configuration(tmp_path: Path) -> None:
    """``${file:PATH}`` is the file's text without its last line end; relative paths start at the folder."""
    (tmp_path / "token").write_text("abc ${X}\r\n", encoding="utf-8")

    assert Substitution({}, tmp_path)("Bearer ${file:token}") == "Bearer abc ${X}"


@pytest.mark.parametrize(
    "text", ["${A", "${A b}", "${}", "${A-b}", "${NOT_SET}", "${file:nothing}", "${file:a\0b}", "${file:\ud800}"]
)
def test_a_broken_form_is_refused(text: str, tmp_path: Path) -> None:
    """A form without a value or with a mistake is an error, never a silent text."""
    with pytest.raises(SubstitutionError):
        Substitution({"A": "a"}, tmp_path)(text)


def test_a_large_or_binary_file_is_refused(tmp_path: Path) -> None:
    """A secret's file is small text; anything else is refused without showing it."""
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")

    for name, reason in {"large": "larger than 64 KiB", "binary": "not UTF-8"}.items():
        with pytest.raises(SubstitutionError, match=reason):
            Substitution({}, tmp_path)(f"${{file:{name}}}")


@pytest.mark.parametrize(("name", "kind"), [("fifo", "a FIFO"), ("/dev/zero", "a device"), ("folder", "a folder")])
def test_only_a_regular_file_is_read(name: str, kind: str, tmp_path: Path) -> None:
    """A FIFO without a writer and a device without an end are refused at once, in words."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()

    with pytest.raises(SubstitutionError, match=f"{name} can't be read: it is {kind}, not a file"):
        Substitution({}, tmp_path)(f"${{file:{name}}}")


def test_dollar_dollar_is_a_dollar() -> None:
    """``$${`` is a literal ``${`` and no form."""
    assert (has_form("$${A}"), unescape("$${A}"), Substitution({})("$${A}")) == (False, "${A}", "${A}")


@pytest.mark.parametrize(
    ("text", "literal"),
    [("abc", True), ("${A}", False), ("${A:-}", False), ("${A:-abc}", True), ("Bearer ${A}", False), ("$${A}", True)],
)
def test_a_literal_is_recognised(text: str, literal: bool) -> None:
    """A secret is literal when it has no form, or one whose default would be the secret."""
    assert is_literal(text) is literal


def test_the_names_asked_for_are_known() -> None:
    """All variables of a text are named, files are not."""
    assert names("${A}${B:-x}${file:C}$${D}") == {"A", "B"}
