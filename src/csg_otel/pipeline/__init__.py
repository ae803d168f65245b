"""The layer between the OpenTelemetry SDK and the exporters: providers, readers, limits, sanitized spans and records."""

from csg_otel import environment
from csg_otel.config.sources import sdk_env

# The SDK and the API read these variables while they are imported, and raise for a value that they can't use. Every module of
# this package that imports them runs after this one.
if _hidden := sdk_env.unusable(environment.snapshot()):
    with environment.without(_hidden):
        import opentelemetry.propagate
        import opentelemetry.sdk.trace  # noqa: F401 - to be found imported
