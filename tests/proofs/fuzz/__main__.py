"""The fuzzing of goal R5 as a command.

At 1 MiB:     python -m tests.proofs.fuzz --largest
Every night:  python -m tests.proofs.fuzz --inputs 2500000 --seed "$(date +%Y%m%d)"
and an hour:  python -m tests.proofs.fuzz --guided-seconds 3600
A failure:    python -m tests.proofs.fuzz --kind bodies --seed 1 --only 4711
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = ("headers", "urls", "tokens", "bodies")


def main() -> int:
    """Fuzz; return 1 if something did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.fuzz", description="Fuzz what services and tokens say."
    )
    parser.add_argument("--kind", choices=NAMES, action="append", help="only this kind; may be given again")
    parser.add_argument("--inputs", type=int, default=100_000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this input of the seed alone")
    parser.add_argument("--input", metavar="TEXT", help="this input, as a report gives it")
    parser.add_argument("--guided-seconds", type=int, metavar="N", help="led by coverage, N seconds for all kinds")
    parser.add_argument("--largest", action="store_true", help="the largest bodies, and how long the slowest takes")
    parser.add_argument("--guided-in", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.kind or NAMES
    if given.guided_in is not None:
        import_module("tests.proofs.fuzz.coverage_guided").guided(
            names[0], given.guided_seconds, given.seed, given.guided_in
        )
    if given.guided_seconds is not None:
        return max(_apart(name, max(1, given.guided_seconds // len(names)), given.seed) for name in names)
    if given.largest:
        return _largest()
    return max(_volume(name, given) for name in names)


def _apart(name: str, seconds: int, seed: int) -> int:
    """Run in a process of its own: libFuzzer ends the one it runs in."""
    sys.stdout.write(f"{name}: {seconds} s\n")
    sys.stdout.flush()
    arguments = ("--kind", name, "--guided-seconds", str(seconds), "--seed", str(seed), "--guided-in")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.proofs.fuzz", *arguments, folder]
        return int(subprocess.run(command, check=False).returncode != 0)  # noqa: S603 - ourselves


def _largest() -> int:
    largest = import_module("tests.proofs.fuzz.largest_bodies")
    failures: list[str] = largest.failures()
    took_s, name = largest.slowest()
    sys.stdout.write(f"bodies of 1 MiB: the slowest {took_s * 1000:.1f} ms, {name}; failures: {len(failures)}\n")
    sys.stdout.write("".join(f"{failure}\n" for failure in failures))
    return int(bool(failures))


def _volume(name: str, given: argparse.Namespace) -> int:
    # Where coverage leads, azpoll must be imported by atheris: so nothing here imports it before.
    campaigns: Any = import_module("tests.proofs.fuzz.fuzz_campaign")
    report = import_module("tests.proofs.fuzz.input_minimising").report
    kind = campaigns.KINDS[name]
    if given.only is not None or given.input is not None:
        data = base64.urlsafe_b64decode(given.input) if given.input is not None else None
        if data is None:
            data = next(data for _, data in campaigns.drawn(kind, given.seed, given.only, 1))
        broken = campaigns.broken_by(kind, data)
        sys.stdout.write(f"{kind.shown(data)}\n{broken or 'all holds'}\n")
        return int(broken is not None)
    begun_s = time.process_time()
    total = campaigns.campaign(kind, given.seed, given.inputs)
    took_s = time.process_time() - begun_s
    sys.stdout.write(
        f"{name}, seed {given.seed}: {total.inputs:,} inputs, the slowest {total.slowest_s * 1000:.1f} ms,"
        f" {took_s:.1f} s of CPU, failures: {len(total.failures)}\n"
    )
    for failure in total.failures[:5]:
        sys.stdout.write(f"{report(kind, given.seed, failure)}\n")
    return int(bool(total.failures))


if __name__ == "__main__":
    sys.exit(main())
