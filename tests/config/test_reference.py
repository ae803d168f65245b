"""docs/configuration.md has every setting, as it is declared."""

from __future__ import annotations

from pathlib import Path

from csg_otel.config.reference import between, reference
from csg_otel.config.walk import leaves

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_reference_is_current() -> None:
    """What stands between the markers is what the dataclasses give; `python tests/config/regenerate.py` writes it."""
    assert between(DOCUMENT.read_text(encoding="utf-8")) == reference()


def test_every_setting_is_described() -> None:
    """Every setting has a sentence, its key and its variables in the reference."""
    text = reference()

    for leaf in leaves():
        assert leaf.setting.doc.rstrip().endswith((".", ")", "`", "...")), leaf.key
        assert f"| `{leaf.key}` |" in text
        assert all(f"`{name}`" in text for name in leaf.variables)
