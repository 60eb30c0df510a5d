"""The sizes of a full and of a quick run."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Sizes that differ between a full and a quick run.

    Attributes:
        rounds: repetitions of each comparison of a fleet.
        compared: operations of each comparison of the journal.
        shards: shards of each comparison of the fleet, with 250 operations each.
        more_reads: whether the cost of a further read is measured too.
        scaled: operations of each run with another number of workers.
        many: operations of the large run through the fleet; 0 for none.
        open_rows: open operations of the journal that is recovered.
        killed: operations of the runs with kills.
        journal_kills: processes with a journal that are killed.
        fleet_kills: workers that are killed.
        leases_s: leases whose take-over is measured, in seconds.
        read_s: seconds for which the reads of four workers are counted.
        workers: numbers of workers that are compared.
    """

    rounds: int
    compared: int
    shards: int
    more_reads: bool
    scaled: int
    many: int
    open_rows: int
    killed: int
    journal_kills: int
    fleet_kills: int
    leases_s: tuple[float, ...]
    read_s: float
    workers: tuple[int, ...]


FULL = Sizes(
    rounds=3,
    compared=2_000,
    shards=40,
    more_reads=True,
    scaled=40_000,
    many=200_000,
    open_rows=100_000,
    killed=1_000,
    journal_kills=40,
    fleet_kills=6,
    leases_s=(2.0, 10.0, 30.0),
    read_s=20.0,
    workers=(1, 2, 4),
)

QUICK = Sizes(
    rounds=1,
    compared=300,
    shards=8,
    more_reads=False,
    scaled=1_000,
    many=0,
    open_rows=3_000,
    killed=60,
    journal_kills=2,
    fleet_kills=1,
    leases_s=(2.0,),
    read_s=3.0,
    workers=(1, 2),
)
