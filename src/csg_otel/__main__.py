"""``python -m csg_otel`` runs ``csg-otel``."""

import signal
import sys

if __name__ == "__main__":
    # Ctrl-C while modules load ends the process like any other program, without a traceback. Then the commands handle it.
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from csg_otel.cli import main

    signal.signal(signal.SIGINT, handler)
    sys.exit(main())
