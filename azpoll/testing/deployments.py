"""`Deployments`: the list of a deployment's operations, with the state of every resource in the deployment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.fake_operation import FakeOperation

PAGE_SIZE = 100
"""Operations on one page."""

_LIST_PATH = re.compile(
    r"(?P<scope>/.*)/providers/Microsoft\.Resources/deployments/(?P<name>[^/]+)/operations", re.IGNORECASE
)


class Deployments:
    """Operations, grouped by their deployment.

    A deployment holds the operations on resources below its own scope whose names begin with its name and a
    hyphen: `/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deployments/blue/operations` lists
    `/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/widgets/blue-1`.
    """

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], list[FakeOperation]] = {}

    def add(self, operation: FakeOperation) -> None:
        """Add an operation that has started."""
        scope, _, rest = operation.path.lower().partition("/providers/")
        name, hyphen, _ = rest.rpartition("/")[2].partition("-")
        if hyphen:
            self._members.setdefault((scope, name), []).append(operation)

    def page(self, request: IncomingRequest, now_s: float) -> Reply | None:
        """Return one page of the list; None if the request does not read a deployment's operations.

        Source: learn.microsoft.com/rest/api/resources/deployment-operations/list.
        """
        match = _LIST_PATH.fullmatch(request.path)
        if request.method != "GET" or match is None:
            return None
        operations = self._members.get((match["scope"].lower(), match["name"].lower()), [])
        url, _, query = request.url.partition("?")
        skip = int(parse_qs(query).get("$skiptoken", ["0"])[0])
        end = skip + PAGE_SIZE
        body: dict[str, object] = {"value": [_entry(operation, now_s) for operation in operations[skip:end]]}
        if len(operations) > end:
            kept = [part for part in query.split("&") if part and not part.startswith("$skiptoken=")]
            body["nextLink"] = f"{url}?{'&'.join((*kept, f'$skiptoken={end}'))}"
        return Reply(200, body)


def _entry(operation: FakeOperation, now_s: float) -> dict[str, object]:
    state = operation.status(now_s)
    target = {"id": operation.path, "resourceName": operation.path.rpartition("/")[2]}
    return {"operationId": operation.id, "properties": {"provisioningState": state, "targetResource": target}}
