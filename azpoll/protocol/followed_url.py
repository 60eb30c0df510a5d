"""The first state of an operation of which only the polling URL is known (rule 47)."""

from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.patterns import BY_CHOICE, OPERATION_LOCATION, RESOURCE, UNTIL_GONE
from azpoll.protocol.plan import FinalStateVia, Plan
from azpoll.protocol.states import NextRequest, Polling


def follow(plan: Plan) -> Polling:
    """Return the state that polls `plan.resource_url`, a polling URL, in the pattern that the plan names.

    Without the URL of the initial request, no resource shows a result or confirms a deletion. So any method counts as
    POST unless the URL is that of the resource itself. A DELETE has no result.

    Raises:
        ValueError: the final result would be at the unknown URL.
    """
    pattern = OPERATION_LOCATION if plan.pattern is None else BY_CHOICE[plan.pattern]
    if pattern is RESOURCE:
        pattern = UNTIL_GONE if plan.method == "DELETE" else RESOURCE
    elif plan.final_state_via is FinalStateVia.ORIGINAL_URI:
        raise ValueError(
            "final_state_via='original-uri' needs the URL of the initial request, which `follow` does not know. Allowed"
            " are 'azure-async-operation', 'operation-location' and 'location', or any with pattern='resource'"
        )
    else:
        plan = plan._replace(method="POST", result="status" if plan.method == "DELETE" else plan.result)
    return Polling(plan, pattern, plan.resource_url, NextRequest(plan.resource_url, IMMEDIATELY))
