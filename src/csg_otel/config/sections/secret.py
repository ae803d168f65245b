"""
A text that is never printed by accident.

`Secret` prints ``***`` in repr, str, format, and in tracebacks that show locals, and it can't be pickled. `SecretUrl` prints
the address without its credentials. A debugger can still read the text. The one rule: only the call that sends the secret
over a connection uses `reveal()`.
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, TypeAlias

from csg_otel.net import addresses

MASK: Final = "***"


class Secret:
    """Hold a secret text; `reveal` returns it, everything else shows ``***``."""

    __slots__ = ("__value",)
    __value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_Secret__value", value)

    def reveal(self) -> str:
        """Return the secret text, for the one call that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode("utf-8", "surrogatepass"), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret can't be changed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret can't be pickled; give each process its own, from the environment or a file")

    def _bytes(self) -> bytes:
        return self.__value.encode("utf-8", "surrogatepass")


class UnsetSecret(Secret):
    """Stand for a secret whose variable is not set, where a command needs none; it reveals the text of the configuration."""

    __slots__ = ("reason",)
    reason: str
    """Why there is no value, without a text of the configuration."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        object.__setattr__(self, "reason", reason)


class SecretUrl(Secret):
    """Hold an address that is a secret as a whole; it shows scheme, host, port, and the words of its path that are no token."""

    __slots__ = ()

    def __str__(self) -> str:
        return addresses.shown(self.reveal(), marked=True)


Address: TypeAlias = str | SecretUrl
"""The type of a setting that is an address: a secret if it has credentials, a query, or a path that may be a token."""


def revealed(value: str | Secret) -> str:
    """Return the text of *value*, for the one call that sends it."""
    return value.reveal() if isinstance(value, Secret) else value
