"""The destinations of telemetry: console, Prometheus, OTLP, Datadog, alert events; ``build`` creates them from settings."""
