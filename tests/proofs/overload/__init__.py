"""R12: overload: many operations are due at the same time, in virtual time."""
