"""The section `slos`: service level objectives."""

from collections.abc import Mapping
from dataclasses import field

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Slo(Printed):
    """A service level objective; `good`, `bad` and `total` are metrics, or PromQL with `[window]`."""

    name: str = setting(doc="Its name; unique.")
    objective: float = setting(doc="Share of good events.", unit="%", above=0, high=100)
    window: float = setting(30 * 86400.0, "The period of the objective.", unit="s", above=0)
    good: str | None = setting(None, "Metric of good events; either this or `bad`.")
    bad: str | None = setting(None, "Metric of bad events; either this or `good`.")
    total: str = setting(doc="Metric of all events.")
    min_events: int = setting(
        0, "No burn alert while fewer events than this happened in its long window; 0 for no such limit.", low=0
    )
    description: str = setting("", "A description of the objective.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on its alerts.")
    runbook_url: str | None = setting(None, "URL of a page with instructions for its alerts.")
    location: str = field(default="", compare=False)
