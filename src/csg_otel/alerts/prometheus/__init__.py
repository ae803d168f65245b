"""Prometheus: the compiler of recording and alert rules, their unit tests, and their push."""
