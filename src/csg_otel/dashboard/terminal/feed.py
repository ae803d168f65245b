"""
The thread that reads the source for the terminal dashboard, so that the screen never waits for I/O.

Requests are made in order, one at a time. A round ends early if its first request fails, because the others would fail too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

from csg_otel.dashboard.source import NotFoundError, Source, SourceError
from csg_otel.threads import OwnThread


class Request(NamedTuple):
    """A document that is wanted: its path, and the parameters as pairs."""

    path: str
    parameters: tuple[tuple[str, str | tuple[str, ...]], ...] = ()


class Answer(NamedTuple):
    """The document for a request, or the error; ``missing`` means that there is no such document."""

    request: Request
    document: Any
    error: str = ""
    missing: bool = False


class Acted(NamedTuple):
    """The end of an action; ``error`` is empty if it has worked."""

    name: str
    error: str


class Feed:
    """Reads documents and runs actions on a thread of its own."""

    def __init__(self, source: Source, answered: Callable[[Answer], object], acted: Callable[[Acted], object]) -> None:
        """
        Prepare; the thread starts with :meth:`start`.

        Args:
            source: The documents.
            answered: Called on the thread with each answer.
            acted: Called on the thread at the end of each action.
        """
        self._source = source
        self._answered = answered
        self._acted = acted
        self._queue: SimpleQueue[Sequence[Request] | Callable[[], object] | None] = SimpleQueue()
        self._thread = OwnThread(self._work, name="csg-otel-terminal")
        self.busy = False

    def start(self) -> None:
        """Start the thread. It is a daemon: a source that hangs does not keep the program from ending."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the request that is running; does not wait."""
        self._queue.put(None)

    def ask(self, requests: Sequence[Request]) -> None:
        """Make *requests* soon: one round."""
        self.busy = True
        self._queue.put(tuple(requests))

    def act(self, name: str, action: Callable[[], object]) -> None:
        """Run *action*, called *name* in the report of its end."""
        self._queue.put(lambda: self._acted(Acted(name, _failure(action))))

    def post(self, name: str, path: str, body: Mapping[str, Any]) -> None:
        """Run an action of the source."""
        self.act(name, lambda: self._source.post(path, body))

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            if callable(task):
                task()
                continue
            for position, request in enumerate(task):
                answer = self._read(request)
                self._answered(answer)
                if answer.error and position == 0:
                    break
            self.busy = not self._queue.empty()

    def _read(self, request: Request) -> Answer:
        parameters = {name: list(value) if isinstance(value, tuple) else value for name, value in request.parameters}
        try:
            return Answer(request, self._source.get(request.path, parameters or None))
        except NotFoundError as error:
            return Answer(request, None, str(error), missing=True)
        except SourceError as error:
            return Answer(request, None, str(error))
        except Exception as error:  # noqa: BLE001 - a document that can't be read must not end the thread
            return Answer(request, None, f"{type(error).__name__}: {error}")


def _failure(action: Callable[[], object]) -> str:
    try:
        action()
    except SourceError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - as above
        return f"{type(error).__name__}: {error}"
    return ""
