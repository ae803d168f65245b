"""For each setting a test that changes it and sees the effect: the table `effects.yaml` names it."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.config.walk import every

TABLE = Path(__file__).with_name("effects.yaml")


@pytest.fixture(scope="module")
def tests_of_settings() -> dict[str, list[str]]:
    """The table: each test, as pytest names it, with the settings whose effect it sees."""
    table: dict[str, list[str]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def test_each_setting_has_a_test_that_sees_its_effect(tests_of_settings: dict[str, list[str]]) -> None:
    """The table has every setting once; a setting without effect warns instead (`tests/config/test_no_effect.py`)."""
    listed = Counter(key for keys in tests_of_settings.values() for key in keys)
    settings = {leaf.key for leaf in every() if not leaf.no_effect}

    assert [key for key, times in listed.items() if times > 1] == []
    assert sorted(settings - listed.keys()) == [], "write a test that sees the effect, and name it in effects.yaml"
    assert sorted(listed.keys() - settings) == []


def test_the_tests_of_the_table_exist(tests_of_settings: dict[str, list[str]], test_files: list[Any]) -> None:
    """Each name in the table is a test function of that file."""
    functions = {
        f"{source.path}::{node.name}"
        for source in test_files
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
    }

    assert sorted(tests_of_settings.keys() - functions) == []
