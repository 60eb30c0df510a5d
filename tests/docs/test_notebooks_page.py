"""docs/notebooks.md: its cells run one after the other in one event loop, as in a notebook."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import time
from functools import partial
from typing import Any

import azpoll
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.repository import ROOT

PAGE = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
CELLS = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Notebook:
    """Runs cells as IPython does: each in a task of its own, and the loop stands still between them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.names: dict[str, Any] = {}
        self._loop = loop

    def run(self, cell: str) -> Any:
        """Run a cell, and return the value of its last line if that is an expression."""
        *body, last = ast.parse(cell).body
        if isinstance(last, ast.Expr):
            name = ast.copy_location(ast.Name("_", ast.Store()), last)
            last = ast.copy_location(ast.Assign([name], last.value), last)
        self.names["_"] = None
        module = ast.fix_missing_locations(ast.Module([*body, last], []))
        code = compile(module, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, self.names)  # noqa: S307 - the page is ours
        if inspect.iscoroutine(result):
            self._loop.run_until_complete(result)
        return self.names["_"]


def html_of(value: Any) -> str:
    """Return how IPython shows a value."""
    shown: str = value._repr_html_()
    return shown


def test_the_cells_run_one_after_the_other() -> None:
    arm = FakeARM(default=Script(duration_s=0.1, retry_after=0), floor_s=0, limits=None, clock=time.monotonic)
    loop = asyncio.new_event_loop()
    notebook = Notebook(loop)
    try:
        notebook.names["client_of"] = partial(client_of, arm)
        notebook.run(re.sub(r"httpx\.AsyncClient\(.*\)", "client_of()", CELLS[0]))
        shown = notebook.run(CELLS[1])
        assert isinstance(shown, azpoll.Group)
        assert "logs" in html_of(shown)
        assert notebook.run(CELLS[2]) == "Succeeded"
        assert "succeeded" in html_of(notebook.run("operation"))
        assert "Tracker" in html_of(notebook.run("tracker"))
        notebook.run(CELLS[3])
        assert len(CELLS) == 4
    finally:
        loop.close()


def test_interrupting_a_cell_stops_no_polling() -> None:
    """IPython cancels the task of a cell that is interrupted."""
    arm = FakeARM(default=Script(duration_s=0.1, retry_after=0), floor_s=0, limits=None, clock=time.monotonic)
    loop = asyncio.new_event_loop()
    notebook = Notebook(loop)
    notebook.names |= {"client": client_of(arm), "azpoll": azpoll, "asyncio": asyncio}
    try:
        notebook.run("tracker = await azpoll.Tracker(client, min_interval=0).start()")
        notebook.run("operation = await tracker.begin('PUT', 'https://management.azure.com/a?api-version=1', json={})")
        notebook.run("waiting = asyncio.create_task(operation.wait()); await asyncio.sleep(0); waiting.cancel()")
        assert notebook.run("(await operation).status_code") == 200
        notebook.run("await tracker.aclose(); await client.aclose()")
    finally:
        loop.close()
