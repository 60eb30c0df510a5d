"""Prints the page of known failures, or writes it to docs/peer-failures.md."""

from __future__ import annotations

import argparse
import sys

from tests.proofs.peers.failures.failures_page import PAGE, page


def main() -> int:
    """Print or write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.peers.failures", description="Show the known failures of other clients."
    )
    parser.add_argument("--write", action="store_true", help="to docs/peer-failures.md")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
