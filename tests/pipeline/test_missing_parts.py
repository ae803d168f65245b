"""
A release of the SDK without the private parts that the fast path uses: all works by the public API, and the doctor says so.

The rule: each test hides real parts of the installed SDK from this package alone, in a process of its own; the SDK itself keeps
working.
"""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

import csg_otel
from support.otlp_sink import HttpSink
from support.programs import HUNG_S, Program

_OF_ALL_WAYS = {"_compat.py", "_compat_events.py"}
"""Files whose parts the slow way needs, too."""

HIDING = """
import importlib, sys, types
import opentelemetry.sdk._logs, opentelemetry.sdk.metrics.view, opentelemetry.sdk.trace

def hide(module, names):
    real = importlib.import_module(module)
    for name in names:
        if isinstance(getattr(real, name), types.ModuleType):
            sys.modules[f"{module}.{name}"] = None
    shown = types.ModuleType(module)
    shown.__dict__.update({name: value for name, value in vars(real).items() if name not in names})
    parent, _, last = module.rpartition(".")
    setattr(sys.modules[parent], last, shown)
    sys.modules[module] = shown

def renamed(function, name):
    names = tuple("another_name" if present == name else present for present in function.__code__.co_names)
    function.__code__ = function.__code__.replace(co_names=names)

def rename(module, name):
    for item in vars(importlib.import_module(module)).values():
        for part in [item, *vars(item).values()] if isinstance(item, type) else [item]:
            part = getattr(part, "fget", part)
            if isinstance(part, types.FunctionType) and part.__module__ == module:
                renamed(part, name)
"""

PROGRAM = """
import json, os, re, urllib.request
import csg_otel
from csg_otel.cli.doctor import examine

def scraped(telemetry):
    text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
    names = "orders_total", "sizes_count", "csg_operation_duration_seconds_count"
    return [float(re.search(rf"^{name}\\S* (.*)$", text, re.M)[1]) for name in names]

def work(telemetry):
    csg_otel.counter("orders").add(2)
    csg_otel.histogram("sizes").record(3)
    with csg_otel.observe("pack"):
        pass
    return scraped(telemetry)

def start(**settings):
    return csg_otel.instrument("mine", exporters=["prometheus", "otlp"], health_monitoring__enabled=False,
                               system_monitoring__enabled=False, **settings)

shown = {}
telemetry = start()
shown["first"] = work(telemetry)
telemetry = start(exporters__queue__delay=2.0)
shown["settings changed"] = work(telemetry)
read, write = os.pipe()
if os.fork() == 0:
    with csg_otel.observe("in a child"):
        csg_otel.counter("orders_of_child").add(1)
    telemetry.force_flush(5)
    os.write(write, b"works")
    os._exit(0)
os.close(write)
shown["child"] = os.read(read, 100).decode()
os.wait()
shown["doctor"] = next(finding.result for finding in examine(None) if finding.subject == "fast path")
telemetry.shutdown(10)
print(json.dumps(shown))
"""


def parts() -> dict[str, list[str]]:
    """Return what the files of the fast path import of OpenTelemetry's private parts: names, by module."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in Path(csg_otel.__file__).parent.glob("pipeline/_compat*.py"):
        if path.name in _OF_ALL_WAYS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("opentelemetry."):
                names = {alias.name for alias in node.names}
                is_private = "._" in node.module.replace("._logs", "")  # the public name of a signal
                found[node.module] |= names if is_private else {name for name in names if name[0] == "_"}
    return {module: sorted(names) for module, names in found.items() if names}


def check(change: str, cwd: Path, *, exported: float = 4) -> None:
    """Run the program with an SDK changed by *change*, and check what it shows; *exported* is its last sum of orders."""
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    with closing(HttpSink()) as sink:
        env["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.endpoint
        with Program(HIDING + change + PROGRAM, cwd, env) as program:
            assert program.wait(HUNG_S) == 0, program.stderr
            assert program.process.stdout is not None
            shown = json.loads(program.process.stdout.read().splitlines()[-1])

    assert "Traceback" not in program.stderr, program.stderr
    assert program.stderr.count("the fast path does not work with this OpenTelemetry SDK") == 1
    assert shown["first"] == [2, 1, 1]
    assert shown["settings changed"] == [4, 2, 2]
    assert shown["child"] == "works"
    assert shown["doctor"].startswith("not with this OpenTelemetry SDK: ")
    assert max(point.as_int for point in sink.received.points("orders")) == exported
    assert {span.name for span in sink.received.spans} == {"pack", "in a child"}


@pytest.mark.parametrize("module", sorted(parts()))
def test_a_part_that_is_imported_is_missing(module: str, tmp_path: Path) -> None:
    """Whatever the fast path imports may be gone."""
    check(f"hide({module!r}, {parts()[module]!r})", tmp_path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("metric_reader_storage", "_instrument_view_instrument_matches"),
        ("aggregation", "_value"),
    ],
)
def test_a_part_that_is_read_has_another_name(module: str, name: str, tmp_path: Path) -> None:
    """So may be what it reads of the SDK's objects."""
    check(f"rename('opentelemetry.sdk.metrics._internal.{module}', {name!r})", tmp_path)


def test_sums_begin_again_where_the_sdk_keeps_them_elsewhere(tmp_path: Path) -> None:
    """A change of settings replaces the reader by the public API, which can't hand its sums on."""
    check(
        "rename('opentelemetry.sdk.metrics._internal.measurement_consumer', '_reader_storages')", tmp_path, exported=2
    )
