"""Reporters of health: to OpenTelemetry as gauges and spans, to DogStatsD as service checks, to systemd as notifications."""
