"""All cases, in the order of the page."""

from __future__ import annotations

from tests.proofs.peers.failures import outcome_cases, polling_cases, trust_cases

CASES = (
    outcome_cases.FALSE_FAILURE,
    trust_cases.FOREIGN_HOST,
    trust_cases.TOKENS,
    outcome_cases.FALSE_SUCCESS,
    outcome_cases.NO_STATUS_DOCUMENT,
    outcome_cases.OTHER_SPELLINGS,
    outcome_cases.UNKNOWN_WORD,
    outcome_cases.SERVER_ERRORS,
    outcome_cases.ERROR_IN_A_200,
    outcome_cases.NO_CONTENT,
    trust_cases.RESUMED_FAILURE,
    outcome_cases.CANCELED_BY_OTHERS,
    outcome_cases.NULLS,
    outcome_cases.RESOURCE_AS_STATUS,
    polling_cases.STRANGE_RETRY_AFTER,
    polling_cases.FIRST_POLL,
    polling_cases.MANY_AWAITERS,
    polling_cases.ONE_LEAVES,
    polling_cases.ASKS_WHILE_THROTTLED,
    polling_cases.REWRITTEN_URL,
    polling_cases.EXPIRING_TOKENS,
    polling_cases.FLEET,
)
