import asyncio
import os

import azpoll
import httpx


async def main() -> None:
    async with httpx.AsyncClient(base_url=os.environ["ARM_URL"]) as client, azpoll.Tracker(client) as tracker:
        url = "/subscriptions/s/resourceGroups/web?api-version=2024-03-01"
        operation = await tracker.begin("PUT", url, json={"location": "westeurope"})
        async for snapshot in operation.snapshots():
            print(f"{snapshot.elapsed_s:3.0f} s: {snapshot.status}, {snapshot.percent or 0:.0f} %")
        response = await operation
        print(response.json()["properties"]["provisioningState"])


asyncio.run(main())
