"""What the monitoring guide's containers call: ``python healthcheck.py [--verbose]`` is ``csg-otel healthcheck``."""

import sys

from csg_otel.cli import main

sys.exit(main(["healthcheck", "--url", "http://127.0.0.1:8081", *sys.argv[1:]]))
