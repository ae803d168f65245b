"""docs/security.md promises nothing without a test: each row of its threats names tests, and these exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """Return the page."""
    return (root / "docs" / "security.md").read_text(encoding="utf-8")


def _rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables of *text*, without heads and rules."""
    lines = [line.strip() for line in text.splitlines()]
    rules = [number for number, line in enumerate(lines) if re.fullmatch(r"\|[-:| ]+\|", line)]
    skipped = {number - offset for number in rules for offset in (0, 1)}
    rows = [line for number, line in enumerate(lines) if line.startswith("|") and number not in skipped]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_every_threat_has_a_test(page: str) -> None:
    """The last cell of each row below "Threats" names at least one test, and the cell before says what holds."""
    threats = page.split("\n## Threats\n")[1].split("\n## ", maxsplit=1)[0]
    rows = _rows(threats)

    assert len(rows) > 8
    assert [row for row in rows if len(row) != 3 or not all(row) or not TEST.search(row[-1])] == []


def test_every_named_test_exists(page: str, root: Path) -> None:
    """Each path of a test file is there, and each name behind `::` is a test function in it."""
    missing = []
    for name in sorted(set(TEST.findall(page))):
        path, _, function = name.partition("::")
        tree = ast.parse((root / path).read_text(encoding="utf-8")) if (root / path).is_file() else ast.Module([], [])
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if not functions or (function and function not in functions):
            missing.append(name)

    assert missing == []


def test_the_policy_and_the_page_lead_to_each_other(tracked: dict[str, str]) -> None:
    """A visitor of the first page finds both; the policy and the page name each other."""
    assert [name for name in ("SECURITY.md", "docs/security.md") if f"({name})" not in tracked["README.md"]] == []
    assert "(SECURITY.md)" in tracked["CONTRIBUTING.md"]
    assert "(../SECURITY.md)" in tracked["docs/security.md"]
    assert "(docs/security.md)" in tracked["SECURITY.md"]


def test_the_policy_names_one_private_way_and_invents_no_address(tracked: dict[str, str]) -> None:
    """The steps, what to do where they are not possible, and neither an e-mail address nor a link that nobody owns."""
    section = tracked["SECURITY.md"].split("## Report a vulnerability\n")[1].split("\n## ", maxsplit=1)[0]
    words = ("*Security*", "*Advisories*", "*Report a vulnerability*", "Is the button missing", "no e-mail address")

    assert [word for word in words if word not in section] == []
    assert re.findall(r"\S+@\S+|https?://\S+", section) == []


def test_what_leaves_names_the_headers_of_the_program_s_own_calls(page: str) -> None:
    """Each header that OpenTelemetry's propagators add by default has its row, since nothing scrubs them."""
    from opentelemetry import propagate

    fields = set(propagate.get_global_textmap().fields)
    table = page.split("\n## What leaves the process\n")[1].split("\n## ", maxsplit=1)[0]

    assert fields >= {"traceparent", "baggage"}
    assert [name for name in sorted(fields) if f"`{name}`" not in table] == []
