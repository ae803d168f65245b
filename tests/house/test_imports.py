"""Doors to the outside: each foreign package is imported behind one of them, and only when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import grimp
import pytest

# What only these modules and folders of the package may import at run time.
DOORS = {
    "opentelemetry.sdk": {"exporters", "multiprocess", "pipeline", "providers", "testing"},
    "opentelemetry.exporter": {"exporters", "pipeline"},
    "prometheus_client": {"exporters", "pipeline"},
    "grpc": {"exporters", "grpc_health", "dashboard"},  # the dashboard receives
    "requests": {"exporters"},
    "psutil": {"metrics", "host"},
    "h11": {"server"},
    "uvicorn": set(),  # our endpoints are neither traced nor slowed down by what a program does to these two
    "starlette": set(),
    "yaml": {"config", "cli", "alerts"},
}
# One file each, of one shape; what they share stands in other files of the folder.
FAMILIES = {
    "csg_otel.exporters": ("console", "datadog", "otlp", "prometheus"),
    "csg_otel.metrics": ("process", "runtime", "system"),
}
# Underscored because the signal or the convention is young, yet documented for use.
PUBLISHED = {"_incubating", "_log_encoder", "_log_exporter", "_logs"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each import that runs, those under TYPE_CHECKING left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from _imports(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        else:
            yield from _imports(node)


@pytest.mark.parametrize("door", DOORS)
def test_a_foreign_package_is_imported_behind_its_door(package: list[Any], door: str) -> None:
    """A package of the table is imported by the modules named there and by no other."""
    strangers = [
        f"{source.path}:{line} imports {name}"
        for source in package
        for line, name in _imports(source.tree)
        if f"{name}.".startswith(f"{door}.") and source.member not in DOORS[door]
    ]

    assert strangers == []


@pytest.mark.parametrize("folder", FAMILIES)
def test_members_of_a_family_do_not_know_each_other(package: list[Any], folder: str) -> None:
    """A destination, a probe or a source of metrics can be read, changed and removed without looking at its sisters."""
    members = {f"{folder}.{name}" for name in FAMILIES[folder]}
    acquainted = [
        f"{source.path}:{line} imports {name}"
        for source in package
        if source.dotted in members
        for line, name in _imports(source.tree)
        if any(f"{name}.".startswith(f"{other}.") for other in members - {source.dotted})
    ]

    assert acquainted == []


def test_private_names_of_others_are_touched_in_few_files(package: list[Any]) -> None:
    """Only the files `_compat*.py` import what another package calls private."""
    private = [
        f"{source.path}:{line} imports {name}"
        for source in package
        for line, name in _imports(source.tree)
        if not name.startswith(("csg_otel.", "__future__."))
        and any(part.startswith("_") and part not in PUBLISHED for part in name.split("."))
        and "/_compat" not in source.path
    ]

    assert private == []


def test_the_environment_is_read_in_one_module(package: list[Any]) -> None:
    """Nobody but `environment.py` touches `os.environ` or `os.getenv`, under any name."""
    readers = {
        source.path
        for source in package
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & ENVIRONMENT)
    }

    assert readers == {"src/csg_otel/environment.py"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Modules can be read bottom up: none needs a module that needs it in turn, its own package included."""
    graph = grimp.build_graph("csg_otel", exclude_type_checking_imports=True)
    needs = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        circle: list[str] = []
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = error.args[1]

    assert circle == []


def _printed_by(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def test_importing_the_package_loads_no_sdk() -> None:
    """`import csg_otel` costs no SDK, no server and no psutil: none of their modules is loaded, nor any of Python's."""
    loaded = _printed_by("import sys; old = set(sys.modules); import csg_otel; print(*(set(sys.modules) - old))")

    assert [name for name in loaded if f"{name}.".startswith(tuple(f"{door}." for door in DOORS))] == []
    assert set(loaded) - {"__future__"} == {"csg_otel"}


def test_what_every_program_uses_loads_little_beside_the_api() -> None:
    """Beside OpenTelemetry's API, the decorators and instruments load a few modules of Python and none of OpenTelemetry."""
    api = _printed_by("import sys; from opentelemetry import _logs, metrics, trace; print(*sys.modules)")
    ours = _printed_by("import sys, csg_otel; csg_otel.observe, csg_otel.counter; print(*sys.modules)")
    added = [name for name in ours if name not in api and not name.startswith("csg_otel")]

    assert [name for name in added if name.startswith("opentelemetry")] == []
    assert len(added) <= 3, added


def test_importing_the_package_starts_nothing() -> None:
    """After `import csg_otel` there is one thread, and the program's tracer provider is still its own to set."""
    code = (
        "import threading, csg_otel; from opentelemetry import trace;"
        "print(threading.active_count(), type(trace.get_tracer_provider()).__name__)"
    )

    assert _printed_by(code) == ["1", "ProxyTracerProvider"]
