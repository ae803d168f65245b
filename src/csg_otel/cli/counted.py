"""A number with its noun, for the messages of all commands."""


def counted(number: int, noun: str) -> str:
    """Return *number* and *noun*, with an "s" where *number* is not 1: "1 problem", "2 problems"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
