"""One measurement in a fresh process of its own, pinned to the second core.

Started by the suite: python -m benchmarks.jobs '{"function": "measures.cost", "arguments": {...}}'
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from benchmarks.server import pin

Figures = dict[str, float]
"""Figures of one measurement by name; a name ends in its unit."""


@dataclass(frozen=True)
class Job:
    """A function of a module of this package, to be called in another process.

    Attributes:
        function: "module.function".
        arguments: its keyword arguments.
        limit_s: seconds after which the process is ended.
    """

    function: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    limit_s: float = 150.0

    def run(self) -> Figures:
        """Run the job and return its figures; empty when it exceeded `limit_s`."""
        command = [sys.executable, "-m", "benchmarks.jobs", json.dumps(asdict(self))]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.limit_s, check=False)  # noqa: S603 - ours
        except subprocess.TimeoutExpired:
            return {}
        if done.returncode:
            raise RuntimeError(f"{self}\n{done.stderr}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures


def _main() -> None:
    job = json.loads(sys.argv[1])
    pin(1)
    module, _, name = job["function"].partition(".")
    figures = getattr(import_module(f"benchmarks.{module}"), name)(**job["arguments"])
    print(json.dumps(figures), flush=True)
    os._exit(0)  # requests may still be in flight; cancelling 10,000 of them takes longer than they do


if __name__ == "__main__":
    _main()
