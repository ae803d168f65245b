"""The compiler for Prometheus: recording rules, alert rules, and their unit tests."""
