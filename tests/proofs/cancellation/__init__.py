"""Cancellation at every step of the event loop, of whoever awaits, begins, cancels, renews or leaves."""
