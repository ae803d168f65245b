"""The part between the OpenTelemetry SDK and the exporters: providers, readers, limits, safe copies of spans and records."""
