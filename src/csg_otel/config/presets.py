"""
The OTLP destinations of a configuration: the listed destinations, and vendors as presets of a destination.

Pure. The one rule: a preset consists of an endpoint, a header and a few settings, and has no code of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.config.sections.secret import Secret

if TYPE_CHECKING:
    from csg_otel.config.root import ConfigRoot

NEW_RELIC_ENDPOINT: Final = "https://otlp.nr-data.net"
NEW_RELIC_EU_ENDPOINT: Final = "https://otlp.eu01.nr-data.net"
_NEW_RELIC_LARGEST: Final = 1_000_000


def otlp_destinations(config: ConfigRoot) -> tuple[OtlpExporter, ...]:
    """
    Return the OTLP destinations that are switched on: `exporters.otlp`, and New Relic and Elastic APM where enabled.

    New Relic requires its license key in the header ``api-key`` and delta temporality, recommends HTTP, and refuses
    requests above 1 MB; keys of its European region begin with ``eu``. Elastic's APM server accepts OTLP at its own
    address with a bearer token, and stores deltas.
    """
    destinations = [destination for destination in config.exporters.otlp if destination.enabled]
    vendors = config.integrations.external_monitoring
    new_relic, elastic = vendors.new_relic, vendors.elastic_apm
    if vendors.enabled and new_relic.enabled and new_relic.license_key:
        key = new_relic.license_key
        destinations.append(
            OtlpExporter(
                name="new_relic",
                endpoint=NEW_RELIC_EU_ENDPOINT if key.reveal().lower().startswith("eu") else NEW_RELIC_ENDPOINT,
                protocol="http/protobuf",
                headers={"api-key": key},
                compression="gzip",
                temporality="delta",
                max_request_bytes=_NEW_RELIC_LARGEST,
            )
        )
    if vendors.enabled and elastic.enabled and elastic.server_url:
        token = elastic.secret_token
        bearer = {"Authorization": Secret(f"Bearer {token.reveal()}")} if token else {}
        destinations.append(
            OtlpExporter(name="elastic_apm", endpoint=elastic.server_url, headers=bearer, temporality="delta")
        )
    return tuple(destinations)
