"""The table of backends: from a specification to files, by their names. A compiler is pure: same specification, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.datadog import monitors
from csg_otel.alerts.grafana import provisioning
from csg_otel.alerts.prometheus import rules
from csg_otel.alerts.spec import AlertSpec, Options
from csg_otel.errors import AlertError, suggestion

Compiler = Callable[[AlertSpec, Catalog, Options], dict[str, str]]

COMPILERS: Final[Mapping[str, Compiler]] = {
    "prometheus": rules.compile_files,
    "alertmanager": config.compile_files,
    "datadog": monitors.compile_files,
    "grafana": provisioning.compile_files,
}
"""By the name of the target."""


def compile_all(
    spec: AlertSpec, catalog: Catalog, options: Options | None = None, targets: tuple[str, ...] = ()
) -> dict[str, str]:
    """
    Return the files of *targets* (all, if none is named) by their names.

    Raises AlertError for an unknown target, and if there is nothing to write.
    """
    unknown = [target for target in targets if target not in COMPILERS]
    if unknown:
        known = f" (known: {', '.join(COMPILERS)})"
        raise AlertError([f"unknown target {one!r}{suggestion(one, COMPILERS) or known}" for one in unknown])
    if not (spec.rules or spec.objectives):
        raise AlertError(["nothing to write: there is no rule and no objective (alerting.rules, slos)"])
    files: dict[str, str] = {}
    for target in targets or tuple(COMPILERS):
        files.update(COMPILERS[target](spec, catalog, options or Options()))
    return files
