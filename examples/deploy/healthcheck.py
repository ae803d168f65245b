"""``csg-otel healthcheck`` as a script: ``python healthcheck.py [--verbose]``, for containers that call it by this name."""

import sys

from csg_otel.cli import main

sys.exit(main(["healthcheck", *sys.argv[1:]]))
