"""The table of compilers, one per backend. A compiler is pure: it compiles the same specification to the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.datadog import monitors
from csg_otel.alerts.grafana import provisioning
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus import rules
from csg_otel.alerts.refusals import Report
from csg_otel.errors import AlertError, suggestion


@dataclass(frozen=True, slots=True)
class Options:
    """
    Versions and addresses of the backends.

    Versions are (major, minor). *secrets_dir* is the absolute directory in which Alertmanager reads each secret from a file
    that is named after its setting. *relay_url* is the address of ``csg-otel alerts relay``, *relay_token_file* the file in
    which Alertmanager reads its token; empty if it needs none.
    """

    prometheus_version: tuple[int, int] = (2, 42)
    alertmanager_version: tuple[int, int] = (0, 25)
    secrets_dir: str = "/etc/alertmanager/secrets"
    relay_url: str = "http://127.0.0.1:9095"
    relay_token_file: str = ""


Compiler = Callable[[AlertSpec, Catalog, Options, Report], dict[str, str]]

COMPILERS: Final[Mapping[str, Compiler]] = {
    "prometheus": rules.compile_files,
    "alertmanager": config.compile_files,
    "datadog": monitors.compile_files,
    "grafana": provisioning.compile_files,
}
"""The compilers by the names of their targets."""


def compile_all(
    spec: AlertSpec,
    catalog: Catalog,
    options: Options | None = None,
    targets: tuple[str, ...] = (),
    report: Report | None = None,
) -> dict[str, str]:
    """
    Return the compiled files by their names. Raises AlertError for an unknown target and for an empty specification.

    A rule that a backend can't evaluate is left out of its file only.

    Args:
        spec: the specification.
        catalog: the metrics that its rules name.
        options: versions and addresses of the backends; by default the oldest supported versions.
        targets: names of ``COMPILERS``; by default all of them.
        report: receives the rules that a backend can't evaluate, as (dotted key, message); by default they are an AlertError.
    """
    unknown = [target for target in targets if target not in COMPILERS]
    if unknown:
        choices = f" (choose from {', '.join(COMPILERS)})"
        raise AlertError([f"unknown target {name!r}{suggestion(name, COMPILERS) or choices}" for name in unknown])
    if not (spec.rules or spec.objectives):
        raise AlertError(
            ["nothing to write: the configuration has no rule and no objective; add alerting.rules or slos"]
        )
    catalog = catalog.of_service(spec.service, spec.selector)
    files: dict[str, str] = {}
    problems: list[str] = []

    named = {rule.path: f"{rule.name!r} " for rule in spec.rules}
    refused: set[tuple[str, str]] = set()

    def collect(path: str, message: str) -> None:
        problems.append(f"{path}: {message}")

    for target in targets or tuple(COMPILERS):

        def of_target(path: str, message: str, target: str = target) -> None:
            whole = f"{named.get(path, '')}is not compiled for {target}: {message}"
            if (path, whole) not in refused:  # the levels of a rule are refused for the same reason
                refused.add((path, whole))
                (report or collect)(path, whole)

        files.update(COMPILERS[target](spec, catalog, options or Options(), of_target))
    if problems:
        raise AlertError(problems)
    return files
