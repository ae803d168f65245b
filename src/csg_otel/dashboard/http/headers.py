"""The headers of the dashboard's responses: what a browser may do with them. Pure."""

from __future__ import annotations

from typing import Final

CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    )
)
"""The page loads nothing from elsewhere, runs no inline script, and is shown in no frame."""

SECURE: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every response."""

NO_STORE: Final = {"Cache-Control": "no-store"}
HTML: Final = {**NO_STORE, "Content-Type": "text/html; charset=utf-8"}
JSON: Final = {**NO_STORE, "Content-Type": "application/json"}
