"""Kills the parts of a fleet at random, and prints what is left.

python -m tests.proofs.fleet_database --seconds 600 --seed 1
"""

from __future__ import annotations

import argparse
import asyncio

from azpoll.fleet import Fleet
from tests.proofs.fleet_database.disturbance import Disturbance, Judgement
from tests.support.postgres import postgres_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.fleet_database")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(asyncio.run(_disturbed(arguments.seconds, arguments.seed)))  # noqa: T201 - a command


async def _disturbed(seconds: float, seed: int) -> Judgement:
    with postgres_server() as server:
        dsn = server.dsn(await server.create())
        async with Fleet.connect(dsn) as fleet:
            await fleet.install()
        return await Disturbance(server, dsn, seed).run(seconds)


if __name__ == "__main__":
    main()
