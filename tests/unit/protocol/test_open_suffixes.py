"""Rule 9: the host suffixes below which anyone may register a name."""

from __future__ import annotations

import pytest

from azpoll.protocol.open_suffixes import OPEN_SUFFIXES, is_open


@pytest.mark.parametrize(
    "host",
    [
        *("blob.core.windows.net", "queue.core.usgovcloudapi.net", "file.core.chinacloudapi.cn"),
        *(
            "web.core.windows.net",
            "z6.web.core.windows.net",
            "dfs.core.windows.net",
            "azurewebsites.net",
            "scm.azurewebsites.net",
        ),
        *("azurewebsites.us", "chinacloudsites.cn", "azurestaticapps.net", "2.azurestaticapps.net"),
        *("cloudapp.azure.com", "westus.cloudapp.azure.com", "cloudapp.net", "trafficmanager.net", "trafficmanager.cn"),
        *("azure-api.net", "management.azure-api.net", "azure-api.us", "azurefd.net", "z01.azurefd.net"),
        *("azureedge.net", "sharepoint.com", "sharepoint.us", "onmicrosoft.com", "azurecontainerapps.io"),
        *("westus.azurecontainerapps.io", "azurecontainer.io", "azurecr.io", "vault.azure.net", "vault.azure.cn"),
        *("servicebus.windows.net", "search.windows.net", "search.azure.us", "documents.azure.com"),
        *("cognitiveservices.azure.com", "openai.azure.com", "openai.azure.us", "co.uk", "com.au", "github.io"),
        "a.b.c.d.e.f.g.blob.core.windows.net",
    ],
)
def test_rule_9_an_open_suffix_is_known_in_every_cloud(host: str) -> None:
    """And the zones below it."""
    assert is_open(host)


@pytest.mark.parametrize(
    "host",
    [
        *("analysis.windows.net", "management.azure.com", "azure.com", "core.windows.net", "fabric.microsoft.com"),
        *("api.azureml.ms", "contoso.com", "contoso.net", "api.contoso.co.uk", "xsharepoint.com", "io", ""),
        *("contoso.de", "com.contoso"),
    ],
)
def test_rule_9_hosts_of_one_owner_are_not_open(host: str) -> None:
    """Regional hosts of one service, and names that a company has registered."""
    assert not is_open(host)


def test_rule_9_the_list_has_hosts_in_lower_case_of_two_labels_or_more() -> None:
    for suffix in OPEN_SUFFIXES:
        labels = suffix.split(".")
        assert len(labels) > 1
        assert all(labels)
        assert suffix == suffix.lower()
