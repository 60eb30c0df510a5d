"""Kills a process with a journal many times, and prints what is left.

python -m tests.proofs.journal --kills 1000 --operations 3000 --seed 1
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.proofs.journal.killing import kill_and_recover


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.journal")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--operations", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills, operations, seed = arguments.kills, arguments.operations, arguments.seed
        print(asyncio.run(kill_and_recover(Path(folder), operations=operations, kills=kills, seed=seed)))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
