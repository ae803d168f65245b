"""``python -m csg_otel`` is ``csg-otel``."""

import signal
import sys

if __name__ == "__main__":
    # Ctrl-C while modules load ends it like any command, without a traceback; afterwards each command decides.
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from csg_otel.cli import main

    signal.signal(signal.SIGINT, handler)
    sys.exit(main())
