"""
Replace ``${NAME}``, ``${NAME:-default}`` and ``${file:PATH}`` in a value, once.

The result is not substituted again: a variable that holds ``${...}`` stays unchanged. ``$${`` is a literal ``${``. The one
rule: a message may name the variable or the file, never its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from csg_otel import regular_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


_FORMS: Final = "${NAME}, ${NAME:-default} or ${file:PATH}"


class SubstitutionError(ValueError):
    """A form can't be substituted; the message is complete and holds no value of a variable or a file."""

    def __init__(self, message: str, printable: str = "") -> None:
        """Keep *message*, and *printable*, the message for a secret, which holds no text of the file; by default *message*."""
        super().__init__(message)
        self.printable = printable or message


@dataclass
class Substitution:
    """Substitutes from *environ* and from files beside *folder*."""

    environ: Mapping[str, str]
    folder: Path = field(default_factory=Path)

    def __call__(self, text: str) -> str:
        """Return *text* with every form replaced; raises `SubstitutionError` for a form that has no value."""
        return _FORM.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        inner = match[1]
        if inner is None:
            raise SubstitutionError("'${' without '}' (write $${ for a literal ${)")
        if inner.startswith("file:"):
            return self._file(inner[5:])
        if (named := _NAME.fullmatch(inner)) is None:
            is_none = f"is not {_FORMS}"
            raise SubstitutionError(f"'${{{inner}}}' {is_none}", f"'${{...}}' {is_none} (write $${{ for a literal ${{)")
        name, default = named[1], named[2]
        if value := self.environ.get(name):
            return value
        if default is None:
            raise SubstitutionError(f"the variable {name} is not set (set it, or write ${{{name}:-default}})")
        return default

    def _file(self, name: str) -> str:
        path = self.folder / expanded(name.strip())
        try:
            data = regular_file.read(path, regular_file.MAX_SECRET_BYTES)
            return data.decode("utf-8-sig").rstrip("\r\n")
        except OSError as error:
            raise SubstitutionError(f"the file {name} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SubstitutionError(f"the file {name} is not UTF-8 text") from None
        except ValueError:  # from the call of the operating system
            raise SubstitutionError("the name of a file has the byte 0 in it; remove that") from None


def expanded(name: str) -> Path:
    """Return the path *name* with the home folder for ``~``; unchanged if there is no such user, or no home."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def has_form(text: str) -> bool:
    """Return whether *text* has a form to substitute, or a broken form."""
    return any(match[0] != "$${" for match in _FORM.finditer(text))


def names(text: str) -> set[str]:
    """Return the names of the variables in *text*."""
    forms = (match[1] for match in _FORM.finditer(text) if match[1] is not None)
    return {named[1] for form in forms if (named := _NAME.fullmatch(form))}


def unescape(text: str) -> str:
    """Return *text* without forms, with ``$${`` as ``${``."""
    return text.replace("$${", "${")


def is_literal(text: str) -> bool:
    """Return whether a secret written as *text* stands in the file: without a form, or as a form's default."""
    forms = [match[1] for match in _FORM.finditer(text) if match[1] is not None]
    return not forms or any(named[2] for form in forms if (named := _NAME.fullmatch(form)))
