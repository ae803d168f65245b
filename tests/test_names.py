"""The names that this package takes from OpenTelemetry's semantic conventions are theirs."""

from __future__ import annotations

import importlib
import pkgutil

from csg_otel import names

PACKAGES = ("attributes", "metrics", "_incubating.attributes", "_incubating.metrics")

OWN = {
    *("up", "target_info", "signal", "ro", "rw", "<service.name>", "health_check {name}", "otel.metric.overflow"),
    *(f"system.cpu.load_average.{minutes}m" for minutes in (1, 5, 15)),
    *("container.cpu.limit", "container.memory.limit", "system.filesystem.inodes.usage", "system.memory.oom_kills"),
}
"""Series of Prometheus, values, patterns, and what the conventions have no name for yet."""


def _conventions() -> set[str]:
    """Return every name in the installed conventions, those of attributes and of metrics."""
    packages = [importlib.import_module(f"opentelemetry.semconv.{package}") for package in PACKAGES]
    modules = [
        info.name for package in packages for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    contents = [vars(importlib.import_module(module)) for module in modules]
    return {value for content in contents for value in content.values() if isinstance(value, str)}


def test_every_name_without_the_prefix_is_one_of_the_conventions() -> None:
    """The names of the host, the process and the SDK are those of the installed conventions, letter by letter."""
    metrics = [value for value in vars(names).values() if isinstance(value, names.Metric)]
    texts = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    written = {metric.name for metric in metrics} | {key for metric in metrics for key in metric.attributes} | texts
    conventional = {name for name in written if not name.startswith(("csg.", "csg_"))} - OWN

    assert len(conventional) > 90
    assert conventional - _conventions() == set()
