"""
The items that a full queue cannot hold: encoded by the threads that emit them, until the gathering thread writes them to disk.

Threads that emit without a pause leave the gathering thread too little of the interpreter's lock to encode for them. So each
encodes, and so scrubs, a few items of its own burst, and the gathering thread only writes. The rules: an emitting thread
encodes plain values only, and nothing where ``scrubbing.on_match`` is set, because that and the methods of other values are
code of the program, which may need a lock that this thread holds; it never writes; and an exception that interrupts it leaves
the items to the gathering thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from csg_otel import interruptions
from csg_otel.exporters.delivery.sender import NotPlain

if TYPE_CHECKING:
    import threading

    from csg_otel.exporters.delivery.sender import RequestSender

_CHUNK_ITEMS: Final = 16
"""Items that one call encodes: 1 or 2 ms of work, and enough that the resource in each request hardly counts."""


@dataclass(slots=True, eq=False)
class Chunk:
    """Items taken from a full queue: the items themselves, or once they are encoded, their request (``body``)."""

    items: list[Any] = field(default_factory=list)
    body: bytes | None = None
    encoded: int = 0
    is_being_encoded: bool = False
    is_taken: bool = False

    @property
    def count(self) -> int:
        """The number of items, encoded or not."""
        return len(self.items) or self.encoded


class Burst:
    """The chunks of one queue that are not on disk yet, oldest first."""

    def __init__(self, lock: threading.RLock, sender: RequestSender, *, max_items: int, max_bytes: int) -> None:
        """
        Start empty.

        Args:
            lock: The queue's lock.
            sender: Encodes the items.
            max_items: Most items that wait for the gathering thread to encode them; each emitting thread may hold a chunk more.
            max_bytes: Most bytes of encoded items.
        """
        self._lock = lock
        self._sender = sender
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._chunks: list[Chunk] = []
        self._bytes = self._left = 0
        """Bytes of the encoded items, and number of those that were left to the gathering thread."""

    # -- with the lock held ----------------------------------------------------------------------------------------

    @property
    def items(self) -> int:
        """The number of items."""
        return sum(chunk.count for chunk in self._chunks)

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be added."""
        return self._bytes < self._max_bytes and self._left < self._max_items

    def move_oldest(self, queue: list[Any], most: int) -> Chunk:
        """Move the oldest items of *queue*, at most *most*, here; call :meth:`encode` with the chunk and the lock free."""
        chunk = Chunk()
        size = min(_CHUNK_ITEMS, most)
        chunk.items = queue[:size]  # no call between here and the end: see DeliveryQueue.attend()
        del queue[:size]
        self._chunks += (chunk,)
        return chunk

    def take(self) -> list[Chunk]:
        """Remove and return the chunks that no thread is encoding."""
        ready = [chunk for chunk in self._chunks if not chunk.is_being_encoded]
        self._chunks = [chunk for chunk in self._chunks if chunk.is_being_encoded]
        self._left = 0
        for chunk in ready:
            chunk.is_taken = True
            self._bytes -= len(chunk.body or b"")
        return ready

    def clear(self) -> None:
        """Remove all chunks."""
        self._chunks, self._bytes, self._left = [], 0, 0

    # -- on a thread of the program, with the lock free ------------------------------------------------------------

    def encode(self, chunk: Chunk) -> None:
        """Encode *chunk*, if its items are plain values and it waits for that."""
        try:
            with self._lock:
                if chunk.is_taken:
                    return
                chunk.is_being_encoded = True
            self._finish(chunk, self._sender.encode_plain(chunk.items))
        except NotPlain:
            pass  # the gathering thread encodes them
        except Exception:  # noqa: BLE001 - the gathering thread finds the item that can't be encoded
            interruptions.let_through()
        finally:
            chunk.is_being_encoded = False
            if chunk.items:
                with self._lock:
                    self._left += 0 if chunk.is_taken else len(chunk.items)

    def _finish(self, chunk: Chunk, body: bytes) -> None:
        with self._lock:
            if not chunk.is_taken and chunk in self._chunks:
                self._bytes += len(body)
                chunk.encoded = len(chunk.items)
                chunk.body, chunk.items = body, []
