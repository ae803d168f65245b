"""The console destination: spans, logs and changed metrics for a developer at a terminal, or JSON lines for programs."""
