"""OTLP requests as bytes, from the items of the SDK; a receiver decodes the same messages as from the official exporter."""
