"""
Every metric a rule may name, and what is known of it: this package's, the seed's names, the program's own, a live ``/metrics``.

Pure. The rule: a name that is not here is a mistake in the rule, and the message says which one was probably meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from csg_otel import names
from csg_otel.errors import suggestion

_TYPE: Final = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
_LABELS: Final = re.compile(r'([A-Za-z_]\w*)="')
_KINDS: Final[dict[str, names.Kind]] = {"counter": "counter", "histogram": "histogram", "gauge": "gauge"}

# The alias's own meaning where a rule says nothing about its labels: one number, not one for each part.
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
    A metric a rule looks at.

    *series* is its name in Prometheus (of a histogram: without ``_bucket``), *attributes* are its attributes, each with its
    label there. An *open* one may have others, because it does not declare them. *defaults* are filters that hold unless a
    rule says otherwise.
    """

    name: str
    kind: names.Kind
    unit: str
    series: str
    attributes: tuple[tuple[str, str], ...] = ()
    open: bool = False
    alias: bool = False
    defaults: tuple[tuple[str, str], ...] = ()

    def attribute(self, asked: str) -> tuple[str, str] | None:
        """Return the attribute *asked* for by its key, its label or its last part, as (key, label); None if there is none."""
        for found in self.attributes:
            if asked in found:
                return found
        short = [found for found in self.attributes if found[0].rpartition(".")[2] == asked]
        return short[0] if len(short) == 1 else None


class UnknownMetricError(LookupError):
    """No such metric; the message is complete."""


class Catalog:
    """The metrics rules may name, by every name they go by."""

    def __init__(
        self,
        declared: Iterable[names.Metric] = (),
        exposition: str = "",
        *,
        series: Callable[[str, str, names.Kind], str],
        label: Callable[[str], str],
    ) -> None:
        """
        Know this package's metrics, the seed's names, those *declared* by the program and those of an *exposition*.

        *series* and *label* translate an instrument (name, unit, kind) and an attribute's key to Prometheus' names.
        """
        self.label = label
        self._refs: dict[str, Ref] = {}
        for name in (*names.ALIASES,):
            self._refs[name] = _of_alias(names.ALIASES[name])
        for metric, ours in [*((one, True) for one in names.METRICS.values()), *((one, False) for one in declared)]:
            known = tuple((key, label(key)) for key in metric.attributes)
            shown = series(metric.name, metric.unit, metric.kind)
            ref = Ref(metric.name, metric.kind, metric.unit, shown, known, open=not ours and not known)
            self._refs.setdefault(metric.name, ref)
            self._refs.setdefault(shown, ref)
        self._series = series
        self._exposed = {ref.series: ref for ref in _exposed(exposition)}
        for name, ref in self._exposed.items():
            self._refs.setdefault(name, ref)

    def find(self, name: str) -> Ref:
        """Return the metric of this OTel, Prometheus or seed name. Raises UnknownMetricError with a suggestion."""
        found = self._refs.get(name) or self._translated(name)
        if found is None:
            hint = suggestion(name, self._refs) or " (csg-otel alerts check --app or --metrics knows a program's own)"
            raise UnknownMetricError(f"no metric is called {name!r}{hint}")
        return found

    def _translated(self, name: str) -> Ref | None:
        """Return the one exposed family that an instrument called *name* may be; its unit and kind are not known here."""
        shown = self._series(name, "", "gauge")
        alike = [ref for family, ref in self._exposed.items() if family == shown or family.startswith(f"{shown}_")]
        return alike[0] if shown and len(alike) == 1 else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a rule may use, sorted."""
        return tuple(sorted(self._refs))


def _of_alias(alias: names.Alias) -> Ref:
    labels = tuple((label, label) for label in alias.labels)
    defaults = tuple(_DEFAULTS.get(alias.name, {}).items())
    return Ref(alias.name, alias.kind, alias.unit, alias.name, labels, alias=True, defaults=defaults)


def _exposed(text: str) -> Iterable[Ref]:
    """Yield the families of a Prometheus *text*, with the labels their samples have."""
    for found in _TYPE.finditer(text):
        family, kind = found[1], _KINDS.get(found[2], "gauge")
        end = text.find("\n# ", found.end())
        lines = text[found.end() : end if end >= 0 else len(text)]
        labels = dict.fromkeys(label for label in _LABELS.findall(lines) if label != "le")
        yield Ref(family, kind, "", family, tuple((label, label) for label in labels), open=True)
