"""The name of this package in the header ``User-Agent`` of every request (RFC 9110, 10.1.5)."""

from __future__ import annotations

import sys
from typing import Final

from csg_otel._version import VERSION

USER_AGENT: Final = f"csg-otel/{VERSION} (python {'.'.join(map(str, sys.version_info[:3]))})"
