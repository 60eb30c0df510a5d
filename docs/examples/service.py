import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import azpoll
import azpoll.identity
import azpoll.telemetry
import httpx
from azure.identity import DefaultAzureCredential
from fastapi import FastAPI, HTTPException, Path, Request

ARM_URL = os.environ.get("ARM_URL", "https://management.azure.com")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    auth = azpoll.identity.auth(DefaultAzureCredential(), origins=[ARM_URL])
    journal = azpoll.SQLiteJournal("operations.db")
    async with httpx.AsyncClient(base_url=ARM_URL, auth=auth, timeout=120) as client:
        async with azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
            with azpoll.telemetry.instrument(tracker):
                await tracker.recover()  # the operations of the process before this one
                app.state.tracker = tracker
                yield


app = FastAPI(lifespan=lifespan)


@app.put("/groups/{name}", status_code=202)
async def create(name: Annotated[str, Path(pattern="^[a-z0-9-]{1,90}$")], request: Request) -> dict[str, str]:
    tracker: azpoll.Tracker[httpx.Response] = request.app.state.tracker
    url = f"/subscriptions/{os.environ['SUBSCRIPTION']}/resourceGroups/{name}?api-version=2024-03-01"
    try:
        operation = await tracker.begin("PUT", url, json={"location": "westeurope"}, label=name)
    except azpoll.InitialRequestFailed as error:
        raise HTTPException(502, str(error)) from error
    return {"id": operation.id}


@app.get("/operations/{operation_id}")
async def show(operation_id: str, request: Request) -> dict[str, str | None]:
    tracker: azpoll.Tracker[httpx.Response] = request.app.state.tracker
    row = await tracker.get(operation_id)
    if row is None:
        raise HTTPException(404, "there is no such operation")
    if isinstance(row, azpoll.JournalRow):
        return {"state": "running", "status": row.status, "error": None}
    return {"state": row.state, "status": None, "error": row.error}
