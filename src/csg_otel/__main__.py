"""``python -m csg_otel`` is ``csg-otel``."""

import sys

from csg_otel.cli import main

if __name__ == "__main__":
    sys.exit(main())
