"""The section `slos`: service level objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from csg_otel.config.sections.fields import setting


@dataclass(frozen=True, kw_only=True)
class Slo:
    """A service level objective; `good` or `bad`, and `total`, are metrics or PromQL with `[window]`."""

    name: str = setting(doc="Its name; unique.")
    objective: float = setting(doc="Share of good events.", unit="%", above=0, high=100)
    window: float = setting(30 * 86400.0, "The period the objective is about.", unit="s", above=0)
    good: str | None = setting(None, "Counts good events; instead of `bad`.")
    bad: str | None = setting(None, "Counts bad events; instead of `good`.")
    total: str = setting(doc="Counts all events.")
    description: str = setting("", "What the objective is about.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on its alerts.")
    runbook_url: str | None = setting(None, "Where it says what to do.")
    location: str = field(default="", compare=False)
