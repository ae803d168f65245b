"""
The catalog of metrics that rules may name: those of this package and of the program, aliases, and those of a ``/metrics`` page.

Pure. An alias is a short metric name, such as ``system_cpu_usage_percent`` (``names.ALIASES``). The rule: a name that is not in
the catalog is a mistake in the rule, and the message suggests the nearest name.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from csg_otel import names
from csg_otel.alerts import quantities
from csg_otel.alerts.expr import Life, Matcher, Select
from csg_otel.errors import suggestion

SERVICE: Final = "service"
"""Label of every alert and of every recorded series: the service that it belongs to."""

_START: Final = "process_start_time_seconds"
"""The start of a program in Unix seconds, as the client libraries of Prometheus expose it."""

_SELECTOR: Final = re.compile(r'([A-Za-z_]\w*)="([^"\\]+)"')

_TYPE: Final = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
_HELP: Final = re.compile(r"^# HELP (\S+) (.+)$", re.MULTILINE)
_LABELS: Final = re.compile(r'([A-Za-z_]\w*)="')
_KINDS: Final[dict[str, names.Kind]] = {"counter": "counter", "histogram": "histogram", "gauge": "gauge"}

# Filters of an alias in a rule without filters: they select one number, such as the total of all CPUs.
_DEFAULTS: Final = {
    "system_cpu_usage_percent": {"type": "total"},
    "system_memory_usage_bytes": {"type": "used"},
    "system_disk_usage_bytes": {"type": "used"},
    "system_load_average": {"period": "1m"},
    "application_memory_usage_bytes": {"type": "rss"},
}


@dataclass(frozen=True, slots=True)
class Ref:
    """
    A metric that a rule compares.

    *series* is the name of its series (of a histogram: without ``_bucket``). *attributes* are its attributes, each with the
    label of the series. An *open* metric declares no attributes, so it may have any. *alias* marks an alias. *defaults* are the
    filters of a rule that sets none. *matchers* select the series of the service, *life* those of its start and end.
    A series named *also* stands for the same value where there is no scrape.
    """

    name: str
    kind: names.Kind
    unit: str
    series: str
    attributes: tuple[tuple[str, str], ...] = ()
    open: bool = False
    alias: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    matchers: tuple[Matcher, ...] = ()
    life: Life | None = None
    also: str = ""
    description: str = ""
    written: str = ""
    """The type on the ``/metrics`` page of a program; empty for a metric that is declared."""
    part: str = ""
    """The end of the name of a series that is part of a histogram or a summary, such as ``_sum``; empty for a whole metric."""

    @property
    def is_untyped(self) -> bool:
        """Whether the program does not say what kind of metric it is, so that a rule decides."""
        return self.written in ("untyped", "unknown")

    def attribute(self, name: str) -> tuple[str, str] | None:
        """Return the attribute called *name* as (key, label): by its key, its label or the last part of its key; else None."""
        for attribute in self.attributes:
            if name in attribute:
                return attribute
        short = [attribute for attribute in self.attributes if attribute[0].rpartition(".")[2] == name]
        return short[0] if len(short) == 1 else None

    def label(self, key: str) -> str:
        """Return the label of the declared attribute *key*."""
        return dict(self.attributes)[key]


class UnknownMetricError(LookupError):
    """No metric has this name; the message is complete and suggests one."""


class Catalog:
    """The metrics that rules may name, by their OTel names, series names and aliases."""

    def __init__(
        self,
        declared: Iterable[names.Metric] = (),
        exposition: str = "",
        *,
        series: Callable[[str, str, names.Kind], str],
        label: Callable[[str], str],
        further: str = " (give --app or --metrics for the metrics of your program)",
    ) -> None:
        """
        Collect the metrics of this package and of the program, and the aliases.

        Args:
            declared: metrics that the program declares.
            exposition: text of the program's ``/metrics``; empty for none.
            series: returns the series name of an instrument by its name, unit and kind.
            label: returns the label of an attribute by its key.
            further: the end of the message about an unknown metric: how further metrics become known.
        """
        self.label = label
        self._further = further
        self._refs: dict[str, Ref] = {names.UP: Ref(names.UP, "gauge", "", names.UP, also=names.TARGET_INFO)}
        for name in (*names.ALIASES,):
            self._refs[name] = _of_alias(names.ALIASES[name])
        own = ((metric, False) for metric in declared)
        for metric, shipped in [*((metric, True) for metric in names.METRICS.values()), *own]:
            attributes = tuple((key, label(key)) for key in metric.attributes)
            family = series(metric.name, metric.unit, metric.kind)
            ref = Ref(
                metric.name,
                metric.kind,
                metric.unit,
                family,
                attributes,
                open=not shipped and not attributes,
                description=metric.description,
            )
            self._refs.setdefault(metric.name, ref)
            self._refs.setdefault(family, ref)
        self._series = series
        self._life = _described(exposition)
        self._exposed = {ref.series: ref for ref in _exposed(exposition)}
        self._foreign = frozenset(self._exposed).difference(self._refs)
        for name in self._foreign:
            self._refs[name] = self._exposed[name]
        self.bind()

    def of_service(self, service: str, selector: str) -> Catalog:
        """
        Return the catalog whose series are those of one service only.

        Args:
            service: name of the service; empty for the series of all services.
            selector: the setting ``alerting.selector``.
        """
        scraped = matcher(service, selector)
        return self.selected((scraped,) if scraped else (), (Matcher(SERVICE, "=", service),) if service else ())

    def selected(self, scraped: tuple[Matcher, ...], recorded: tuple[Matcher, ...]) -> Catalog:
        """Return the catalog whose series meet *scraped*, and those of its aliases, which rules record, *recorded*."""
        bound = copy.copy(self)
        bound.bind(scraped, recorded)
        return bound

    def bind(self, own: tuple[Matcher, ...] = (), aliases: tuple[Matcher, ...] = ()) -> None:
        """Set the matchers of all metrics to *own*, and those of the aliases to *aliases*."""
        uptime = self._series(names.PROCESS_UPTIME.name, names.PROCESS_UPTIME.unit, names.PROCESS_UPTIME.kind)
        target, started = Select((names.UP,), own), Select((_START,), own)
        ours = Life(target, Select((names.TARGET_INFO, uptime), own), Select((uptime,), own))
        exposed = {"ours": ours, "start": Life(target, started, started, is_start=True), "": Life(target)}[self._life]

        def bound(name: str, ref: Ref) -> Ref:
            life = exposed if name in self._foreign else ours
            return replace(ref, matchers=aliases if ref.alias else own, life=life)

        self._refs = {name: bound(name, ref) for name, ref in self._refs.items()}
        self._exposed = {name: bound(name, ref) for name, ref in self._exposed.items()}

    def __contains__(self, name: str) -> bool:
        """Return whether a metric has this name."""
        return (self._refs.get(name) or self._part(name) or self._translated(name)) is not None

    def find(self, name: str) -> Ref:
        """Return the metric with this OTel name, series name or alias. Raises UnknownMetricError with a suggestion."""
        ref = self._refs.get(name) or self._part(name) or self._translated(name)
        if ref is None:
            hint = suggestion(name, self._refs) or self._further
            raise UnknownMetricError(f"no metric is called {name!r}{hint}")
        return ref

    def _part(self, name: str) -> Ref | None:
        """Return the sum or the number of measurements of a histogram or a summary, which are counters, by the series' name."""
        base, _, end = name.rpartition("_")
        whole = self._refs.get(base) if end in ("sum", "count") else None
        if whole is None or base != whole.series or not (whole.kind == "histogram" or whole.written == "summary"):
            return None
        unit = quantities.unit_of(whole.unit, whole.series) if end == "sum" else ""
        return replace(whole, name=name, kind="counter", unit=unit, series=name, part=f"_{end}")

    def _translated(self, name: str) -> Ref | None:
        """Return the exposed family that belongs to the instrument *name*, if exactly one fits without its unit and kind."""
        start = self._series(name, "", "gauge")
        fitting = [ref for family, ref in self._exposed.items() if family == start or family.startswith(f"{start}_")]
        return replace(fitting[0], name=name) if start and len(fitting) == 1 else None

    @property
    def own(self) -> tuple[Ref, ...]:
        """The metrics of the program, by name: those that it declares, and others of its ``/metrics`` page."""
        shipped = {
            names.UP,
            names.TARGET_INFO,
            *(ref.series for ref in self._refs.values() if ref.name in names.METRICS),
        }
        others = {ref.series: ref for ref in self._refs.values() if not ref.alias}
        return tuple(ref for series, ref in sorted(others.items()) if series.removesuffix("_ratio") not in shipped)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a rule may use, sorted."""
        return tuple(sorted(self._refs))


def _described(exposition: str) -> Literal["ours", "start", ""]:
    """Return by which series the start of the program with this exposition is recognized: this package's, its time, or none."""
    if not exposition or re.search(rf"^{names.TARGET_INFO}\b", exposition, re.MULTILINE):
        return "ours"
    return "start" if re.search(rf"^{_START}\b", exposition, re.MULTILINE) else ""


def matcher(service: str, selector: str) -> Matcher | None:
    """Return the matcher of the scraped series of *service*, by the setting ``alerting.selector``; None without a service."""
    own = _SELECTOR.fullmatch(selector)
    if own is not None:
        return Matcher(own[1], "=", own[2])
    return Matcher(selector, "=", service) if service else None


def _of_alias(alias: names.Alias) -> Ref:
    labels = tuple((label, label) for label in (*dict(alias.fixed), *alias.labels))
    defaults = tuple(_DEFAULTS.get(alias.name, {}).items())
    return Ref(alias.name, alias.kind, alias.unit, alias.name, labels, alias=True, defaults=defaults)


def _exposed(text: str) -> Iterable[Ref]:
    """Yield the families of the exposition *text*, with the labels of their samples and their descriptions."""
    descriptions = {match[1]: match[2] for match in _HELP.finditer(text)}
    for header in _TYPE.finditer(text):
        family, kind = header[1], _KINDS.get(header[2], "gauge")
        end = text.find("\n# ", header.end())
        lines = text[header.end() : end if end >= 0 else len(text)]
        labels = dict.fromkeys(label for label in _LABELS.findall(lines) if label != "le")
        attributes = tuple((label, label) for label in labels)
        yield Ref(
            family, kind, "", family, attributes, open=True, description=descriptions.get(family, ""), written=header[2]
        )
