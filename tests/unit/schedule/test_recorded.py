"""The completion times of recorded operations: package data, and the choice of a row."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from azpoll.schedule.durations import Durations
from azpoll.schedule.operation_kind import operation_kind
from azpoll.schedule.recorded import recorded_quantiles
from azpoll.testing.json_types import is_array, members

TABLE = members(json.loads(files("azpoll.schedule").joinpath("durations.json").read_text(encoding="utf-8")))
HOST = "https://management.azure.com"


def quantiles_in(row: object) -> tuple[object, ...]:
    assert is_array(row)
    return tuple(row[4:])


def url_of(provider: str, types: str, action: str) -> str:
    """Return the URL of an operation of a type; a provider with the name of a host is not part of ARM."""
    path = "".join(f"/{name}/n" for name in types.split("/") if types)
    if provider == "microsoft.resources" and types.startswith("resourcegroups"):
        start = f"{HOST}/subscriptions/s"
    elif provider.rpartition(".")[2] in {"com", "net"}:
        start = f"https://x.{provider}/v1.0"
    else:
        start = f"{HOST}/subscriptions/s/providers/{provider}"
    return f"{start}{path}/{action}" if action else start + path


def test_rule_50_each_type_that_was_recorded_has_its_own_row() -> None:
    """The table ships with the package. An operation gets the row in which it was counted."""
    found = 0
    for provider, types in members(TABLE["types"]).items():
        for type_path, names in members(types).items():
            for name, row in members(names).items():
                method, _, action = name.partition(" ")
                kind = operation_kind(method, url_of(provider, type_path, action))
                assert recorded_quantiles(kind) == quantiles_in(row), kind
                found += 1
    assert found == 729


def test_rule_50_a_type_without_a_row_has_that_of_its_provider_method_or_all() -> None:
    by_provider, by_method = members(TABLE["providers"]), members(TABLE["methods"])
    server = members(by_provider["microsoft.sql"])
    assert recorded_quantiles("PUT microsoft.sql/unheard") == quantiles_in(server["PUT"])
    assert recorded_quantiles("PUT unheard.of/things") == quantiles_in(by_method["PUT"])
    assert recorded_quantiles("POST unheard.of/things run") == quantiles_in(by_method["POST"])
    assert recorded_quantiles("GET unheard.of/things") == quantiles_in(TABLE["all"])
    assert recorded_quantiles("GET") == quantiles_in(TABLE["all"])


def test_each_row_has_five_ascending_times() -> None:
    """The schedule divides by the first of them."""
    rows = [TABLE["all"], *members(TABLE["methods"]).values()]
    rows += [row for methods in members(TABLE["providers"]).values() for row in members(methods).values()]
    for types in members(TABLE["types"]).values():
        rows += [row for names in members(types).values() for row in members(names).values()]
    for row in rows:
        times = quantiles_in(row)
        seconds = [time for time in times if isinstance(time, (int, float))]
        assert len(seconds) == len(times) == 5
        assert seconds[0] > 0
        assert seconds == sorted(seconds)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE", "GET"])
def test_recorded_times_are_those_of_new_durations(method: str) -> None:
    url = f"{HOST}/subscriptions/s/providers/Microsoft.Sql/servers/a"
    assert Durations().of(method, url).quantiles == recorded_quantiles(operation_kind(method, url))
