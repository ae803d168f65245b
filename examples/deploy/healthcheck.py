"""``csg-otel healthcheck`` as a script: ``python healthcheck.py [--verbose]``, for containers that call it by this name."""

import sys

from csg_otel.cli import main

sys.exit(main(["healthcheck", "--url", "http://127.0.0.1:8081", *sys.argv[1:]]))
