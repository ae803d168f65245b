"""What is measured: lines of the performance table; each side is a program that prints its seconds per operation, or bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """
    Two programs whose last line is seconds, or bytes, for the same work, and the ratio ours / theirs to reach.

    Theirs runs in the environment of the neighbours if it needs the telemetry of another vendor.
    """

    name: str
    ours: str
    theirs: str
    target: float
    needs_neighbours: bool = False
    ours_beside: bool = False
    """Whether ours runs in that environment, too: how long a start takes depends on what is installed."""
    unit: str = "s"
    """What the programs print: ``s`` or ``B``."""
    reached: float = 0.0
    """The ratio that was measured where the target is not reached: docs/benchmarks.md says what stands in the way."""

    @property
    def held(self) -> float:
        """The ratio that ``--check`` holds."""
        return max(self.target, self.reached)
