"""The TLS settings of outgoing connections: the authorities that are trusted, and the certificate of this client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel import regular_file

if TYPE_CHECKING:
    import ssl


_REFUSED: Final = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "DECRYPT_ERROR")
"""Ends of the alerts with which a server refuses a certificate."""


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


def client_certificate_problem(error: OSError) -> str:
    """
    Return the sentence about the certificate of this client, if the server has refused the connection for it.

    Empty for every other *error*. The option `--client-cert` is that of all commands that request something from a program.
    """
    reason = str(getattr(error, "reason", None) or "")
    if "CERTIFICATE_REQUIRED" in reason:
        return "the server wants a client certificate; give one with --client-cert FILE and --client-key FILE"
    if reason.endswith("ALERT_HANDSHAKE_FAILURE"):  # TLS 1.2, where this has other causes, too
        return "the server ended the handshake; if it wants a client certificate, give one with --client-cert FILE"
    if "_ALERT_" in reason and reason.endswith(_REFUSED):
        return (
            f"the server refuses the client certificate ({reason.partition('_ALERT_')[2].lower().replace('_', ' ')}); "
            "give another with --client-cert FILE and --client-key FILE"
        )
    return ""
