"""Proofs of the guarantees in docs/guarantees.md: each package holds one, under faults, at scale or at random."""
