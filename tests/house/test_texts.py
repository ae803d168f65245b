"""The repository's texts: nothing private in them, and what they tell people to type works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from csg_otel._version import VERSION
from csg_otel.cli import COMMANDS

# Written in pieces, so that this file does not name what it forbids.
HOSTS = "pypi|org pythonhosted|org crates|io npmjs|org golang|org maven|org deb|debian|org".replace("|", "[.]").split()
PLACES = "|root| |home|[a-z] |work| |tmp|venv |tmp|plan |opt|wheels".replace("|", "[/]").split()


def _targets(root: Path) -> set[str]:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE))


@pytest.mark.parametrize("words", [HOSTS, PLACES], ids=["registry hosts", "machine paths"])
def test_no_text_names_a_private_place(tracked: dict[str, str], words: list[str]) -> None:
    """No file names a package registry's host or a path of the machine it was written on."""
    pattern = re.compile("|".join(words))
    found = [
        f"{path}:{number}"
        for path, text in tracked.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_of_a_page_exist(tracked: dict[str, str], root: Path, page: str) -> None:
    """Each `make ...` a page tells people to type is a target of the Makefile."""
    code = re.findall(r"```.*?```|`[^`\n]+`", tracked[page], re.DOTALL)
    used = {target for text in code for target in re.findall(r"\bmake ([a-z][a-z-]*)", text)}

    assert used
    assert used - _targets(root) == set()


def test_the_readme_names_every_command(tracked: dict[str, str]) -> None:
    """A visitor finds each command of the command line, and each extra that is for one, on the first page."""
    page = tracked["README.md"]
    named = set(re.findall(r"csg-otel ([a-z]+)|make (demo)", page))

    assert set(COMMANDS) - {word for words in named for word in words} == set()
    assert [extra for extra in ("[tui]", "[mcp]", "--otlp", "--mode report") if extra not in page] == []


def test_make_help_lists_every_target(root: Path) -> None:
    """`make help` explains each target a person may call."""
    help_text = subprocess.run(["make", "help"], cwd=root, check=True, capture_output=True, text=True).stdout

    assert set(re.findall(r"^  make ([a-z-]+) ", help_text, re.MULTILINE)) == _targets(root)


def test_links_between_pages_lead_somewhere(tracked: dict[str, str], root: Path) -> None:
    """Each relative link of a Markdown page points to a file of the repository."""
    dead = [
        f"{path} -> {target}"
        for path, text in tracked.items()
        if path.endswith(".md")
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
        if not (root / path).parent.joinpath(target).exists()
    ]

    assert dead == []


def test_the_changelog_knows_the_version(tracked: dict[str, str]) -> None:
    """The change log has a section for the version the package says it is."""
    assert f"\n## [{VERSION}]" in tracked["CHANGELOG.md"]


@pytest.mark.parametrize("script", [".ci/run", ".ci/real-parts", ".ci/neighbours", ".ci/node-parts"])
def test_ci_scripts_can_be_run(root: Path, script: str) -> None:
    """CI's scripts are committed executable and are valid bash."""
    listing = subprocess.run(["git", "ls-files", "-s", script], cwd=root, check=True, capture_output=True, text=True)

    assert listing.stdout.startswith("100755")
    subprocess.run(["bash", "-n", script], cwd=root, check=True)
