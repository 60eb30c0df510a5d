"""The fuzzing of R5 as a command.

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
    """Fuzz; return 1 if a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.fuzz", description="Fuzz answers and tokens.")
    parser.add_argument("--kind", choices=NAMES, action="append", help="only this kind; repeatable")
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs per kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="only this input of the seed")
    parser.add_argument("--input", metavar="TEXT", help="only this input, in the encoding of a report")
    parser.add_argument("--guided-seconds", type=int, metavar="N", help="guided by coverage, N seconds for all kinds")
    parser.add_argument("--largest", action="store_true", help="the largest bodies, and the time of the slowest")
    parser.add_argument("--guided-in", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.kind or NAMES
    if given.guided_in is not None:
        import_module("tests.proofs.fuzz.coverage_guided").guided(
            names[0], given.guided_seconds, given.seed, given.guided_in
        )
    if given.guided_seconds is not None:
        return max(_in_own_process(name, max(1, given.guided_seconds // len(names)), given.seed) for name in names)
    if given.largest:
        return _largest()
    return max(_fuzz(name, given) for name in names)


def _in_own_process(name: str, seconds: int, seed: int) -> int:
    """Run in a separate process, since libFuzzer ends its process."""
    sys.stdout.write(f"{name}: {seconds} s\n")
    sys.stdout.flush()
    arguments = ("--kind", name, "--guided-seconds", str(seconds), "--seed", str(seed), "--guided-in")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.proofs.fuzz", *arguments, folder]
        return int(subprocess.run(command, check=False).returncode != 0)  # noqa: S603 - this program


def _largest() -> int:
    largest = import_module("tests.proofs.fuzz.largest_bodies")
    failures: list[str] = largest.failures()
    took_s, name = largest.slowest()
    sys.stdout.write(f"bodies of 1 MiB: the slowest {took_s * 1000:.1f} ms, {name}; failures: {len(failures)}\n")
    sys.stdout.write("".join(f"{failure}\n" for failure in failures))
    return int(bool(failures))


def _fuzz(name: str, given: argparse.Namespace) -> int:
    # With coverage guidance atheris must import azpoll, so this module must not import it first.
    campaigns: Any = import_module("tests.proofs.fuzz.fuzz_campaign")
    report = import_module("tests.proofs.fuzz.input_minimising").report
    kind = campaigns.KINDS[name]
    if given.only is not None or given.input is not None:
        data = base64.urlsafe_b64decode(given.input) if given.input is not None else None
        if data is None:
            data = next(data for _, data in campaigns.random_inputs(kind, given.seed, given.only, 1))
        broken = campaigns.finding_of(kind, data)
        sys.stdout.write(f"{kind.text_of(data)}\n{broken or 'no rule is broken'}\n")
        return int(broken is not None)
    started_s = time.process_time()
    total = campaigns.campaign(kind, given.seed, given.inputs)
    took_s = time.process_time() - started_s
    sys.stdout.write(
        f"{name}, seed {given.seed}: {total.inputs:,} inputs, the slowest {total.slowest_s * 1000:.1f} ms,"
        f" {took_s:.1f} s of CPU, failures: {len(total.failures)}\n"
    )
    for failure in total.failures[:5]:
        sys.stdout.write(f"{report(kind, given.seed, failure)}\n")
    return int(bool(total.failures))


if __name__ == "__main__":
    sys.exit(main())
