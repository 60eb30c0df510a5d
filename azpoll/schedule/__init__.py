"""Timing of requests: poll queue, read-limit scopes, budgets, concurrency."""
