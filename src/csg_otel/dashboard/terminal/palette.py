"""The colours of the terminal dashboard: dark and light, chosen for contrast and for the colour-blind, and none at all."""

from __future__ import annotations

import curses
from typing import Final, NamedTuple

from rich.style import Style
from textual.theme import Theme

from csg_otel import environment


class Palette(NamedTuple):
    """The colours of one theme, and the style of each word of ``rows.Segment.style``."""

    theme: Theme
    styles: dict[str, Style]


def has_colors() -> bool:
    """Return whether the terminal of this process has colours, and the user wants them (``NO_COLOR``)."""
    if environment.snapshot().get("NO_COLOR"):
        return False
    try:
        curses.setupterm()
    except (curses.error, OSError, ValueError):  # an unknown terminal, or no file behind stdout
        return True
    return curses.tigetnum("colors") >= 8


def _palette(name: str, *, dark: bool, base: dict[str, str], states: dict[str, str], series: str) -> Palette:
    theme = Theme(
        name=name,
        dark=dark,
        primary=base["accent"],
        foreground=base["text"],
        background=base["background"],
        surface=base["raised"],
        panel=base["raised"],
        variables={"scrollbar": base["line"], "scrollbar-background": base["background"], "quiet": base["quiet"]},
    )
    styles = {
        "": Style(color=base["text"]),
        "dim": Style(color=base["quiet"]),
        "bold": Style(color=base["text"], bold=True),
        "line": Style(color=base["line"]),
        "accent": Style(color=base["accent"]),
        "bar": Style(color=base["bar"]),
        "key": Style(color=base["accent"], bold=True),
        "heading": Style(color=base["quiet"], bold=True),
        "cursor": Style(bgcolor=base["selected"], bold=True),
        "faded": Style(color=base["quiet"], dim=True),
    }
    for state, color in states.items():
        styles[state] = Style(color=color)
        styles[f"{state}-bar"] = Style(color=base["background"], bgcolor=color, bold=True)
    for state, same in (("receiving", "healthy"), ("waiting", "stale")):
        styles[state], styles[f"{state}-bar"] = styles[same], styles[f"{same}-bar"]
    styles.update((f"series{index}", Style(color=color)) for index, color in enumerate(series.split()))
    return Palette(theme, styles)


DARK: Final = _palette(
    "csg-dark",
    dark=True,
    base={
        "background": "#14171a",
        "raised": "#1d2226",
        "selected": "#2b3640",
        "line": "#3b444c",
        "quiet": "#8f9aa3",
        "text": "#d9dfe4",
        "accent": "#6cb6ff",
        "bar": "#45698c",
    },
    states={
        "healthy": "#4cc38a",
        "warning": "#f0b429",
        "critical": "#ff7b72",
        "unknown": "#c8a2ff",
        "stale": "#9aa5ae",
    },
    series="#6cb6ff #f0b429 #4cc38a #ff9ecb #c8a2ff #ff8f5c #5fd7d7 #d0d66b",
)

LIGHT: Final = _palette(
    "csg-light",
    dark=False,
    base={
        "background": "#fbfcfc",
        "raised": "#eef1f3",
        "selected": "#d6e4f2",
        "line": "#c3cbd1",
        "quiet": "#5d6870",
        "text": "#1c2226",
        "accent": "#0b62b8",
        "bar": "#8fb4d9",
    },
    states={
        "healthy": "#14713f",
        "warning": "#8a5a00",
        "critical": "#bf2b23",
        "unknown": "#6d3fb5",
        "stale": "#5d6870",
    },
    series="#0b62b8 #8a5a00 #14713f #b0307d #6d3fb5 #b4480f #0b7474 #66700a",
)

PALETTES: Final = (DARK, LIGHT)


def plain_styles() -> dict[str, Style]:
    """Return the styles for a terminal without colours: weight and reversal only."""
    styles = dict.fromkeys(DARK.styles, Style())
    for name in ("bold", "key", "heading", "critical", "warning"):
        styles[name] = Style(bold=True)
    for name in (*(name for name in styles if name.endswith("-bar")), "cursor"):
        styles[name] = Style(reverse=True, bold=True)
    for name in ("dim", "faded", "line"):
        styles[name] = Style(dim=True)
    return styles
