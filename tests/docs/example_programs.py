"""The programs of docs/examples/."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tests.support.repository import ROOT

EXAMPLES = ROOT / "docs" / "examples"


def source_of(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


def program(name: str) -> Any:
    """Import a program as a module of its own. Temporal imports it again by its name."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return import_module(name.removesuffix(".py"))
