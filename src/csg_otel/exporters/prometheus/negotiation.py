"""
Content negotiation of the metrics page: formats, versions and escapings, by the names that Prometheus has for them.

Pure. The rules: a client that names no format gets text 0.0.4; a version that is not written here counts only if the client
accepts nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

Syntax = Literal["text", "openmetrics", "openmetrics2", "protobuf"]

ESCAPINGS: Final = ("allow-utf-8", "underscores", "dots", "values")
"""What a client can want in place of characters beyond ASCII letters, digits and underscores in names."""


class Format(NamedTuple):
    """The format of a page of metrics."""

    syntax: Syntax
    version: str
    escaping: str
    """One of ``ESCAPINGS``; empty if the version has no such parameter, or the client did not send it."""
    utf8: bool
    """Whether names keep the characters that they have in OpenTelemetry, where the escaping allows it."""

    @property
    def content_type(self) -> str:
        """The value of the header ``Content-Type``."""
        (offer,) = (each for each in _OFFERS if (each.syntax, each.version) == (self.syntax, self.version))
        parameters = offer.parameters if offer.syntax == "protobuf" else (*offer.parameters, ("charset", "utf-8"))
        if self.escaping:
            parameters = (*parameters, ("escaping", self.escaping))
        return "; ".join((offer.media_type, *(f"{name}={value}" for name, value in parameters)))


TEXT: Final = Format("text", "0.0.4", "", False)
"""The format for clients that name none."""


class _Offer(NamedTuple):
    """A format that this package writes; a client names it by its media type and parameters."""

    syntax: Syntax
    media_type: str
    parameters: tuple[tuple[str, str], ...]
    escapes: bool
    """Whether the version has the parameter ``escaping``."""

    @property
    def version(self) -> str:
        return dict(self.parameters).get("version", "")

    def is_named_by(self, clause: _Clause) -> bool:
        return clause.word == self.media_type and all(
            clause.parameters.get(name) == value.lower() for name, value in self.parameters
        )

    def is_in_range(self, media_range: str) -> bool:
        """Return whether the media type is in *media_range*, such as ``*/*``; a media type is a range of itself."""
        return media_range in ("*/*", self.media_type, f"{self.media_type.partition('/')[0]}/*")


_OFFERS: Final = (
    _Offer(
        "protobuf",
        "application/vnd.google.protobuf",
        (("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")),
        True,
    ),
    _Offer("openmetrics2", "application/openmetrics-text", (("version", "2.0.0"),), True),
    _Offer("openmetrics", "application/openmetrics-text", (("version", "1.0.0"),), True),
    _Offer("openmetrics", "application/openmetrics-text", (("version", "0.0.1"),), False),
    _Offer("text", "text/plain", (("version", "1.0.0"),), True),
    _Offer("text", "text/plain", (("version", "0.0.4"),), False),
)
"""Where a client accepts several equally, the first wins: it holds the most."""

_DEFAULTS: Final = (_OFFERS[5], _OFFERS[2])
"""The formats for ranges such as ``*/*``, and for media types without a version; the first that fits."""


class _Clause(NamedTuple):
    """A word of a header with its parameters, in lower case, and its quality."""

    word: str
    parameters: Mapping[str, str]
    quality: float


def negotiate(accept: str, *, utf8: bool = False) -> Format:
    """
    Return the format that the header ``Accept`` prefers (RFC 9110, 12.5.1); text 0.0.4 if it accepts none that is written here.

    Args:
        accept: The header's value.
        utf8: Whether names keep the characters of OpenTelemetry where the client allows it.
    """
    clauses = list(_clauses(accept))
    refused = {offer for clause in clauses if not clause.quality for offer in _named(clause)}
    accepted = [clause for clause in clauses if clause.quality]
    for any_version in (False, True):
        choices = [
            (clause.quality, -_OFFERS.index(offer), clause)
            for clause in accepted
            for offer in [each for each in _candidates(clause, any_version) if each not in refused][:1]
        ]
        if choices:
            _, rank, clause = max(choices, key=lambda choice: choice[:2])
            offer = _OFFERS[-rank]
            return Format(offer.syntax, offer.version, _escaping(offer, clause, accepted), utf8)
    return TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Return True if the header ``Accept-Encoding`` allows gzip by its name."""
    return any(clause.word == "gzip" and clause.quality > 0 for clause in _clauses(accept_encoding))


def _named(clause: _Clause) -> Sequence[_Offer]:
    """Return the offers that *clause* names; all of its media type, if it names no version."""
    if "version" in clause.parameters or "proto" in clause.parameters:
        return [offer for offer in _OFFERS if offer.is_named_by(clause)]
    return [offer for offer in _OFFERS if offer.media_type == clause.word]


def _candidates(clause: _Clause, any_version: bool) -> Sequence[_Offer]:
    """Return the offers for *clause*, the best first; with *any_version*, also for a version that is not written here."""
    exact = [offer for offer in _OFFERS if offer.is_named_by(clause)]
    if exact or ("version" in clause.parameters and not any_version):
        return exact
    return [offer for offer in _DEFAULTS if offer.is_in_range(clause.word)]


def _escaping(offer: _Offer, clause: _Clause, accepted: Sequence[_Clause]) -> str:
    """
    Return the escaping that *clause* names for *offer*.

    Prometheus names none beside protobuf. There, the escaping of the other clauses holds, so that its choice of a format does
    not change the names.
    """
    if not offer.escapes:
        return ""
    clauses = accepted if offer.syntax == "protobuf" else [clause]
    named = [each.parameters.get("escaping", "") for each in (clause, *clauses)]
    return next((escaping for escaping in named if escaping in ESCAPINGS), "")


def _clauses(header: str) -> Iterator[_Clause]:
    for part in header.split(","):
        word, *options = (piece.strip().lower() for piece in part.split(";"))
        pairs = (option.partition("=") for option in options)
        parameters = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        yield _Clause(word, parameters, _quality(parameters.pop("q", "1")))


def _quality(text: str) -> float:
    """Return a quality (RFC 9110, 12.4.2); 0 for anything else."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
