"""
The totals of the host's disks, network interfaces and sockets: by the kernel's files, elsewhere by psutil.

The rule: psutil's correction of overflowed counters is switched off, because it uses a lock that could stay locked for ever in
a forked child.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from csg_otel.metrics.sample import Traffic

_SECTOR: Final = 512
"""Bytes of a sector in the kernel's counts, whatever the disk's own sectors have."""

_BLOCKS: Final = "/sys/block"
_INTERFACES: Final = "/proc/net/dev"
_SOCKETS: Final = ("/proc/net/sockstat", "/proc/net/sockstat6")
_PROTOCOLS: Final = "/proc/net/snmp"

Find = Callable[[str], bytes | None]
"""Returns the content of a file; None if it can't be read."""


# -- disks --------------------------------------------------------------------------------------------------------------


class Disks:
    """Reads the disks, and keeps which devices are whole disks: a name never changes from a partition to a disk."""

    FILE: Final = "/proc/diskstats"

    def __init__(self) -> None:
        """Start without devices."""
        self._whole: dict[str, bool] = {}

    def read(self, diskstats: bytes | None) -> Mapping[str, Traffic]:
        """Return the totals of each whole disk, by the content *diskstats* of :attr:`FILE`; any error of psutil is raised."""
        rows = (
            {} if diskstats is None else {os.fsdecode(row[2]): row for row in map(bytes.split, diskstats.splitlines())}
        )
        if diskstats is None or min(map(len, rows.values()), default=14) < 14:  # a kernel from before 2.6.25
            return self._by_psutil()
        if len(self._whole) > len(rows):  # devices are gone, as those of containers that have ended
            self._whole.clear()
        return {name: _disk(row) for name, row in rows.items() if self._is_whole(name)}

    def _is_whole(self, name: str) -> bool:
        is_whole = self._whole.get(name)
        if is_whole is None:
            is_whole = self._whole[name] = _is_disk(name)
        return is_whole

    def _by_psutil(self) -> Mapping[str, Traffic]:
        import psutil

        counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        return {
            name: Traffic(
                volume=(disk.read_bytes, disk.write_bytes),
                operations=(disk.read_count, disk.write_count),
                time_s=(disk.read_time / 1e3, disk.write_time / 1e3),
            )
            for name, disk in counters.items()
            if self._is_whole(name)
        }


def _disk(row: list[bytes]) -> Traffic:
    reads, _, read_sectors, read_ms, writes, _, written_sectors, write_ms = map(int, row[3:11])
    return Traffic(
        volume=(read_sectors * _SECTOR, written_sectors * _SECTOR),
        operations=(reads, writes),
        time_s=(read_ms / 1e3, write_ms / 1e3),
    )


def _is_disk(name: str) -> bool:
    """Return whether *name* is a whole disk: its partitions would count twice, and loop and ram devices are no disks."""
    if name.startswith(("loop", "ram")):
        return False
    return not os.path.isdir(_BLOCKS) or os.path.exists(f"{_BLOCKS}/{name.replace('/', '!')}")  # noqa: PTH110, PTH112 - cheaper


# -- network ------------------------------------------------------------------------------------------------------------


def networks(find: Find) -> Mapping[str, Traffic]:
    """Return the totals of each network interface, by the kernel's file that *find* reads; any error of psutil is raised."""
    table = find(_INTERFACES)
    if table is None:
        return _networks_by_psutil()
    rows = (line.rpartition(b":") for line in table.splitlines()[2:])
    return {os.fsdecode(name.strip()): _interface(counts.split()) for name, _, counts in rows}


def _interface(row: list[bytes]) -> Traffic:
    received, packets_in, errors_in, dropped_in = map(int, row[:4])
    sent, packets_out, errors_out, dropped_out = map(int, row[8:12])
    return Traffic(
        volume=(received, sent),
        operations=(packets_in, packets_out),
        errors=(errors_in, errors_out),
        dropped=(dropped_in, dropped_out),
    )


def _networks_by_psutil() -> Mapping[str, Traffic]:
    import psutil

    return {
        name: Traffic(
            volume=(counts.bytes_recv, counts.bytes_sent),
            operations=(counts.packets_recv, counts.packets_sent),
            errors=(counts.errin, counts.errout),
            dropped=(counts.dropin, counts.dropout),
        )
        for name, counts in psutil.net_io_counters(pernic=True, nowrap=False).items()
    }


def sockets(find: Find) -> Mapping[tuple[str, str], int]:
    """
    Return the kernel's own totals of sockets, because the time to read every socket grows with their number.

    *find* reads the kernel's files. Raises LookupError where they do not count sockets.
    """
    tables: dict[str, dict[str, int]] = {}
    for path in _SOCKETS:
        for line in (find(path) or b"").decode("ascii").splitlines():
            protocol, _, words = line.partition(":")
            pairs = words.split()
            tables[protocol] = dict(zip(pairs[::2], map(int, pairs[1::2]), strict=False))
    rows = [line.split() for line in (find(_PROTOCOLS) or b"").decode("ascii").splitlines() if line.startswith("Tcp:")]
    tcp = dict(zip(*rows[:2], strict=False))
    return {
        ("tcp", "established"): int(tcp["CurrEstab"]),
        ("tcp", "time_wait"): tables["TCP"]["tw"],
        ("udp", ""): tables["UDP"]["inuse"] + tables.get("UDP6", {}).get("inuse", 0),
    }
