"""
Labels of series, encoded as a format has them, once for as long as the series is on every page.

An encoding is computed from the mapping of attributes itself, so the labels are those of a page without a cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csg_otel.pipeline.series_results import Attributes, Kept, SeriesResults

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Pairs = tuple[tuple[str, str], ...]
"""Labels by the keys of attributes that they stand for."""

Labels = Any
"""All labels of a series, encoded: text or bytes, as a format has them."""


@dataclass(frozen=True)
class LabelEncoding:
    """The way in which a format writes labels."""

    key: Callable[[str], Any]
    """Returns the encoded name of a label; the result is cached."""
    join: Callable[[Mapping[Any, str]], Labels]
    """Returns the encoded labels from values by encoded names."""


class PageLabels:
    """The labels of all series of one page."""

    def __init__(self, name: Callable[[str], str], encoding: LabelEncoding, earlier: Kept[Labels]) -> None:
        """
        Prepare for a page.

        Args:
            name: Returns the label's name for the key of an attribute.
            encoding: Of the page's format.
            earlier: The labels on the page before, with the same names and encoding; empty for none.
        """
        self._encoding = encoding
        self._keys = _Keys(lambda key: encoding.key(name(key)))
        self._series = SeriesResults(earlier)

    @property
    def kept(self) -> Kept[Labels]:
        """The labels of this page, for the next one."""
        return self._series.kept

    def of_points(self, metric: Hashable, points: Sequence[Any], extra: Pairs, reserved: str) -> Sequence[Labels]:
        """Return the labels of the *points* of *metric*, in their order; see :meth:`of` for the others."""
        return self._series.of(
            (metric, extra, reserved), points, lambda attributes: self.of(attributes, extra, reserved)
        )

    def of(self, attributes: Attributes, extra: Pairs, reserved: str) -> Labels:
        """
        Return *attributes* as encoded labels, followed by the labels *extra* whose names are free.

        Values of keys that become the same label are joined with ``;``, as the OTel specification requires. The label name
        *reserved* gets the prefix ``exported_``.
        """
        keys = self._keys
        labels: dict[Any, str] = {}
        for key, value in (attributes or {}).items():
            name = keys[key]
            if reserved and name == keys[reserved]:
                name = keys[f"exported_{reserved}"]
            text = value if value.__class__ is str else _as_text(value)
            labels[name] = f"{labels[name]};{text}" if name in labels else text
        for key, text in extra:
            labels.setdefault(keys[key], text)
        return self._encoding.join(labels)


class _Keys(dict[str, Any]):
    """The encoded names of labels by the keys of attributes; each is computed once for a page."""

    def __init__(self, encode: Callable[[str], Any]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, key: str) -> Any:
        encoded = self[key] = self._encode(key)
        return encoded


def scope_labels(scope: InstrumentationScope) -> Pairs:
    """Return the labels that tell the series of *scope* from those of other scopes, as the OTel specification names them."""
    labels = {
        "otel_scope_name": scope.name,
        "otel_scope_version": scope.version,
        "otel_scope_schema_url": scope.schema_url,
    }
    for key, value in (scope.attributes or {}).items():
        labels.setdefault(f"otel_scope_{key}", value if value.__class__ is str else _as_text(value))
    return tuple((name, text) for name, text in labels.items() if text)


def _as_text(value: Any) -> str:
    """Return a value that is not text as JSON (``true``, ``[1,2]``), as the OTel specification requires for labels."""
    return json.dumps(value, separators=(",", ":"), default=str)
