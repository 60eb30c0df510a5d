"""R2: the whole stack in virtual time."""
