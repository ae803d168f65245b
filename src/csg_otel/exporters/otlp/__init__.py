"""OTLP destinations: encoding, splitting, and sending over HTTP or gRPC."""
