"""docs/configuration-reference.md has every setting, as it is declared; the guide links to what exists."""

from __future__ import annotations

import re
from pathlib import Path

from csg_otel.config.reference import document
from csg_otel.config.walk import leaves

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_current() -> None:
    """The page is what the declarations give; `python tests/config/regenerate.py` writes it."""
    assert (DOCS / "configuration-reference.md").read_text(encoding="utf-8") == document()


def test_every_setting_is_described() -> None:
    """Every setting has a sentence, its key and its variables in the reference."""
    text = document()

    for leaf in leaves():
        assert leaf.setting.doc.rstrip().endswith((".", ")", "`", "...")), leaf.key
        assert f"| `{leaf.key}` |" in text
        assert all(f"`{name}`" in text for name in leaf.variables)


def test_links_of_guide_and_reference_lead_somewhere() -> None:
    """Every link to a heading or a file in the guide and the reference has its target."""
    pages = {
        name: (DOCS / name).read_text(encoding="utf-8") for name in ("configuration.md", "configuration-reference.md")
    }
    headings = {
        name: {
            re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower().replace(" ", "-")
            for line in text.split("\n")
            if line[:1] == "#"
        }
        for name, text in pages.items()
    }
    lost = []
    for name, text in pages.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, heading = target.partition("#")
            if "://" in target:
                continue
            if not (DOCS / (file or name)).is_file() or (
                heading and heading not in headings.get(file or name, {heading})
            ):
                lost.append(f"{name}: {target}")

    assert lost == []
