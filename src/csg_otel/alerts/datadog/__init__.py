"""Datadog: the compiler of monitors, the push, and the event of a program's own alert."""
