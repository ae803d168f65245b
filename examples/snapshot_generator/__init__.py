"""
The snapshot generator: WebVTT meeting transcripts in, Markdown snapshots out, observable all the way.

A complete program that uses csg_otel through its public names alone. Run it: python -m snapshot_generator --help
"""
