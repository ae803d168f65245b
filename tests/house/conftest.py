"""The repository as the house tests see it: its files, and the package's modules as syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the repository's root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def member(self) -> str:
        """The module or folder directly below the package that the file belongs to."""
        return self.path.removeprefix("src/csg_otel/").split("/", 1)[0].removesuffix(".py")

    @property
    def dotted(self) -> str:
        """The module's name, as imports write it."""
        return self.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def read(folder: str) -> list[Source]:
    """Parse every Python file below *folder*."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    texts = [(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]
    return [Source(path, text, ast.parse(text, path)) for path, text in texts]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def package() -> list[Source]:
    """Return the package's modules."""
    return read("src/csg_otel")


@pytest.fixture(scope="session")
def test_files() -> list[Source]:
    """Return the test files."""
    return read("tests")


@pytest.fixture(scope="session")
def tracked() -> dict[str, str]:
    """Return the text of every file that is committed or about to be, by its path from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    paths = [path for path in listing if (ROOT / path).is_file()]
    return {path: (ROOT / path).read_text(encoding="utf-8", errors="replace") for path in paths}


@pytest.fixture
def check_generated(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that compares a generated part of a page with its text; `make golden` writes it, and nobody by hand."""

    def check(page: Path, text: str, *, begin: str = "", end: str = "") -> None:
        """Compare *text* with that between the marks *begin* and *end*; without marks, from the start, or to the end."""
        content = page.read_text(encoding="utf-8")
        head, rest = content.split(begin, 1) if begin else ("", content)
        present, tail = rest.split(end, 1) if end else (rest, "")
        if request.config.getoption("--update-golden"):
            page.write_text(head + begin + text + end + tail, encoding="utf-8")
            present = text
        assert present == text

    return check
