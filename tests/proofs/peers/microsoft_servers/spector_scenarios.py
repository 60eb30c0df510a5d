"""Long-running operations of azure-http-specs: the templates of Azure.Core and of ARM."""

from __future__ import annotations

from typing import Final

from tests.proofs.peers.microsoft_servers.server_scenario import ANYTHING, Scenario, Succeeds

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP: Final = f"{SUBSCRIPTION}/resourceGroups/test-rg/providers"
TEMPLATES: Final = "Azure.ResourceManager.OperationTemplates"
RESOURCES: Final = "Azure.ResourceManager.Resources"
TOP: Final = f"{GROUP}/{RESOURCES}/topLevelTrackedResources/top"
EXTENSION: Final = f"providers/{RESOURCES}/extensionsResources/extension"
CORE_VERSION: Final = "api-version=2022-12-01-preview"
ARM_VERSION: Final = "api-version=2023-12-01-preview"
PROPERTIES: Final = {"properties": {"description": "valid"}}
TRACKED: Final = {"location": "eastus", **PROPERTIES}
CHANGED: Final = {"properties": {"description": "valid2"}}
CHANGED_TO: Final = Succeeds({"properties": {"provisioningState": "Succeeded", "description": "valid2"}})

CORE: Final = (
    Scenario(
        ("Azure_Core_Lro_Standard_createOrReplace",),
        "PUT",
        f"/azure/core/lro/standard/users/madge?{CORE_VERSION}",
        Succeeds({"name": "madge", "role": "contributor"}),
        (201, 200, 200, 200),
        json={"role": "contributor"},
    ),
    Scenario(
        ("Azure_Core_Lro_Standard_delete",),
        "DELETE",
        f"/azure/core/lro/standard/users/madge?{CORE_VERSION}",
        Succeeds(ANYTHING),
        (202, 200, 200),
    ),
    Scenario(
        ("Azure_Core_Lro_Standard_export",),
        "POST",
        f"/azure/core/lro/standard/users/madge:export?{CORE_VERSION}&format=json",
        Succeeds({"id": "operation3", "result": {"name": "madge", "resourceUri": "/users/madge"}}),
        (202, 200, 200),
        final_state_via="operation-location",
    ),
    Scenario(
        ("Azure_Core_Lro_Rpc_longRunningRpc",),
        "POST",
        f"/azure/core/lro/rpc/generations:submit?{CORE_VERSION}",
        Succeeds({"id": "operation1", "result": {"data": "text data"}}),
        (202, 200, 200),
        json={"prompt": "text"},
        final_state_via="operation-location",
    ),
)

ARM: Final = (
    Scenario(
        ("Azure_ResourceManager_OperationTemplates_Lro_createOrReplace",),
        "PUT",
        f"{GROUP}/{TEMPLATES}/orders/order1?{ARM_VERSION}",
        Succeeds({"name": "order1", "location": "eastus"}),
        (201, 200, 200, 200),
        json={"location": "eastus", "properties": {"productId": "product1", "amount": 1}},
        final_state_via="azure-async-operation",
    ),
    Scenario(
        ("Azure_ResourceManager_OperationTemplates_Lro_export",),
        "POST",
        f"{GROUP}/{TEMPLATES}/orders/order1/export?{ARM_VERSION}",
        Succeeds({"content": "order1,product1,1"}),
        (202, 200, 200, 200),
        json={"format": "csv"},
        final_state_via="location",
    ),
    Scenario(
        ("Azure_ResourceManager_OperationTemplates_Lro_delete",),
        "DELETE",
        f"{GROUP}/{TEMPLATES}/orders/order1?{ARM_VERSION}",
        Succeeds(None),
        (202, 202, 204),
        final_state_via="location",
    ),
    Scenario(
        ("Azure_ResourceManager_OperationTemplates_Lro_exportArray",),
        "POST",
        f"{SUBSCRIPTION}/providers/{TEMPLATES}/exportArray?{ARM_VERSION}",
        Succeeds([{"content": "order1,product1,1"}, {"content": "order2,product2,2"}]),
        (202, 200, 200, 200),
        json={"format": "csv"},
        final_state_via="location",
        waits=True,
        note="Retry-After is 1 on each answer but the last, and is waited for.",
    ),
    Scenario(
        ("Azure_ResourceManager_OperationTemplates_LroPaging_postPagingLro",),
        "POST",
        f"{GROUP}/{TEMPLATES}/products/default/postPagingLro?{ARM_VERSION}",
        Succeeds(ANYTHING),
        (202, 202, 200),
        final_state_via="location",
        follow="nextLink",
        waits=True,
        note="Retry-After as above.",
    ),
    Scenario(
        ("Azure_ResourceManager_LargeHeader_LargeHeaders_two6k",),
        "POST",
        f"{GROUP}/Azure.ResourceManager.LargeHeader/largeHeaders/header1/two6k?{ARM_VERSION}",
        Succeeds({"succeeded": True}),
        (202, 200, 200, 200),
        final_state_via="location",
        note="Both polling URLs are 6 KiB long: rule 13.",
    ),
)

# Operations that may be long-running, but end immediately here.
INLINE: Final = (
    Scenario(
        ("Azure_ResourceManager_Resources_TopLevel_createOrReplace",),
        "PUT",
        f"{TOP}?{ARM_VERSION}",
        Succeeds({"name": "top"}),
        (200,),
        json=TRACKED,
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_TopLevel_update",),
        "PATCH",
        f"{TOP}?{ARM_VERSION}",
        CHANGED_TO,
        (200,),
        json=CHANGED,
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_TopLevel_delete",),
        "DELETE",
        f"{TOP}?{ARM_VERSION}",
        Succeeds(None),
        (204,),
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_Nested_createOrReplace",),
        "PUT",
        f"{TOP}/nestedProxyResources/nested?{ARM_VERSION}",
        Succeeds({"name": "nested"}),
        (200,),
        json=PROPERTIES,
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_Nested_update",),
        "PATCH",
        f"{TOP}/nestedProxyResources/nested?{ARM_VERSION}",
        CHANGED_TO,
        (200,),
        json=CHANGED,
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_Nested_delete",),
        "DELETE",
        f"{TOP}/nestedProxyResources/nested?{ARM_VERSION}",
        Succeeds(None),
        (204,),
    ),
    Scenario(
        ("Azure_ResourceManager_Resources_Singleton_createOrUpdate",),
        "PUT",
        f"{GROUP}/{RESOURCES}/singletonTrackedResources/default?{ARM_VERSION}",
        Succeeds({"name": "default"}),
        (200,),
        json=TRACKED,
    ),
    *(
        Scenario(
            ("Azure_ResourceManager_Resources_ExtensionsResources_createOrUpdate",),
            "PUT",
            f"{scope}/{EXTENSION}?{ARM_VERSION}",
            Succeeds({"id": f"{scope}/{EXTENSION}"}),
            (200,),
            json=PROPERTIES,
        )
        for scope in ("", SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/test-rg", TOP)
    ),
)


def service(name: str, path: str, version: str, properties: object, location: str = "eastus") -> Scenario:
    return Scenario(
        (f"Azure_ResourceManager_MultiService{name}_createOrUpdate",),
        "PUT",
        f"{GROUP}/{path}?api-version={version}",
        Succeeds({"name": path.rpartition("/")[2], "location": location}),
        (200,),
        json={"location": location, "properties": properties},
    )


def metadata(created_by: str, tags: dict[str, str]) -> dict[str, object]:
    return {"metadata": {"createdBy": created_by, "tags": tags}}


SERVICES: Final = (
    service("_Compute_VirtualMachines", "Microsoft.Compute/virtualMachines/vm1", "2025-04-01", {}),
    service("_ComputeDisk_Disks", "Microsoft.Compute/disks/disk1", "2025-01-02", {}),
    service(
        "OlderVersions_Compute_VirtualMachines",
        "Microsoft.Compute/virtualMachinesOld/vm-old1",
        "2024-11-01",
        {"size": "Standard_D2s_v3"},
    ),
    service(
        "OlderVersions_ComputeDisk_Disks", "Microsoft.Compute/disksOld/disk-old1", "2024-03-02", {"diskSizeGB": 128}
    ),
    service(
        "SharedModels_Compute_VirtualMachines",
        "Microsoft.Compute/virtualMachinesShared/vm-shared1",
        "2025-05-01",
        metadata("user@example.com", {"environment": "production"}),
    ),
    service(
        "SharedModels_Storage_StorageAccounts",
        "Microsoft.Storage/storageAccounts/account1",
        "2025-02-01",
        metadata("admin@example.com", {"department": "engineering"}),
        location="westus",
    ),
)

SCENARIOS: Final = CORE + ARM + INLINE + SERVICES
