"""The list of a deployment's operations: what one read tells of every resource beneath it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.fake_operation import FakeOperation

PAGE = 100
"""Operations on one page."""

_LIST = re.compile(
    r"(?P<scope>/.*)/providers/Microsoft\.Resources/deployments/(?P<name>[^/]+)/operations", re.IGNORECASE
)


class Deployments:
    """Operations by the deployment they belong to.

    A deployment holds the operations on resources below its own scope whose names begin with its name and a
    hyphen: `/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deployments/blue/operations` lists
    `/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/widgets/blue-1`.
    """

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], list[FakeOperation]] = {}

    def add(self, operation: FakeOperation) -> None:
        """Add an operation that was started."""
        scope, _, rest = operation.path.lower().partition("/providers/")
        name, hyphen, _ = rest.rpartition("/")[2].partition("-")
        if hyphen:
            self._members.setdefault((scope, name), []).append(operation)

    def page(self, request: IncomingRequest, now_s: float) -> Reply | None:
        """Return the page of a list that a GET asks for; None when it asks for something else.

        Source: learn.microsoft.com/rest/api/resources/deployment-operations/list.
        """
        asked = _LIST.fullmatch(request.path)
        if request.method != "GET" or asked is None:
            return None
        mine = self._members.get((asked["scope"].lower(), asked["name"].lower()), [])
        url, _, query = request.url.partition("?")
        skip = int(parse_qs(query).get("$skiptoken", ["0"])[0])
        body: dict[str, object] = {"value": [_entry(operation, now_s) for operation in mine[skip : skip + PAGE]]}
        if len(mine) > skip + PAGE:
            kept = [part for part in query.split("&") if part and not part.startswith("$skiptoken=")]
            body["nextLink"] = f"{url}?{'&'.join((*kept, f'$skiptoken={skip + PAGE}'))}"
        return Reply(200, body)


def _entry(operation: FakeOperation, now_s: float) -> dict[str, object]:
    state = operation.status(now_s)
    target = {"id": operation.path, "resourceName": operation.path.rpartition("/")[2]}
    return {"operationId": operation.id, "properties": {"provisioningState": state, "targetResource": target}}
