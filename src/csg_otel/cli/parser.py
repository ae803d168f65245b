"""The parser of the command line: usage errors with a suggestion, in one line after the usage, and their exit codes."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from csg_otel.errors import suggestion
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CHOICES = r"(?s)invalid choice: ('[^']*') \(choose from (.*)\)"
"""The message of argparse about a word that is none of the choices; the versions of Python quote the choices differently."""

_INNERMOST = "_parser"
"""The attribute of the parsed options with the parser of the command that was called."""


class Parser(argparse.ArgumentParser):
    """
    A parser whose usage errors exit 2; for Nagios, where 2 means CRITICAL, they exit 3 and go to stdout.

    argparse makes a formatter for each option that is added, to check it, and loads ``shutil`` for the width of the terminal.
    So the formatter has a fixed width until something is printed.
    """

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **options: Any) -> None:
        """Take the *options* of `argparse.ArgumentParser`; what is printed has the form of *formatter_class*."""
        super().__init__(formatter_class=_of_fixed_width, **options)
        self._prints = formatter_class

    def format_usage(self) -> str:
        """Return the usage, in the width of the terminal."""
        self.formatter_class = self._prints
        return super().format_usage()

    def format_help(self) -> str:
        """Return the help, in the width of the terminal."""
        self.formatter_class = self._prints
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Print the usage, *message* and the command that prints the help, and exit."""
        if message.endswith("arguments are required: COMMAND"):
            message = "no command given"
        message = one_line(re.sub(_CHOICES, _with_suggestion, message))
        nagios = "nagios" in {part for argument in sys.argv for part in argument.split("=")}
        text = f"{self.format_usage()}{self.prog}: {message}; see {self.prog} --help"
        print(text, file=sys.stdout if nagios else sys.stderr)
        self.exit(3 if nagios else 2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual, and keep the innermost parser, whose options the user gave, with the options."""
        options, unknown = super().parse_known_args(args, namespace)
        if not hasattr(options, _INNERMOST):
            setattr(options, _INNERMOST, self)
        return options, unknown

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options in *arguments*; for an unknown one exit with the usage of its command, and a suggestion."""
        options: argparse.Namespace
        options, unknown = self.parse_known_args(arguments)
        innermost: Parser = getattr(options, _INNERMOST)
        if unknown:
            words = " ".join(map(_shown, unknown))
            innermost.error(f"unrecognized arguments: {words}{innermost.suggested(unknown)}")
        return options

    def suggested(self, unknown: Iterable[str]) -> str:
        """Return the suggestion for the first option in *unknown* that is close to one of this command's."""
        options = [option for option in self._option_string_actions if option.startswith("--")]
        suggestions = (suggestion(word.partition("=")[0], options) for word in unknown if word.startswith("-"))
        return next(filter(None, suggestions), "")


def _of_fixed_width(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=80)


def _with_suggestion(message: re.Match[str]) -> str:
    word, choices = message[1].strip("'"), re.findall(r"[^\s',]+", message[2])
    return f"invalid choice: {message[1]}{suggestion(word, choices)} (choose from {', '.join(choices)})"


def _shown(word: str) -> str:
    """Return *word* of the command line for a message; an address, also as the value of an option, without credentials."""
    from csg_otel.net import addresses

    option, value = ("", word) if not word.startswith("-") else word.partition("=")[::2]
    value = addresses.shown(value) if "@" in value or "://" in value else value
    return f"{option}={value}" if option and value else option or value
