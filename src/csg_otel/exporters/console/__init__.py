"""The console destination: spans, logs and changed metrics for a person at a terminal, or JSON lines."""
