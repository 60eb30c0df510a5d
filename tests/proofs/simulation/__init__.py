"""Simulations: the protocol core alone under millions of seeded faults, and the whole stack under random commands.

    python -m tests.proofs.simulation --operations 200000 --seed 1

A service (`service`) knows how each operation goes (`truth`) and answers honestly, or with a fault (`faults`).
`driving` lets the core ask it in virtual time and writes a history; `judging` judges the history by the
invariants of the wire without a look into the core; `shrinking` makes what it finds small; `campaign` does it for
many operations, on as many processes as asked, and sums the histories up in one digest.
"""
