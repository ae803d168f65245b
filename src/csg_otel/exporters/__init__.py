"""The destinations of telemetry: console, Prometheus, OTLP, Datadog, alert events; ``build`` makes them from settings."""
