"""R3: cancellation at every step of the event loop, of callers that await, begin, cancel, renew or close."""
