"""Proofs of `azpoll.fleet`: workers that die, a database that restarts, budgets of many workers."""
