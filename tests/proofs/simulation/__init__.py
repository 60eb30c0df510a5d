"""R1: the protocol core alone, simulated under millions of seeded faults.

    python -m tests.proofs.simulation --operations 200000 --seed 1

A `simulated_service` knows the `ground_truth` of each operation and answers honestly or with one of `service_faults`.

The `core_driver` runs the core against the service in virtual time and writes an `operation_history`.

The `core_invariants` check the history by the rules of the wire, without access to the core.

The `failure_shrinking` reduces a failing script.

A `simulation_campaign` simulates many operations, in one or more processes, and hashes their histories to one digest.
"""
