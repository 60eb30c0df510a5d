"""The answers of the services in docs/services.md: shapes of their documentation, with invented ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import azpoll

if TYPE_CHECKING:
    from collections.abc import Mapping


class Step(NamedTuple):
    """One request that the service expects, and its answer.

    Attributes:
        url: absolute.
        body: None for none, bytes unchanged, anything else as JSON.
        anonymous: whether the request must come without a credential.
    """

    method: str
    url: str
    status: int = 200
    body: object = None
    headers: Mapping[str, str] = {}
    anonymous: bool = False


class Exchange(NamedTuple):
    """The requests of one operation in their order.

    Attributes:
        url: of the initial request, as the program gives it.
        running: the initial request and the polls while it runs.
        succeeded: the requests after that of an operation that succeeds; the last answer is the result.
        failed: the last request of an operation that does not.
        error: how such an operation ends.
        code: of that error, if the service sends one.
    """

    url: str
    running: tuple[Step, ...]
    succeeded: tuple[Step, ...]
    failed: Step
    error: type[azpoll.OperationError] = azpoll.OperationFailed
    code: str | None = None


QUOTA = {"error": {"code": "QuotaExceeded", "message": "No cores are left."}}


def _monitored(
    url: str,
    begun: Step,
    status_url: str,
    *,
    running: Mapping[str, object],
    succeeded: Mapping[str, object],
    failed: Mapping[str, object],
    code: str | None = None,
) -> Exchange:
    """Return the exchange of a service whose status answers 200 and finally holds the result."""
    return Exchange(
        url,
        (begun, Step("GET", status_url, body=running), Step("GET", status_url, body=running)),
        (Step("GET", status_url, body=succeeded),),
        Step("GET", status_url, body=failed),
        code=code,
    )


def _arm(origin: str) -> Exchange:
    query = "api-version=2024-07-01"
    machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"
    operation = f"/subscriptions/s/providers/Microsoft.Compute/locations/westeurope/operations/1?{query}&t=9&c=MII"
    named = {"Azure-AsyncOperation": f"https://management.azure.com{operation}", "Retry-After": "10"}
    running = {"startTime": "2026-01-01T00:00:00Z", "name": "1", "status": "InProgress"}
    resource = {"id": machine, "name": "vm", "properties": {"provisioningState": "Creating"}}
    created = {"id": machine, "name": "vm", "properties": {"provisioningState": "Succeeded"}}
    return Exchange(
        f"{machine}?{query}",
        (
            Step("PUT", f"{origin}{machine}?{query}", 201, resource, named),
            Step("GET", f"{origin}{operation}", body=running, headers={"Retry-After": "10"}),
        ),
        (
            Step("GET", f"{origin}{operation}", body={**running, "status": "Succeeded"}),
            Step("GET", f"{origin}{machine}?{query}", body=created),
        ),
        Step("GET", f"{origin}{operation}", body={**running, "status": "Failed", **QUOTA}),
        code="QuotaExceeded",
    )


def _fabric() -> Exchange:
    start = "https://api.fabric.microsoft.com/v1/workspaces/w/notebooks"
    status = "https://wabi-west-europe-redirect.analysis.windows.net/v1/operations/o"
    headers = {"Location": status, "Retry-After": "20"}
    document: dict[str, object] = {
        "createdTimeUtc": "2026-01-01T00:00:00",
        "lastUpdatedTimeUtc": "2026-01-01T00:00:01",
        "error": None,
    }
    running = Step("GET", status, body={"status": "Running", "percentComplete": 10, **document}, headers=headers)
    done = {"status": "Succeeded", "percentComplete": 100, **document}
    failure = {"errorCode": "CorruptedPayload", "message": "The definition cannot be read."}
    return Exchange(
        "/workspaces/w/notebooks",
        (Step("POST", start, 202, headers=headers), running, running),
        (
            Step("GET", status, body=done, headers={"Location": f"{status}/result"}),
            Step("GET", f"{status}/result", body={"id": "n", "type": "Notebook"}),
        ),
        Step("GET", status, body={**done, "status": "Failed", "error": failure}),
    )


def _refresh() -> Exchange:
    start = "https://api.powerbi.com/v1.0/myorg/groups/g/datasets/d/refreshes"
    status = f"{start}/r"
    document: dict[str, object] = {
        "startTime": "2026-01-01T00:00:00",
        "type": "Full",
        "status": "Unknown",
        "objects": [],
    }
    return Exchange(
        "/groups/g/datasets/d/refreshes",
        (
            Step("POST", start, 202, headers={"Location": status}),
            Step("GET", status, 202, {**document, "extendedStatus": "NotStarted"}),
            Step("GET", status, 202, {**document, "extendedStatus": "InProgress"}),
        ),
        (Step("GET", status, body={**document, "status": "Completed", "extendedStatus": "Completed"}),),
        Step("GET", status, body={**document, "extendedStatus": "TimedOut", "messages": []}),
    )


def _export() -> Exchange:
    report = "https://api.powerbi.com/v1.0/myorg/groups/g/reports/r"
    status = f"{report}/exports/e"
    document: dict[str, object] = {
        "id": "e",
        "createdDateTime": "2026-01-01T00:00:00Z",
        "percentComplete": 0,
        "status": "NotStarted",
    }
    done = {**document, "percentComplete": 100, "status": "Succeeded", "resourceLocation": f"{status}/file"}
    return Exchange(
        "/groups/g/reports/r/ExportTo",
        (
            Step("POST", f"{report}/ExportTo", 202, document),
            Step("GET", status, 202, {**document, "status": "Running"}, {"Retry-After": "30"}),
        ),
        (Step("GET", status, body=done), Step("GET", f"{status}/file", body=b"%PDF-1.7")),
        Step("GET", status, body={**document, "status": "Failed", **QUOTA}),
        code="QuotaExceeded",
    )


def _certificate() -> Exchange:
    certificate = "https://contoso.vault.azure.net/certificates/web"
    status = f"{certificate}/pending?api-version=7.5&request_id=1"
    document: dict[str, object] = {
        "id": f"{certificate}/pending",
        "issuer": {"name": "Self"},
        "csr": "MII",
        "cancellation_requested": False,
        "status": "inProgress",
        "status_details": "The certificate is being created.",
        "request_id": "1",
    }
    return _monitored(
        "/certificates/web/create?api-version=7.5",
        Step("POST", f"{certificate}/create?api-version=7.5", 202, document, {"Location": status, "Retry-After": "10"}),
        status,
        running=document,
        succeeded={**document, "status": "completed", "target": certificate},
        failed={**document, "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


def _analysis() -> Exchange:
    path = "/documentintelligence/documentModels/prebuilt-invoice"
    origin, query = "https://contoso.cognitiveservices.azure.com", "api-version=2024-11-30"
    status = f"{origin}{path}/analyzeResults/1?{query}"
    document: dict[str, object] = {
        "status": "running",
        "createdDateTime": "2026-01-01T00:00:00Z",
        "lastUpdatedDateTime": "later",
    }
    return _monitored(
        f"{path}:analyze?{query}",
        Step("POST", f"{origin}{path}:analyze?{query}", 202, headers={"Operation-Location": status}),
        status,
        running=document,
        succeeded={**document, "status": "succeeded", "analyzeResult": {"content": "Invoice"}},
        failed={**document, "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


def _language() -> Exchange:
    jobs, query = "https://contoso.cognitiveservices.azure.com/language/analyze-text/jobs", "api-version=2023-04-01"
    status = f"{jobs}/1?{query}"
    document: dict[str, object] = {
        "jobId": "1",
        "createdDateTime": "then",
        "status": "notStarted",
        "errors": [],
        "tasks": {"total": 2},
    }
    return _monitored(
        f"/language/analyze-text/jobs?{query}",
        Step("POST", f"{jobs}?{query}", 202, headers={"operation-location": status}),
        status,
        running=document,
        succeeded={**document, "status": "partiallyCompleted"},
        failed={**document, "status": "failed"},
    )


def _transcription() -> Exchange:
    submit = "https://westeurope.api.cognitive.microsoft.com/speechtotext/transcriptions"
    status = f"{submit}/t?api-version=2024-11-15"
    document: dict[str, object] = {
        "self": status,
        "displayName": "call",
        "locale": "en-US",
        "model": {"self": "https://westeurope.api.cognitive.microsoft.com/speechtotext/models/base/m"},
        "links": {"files": f"{submit}/t/files"},
        "createdDateTime": "2026-01-01T00:00:00Z",
        "status": "NotStarted",
    }
    return _monitored(
        "/speechtotext/transcriptions:submit?api-version=2024-11-15",
        Step("POST", f"{submit}:submit?api-version=2024-11-15", 201, document, {"Location": status}),
        status,
        running={**document, "status": "Running"},
        succeeded={**document, "status": "Succeeded"},
        failed={**document, "status": "Failed", "properties": QUOTA},
        code="QuotaExceeded",
    )


def _images() -> Exchange:
    origin, query = "https://contoso.openai.azure.com", "api-version=2023-06-01-preview"
    status = f"{origin}/openai/operations/images/1?{query}"
    headers = {"operation-location": status, "Retry-After": "3"}
    return _monitored(
        f"/openai/images/generations:submit?{query}",
        Step("POST", f"{origin}/openai/images/generations:submit?{query}", 202, {"status": "notRunning"}, headers),
        status,
        running={"id": "1", "created": 1, "status": "running"},
        succeeded={"id": "1", "created": 1, "status": "succeeded", "result": {"data": []}},
        failed={"id": "1", "created": 1, "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


def _batch() -> Exchange:
    batches, query = "https://contoso.openai.azure.com/openai/batches", "api-version=2024-10-21"
    document: dict[str, object] = {
        "id": "batch_1",
        "object": "batch",
        "errors": None,
        "status": "validating",
        "output_file_id": None,
    }
    return _monitored(
        f"/openai/batches?{query}",
        Step("POST", f"{batches}?{query}", 200, document),
        f"{batches}/batch_1?{query}",
        running={**document, "status": "in_progress"},
        succeeded={**document, "status": "completed", "output_file_id": "file-1"},
        failed={**document, "status": "expired"},
    )


def _tuning() -> Exchange:
    jobs, query = "https://contoso.openai.azure.com/openai/fine_tuning/jobs", "api-version=2024-10-21"
    document: dict[str, object] = {"id": "ftjob-1", "object": "fine_tuning.job", "model": "gpt-4o", "status": "pending"}
    return _monitored(
        f"/openai/fine_tuning/jobs?{query}",
        Step("POST", f"{jobs}?{query}", 201, document),
        f"{jobs}/ftjob-1?{query}",
        running={**document, "status": "running"},
        succeeded={**document, "status": "succeeded", "fine_tuned_model": "gpt-4o.ft"},
        failed={**document, "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


def _copy() -> Exchange:
    monitor = "https://contoso.sharepoint.com/_api/v2.0/monitor/m"
    running = {"operation": "ItemCopy", "percentageComplete": 27.8, "status": "inProgress"}
    failure = {"code": "nameAlreadyExists", "message": "The name already exists."}
    return Exchange(
        "/me/drive/items/i/copy",
        (
            Step("POST", "https://graph.microsoft.com/v1.0/me/drive/items/i/copy", 202, headers={"Location": monitor}),
            Step("GET", monitor, 202, running, anonymous=True),
        ),
        (
            Step(
                "GET",
                monitor,
                202,
                {"percentageComplete": 100.0, "resourceId": "01MO", "status": "completed"},
                anonymous=True,
            ),
        ),
        Step("GET", monitor, 200, {"status": "failed", "error": failure}, anonymous=True),
        code="nameAlreadyExists",
    )


def _team() -> Exchange:
    graph, named = "https://graph.microsoft.com/v1.0", "/teams('t')/operations('o')"
    document: dict[str, object] = {
        "id": "o",
        "operationType": "createTeam",
        "createdDateTime": "2026-01-01T00:00:00Z",
        "status": "inProgress",
        "targetResourceId": "t",
        "targetResourceLocation": "/teams('t')",
        "error": None,
    }
    return _monitored(
        "/teams",
        Step("POST", f"{graph}/teams", 202, headers={"Location": named, "Content-Location": "/teams('t')"}),
        f"{graph}{named}",
        running=document,
        succeeded={**document, "status": "succeeded"},
        failed={**document, "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


def _orchestration() -> Exchange:
    origin = "https://contoso.azurewebsites.net"
    status = f"{origin}/runtime/webhooks/durabletask/instances/i?taskHub=hub&connection=Storage&code=key"
    document: dict[str, object] = {
        "name": "Hello",
        "instanceId": "i",
        "runtimeStatus": "Running",
        "output": None,
        "customStatus": None,
    }
    headers = {"Location": status, "Retry-After": "10"}
    return Exchange(
        "/api/orchestrators/Hello",
        (
            Step("POST", f"{origin}/api/orchestrators/Hello", 202, {"id": "i", "statusQueryGetUri": status}, headers),
            Step("GET", status, 202, {**document, "runtimeStatus": "Pending"}, headers),
            Step("GET", status, 202, document, headers),
        ),
        (Step("GET", status, 200, {**document, "runtimeStatus": "Completed", "output": ["Hello"]}),),
        Step("GET", status, 500, {**document, "runtimeStatus": "Failed", "output": "boom"}),
    )


def _terminated() -> Exchange:
    exchange = _orchestration()
    body = {"name": "Hello", "instanceId": "i", "runtimeStatus": "Terminated", "output": "No longer needed."}
    return exchange._replace(failed=exchange.failed._replace(status=200, body=body), error=azpoll.OperationCanceled)


def _deployment() -> Exchange:
    origin = "https://contoso.scm.azurewebsites.net"
    status = f"{origin}/api/deployments/latest"
    document: dict[str, object] = {
        "id": "d",
        "status": 1,
        "status_text": "Building",
        "complete": False,
        "active": False,
    }
    return Exchange(
        "/api/zipdeploy?isAsync=true",
        (
            Step("POST", f"{origin}/api/zipdeploy?isAsync=true", 202, headers={"Location": status}),
            Step("GET", status, 202, document, {"Location": status}),
            Step("GET", status, 202, {**document, "status": 2}, {"Location": status}),
        ),
        (Step("GET", status, body={**document, "status": 4, "status_text": "", "complete": True}),),
        Step("GET", status, body={**document, "status": 3, "status_text": "The build failed.", "complete": True}),
    )


def _pipeline() -> Exchange:
    path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f"
    factory, query = f"https://management.azure.com{path}", "api-version=2018-06-01"
    document: dict[str, object] = {
        "runId": "r",
        "pipelineName": "p",
        "status": "Queued",
        "message": "",
        "runStart": "then",
    }
    return _monitored(
        f"/pipelines/p/createRun?{query}",
        Step("POST", f"{factory}/pipelines/p/createRun?{query}", 200, {"runId": "r"}),
        f"{factory}/pipelineruns/r?{query}",
        running={**document, "status": "InProgress"},
        succeeded={**document, "status": "Succeeded"},
        failed={**document, "status": "Failed", "message": "The activity failed."},
    )


def _devops() -> Exchange:
    apis = "https://dev.azure.com/contoso/_apis"
    status = f"{apis}/operations/o"
    document: dict[str, object] = {"id": "o", "status": "queued", "url": status}
    return _monitored(
        "/_apis/projects?api-version=7.1",
        Step("POST", f"{apis}/projects?api-version=7.1", 202, document),
        status,
        running={**document, "status": "inProgress", "_links": {"self": {"href": status}}},
        succeeded={**document, "status": "succeeded"},
        failed={**document, "status": "failed", "resultMessage": "The name is in use."},
    )


def _fhir() -> Exchange:
    origin = "https://contoso.fhir.azurehealthcareapis.com"
    status = f"{origin}/_operations/export/1"
    manifest: dict[str, object] = {"transactionTime": "then", "request": f"{origin}/$export", "output": [], "error": []}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    return Exchange(
        "/$export",
        (
            Step("GET", f"{origin}/$export", 202, headers={"Content-Location": status}),
            Step("GET", status, 202, headers={"X-Progress": "in progress"}),
        ),
        (Step("GET", status, body=manifest),),
        Step("GET", status, 400, outcome),
    )


def _query() -> Exchange:
    start = "https://api.loganalytics.azure.com/v1/workspaces/w/query"
    status = "https://api.loganalytics.azure.com/v1/operations/o"
    return _monitored(
        "/v1/workspaces/w/query",
        Step("POST", start, 202, headers={"x-ms-status-location": status}),
        status,
        running={"id": "o", "status": "InProgress"},
        succeeded={"id": "o", "status": "completed", "tables": []},
        failed={"id": "o", "status": "failed", **QUOTA},
        code="QuotaExceeded",
    )


EXCHANGES: Mapping[str, tuple[Exchange, ...]] = {
    "Azure Resource Manager": (_arm("https://management.azure.com"),),
    "API Management in front of it": (_arm("https://contoso.azure-api.net/arm"),),
    "Microsoft Fabric": (_fabric(),),
    "Power BI: enhanced refresh": (_refresh(),),
    "Power BI: export of a report": (_export(),),
    "Key Vault: certificates": (_certificate(),),
    "Document Intelligence": (_analysis(),),
    "Language": (_language(),),
    "Speech: batch transcription": (_transcription(),),
    "Azure OpenAI: images": (_images(),),
    "Azure OpenAI: batches": (_batch(),),
    "Azure OpenAI: fine-tuning": (_tuning(),),
    "Microsoft Graph: copy of a file": (_copy(),),
    "Microsoft Graph: teams": (_team(),),
    "Durable Functions": (_orchestration(), _terminated()),
    "Kudu: zip deployment": (_deployment(),),
    "Data Factory: pipeline run": (_pipeline(),),
    "Azure DevOps": (_devops(),),
    "FHIR: bulk export": (_fhir(),),
    "Log Analytics": (_query(),),
}
"""Service to its exchanges, by the names in the table."""
