"""The compiler for Datadog monitors, and their push."""
