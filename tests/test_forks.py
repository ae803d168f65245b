"""A fork at any moment: imports under way are let finish, everything is reset before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

from support.programs import Program

SLOW_IMPORT = """
    import builtins, json, os, sys, threading
    sys.path.insert(0, ".")
    from csg_otel import forks

    forks._IMPORTS_S = 30  # a busy machine may need much longer than the usual 2 s
    forks.follow(lambda: None)
    begun = builtins.begun = threading.Event()
    importing = threading.Thread(target=lambda: __import__("slow"))
    importing.start()
    begun.wait(50)
    pid = os.fork()
    if not pid:
        import slow
        os._exit(7)
    finished = hasattr(sys.modules["slow"], "finished")
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), finished]))
"""


def test_a_fork_lets_imports_of_other_threads_finish(tmp_path: Path) -> None:
    """Else their locks would be held in the child by a thread that is not there, and its own import would hang."""
    (tmp_path / "slow.py").write_text("import builtins, time\nbuiltins.begun.set()\ntime.sleep(0.6)\nfinished = True\n")
    with Program(SLOW_IMPORT, tmp_path) as program:
        code, finished = json.loads(program.line())
        assert program.wait() == 0

    assert (code, finished) == (7, True)


ORDER = """
    import json, os
    from csg_otel import forks

    seen = []

    class Part:
        def __init__(self, name): self.name = name; forks.follow(self.reset)
        def reset(self): seen.append(f"reset {self.name}"); forks.afterwards(self.start)
        def start(self): seen.append(f"start {self.name}")

    def broken(): raise ValueError("broken")

    one, gone = Part("one"), Part("gone")
    forks.follow(broken)
    forks.precede(broken)
    forks.precede(lambda: seen.append("prepare"))
    two = Part("two")
    del gone
    pid = os.fork()
    if not pid:
        print(json.dumps(seen), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


def test_everything_is_reset_before_anything_starts(tmp_path: Path) -> None:
    """In the order made known, without what is gone, whatever one of them does; and preparations come before the fork."""
    with Program(ORDER, tmp_path) as program:
        assert json.loads(program.line()) == ["prepare", "reset one", "reset two", "start one", "start two"]
        program.wait()


def test_a_child_that_executes_a_program_does_not_start(tmp_path: Path) -> None:
    """gevent forks in Python for each subprocess: telemetry started in the child, among its parent's greenlets."""
    source = """
    import os, subprocess
    from csg_otel import forks

    def reset():
        os.write(1, b"reset\\n")

    forks.follow(reset)
    subprocess.run(["true"], preexec_fn=lambda: None, check=True)
    print("none", flush=True)
    subprocess.run(["true"], preexec_fn=forks.notice, check=True)
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    print("two", flush=True)
    """
    with Program(source, tmp_path) as running:
        assert running.wait() == 0
        assert [running.line() for _ in range(4)] == ["none", "reset", "reset", "two"]
