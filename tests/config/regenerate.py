"""
Write the files that are generated from the settings: the JSON Schema and docs/configuration-reference.md.

Run it after changing a setting: ``python tests/config/regenerate.py``. Tests fail until it has been run.
"""

from __future__ import annotations

from pathlib import Path

from csg_otel.config import reference, schema

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write both files."""
    target = ROOT / "src" / "csg_otel" / "config" / "monitoring_config.schema.json"
    target.write_text(schema.text(), encoding="utf-8")
    (ROOT / "docs" / "configuration-reference.md").write_text(reference.document(), encoding="utf-8")


if __name__ == "__main__":
    main()
