"""The meaning of an answer, and the next request: pure functions without I/O, a clock or randomness.

    machine                           the tables of states and answers; `start` and `advance`
    states, plan                      the state of an operation, and all that stays the same meanwhile
    answer, reading                   the outcome of a request, and all that the machine reads of it
    initial_answer, not_accepted      the first state
    transitions, failures             the next state
    patterns, status_document         the status in an answer
    retry_after, delay, throttling    waits and limits that an answer names
    url_policy, open_suffixes         the check of every URL
    arm_error, error_body             the error of a service
    resume_token, token_v1, token_v2  resume tokens
    initial_retry, patience           repetitions of a request, and their bounds
    redaction                         texts that are safe to show

Modules with named tuples do not import `annotations` from `__future__`: a NamedTuple would compile each annotation when
it is imported.
"""
