"""The layer between the OpenTelemetry SDK and the exporters: providers, readers, limits, sanitized spans and records."""
