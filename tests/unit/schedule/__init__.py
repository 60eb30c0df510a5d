"""Unit tests of the schedule: queues, budgets, due times."""
