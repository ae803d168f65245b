"""Canaries at random places of a program's telemetry: none leaves in any form, and all leave with scrubbing off."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support import canaries, canary_receivers
from support.canaries import Canary

_VARIABLES = 40
_TOKENS = 20
_WITHOUT = {"dashboard alerts", "dashboard changed", "dashboard page", "dashboard system"}
"""Outputs that have no texts of the program; they must not have a canary either."""


def journey(number: int, folder: Path, seed: int = 0, **scrubbing: Any) -> tuple[list[Canary], dict[str, bytes]]:
    """Run a program with so many placements; return them and its outputs."""
    chance = random.Random(seed)
    held = [canaries.secret(chance) for _ in range(_TOKENS)]
    names = [f"SHOP_{chance.choice(('DB_PASSWORD', 'API_KEY', 'AUTH_TOKEN'))}_{n}" for n in range(_VARIABLES)]
    variables = {name: canaries.secret(chance) for name in names}
    plan = canaries.placements(number, {"config": held, "environment": list(variables.values())}, seed)
    config = {
        "security": {"api_auth": {"enabled": True, "tokens": [value for value, _ in held]}},
        "scrubbing": scrubbing,
    }
    triples = [(canary.carrier, canary.key, canary.text) for canary in plan]
    outputs = canary_receivers.run(config, triples, folder, {name: value for name, (value, _) in variables.items()})
    return plan, outputs


def leaked(plan: list[Canary], outputs: dict[str, bytes]) -> dict[str, Counter[tuple[str, str, str]]]:
    """Return where canaries are in each output: their carriers, kinds and forms."""
    seen = canaries.leaks(outputs, {canary.core for canary in plan})
    return {
        name: Counter((each.carrier, each.kind, each.form) for each in plan if each.core in cores)
        for name, cores in seen.items()
    }


def none_leaves(folder: Path, seed: int) -> None:
    """Fail if one of 5,000 canaries is in an output."""
    plan, outputs = journey(5_000, folder, seed)

    assert {canary.carrier for canary in plan} == set(canaries.WEIGHTS)
    assert leaked(plan, outputs) == {}


@pytest.mark.parametrize("seed", range(2))
def test_no_canary_leaves(seed: int, tmp_path: Path) -> None:
    """None of 10,000 placements is in bytes of OTLP, spool, console, log, scrape, dashboard, probes, alerts or commands."""
    none_leaves(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_no_canary_of_many_leaves(seed: int, tmp_path: Path) -> None:
    """The same with 100,000 further placements."""
    none_leaves(tmp_path, seed)


def test_canaries_leave_with_scrubbing_off(tmp_path: Path) -> None:
    """The counter-proof: with `scrubbing.enabled: false`, each output shows some, and each carrier is in one."""
    plan, outputs = journey(2_000, tmp_path, enabled=False)
    seen = leaked(plan, outputs)

    assert set(outputs) - set(seen) == _WITHOUT
    carriers = {carrier for counts in seen.values() for carrier, _, _ in counts}
    assert set(canaries.WEIGHTS) - carriers == set()
