"""The measurements of a run, in parts that can be chosen by name, and the rounds in which they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.detection import POLICIES
from benchmarks.jobs import Job
from benchmarks.peers import (
    AIOHTTP,
    AZPOLL_AIOHTTP,
    AZPOLL_FAST,
    AZPOLL_FAST_AUTH,
    AZPOLL_HTTPX,
    AZPOLL_HTTPX2,
    AZPOLL_PYREQWEST,
    AZURE,
    HTTPX,
    HTTPX2,
    HTTPX_GATED,
    PEERS,
    PYREQWEST,
    RAW,
    Peer,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from benchmarks.results import Results

AZPOLL = (AZPOLL_HTTPX, AZPOLL_HTTPX2, AZPOLL_FAST)

ROUNDS, FEW_ROUNDS, ONCE = 5, 2, 1
"""Five rounds of the ratios that goals judge, two of other figures; one where noise cannot change the figure."""

ANSWER_DELAY_S = 0.1
"""Seconds between a request and its response on a high-latency network."""

BURST_AFTER_S, BURST_LIMIT_S = 4.0, 15.0
"""Seconds from the start to a burst, and the most seconds that it is watched."""


class Key(NamedTuple):
    """The identity of a measurement.

    Attributes:
        measure: name of the measure.
        peer: name of the measured peer or module.
        operations: number of operations; 0 where it plays no part.
    """

    measure: str
    peer: str
    operations: int = 0


class Sizes(NamedTuple):
    """Sizes that differ between a full and a quick run.

    Attributes:
        late: operations whose lateness is judged.
        max_wait_s: the most seconds between two polls of one of them.
        judged_s: seconds for which they are judged, once all have begun.
        woken: operations of the scheduling measure.
        waiting: operations of the memory measure.
        detected: operations of the detection measure.
    """

    late: int
    max_wait_s: int
    judged_s: float
    woken: int
    waiting: int
    detected: int


FULL_SIZES = Sizes(late=10_000, max_wait_s=17, judged_s=10.0, woken=100_000, waiting=100_000, detected=10_000)
QUICK_SIZES = Sizes(late=1_000, max_wait_s=5, judged_s=5.0, woken=20_000, waiting=5_000, detected=1_000)


@dataclass(frozen=True)
class Measurement:
    """One measurement of a run.

    Attributes:
        key: its identity.
        job: the job that makes it.
        rounds: number of rounds in which it is made.
    """

    key: Key
    job: Job
    rounds: int


def planned(origin: str, *, quick: bool, only: Collection[str] = ()) -> list[Measurement]:
    """Return the measurements of a run, each once; `only` names parts, and none means all."""
    found: dict[Key, Measurement] = {}
    for name, part in (quick_parts(origin) if quick else full_parts(origin)).items():
        for measurement in part if not only or name in only else ():
            found.setdefault(measurement.key, measurement)
    return list(found.values())


def run(measurements: Sequence[Measurement], results: Results) -> Iterator[Key]:
    """Make all measurements round by round, so that a busy moment meets all peers; yields each when done."""
    for number in range(max((each.rounds for each in measurements), default=0)):
        for each in measurements:
            if number < each.rounds:
                results.add(each.key, each.job.run())
                yield each.key


def full_parts(origin: str) -> dict[str, list[Measurement]]:
    """Return the parts of a full run by name; a measurement that two parts have is made once."""
    compared = (RAW, AZURE, *AZPOLL)
    loops = (HTTPX, HTTPX_GATED, HTTPX2, AIOHTTP, PYREQWEST)
    transports = (AZPOLL_FAST_AUTH, AZPOLL_PYREQWEST, AZPOLL_AIOHTTP)
    unpinned = (AZURE, AZPOLL_HTTPX, AZPOLL_FAST, PYREQWEST)
    return {
        "cost": [
            *_costs(origin, compared, operations=1_000),
            *_costs(origin, compared, operations=100),
            *_costs(origin, AZPOLL, operations=10_000, polls=2),
        ],
        "peers": [
            *_costs(origin, (AZURE, *loops, *transports), operations=1_000, rounds=FEW_ROUNDS),
            *_costs(origin, (RAW, AZURE, AIOHTTP, PYREQWEST), operations=10_000, polls=2, rounds=FEW_ROUNDS),
            # A loop over httpx2 does not end within minutes: it is stopped, and its progress is shown.
            *_costs(origin, (HTTPX2,), operations=10_000, polls=2, rounds=ONCE, stop_s=20.0),
        ],
        "latency": [
            *_costs(origin, (AZURE, *AZPOLL), operations=1_000, rounds=FEW_ROUNDS, delay_s=ANSWER_DELAY_S),
        ],
        "uvloop": [
            *_costs(origin, (AZURE, AZPOLL_HTTPX2, AZPOLL_FAST), operations=1_000, rounds=FEW_ROUNDS, uvloop=True),
            *_bursts(origin, (PYREQWEST, AZPOLL_FAST), rounds=FEW_ROUNDS, uvloop=True),
        ],
        "all cores": [
            *_costs(origin, unpinned, operations=1_000, rounds=FEW_ROUNDS, all_cores=True),
            *_costs(origin, (AZURE, AZPOLL_FAST), operations=1_000, rounds=FEW_ROUNDS, uvloop=True, all_cores=True),
        ],
        "calls": list(_calls(origin)),
        "lateness": list(_late(origin, (RAW, AZURE, AZPOLL_HTTPX2, AZPOLL_FAST), FULL_SIZES, FEW_ROUNDS)),
        "burst": [
            *_bursts(origin, (PYREQWEST, AZPOLL_FAST), rounds=ROUNDS),
            *_bursts(origin, (RAW, AZURE, AZPOLL_HTTPX2), rounds=FEW_ROUNDS),
        ],
        "memory": [
            *(_waiting(origin, AZPOLL_FAST, FULL_SIZES.waiting, traced=traced) for traced in (True, False)),
            _waiting(origin, AZPOLL_FAST, FULL_SIZES.waiting, traced=True, signed=False),
            *(_waiting(origin, AZURE, 10_000, traced=traced) for traced in (True, False)),
        ],
        "imports": list(_imports(ROUNDS)),
        "wakes": [*_costs(origin, (RAW,), operations=1_000), _wakes(FULL_SIZES.woken, rounds=3)],
        "detection": list(_detections(FULL_SIZES.detected)),
    }


def quick_parts(origin: str) -> dict[str, list[Measurement]]:
    """Return the parts of a quick run by name: enough for all goals but that of lateness."""
    raw = list(_costs(origin, (RAW,), operations=1_000, polls=3, rounds=3))
    return {
        "cost": [
            *raw,
            *_costs(origin, (AZURE, *AZPOLL), operations=1_000, polls=3, rounds=3),
            *_costs(origin, (AZPOLL_FAST,), operations=100, rounds=ONCE),
            *_costs(origin, (AZPOLL_FAST,), operations=10_000, polls=2, rounds=ONCE),
        ],
        "lateness": list(_late(origin, (AZPOLL_FAST,), QUICK_SIZES, ONCE)),
        "burst": list(_bursts(origin, (PYREQWEST, AZPOLL_FAST), rounds=ONCE)),
        "memory": [
            _waiting(origin, AZPOLL_FAST, QUICK_SIZES.waiting, traced=True, signed=signed) for signed in (True, False)
        ],
        "imports": list(_imports(ONCE)),
        "wakes": [*raw, _wakes(QUICK_SIZES.woken, ONCE)],
        "detection": list(_detections(QUICK_SIZES.detected)),
    }


def _costs(
    origin: str,
    peers: Iterable[Peer],
    *,
    operations: int,
    polls: int = 5,
    rounds: int = ROUNDS,
    stop_s: float = 120.0,
    uvloop: bool = False,
    all_cores: bool = False,
    delay_s: float = 0.0,
) -> Iterator[Measurement]:
    measure = "cost, high latency" if delay_s else "cost"
    measure += (", uvloop" if uvloop else "") + (", all cores" if all_cores else "")
    workload = {"origin": origin, "operations": operations, "polls": polls, "answer_delay_s": delay_s}
    for peer in peers:
        arguments: dict[str, Any] = {"peer": peer.name, "workload": workload, "uvloop": uvloop, "stop_s": stop_s}
        arguments["all_cores"] = all_cores
        yield Measurement(Key(measure, peer.name, operations), Job("measures.cost", arguments), rounds)


def _calls(origin: str) -> Iterator[Measurement]:
    workload = {"origin": origin, "operations": 500, "polls": 5}
    for peer in PEERS:
        job = Job("measures.calls", {"peer": peer.name, "workload": workload})
        yield Measurement(Key("calls", peer.name), job, ONCE)


def _late(origin: str, peers: Iterable[Peer], sizes: Sizes, rounds: int) -> Iterator[Measurement]:
    workload: dict[str, object] = {"origin": origin, "operations": sizes.late, "polls": 0}
    workload |= {"retry_after": (1, sizes.max_wait_s), "spread_s": sizes.max_wait_s, "judged_after_s": sizes.max_wait_s}
    for peer in peers:
        job = Job("measures.lateness", {"peer": peer.name, "workload": workload, "seconds": sizes.judged_s})
        yield Measurement(Key("lateness", peer.name, sizes.late), job, rounds)


def _bursts(origin: str, peers: Iterable[Peer], *, rounds: int, uvloop: bool = False) -> Iterator[Measurement]:
    measure = "burst, uvloop" if uvloop else "burst"
    workload = {"origin": origin, "operations": 10_000, "polls": 1, "burst_after_s": BURST_AFTER_S}
    for peer in peers:
        arguments = {"peer": peer.name, "workload": workload, "seconds": BURST_LIMIT_S, "uvloop": uvloop}
        yield Measurement(Key(measure, peer.name, 10_000), Job("measures.lateness", arguments), rounds)


def _waiting(origin: str, peer: Peer, operations: int, *, traced: bool, signed: bool = True) -> Measurement:
    workload = {"origin": origin, "operations": operations, "signed": signed}
    arguments = {"peer": peer.name, "workload": workload, "traced": traced, "stop_s": 200.0}
    measure = f"memory, {'traced' if traced else 'resident'}{'' if signed else ', plain URLs'}"
    return Measurement(Key(measure, peer.name, operations), Job("measures.memory", arguments, limit_s=280.0), ONCE)


def _imports(rounds: int) -> Iterator[Measurement]:
    for module, after in (("azpoll", "httpx"), ("httpx", "time")):
        arguments = {"module": module, "after": after, "repeats": 3}
        yield Measurement(Key("imports", module), Job("imports.imports", arguments), rounds)


def _wakes(operations: int, rounds: int) -> Measurement:
    return Measurement(Key("wakes", "azpoll", operations), Job("wakes.wakes", {"operations": operations}), rounds)


def _detections(operations: int) -> Iterator[Measurement]:
    for policy in POLICIES:
        job = Job("detection.detection", {"policy": policy, "operations": operations}, limit_s=280.0)
        yield Measurement(Key("detection", policy, operations), job, ONCE)
