"""When the next request is sent.

    scheduler                    the loop that polls every operation
    initial_requests             the queue of initial requests
    poll_queue, due_heap         jobs that wait until they are due
    due_time, polling_schedule   the due time of a job
    durations, completion_times  the times that operations take, recorded and learned
    scopes, scope_queue          due jobs that wait for a token of their scope
    fair_queue                   turns of the owners within a scope
    budget, token_bucket         reads and writes per second of a scope
    leased_bucket                a token bucket that several processes share
    concurrency, slow_share      the number of concurrent requests, and the share of slow operations
    worker_pool                  the tasks that send requests

The page docs/design.md follows one operation through these modules.
"""
