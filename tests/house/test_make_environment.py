"""`make` changes and removes no virtual environment that it has not made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """A folder with the Makefile alone."""
    shutil.copy(root / "Makefile", tmp_path)
    return tmp_path


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("target", ["bench-scrub", "test", "check", "demo"])
def test_an_environment_of_the_user_stays_as_it_is(clone: Path, target: str) -> None:
    """The target fails before anything is installed, and says what to do instead."""
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    done = _make(clone, target)

    assert done.returncode != 0
    assert ".venv was not made by make, and stays as it is" in done.stdout
    assert "make VENV=" in done.stdout
    assert sorted(path.name for path in (clone / ".venv").iterdir()) == ["bin", "pyvenv.cfg"]


@pytest.mark.parametrize(("stamp", "is_kept"), [("pyvenv.cfg", True), (".made", False), (".making", False)])
def test_clean_removes_only_what_make_has_made(clone: Path, stamp: str, is_kept: bool) -> None:
    """Also what it had begun to make; another folder of the user stays."""
    (clone / ".venv").mkdir()
    (clone / ".venv" / stamp).touch()
    done = _make(clone, "clean")

    assert done.returncode == 0, done.stderr
    assert (clone / ".venv").exists() is is_kept


PYTHON = """\
#!/bin/sh
[ "$1" = -c ] && exit 0
[ "$*" = "-m venv other" ] && mkdir -p other/bin && touch other/bin/python
"""
"""A stand-in of Python, because a real environment takes half a minute; it takes no option that clears the folder."""


def test_an_environment_is_made_in_another_folder(clone: Path) -> None:
    """With the stamp, also where an earlier attempt was interrupted."""
    (clone / ".venv").mkdir()
    (clone / "other").mkdir()
    (clone / "other/.making").touch()
    (clone / "python").write_text(PYTHON)
    (clone / "python").chmod(0o755)
    done = _make(clone, "PYTHON=./python", "VENV=other", "other/.made")

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (clone / "other").iterdir()) == [".made", "bin"]
    assert list((clone / ".venv").iterdir()) == []
