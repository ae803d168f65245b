"""
One answer to a scrape for all worker processes of a program: gunicorn's, uvicorn's, those of ``multiprocessing``.

Each worker publishes its metrics every other second, when another asks, and when it ends. Whoever is scraped asks the others,
waits a moment, and adds up what they and the finished ones have published. The rules: a program with one process pays
nothing; no worker waits for another longer than a scrape may take; without a usable directory each answers for itself.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csg_otel import faults, forks
from csg_otel.multiprocess import codec
from csg_otel.multiprocess.family import family
from csg_otel.multiprocess.folder import Folder, FolderError, state_folder
from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import MetricsData

EVERY_S: Final = 2.0
"""Between two publications nobody asks for, in seconds: what SIGKILL may cost."""

_MOST_SHARE: Final = 0.005
"""Of a core for publications nobody asks for; where there are very many series they come less often."""

_LOOK_S: Final = 0.5
"""Between two looks at whether the port has become free, in seconds."""

_STOP_S: Final = 0.5


class Workers:
    """This process among the workers of its program."""

    def __init__(
        self,
        service: str,
        address: str,
        *,
        read: Callable[[], MetricsData | None],
        serve: Callable[[], object],
        variables: Mapping[str, str],
    ) -> None:
        """
        Be one of those that run *service* and want to serve *address*; without an address, always alone.

        Does nothing before :meth:`start`.

        *read* collects this process's metrics; *serve* is called all the time, so that another takes over the port of a
        worker that has ended. *variables* are the environment's, for where the directory is.
        """
        self.what = (service, address)
        self._read = read
        self._serve = serve
        self._variables = variables
        self._folder: Folder | None = None
        self._started = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._published_ns = 0

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Find the others if there may be any; in a process that is alone, wait until it forks."""
        if not self.what[1]:
            return
        self._started = True
        forks.precede(self._before_fork)
        forks.follow(self.reset_after_fork)
        if not family().alone:
            self._join()

    def _before_fork(self) -> None:
        if self._started and self._folder is None:
            self._join()

    def _join(self) -> None:
        with self._lock:
            try:
                folder = self._folder or Folder(state_folder(self._variables), family(), "\n".join(self.what))
                folder.join()
            except (OSError, FolderError) as error:
                self._folder = None
                faults.report("workers", f"metrics of several processes can't be added up here: {error}")
                return
            self._folder = folder
        forks.afterwards(self._start_thread)

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, args=(self._stopped,), name="csg-otel-workers", daemon=True)
        self._thread.start()

    def stop(self, *, forget: bool = False) -> None:
        """Publish a last time and leave; with *forget*, take back what was published, because somebody goes on with it."""
        self._started = False
        self._stopped.set()
        if self._folder is None:
            return
        self._folder.ring()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if not forget:
            self._publish_now()
        with self._lock:
            folder, self._folder = self._folder, None
            folder.leave(forget=forget)
        with suppress(OSError), folder.ask():  # so that another takes over the port at once
            pass

    def reset_after_fork(self) -> None:
        """Be a worker of one's own in a child."""
        self._reset()
        if self._folder is not None:
            self._folder.reset_after_fork()
            if self._started:
                self._join()

    # -- publishing ------------------------------------------------------------------------------------------------

    def _run(self, stopped: threading.Event) -> None:
        _compat.suppress_instrumentation()
        due = 0.0
        while not stopped.is_set():
            try:
                asked = self._wait()
                if stopped.is_set():
                    return
                if asked or time.monotonic() >= due:
                    due = time.monotonic() + self._publish_now()
                    self._fold()
                self._serve()
            except Exception:  # noqa: BLE001 - the next round may do better
                faults.contain("workers")
                stopped.wait(_LOOK_S)

    def _wait(self) -> bool:
        """Wait a moment; True at once if another worker asks."""
        folder = self._folder
        if folder is not None and select.select([folder.bell], [], [], _LOOK_S)[0]:
            os.read(folder.bell, 4096)
            return True
        return False

    def _publish_now(self) -> float:
        """Publish; returns after how many seconds it should be done again unasked."""
        began_ns, used_s = time.monotonic_ns(), time.thread_time()
        self._publish(self._read(), began_ns)
        return max(EVERY_S, (time.thread_time() - used_s) / _MOST_SHARE)

    def _publish(self, data: MetricsData | None, began_ns: int) -> bytes:
        """Publish and return *data*, whose collection began at *began_ns* or later."""
        body = codec.encode(data)
        try:
            with self._lock:
                if self._folder is not None and began_ns > self._published_ns:  # else a newer one stands there already
                    self._folder.publish(body, began_ns)
                    self._published_ns = began_ns
        except (OSError, FolderError):
            faults.contain("workers")
        return body

    def _fold(self) -> None:
        folder = self._folder
        if folder is not None and folder.has_turn:
            folder.fold(codec.fold)

    # -- serving ---------------------------------------------------------------------------------------------------

    def may_serve(self) -> bool:
        """Tell whether this process is the one to serve: it is alone, or no other worker does."""
        folder = self._folder
        try:
            return folder is None or folder.take_turn()
        except PermissionError:  # this process has given up the rights of the one that serves
            return False
        except OSError:
            return True

    @property
    def together(self) -> bool:
        """Whether there may be others."""
        return self._folder is not None

    def read_metrics(self) -> MetricsData | None:
        """Return the metrics of all workers, living and finished; of this process alone if it has no others."""
        folder = self._folder
        if folder is None:
            return self._read()
        try:
            return self._read_all(folder)
        except (OSError, FolderError, ValueError):
            faults.contain("workers")
            return self._read()

    def _read_all(self, folder: Folder) -> MetricsData | None:
        with folder.ask() as inquiry:
            began_ns = time.monotonic_ns()
            own = self._read()
            # Published, too, so that what a scrape has shown is never taken back, whatever becomes of this process.
            told = [codec.Told(os.getpid(), True, self._publish(own, began_ns))]
            inquiry.wait()
        others, finished = folder.others(), folder.finished()
        told.extend(codec.Told(one.pid, one.living, one.body) for one in others if one.name not in finished.folded)
        return codec.merge([*told, codec.Told(0, False, finished.total)], codec.resource(own, folder.id))
