"""`operation_kind`: operations of one kind take about as long as each other."""

from __future__ import annotations

import pytest

from azpoll.schedule.operation_kind import LONGEST_KIND, operation_kind

HOST = "https://management.azure.com"
GROUP = f"{HOST}/subscriptions/S/resourceGroups/G/providers"


@pytest.mark.parametrize(
    ("method", "url", "kind"),
    [
        ("PUT", f"{GROUP}/Microsoft.Sql/servers/A?api-version=1", "PUT microsoft.sql/servers"),
        ("PUT", f"{GROUP}/Microsoft.Sql/servers/A/databases/B", "PUT microsoft.sql/servers/databases"),
        ("PUT", f"{GROUP}/Microsoft.Sql/servers/A/", "PUT microsoft.sql/servers"),
        ("PUT", f"{GROUP}/A.A/things/T/providers/B.B/locks/L", "PUT b.b/locks"),
        ("DELETE", f"{HOST}/subscriptions/S/resourceGroups/G", "DELETE microsoft.resources/resourcegroups"),
        ("PUT", f"{HOST}/subscriptions/S", "PUT microsoft.resources"),
        ("POST", f"{GROUP}/Microsoft.Compute/virtualMachines/V/start", "POST microsoft.compute/virtualmachines start"),
        ("POST", f"{GROUP}/Microsoft.Compute/virtualMachines/V", "POST microsoft.compute/virtualmachines"),
        ("PUT", f"{GROUP}/Microsoft.Compute/virtualMachines/V/start", "PUT microsoft.compute/virtualmachines/start"),
        (
            "POST",
            "https://api.fabric.microsoft.com/v1/workspaces/W/items",
            "POST fabric.microsoft.com/workspaces items",
        ),
        ("POST", "https://r.x.azure.net:443/things/T:run?a=/providers/B.B/b/b", "POST x.azure.net/things"),
        ("POST", "https://r.x.azure.net/things/T/:run", "POST x.azure.net/things run"),
        ("PUT", "https://localhost", "PUT localhost"),
        ("PUT", "/subscriptions/S/resourceGroups/G", "PUT microsoft.resources/resourcegroups"),
        ("PUT", "", "PUT "),
        ("PUT", f"{GROUP}/A.A/things/T?u=/providers/B.B/locks/L", "PUT a.a/things"),
    ],
)
def test_a_kind_is_method_provider_types_and_action(method: str, url: str, kind: str) -> None:
    """Names, the query and case do not matter; an extension's own provider counts."""
    assert operation_kind(method, url) == kind


def test_a_long_kind_is_cut_off() -> None:
    assert len(operation_kind("PUT", f"{GROUP}/A.A/{'t' * 8000}/T")) == LONGEST_KIND
