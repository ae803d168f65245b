"""
The worker group: all worker processes of a program (gunicorn, uvicorn, ``multiprocessing``) answer a scrape as one.

Each worker publishes its metrics every two seconds, when another worker requests them, and when it ends. The scraped worker
requests the metrics of the others, waits at most a quarter of a second, and merges them with the total of the finished workers.
The rules: a program with one process only waits for others, without a use of the processor; no worker waits for another longer
than a scrape may take; without a usable directory each worker answers for itself.
"""

from __future__ import annotations

import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults, forks, waits
from csg_otel.multiprocess import codec, merge
from csg_otel.multiprocess.family import family
from csg_otel.multiprocess.folder import Folder, FolderError, state_folder
from csg_otel.multiprocess.merge import WorkerMetrics
from csg_otel.pipeline import _compat
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.metrics.export import MetricsData

EVERY_S: Final = 2.0
"""Seconds between two publications without a request: SIGKILL loses at most the measurements of this time."""

_MAX_SHARE: Final = 0.005
"""Share of one core that publications without a request may use; with very many series they are less frequent."""

_POLL_S: Final = 0.5
"""Seconds between two attempts to serve: the port stays free at most this long after the serving worker has died."""

_STOP_S: Final = 0.5
"""Seconds that a stop waits for the thread: it reads its FIFO at once, but it may be in a collection."""


class WorkerGroup:
    """The workers of one program, and the membership of this process."""

    def __init__(
        self,
        service: str,
        address: str,
        *,
        read_own_metrics: Callable[[], MetricsData | None],
        open_port: Callable[[], object],
        variables: Mapping[str, str],
        give_way: Callable[[str], None] | None = None,
    ) -> None:
        """
        Describe the group of *service* at *address*; :meth:`start` joins it.

        Args:
            service: The service's name; empty for processes that only ``csg-otel run`` instruments.
            address: ``host:port`` of the endpoints; if empty, each process answers for itself.
            read_own_metrics: Collects the metrics of this process.
            open_port: Serves if this process may; called twice a second, so that one worker takes over when another dies.
            variables: The environment's variables; the directory depends on them.
            give_way: Called on a thread with the service's name, once a process of the program is a member by that name at
                the same address; only for a group without a name.
        """
        self.identity = (service, address)
        self._read_own_metrics = read_own_metrics
        self._open_port = open_port
        self._variables = variables
        self._give_way = give_way
        self._folder: Folder | None = None
        self._started = False
        self._encoder, self._merger = codec.Encoder(), merge.Merger()
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._stopped = waits.Latch()
        self._thread: threading.Thread | None = None
        self._published_ns = 0
        self._used_s = 0.0

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """
        Join the group.

        The first process joins, too, although it may stay the only one: a process that it starts later by ``exec``, such as a
        worker of ``multiprocessing`` that is spawned, can't find it otherwise.
        """
        _, address = self.identity
        if not address:
            return
        self._started = True
        forks.follow(self.reset_after_fork)
        forks.afterwards(self._join)

    def _join(self) -> None:
        service, address = self.identity
        root, own_family = state_folder(self._variables), family()
        with self._lock:
            folder = self._folder or Folder(root, own_family, "\n".join(self.identity))
            try:
                folder.join()
                if service:
                    Folder(root, own_family, f"\n{address}").announce(service)
            except (OSError, FolderError) as error:
                self._folder = None
                if not folder.is_eldest:  # else there may never be another worker
                    faults.report("workers", f"a scrape shows the metrics of only one worker, because {error}")
                return
            self._folder = folder
        forks.afterwards(self._start_thread)

    def _start_thread(self) -> None:
        self._thread = OwnThread(target=self._run, args=(self._stopped,), name="csg-otel-workers")
        self._thread.start()

    def stop(self, *, forget: bool = False, returns: bool = False) -> None:
        """
        Publish a last time and leave the group.

        Args:
            forget: Remove the publications, because this process joins again with the same sums. Default False.
            returns: Publish even if this process is alone, because it joins again with sums from 0. Default False.
        """
        self._started = False
        self._stopped.set()
        if self._folder is None:
            return
        self._folder.wake()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        forget = forget or (self._folder.is_alone and not returns)
        if not forget:
            self._publish_now()
        with self._lock:
            folder, self._folder = self._folder, None
            folder.leave(forget=forget)
        with suppress(OSError), folder.request():  # wakes the others, so that one takes over the port at once
            pass

    def reset_after_fork(self) -> None:
        """Join the group again in a forked child, as another worker."""
        self._reset()
        if self._folder is not None:
            self._folder.reset_after_fork()
        if self._started:
            self._join()

    # -- publishing ------------------------------------------------------------------------------------------------

    def _run(self, stopped: waits.Latch) -> None:
        _compat.suppress_instrumentation()
        due = 0.0
        while not stopped.is_set():
            try:
                requested = self._wait()
                if stopped.is_set():
                    return
                if requested or (clocks.monotonic() >= due and self.has_others):
                    due = clocks.monotonic() + self._publish_now()
                    self._fold()
                self._look_for_owner()
                self._open_port()
            except Exception:  # noqa: BLE001 - the next round may succeed
                faults.contain("workers")
                stopped.wait(_POLL_S)

    def _wait(self) -> bool:
        """Wait half a second, or for ever while alone; return True once another worker requests a publication."""
        folder = self._folder
        if folder is None:
            return False
        folder.hold()
        within_s = None if folder.is_serving and folder.is_alone else _POLL_S
        if select.select([folder.fifo], [], [], within_s)[0]:
            with suppress(BlockingIOError):  # opened again, and empty: the program had closed its descriptor
                os.read(folder.fifo, 4096)
            return True
        return False

    def _look_for_owner(self) -> None:
        folder, give_way = self._folder, self._give_way
        if folder is not None and give_way is not None and (service := folder.announced()):
            self._give_way = None
            # On another thread, because this one ends when the process leaves the group.
            OwnThread(target=give_way, args=(service,), name="csg-otel-give-way").start()

    def _publish_now(self) -> float:
        """Publish the metrics; return the seconds until the next publication without a request."""
        began_ns, began_s = clocks.monotonic_ns(), time.thread_time()
        self._publish(self._read_own_metrics(), began_ns)
        before_s, self._used_s = self._used_s, time.thread_time() - began_s
        # The cheaper of two, because a garbage collection or an import happens to one publication, not to the next.
        return max(EVERY_S, min(before_s, self._used_s) / _MAX_SHARE)

    def _publish(self, data: MetricsData | None, began_ns: int) -> bytes:
        """Publish *data*, whose collection began at *began_ns* or later, and return it as bytes."""
        body = self._encoder.encode(data)
        try:
            with self._lock:
                if (
                    self._folder is not None and began_ns > self._published_ns
                ):  # otherwise a newer one is published already
                    self._folder.publish(body, began_ns)
                    self._published_ns = began_ns
        except (OSError, FolderError):
            faults.contain("workers")
        return body

    def _fold(self) -> None:
        folder = self._folder
        if folder is not None and folder.is_serving:
            folder.fold(merge.fold)

    # -- serving ---------------------------------------------------------------------------------------------------

    def may_serve(self) -> bool:
        """Return whether this process may serve: it has no other workers, or none of them serves."""
        folder = self._folder
        try:
            return folder is None or folder.try_serve()
        except PermissionError:  # this process runs as another user than the directory's owner
            return False
        except OSError:
            return True

    @property
    def is_member(self) -> bool:
        """Whether this process is a member, so that it tries to serve again and again."""
        return self._folder is not None

    @property
    def has_others(self) -> bool:
        """Whether there may be other workers."""
        folder = self._folder
        return folder is not None and not folder.is_alone

    @property
    def living(self) -> int:
        """The number of workers that run and have published, this process included."""
        folder = self._folder
        if folder is None or folder.is_alone:
            return 1
        try:
            return 1 + sum(publication.living for publication in folder.others())
        except (OSError, FolderError):
            return 1

    def read_metrics(self) -> MetricsData | None:
        """Return the metrics of all workers, living and finished; those of this process if it never had others."""
        folder = self._folder
        if folder is None:
            return self._read_own_metrics()
        try:
            if folder.is_alone and not folder.finished().total:
                return self._read_own_metrics()
            return self._read_all(folder)
        except (OSError, FolderError, ValueError):
            faults.contain("workers")
            return self._read_own_metrics()

    def _read_all(self, folder: Folder) -> MetricsData | None:
        with folder.request() as inquiry:
            began_ns = clocks.monotonic_ns()
            own = self._read_own_metrics()
            # Publish them as well: if this process is killed now, the next scrape still includes the values shown here.
            body = self._publish(own, began_ns)
            inquiry.wait()
        others, finished = folder.others(), folder.finished()
        workers = [WorkerMetrics(os.getpid(), living=True, body=body)]
        workers += [
            WorkerMetrics(publication.pid, publication.living, publication.body)
            for publication in others
            if publication.name not in finished.folded
        ]
        workers.append(WorkerMetrics(0, living=False, body=finished.total))
        return self._merger.merge(workers, merge.group_resource(own, folder.id))
