import asyncio
import os

import azpoll
import httpx


async def main() -> None:
    async with httpx.AsyncClient(base_url=os.environ["ARM_URL"]) as client, azpoll.Tracker(client) as tracker:
        operations: list[azpoll.AsyncOperation[httpx.Response]] = []
        for number in range(20):
            url = f"/subscriptions/s/resourceGroups/web-{number}?api-version=2024-03-01"
            operations.append(await tracker.begin("PUT", url, json={"location": "westeurope"}, label=f"web-{number}"))
        async for operation in azpoll.as_completed(operations):
            try:
                await operation
            except azpoll.OperationFailed as error:
                print(operation.label, "failed:", error.code, error.message)
            except azpoll.PollingError as error:
                print(operation.label, "may still run, resume it with", error.resume_token)
            else:
                print(operation.label, "succeeded")


asyncio.run(main())
