"""Every example of README.md and docs/ passes pyright in its strict mode."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.docs.service_table import programs
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PATHS = [str(ROOT), str(ROOT / "docs" / "examples")]
"""Folders of the modules that examples import."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_examples(folder: Path) -> int:
    """Write each example to a module of its own, and return their number."""
    count = 0
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for number, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            if "import FastAPI" in block and find_spec("fastapi") is None:
                continue
            (folder / f"{page.parent.name}_{page.stem.lower()}_{number}.py").write_text(block, encoding="utf-8")
            count += 1
    (folder / "services_table.py").write_text(programs(), encoding="utf-8")
    return count + 1


@pytest.mark.slow
def test_each_example_passes_pyright_strict(tmp_path: Path) -> None:
    assert write_examples(tmp_path) > 20
    settings = {"include": ["."], "typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": PATHS}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    checked = subprocess.run(  # noqa: S603 - the type checker of the project
        [sys.executable, "-m", "pyright", "--project", str(tmp_path), "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
