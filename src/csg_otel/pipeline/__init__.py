"""What stands between the OpenTelemetry SDK and the exporters: readers, limits, safe copies of spans and records."""
