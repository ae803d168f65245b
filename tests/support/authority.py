"""A certificate authority of a test, and the certificate of its server."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import trustme


class Authority:
    """An authority, and the files of a server's certificate."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        self.cert, self.key, self.ca_file = (folder / name for name in ("cert.pem", "key.pem", "ca.pem"))
        self.ca.cert_pem.write_to_path(str(self.ca_file))
        self.issue()

    def issue(self) -> trustme.LeafCert:
        """Write another certificate into the files of the server."""
        leaf = self.ca.issue_cert("127.0.0.1", "localhost")
        leaf.private_key_pem.write_to_path(str(self.key))
        self.cert.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        return leaf

    def client(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        """Return the rules of a client that trusts this authority."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if with_certificate:
            self.ca.issue_cert("scraper@example.org").configure_cert(context)
        return context

    def settings(self, **settings: Any) -> dict[str, Any]:
        """Return the section ``security``."""
        return {"tls": {"cert": str(self.cert), "key": str(self.key), **settings}}
