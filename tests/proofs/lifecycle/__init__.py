"""R4: programs that use trackers and operations in any order, drawn by Hypothesis, in virtual time."""
