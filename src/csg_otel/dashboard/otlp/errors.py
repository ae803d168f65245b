"""The errors of requests."""

from csg_otel.errors import CsgOtelError


class InvalidRequestError(CsgOtelError):
    """A request that cannot be decoded; sending it again cannot help."""


class TooLargeError(InvalidRequestError):
    """A request that is larger than the limit."""
