"""The version of this package; the wheel's metadata takes it from here."""

from typing import Final

VERSION: Final = "0.1.0"
__version__: Final = VERSION
