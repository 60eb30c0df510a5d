"""Derive the shapes of the recorded operations in a folder, and write them to `shapes.json`.

python -m tests.proofs.recordings FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.proofs.recordings.recorded_session import load
from tests.proofs.recordings.shapes import FILE, derive_shapes, dump_shapes

parser = argparse.ArgumentParser(prog="python -m tests.proofs.recordings", description=__doc__)
parser.add_argument("folder", type=Path, help="a folder with files sessions-*.jsonl")
sessions = load(parser.parse_args().folder)
shapes = derive_shapes(sessions)
dump_shapes(shapes)
print(f"{len(shapes.scripts)} shapes of {len(sessions)} recorded operations: {FILE.name}")  # noqa: T201 - the output of a command
