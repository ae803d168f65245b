"""The TLS settings of outgoing connections: the authorities that are trusted, and the certificate of this client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel import regular_file

if TYPE_CHECKING:
    import ssl


def tls_context(
    ca_file: str | None = None,
    cert_file: str | None = None,
    key_file: str | None = None,
    *,
    verifies: bool = True,
) -> ssl.SSLContext:
    """
    Return a context that verifies certificates and host names. Raises OSError, and `ssl.SSLError` as one, for a bad file.

    Args:
        ca_file: The trusted authorities, PEM. Default: those of the system.
        cert_file: The certificate of this client and its chain, PEM. Default: none.
        key_file: The key of *cert_file*, PEM. Default: it is in *cert_file*.
        verifies: Whether anything is verified. Default True.
    """
    import ssl

    for file in filter(None, (ca_file, cert_file, key_file)):
        regular_file.opened(file).close()  # ssl would wait for ever for a FIFO
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verifies:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if cert_file:
        context.load_cert_chain(cert_file, key_file or None)
    return context
