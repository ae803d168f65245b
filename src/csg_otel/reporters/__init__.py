"""Receivers of health states: OpenTelemetry instruments and spans, DogStatsD, systemd."""
