"""Long-running operations of Azure Resource Manager by resource id: virtual machines, templates, any resource.

    async with azpoll.Tracker(client) as tracker:
        await (await azpoll.arm.start_vm(tracker, "/subscriptions/.../virtualMachines/web"))

Each function sends one request with `begin` of a tracker or a group, and returns the operation. URLs are relative to
the client's `base_url`, which decides on the cloud: `base_url=azpoll.arm.base_url("china")`. All functions take the
keywords of `TrackingOptions`, such as `timeout` and `label`. An id that is not an ARM resource id raises `ValueError`,
and nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard, Unpack

from azpoll.clouds import CloudName, cloud_of
from azpoll.resource_id import is_resource_group, is_subscription, resource_type, url_of
from azpoll.tracking.settings import checked_choice

if TYPE_CHECKING:
    from azpoll.operation import AsyncOperation
    from azpoll.operation_source import OperationSource
    from azpoll.options import TrackingOptions
    from azpoll.transport.library import ResponseT

__all__ = [
    "COMPUTE_API_VERSION",
    "DEPLOYMENTS_API_VERSION",
    "DeploymentMode",
    "base_url",
    "create",
    "delete",
    "deploy",
    "post",
    "restart_vm",
    "start_vm",
    "stop_vm",
]

COMPUTE_API_VERSION = "2024-07-01"
"""The default API version of virtual machines."""

DEPLOYMENTS_API_VERSION = "2024-03-01"
"""The default API version of template deployments."""

DeploymentMode: TypeAlias = Literal["Incremental", "Complete"]

_VM = "microsoft.compute/virtualmachines"
_DEPLOYMENT_NAME = re.compile(r"[-\w.()]{1,64}", re.ASCII)


def base_url(cloud: CloudName = "public") -> str:
    """Return the `base_url` of a client for a cloud: "public", "china" or "us-government".

    Raises:
        ValueError: the cloud is unknown.
    """
    return cloud_of(cloud).base_url


async def start_vm(
    source: OperationSource[ResponseT],
    vm_id: str,
    *,
    api_version: str = COMPUTE_API_VERSION,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Start a virtual machine.

    Args:
        source: a tracker or a group.
        vm_id: `/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}`.
        api_version: of `Microsoft.Compute`.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not that of a virtual machine.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    return await source.begin("POST", _vm_url(vm_id, api_version, "start"), **options)


async def stop_vm(
    source: OperationSource[ResponseT],
    vm_id: str,
    *,
    deallocate: bool = True,
    api_version: str = COMPUTE_API_VERSION,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Stop a virtual machine.

    Args:
        source: a tracker or a group.
        vm_id: as for `start_vm`.
        deallocate: whether the machine is released, so that its compute is not billed. False only powers it off.
        api_version: of `Microsoft.Compute`.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not that of a virtual machine.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    action = "deallocate" if deallocate else "powerOff"
    return await source.begin("POST", _vm_url(vm_id, api_version, action), **options)


async def restart_vm(
    source: OperationSource[ResponseT],
    vm_id: str,
    *,
    api_version: str = COMPUTE_API_VERSION,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Restart a virtual machine.

    Args:
        source: a tracker or a group.
        vm_id: as for `start_vm`.
        api_version: of `Microsoft.Compute`.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not that of a virtual machine.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    return await source.begin("POST", _vm_url(vm_id, api_version, "restart"), **options)


async def deploy(
    source: OperationSource[ResponseT],
    scope: str,
    name: str,
    template: Mapping[str, object] | str,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    *,
    location: str | None = None,
    mode: DeploymentMode = "Incremental",
    api_version: str = DEPLOYMENTS_API_VERSION,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Deploy an ARM template to a resource group or a subscription.

    Args:
        source: a tracker or a group.
        scope: `/subscriptions/{id}/resourceGroups/{group}` or `/subscriptions/{id}`.
        name: of the deployment: 1 to 64 letters, digits, `-`, `.`, `_`, `(` and `)`. A later deployment with the same
            name replaces its record.
        template: the template as a JSON object; or the id of a template spec's version; or the https URL of a template.
        parameters: name to `{"value": ...}` or `{"reference": ...}`, as in the member `parameters` of a parameter file.
        location: of the deployment's record, such as "westeurope". A subscription needs it, a resource group has none.
        mode: "Complete" deletes the resources of the group that the template does not name.
        api_version: of `Microsoft.Resources/deployments`.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: an argument is invalid, or does not suit the scope.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    _check_deployment(scope, name, location, mode)
    properties = {"mode": mode, **_template(template), "parameters": _parameters(parameters)}
    body: dict[str, object] = {"properties": properties}
    if location is not None:
        body["location"] = location
    deployment = f"{scope.rstrip('/')}/providers/Microsoft.Resources/deployments/{name}"
    return await source.begin("PUT", url_of(deployment, api_version), json=body, **options)


async def create(
    source: OperationSource[ResponseT],
    resource_id: str,
    body: Mapping[str, object],
    *,
    api_version: str,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Create a resource, or replace its properties, with a PUT.

    Args:
        source: a tracker or a group.
        resource_id: of any resource or resource group.
        body: the resource as a JSON object.
        api_version: of the resource's type, such as "2023-05-01".
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not a resource id.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    return await source.begin("PUT", url_of(resource_id, api_version), json=body, **options)


async def delete(
    source: OperationSource[ResponseT], resource_id: str, *, api_version: str, **options: Unpack[TrackingOptions]
) -> AsyncOperation[ResponseT]:
    """Delete a resource, or a resource group with all of its resources.

    Args:
        source: a tracker or a group.
        resource_id: of any resource or resource group.
        api_version: of the resource's type.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not a resource id.
        InitialRequestFailed: as for `Tracker.begin`. If no such resource exists, ARM answers 204, which is success.
    """
    return await source.begin("DELETE", url_of(resource_id, api_version), **options)


async def post(
    source: OperationSource[ResponseT],
    resource_id: str,
    action: str,
    body: Mapping[str, object] | None = None,
    *,
    api_version: str,
    **options: Unpack[TrackingOptions],
) -> AsyncOperation[ResponseT]:
    """Run an action of a resource, such as "regenerateKey", with a POST.

    Args:
        source: a tracker or a group.
        resource_id: of any resource or resource group.
        action: the last segment of the URL.
        body: the arguments of the action as a JSON object; None for no body.
        api_version: of the resource's type.
        **options: as for `Tracker.begin`.

    Raises:
        ValueError: the id is not a resource id, or the action is no name.
        InitialRequestFailed: as for `Tracker.begin`.
    """
    url = url_of(resource_id, api_version, action)
    if body is None:
        return await source.begin("POST", url, **options)
    return await source.begin("POST", url, json=body, **options)


def _vm_url(vm_id: str, api_version: str, action: str) -> str:
    if resource_type(vm_id) != _VM:
        raise ValueError("the id is that of another resource than a Microsoft.Compute/virtualMachines")
    return url_of(vm_id, api_version, action)


def _check_deployment(scope: str, name: str, location: str | None, mode: DeploymentMode) -> None:
    """Raise `ValueError` if a deployment to this scope cannot have these arguments."""
    is_group = is_resource_group(scope)
    if not is_group and not is_subscription(scope):
        raise ValueError("scope must be /subscriptions/{id} or /subscriptions/{id}/resourceGroups/{group}")
    if not _DEPLOYMENT_NAME.fullmatch(name):
        raise ValueError("the name of a deployment has 1 to 64 letters, digits and - . _ ( )")
    if is_group == (location is not None):
        raise ValueError("location is for a deployment to a subscription, which needs it")
    checked_choice("mode", mode, ("Incremental", "Complete"))
    if mode == "Complete" and not is_group:
        raise ValueError("mode='Complete' is for a resource group only")


def _template(template: Mapping[str, object] | str) -> dict[str, object]:
    """Return the member of a deployment that holds or names its template."""
    if isinstance(template, Mapping):
        return {"template": template}
    if template.startswith("https://"):
        return {"templateLink": {"uri": template}}
    if resource_type(template) != "microsoft.resources/templatespecs/versions":
        raise ValueError("template must be a JSON object, the id of a template spec's version, or an https URL")
    return {"templateLink": {"id": template}}


def _parameters(parameters: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return the parameters of a template after each was checked to be a value or a reference."""
    for name, entry in (parameters or {}).items():
        if not _is_mapping(entry) or set(entry) not in ({"value"}, {"reference"}):
            raise ValueError(f"parameters: {name[:64]!r} must be {{'value': ...}} or {{'reference': ...}}")
    return parameters or {}


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)
