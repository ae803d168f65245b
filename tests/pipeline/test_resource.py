"""The resource of a process, and the service's name without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from csg_otel.config import load
from csg_otel.pipeline.resource import make_resource, service_name

NAME = """
import sys
from csg_otel.config import load
from csg_otel.pipeline.resource import service_name
config = load({}).config
old = set(sys.modules)
print(service_name(config), *sorted(name for name in set(sys.modules) - old))
print(*sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk")))
"""


def test_the_services_name_costs_no_import_of_the_sdk(tmp_path: Path) -> None:
    """The script's name is the service's where none is configured, and nothing is imported for it."""
    script = tmp_path / "shop.py"
    script.write_text(NAME)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, cwd=tmp_path)

    assert (done.stdout, done.returncode) == ("shop\n\n", 0), done.stderr


@pytest.mark.parametrize("name", ["", "shop", "x" * 2000, "a\ud800b"])
def test_the_services_name_is_that_of_the_resource(name: str) -> None:
    """Whatever is configured, both functions return the same name."""
    config = load({"service": {"name": name}} if name else {}).config

    assert make_resource(config).attributes["service.name"] == service_name(config)


@pytest.mark.parametrize(
    ("key", "value", "attribute"),
    [
        ("name", "shop", ("service.name", "shop")),
        ("version", "1.2.3", ("service.version", "1.2.3")),
        ("environment", "staging", ("deployment.environment.name", "staging")),
        ("attributes", {"team": "blue"}, ("team", "blue")),
    ],
)
def test_each_key_of_the_service_is_in_the_resource(key: str, value: object, attribute: tuple[str, str]) -> None:
    """Every key of the section `service` is an attribute of everything that is sent."""
    plain = make_resource(load({}, environ={}).config).attributes
    attributes = make_resource(load({"service": {key: value}}, environ={}).config).attributes

    assert attribute in attributes.items()
    assert attribute not in plain.items()
