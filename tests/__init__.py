"""Tests of azpoll: `unit` by layer, `proofs` of the guarantees, `docs` and `structure`, and their shared `support`."""
