"""A headless Chromium, driven by its DevTools protocol: https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

CHROMIUM = shutil.which("chromium")

NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--mute-audio"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*"),
)


class Page:
    """One page, and what it has requested and complained about.

    Attributes:
        requests: URL of each request.
        complaints: the lines of the console and of the log, and uncaught exceptions.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[object] = []
        self._loaded = False

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=20)
            if message.get("id") == self._number:
                assert "error" not in message, message
                found: dict[str, Any] = message["result"]
                return found
            self._note(message)

    async def open(self, url: str, *, width: int, scheme: str = "light", scale: float = 1) -> None:
        """Open a URL in a window of this width, light or dark, and wait until it is loaded."""
        self.requests, self.complaints, self._loaded = [], [], False
        size: dict[str, object] = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)
        await self.call("Page.navigate", url=url)
        while not self._loaded:
            self._note(await self._socket.receive_json(timeout=20))

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, as JSON."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def screenshot(self, path: Path, *, height: float | None = None) -> None:
        """Write a PNG of the page from its top: of this height in pixels, or of all of it."""
        size = await self.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": height or size[1], "scale": 1}
        found = await self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))  # noqa: ASYNC240 - nothing else runs

    def _note(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}:
            self.complaints.append(message["params"])
        elif method == "Page.loadEventFired":
            self._loaded = True


@asynccontextmanager
async def browser(folder: Path) -> AsyncGenerator[Page]:
    """Run Chromium inside the context with its files in a folder; give its page."""
    port_file = folder / "profile" / "DevToolsActivePort"
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *_OPTIONS,
        f"--user-data-dir={folder / 'profile'}",
        "about:blank",
        stdin=null,
        stdout=null,
        stderr=null,
        start_new_session=True,
    )
    try:
        await eventually(lambda: port_file.exists() and bool(port_file.read_text()))
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (target, *_) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
