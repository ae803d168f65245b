"""A real terminal, drawn by tmux and driven by its keys."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess

import psutil

from support.programs import eventually


class Terminal:
    """A terminal of a tmux server of its own."""

    def __init__(
        self, command: list[str], env: dict[str, str], size: tuple[int, int] = (130, 40), after: str = ""
    ) -> None:
        self._name = f"csg-{os.getpid()}-{secrets.token_hex(4)}"
        own = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}  # pytest's size
        self._env = {**own, "LC_ALL": "C.UTF-8", **env}
        width, height = map(str, size)
        shell = f"{shlex.join(command)}; echo ended $?; {after or ':'}; sleep 100"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", "-x", width, "-y", height, shell)

    def close(self) -> None:
        """End the server and what runs in it."""
        self._tmux("kill-server")

    def press(self, *keys: str) -> None:
        """Press keys."""
        self._tmux("send-keys", "-t", "main", *keys)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal."""
        self._tmux("resize-window", "-t", "main", "-x", str(width), "-y", str(height))

    def screen(self, *options: str) -> str:
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "main", *options)

    def shows(self, pattern: str) -> str:
        """Wait until the screen matches, and return it."""
        try:
            return str(eventually(lambda: (shown := self.screen()) and re.search(pattern, shown) and shown))
        except AssertionError:
            raise AssertionError(f"no {pattern!r} on this screen:\n{self.screen()}") from None

    def reads(self, pattern: str) -> str:
        """Wait until two screens in a row have one text for the group of *pattern*, and return it: one may be half drawn."""
        texts = [""]

        def is_whole() -> bool:
            match = re.search(pattern, self.screen())
            texts.append(match[1] if match else "")
            return texts[-1] == texts[-2] != ""

        eventually(is_whole, every_s=0.5)
        return texts[-1]

    def flags(self, *names: str) -> str:
        """The values of variables of tmux, such as ``alternate_on``."""
        return self._tmux("display-message", "-p", "-t", "main", " ".join(f"#{{{name}}}" for name in names)).strip()

    def process(self) -> psutil.Process:
        """The process of the command."""
        shell = psutil.Process(int(self._tmux("display-message", "-p", "-t", "main", "#{pane_pid}")))
        return shell.children()[0]

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *arguments], env=self._env, capture_output=True, encoding="utf-8", timeout=30
        )
        return done.stdout
