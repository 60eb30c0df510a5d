"""The calls of `azpoll.arm` send the requests of ARM's reference, for valid ids only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from azpoll import arm
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio

GROUP = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/web (prod)"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1"
SENT_GROUP = GROUP.replace(" ", "%20")
SENT_VM = VM.replace(" ", "%20")
TEMPLATE: dict[str, object] = {"$schema": "x", "resources": []}


class Service:
    """A fake ARM that keeps the bodies of the initial requests, and a tracker over it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.arm = FakeARM(default=self._script)
        self.tracker: azpoll.Tracker[httpx.Response]

    def _script(self, request: IncomingRequest) -> Script:
        self.bodies.append(request.body)
        return Script(duration_s=20, pattern="location" if request.method == "DELETE" else "azure-async-operation")

    async def sent(self, call: Awaitable[azpoll.AsyncOperation[httpx.Response]]) -> tuple[str, str, Any]:
        """Return method, URL and body of the initial request of a call, after its operation has succeeded."""
        operation = await call
        await operation
        first = self.arm.requests[0]
        [body] = self.bodies
        return first.method, first.url.removeprefix("https://management.azure.com"), json.loads(body or b"null")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with client_of(service.arm) as client, azpoll.Tracker(client) as service.tracker:
        yield service
    service.arm.no_early_polls()


MachineCall = Callable[[Any, str], Awaitable[azpoll.AsyncOperation[Any]]]

MACHINE_CALLS: dict[str, MachineCall] = {
    "start": arm.start_vm,
    "deallocate": arm.stop_vm,
    "powerOff": partial(arm.stop_vm, deallocate=False),
    "restart": arm.restart_vm,
}


@pytest.mark.parametrize("action", MACHINE_CALLS)
async def test_virtual_machines(service: Service, action: str) -> None:
    sent = await service.sent(MACHINE_CALLS[action](service.tracker, VM))
    assert sent == ("POST", f"{SENT_VM}/{action}?api-version=2024-07-01", None)


async def test_the_api_version_and_the_options_of_tracking_can_be_given(service: Service) -> None:
    operation = await arm.start_vm(service.tracker, VM, api_version="2025-04-01-preview", label="web", timeout=100)
    assert operation.label == "web"
    await operation
    assert service.arm.requests[0].url.endswith("?api-version=2025-04-01-preview")


async def test_a_group_is_a_source_too(service: Service) -> None:
    async with service.tracker.group("stop") as group:
        operations = [await arm.stop_vm(group, f"{VM}{number}") for number in range(3)]
    assert all(operation.done() for operation in operations)


async def test_a_template_for_a_resource_group(service: Service) -> None:
    parameters: dict[str, dict[str, object]] = {
        "name": {"value": "a"},
        "key": {"reference": {"keyVault": {"id": "v"}, "secretName": "s"}},
    }
    method, url, body = await service.sent(arm.deploy(service.tracker, GROUP, "day-1", TEMPLATE, parameters))
    assert (method, url) == (
        "PUT",
        f"{SENT_GROUP}/providers/Microsoft.Resources/deployments/day-1?api-version=2024-03-01",
    )
    assert body == {"properties": {"mode": "Incremental", "template": TEMPLATE, "parameters": parameters}}


async def test_a_template_for_a_subscription(service: Service) -> None:
    scope = "/subscriptions/s"
    method, url, body = await service.sent(arm.deploy(service.tracker, scope, "day-1", TEMPLATE, location="westeurope"))
    assert (method, url) == ("PUT", f"{scope}/providers/Microsoft.Resources/deployments/day-1?api-version=2024-03-01")
    assert body["location"] == "westeurope"
    assert body["properties"] == {"mode": "Incremental", "template": TEMPLATE, "parameters": {}}


@pytest.mark.parametrize(
    ("template", "link"),
    [
        ("https://contoso.com/main.json?sig=x", {"uri": "https://contoso.com/main.json?sig=x"}),
        (
            f"{GROUP}/providers/Microsoft.Resources/templateSpecs/web/versions/1.0",
            {"id": f"{GROUP}/providers/Microsoft.Resources/templateSpecs/web/versions/1.0"},
        ),
    ],
)
async def test_a_linked_template(service: Service, template: str, link: object) -> None:
    _, _, body = await service.sent(arm.deploy(service.tracker, GROUP, "d", template, mode="Complete"))
    assert body["properties"] == {"mode": "Complete", "templateLink": link, "parameters": {}}


ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


async def test_any_resource_is_created(service: Service) -> None:
    sent = await service.sent(arm.create(service.tracker, ACCOUNT, {"location": "x"}, api_version="2023-05-01"))
    assert sent == ("PUT", f"{ACCOUNT}?api-version=2023-05-01", {"location": "x"})


@pytest.mark.parametrize("resource", [ACCOUNT, "/subscriptions/s/resourceGroups/g"])
async def test_any_resource_or_group_is_deleted(service: Service, resource: str) -> None:
    sent = await service.sent(arm.delete(service.tracker, resource, api_version="2023-05-01"))
    assert sent == ("DELETE", f"{resource}?api-version=2023-05-01", None)


@pytest.mark.parametrize("body", [None, {"keyName": "key1"}])
async def test_any_action(service: Service, body: dict[str, object] | None) -> None:
    sent = await service.sent(arm.post(service.tracker, ACCOUNT, "failover", body, api_version="2023-05-01"))
    assert sent == ("POST", f"{ACCOUNT}/failover?api-version=2023-05-01", body)


VALID = {
    "/subscriptions/s/resourceGroups/g": None,
    "/SUBSCRIPTIONS/s/resourcegroups/G": None,
    "/subscriptions/s/resourceGroups/g/": "/subscriptions/s/resourceGroups/g",
    ACCOUNT: None,
    f"{ACCOUNT}/blobServices/default/containers/c": None,
    f"{VM}/extensions/ü": f"{SENT_VM}/extensions/%C3%BC",
    "/subscriptions/s/providers/Microsoft.Compute/locations/westeurope": None,
    f"{ACCOUNT}/providers/Microsoft.Insights/diagnosticSettings/d": None,
    "/providers/Microsoft.Management/managementGroups/m": None,
    "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Authorization/policyAssignments/p": None,
    f"{ACCOUNT}/queueServices/a@b:c;d=e": None,
}


@pytest.mark.parametrize("resource", VALID)
async def test_valid_ids(service: Service, resource: str) -> None:
    sent = await service.sent(arm.delete(service.tracker, resource, api_version="2023-05-01"))
    assert sent[1] == f"{VALID[resource] or resource}?api-version=2023-05-01"


INVALID = [
    "",
    "/",
    "web-1",
    "subscriptions/s/resourceGroups/g",
    "//subscriptions/s/resourceGroups/g",
    "https://management.azure.com/subscriptions/s/resourceGroups/g",
    "//evil.example/subscriptions/s/resourceGroups/g",
    "/subscriptions/s",
    "/subscriptions//resourceGroups/g",
    "/subscriptions/s/resourceGroups",
    "/subscriptions/s/resourceGroups/..",
    "/subscriptions/s/resourceGroups/.",
    "/subscriptions/s/resourceGroups/ ",
    "/subscriptions/s/resourceGroups/g ",
    "/subscriptions/s/resourceGroups/%2e%2e",
    "/subscriptions/s/resourceGroups/g?x=y",
    "/subscriptions/s/resourceGroups/g#x",
    "/subscriptions/s/resourceGroups/g\\x",
    "/subscriptions/s/resourceGroups/g\r\nx: y",
    "/subscriptions/s/resourceGroups/g/providers",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts",
    f"{ACCOUNT}/blobServices",
    f"{ACCOUNT}/providers/Microsoft.Insights",
    "/subscriptions/s/other/g/providers/Microsoft.Storage/storageAccounts/a",
    "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
    "/providers/Microsoft.Management",
    f"/subscriptions/s/resourceGroups/{'g' * 5000}",
]


@pytest.mark.parametrize("resource", INVALID)
async def test_an_invalid_id_sends_nothing(service: Service, resource: str) -> None:
    with pytest.raises(ValueError, match=r"resource id|segment"):
        await arm.delete(service.tracker, resource, api_version="2023-05-01")
    assert not service.arm.requests


BAD_CALLS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "a resource of another type": lambda source: arm.start_vm(source, ACCOUNT),
    "an extension of a machine": lambda source: arm.start_vm(source, f"{VM}/extensions/e"),
    "a group": lambda source: arm.restart_vm(source, GROUP),
    "an id that is no text": lambda source: arm.stop_vm(source, None),  # type: ignore[arg-type]  # - on purpose
    "a version that is no date": lambda source: arm.delete(source, ACCOUNT, api_version="latest"),
    "a version with a query": lambda source: arm.delete(source, ACCOUNT, api_version="2023-05-01&x=y"),
    "an action with a slash": lambda source: arm.post(source, ACCOUNT, "a/b", api_version="2023-05-01"),
    "no action": lambda source: arm.post(source, ACCOUNT, "", api_version="2023-05-01"),
    "a scope that is a resource": lambda source: arm.deploy(source, VM, "d", TEMPLATE),
    "a name with a slash": lambda source: arm.deploy(source, GROUP, "a/b", TEMPLATE),
    "a location of a group": lambda source: arm.deploy(source, GROUP, "d", TEMPLATE, location="x"),
    "no location of a subscription": lambda source: arm.deploy(source, "/subscriptions/s", "d", TEMPLATE),
    "an unknown mode": lambda source: arm.deploy(source, GROUP, "d", TEMPLATE, mode="All"),  # type: ignore[arg-type]  # - on purpose
    "Complete for a subscription": lambda source: arm.deploy(
        source, "/subscriptions/s", "d", TEMPLATE, location="x", mode="Complete"
    ),
    "a plain value as a parameter": lambda source: arm.deploy(source, GROUP, "d", TEMPLATE, {"a": {"b": 1}}),
    "no object as a parameter": lambda source: arm.deploy(source, GROUP, "d", TEMPLATE, {"a": 1}),  # type: ignore[dict-item]  # - on purpose
    "a template that is another resource": lambda source: arm.deploy(source, GROUP, "d", ACCOUNT),
    "a template over plain http": lambda source: arm.deploy(source, GROUP, "d", "http://contoso.com/main.json"),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
async def test_arguments_out_of_range_send_nothing(service: Service, call: Callable[[Any], Awaitable[object]]) -> None:
    with pytest.raises((ValueError, TypeError)):
        await call(service.tracker)
    assert not service.arm.requests


def test_the_base_url_of_each_cloud() -> None:
    assert arm.base_url() == "https://management.azure.com"
    assert arm.base_url("china") == "https://management.chinacloudapi.cn"
    assert arm.base_url("us-government") == "https://management.usgovcloudapi.net"
    with pytest.raises(ValueError, match="'us-government'"):
        arm.base_url("germany")  # type: ignore[arg-type]  # - on purpose
    with pytest.raises(ValueError, match="cloud"):
        arm.base_url([])  # type: ignore[arg-type]  # - on purpose


async def test_the_base_url_decides_on_the_cloud_and_may_have_a_path() -> None:
    fake = FakeARM(default=Script(duration_s=5))
    for base in (arm.base_url("china"), "https://gateway.contoso.com/arm/"):
        async with client_of(fake, base_url=base) as client, azpoll.Tracker(client) as tracker:
            await arm.start_vm(tracker, VM)
        assert any(request.url.startswith(f"{base.rstrip('/')}{SENT_VM}/start") for request in fake.requests)


async def test_a_client_without_a_base_url_sends_nothing() -> None:
    fake = FakeARM(default=Script())
    async with client_of(fake, base_url="") as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ValueError, match="relative, and the client has no base_url"):
            await arm.start_vm(tracker, VM)
    assert not fake.requests
