"""R1: the protocol core alone, simulated under millions of seeded faults.

    python -m tests.proofs.simulation --operations 200000 --seed 1

- `simulated_service` knows the `ground_truth` of each operation. It answers honestly or with one of `service_faults`.
- `core_driver` runs the core against the service in virtual time and writes an `operation_history`.
- `core_invariants` checks the history by the rules of the wire, without access to the core.
- `failure_shrinking` reduces a failing script.
- `simulation_campaign` simulates many operations, in one or more processes, and hashes their histories to one digest.
"""
